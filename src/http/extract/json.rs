//! JSON bodies, in and out.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::FieldError;
use crate::domain::number::whole_number;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::settings::{HttpSettings, STRANGER_BODY_BYTES_MAX};

/// A JSON body: read in a request, written in an answer. Fields that the type does not know are ignored.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<S, T> FromRequest<S> for Json<T>
where
    S: Send + Sync,
    Arc<HttpSettings>: FromRef<S>,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        RawJson::from_request(request, state).await?.parse().map(Self)
    }
}

/// The bytes of a body that says it is JSON, for handlers that read it in more than one way.
#[derive(Clone, Debug)]
pub struct RawJson(pub Bytes);

impl RawJson {
    /// Reads a JSON object from it.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        parse(&self.0)
    }
}

impl<S> FromRequest<S> for RawJson
where
    S: Send + Sync,
    Arc<HttpSettings>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let content_type = content_type(request.headers());
        if content_type == Some(ContentType::Other) {
            return Err(ApiError::unsupported_media_type("application/json"));
        }
        if is_compressed(request.headers()) {
            return Err(ApiError::unsupported_media_type("application/json, and not compressed"));
        }
        let bytes_max = Arc::<HttpSettings>::from_ref(state).body_bytes_max;
        // Whoever is known has shown a token to the guard.
        let is_known = request.extensions().get::<Caller>().is_some();
        let bytes_max = if is_known { bytes_max } else { bytes_max.min(STRANGER_BODY_BYTES_MAX) };
        let body = read_body(request, bytes_max).await?;
        match content_type {
            _ if body.is_empty() => Err(ApiError::bad_request("A JSON body is required")),
            None => Err(ApiError::unsupported_media_type("application/json")),
            Some(_) => Ok(Self(body)),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(json) => {
                let content_type = HeaderValue::from_static("application/json");
                ([(CONTENT_TYPE, content_type)], Body::from(json)).into_response()
            }
            Err(error) => ApiError::internal(error).into_response(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ContentType {
    Json,
    Other,
}

fn content_type(headers: &HeaderMap) -> Option<ContentType> {
    let value = headers.get(CONTENT_TYPE)?.to_str().unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    Some(if is_json { ContentType::Json } else { ContentType::Other })
}

fn is_compressed(headers: &HeaderMap) -> bool {
    let is_plain =
        |coding: &[u8]| matches!(coding.trim_ascii(), b"") || coding.trim_ascii().eq_ignore_ascii_case(b"identity");
    headers.get_all(CONTENT_ENCODING).iter().any(|field| !field.as_bytes().split(|byte| *byte == b',').all(is_plain))
}

/// The whole body, if it keeps within the limit.
async fn read_body(request: Request, bytes_max: usize) -> Result<Bytes, ApiError> {
    // An announced giant is refused before the client is told to send it.
    if request.body().size_hint().lower() > bytes_max as u64 {
        return Err(ApiError::body_too_large(bytes_max));
    }
    match Limited::new(request.into_body(), bytes_max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::body_too_large(bytes_max)),
        Err(error) => Err(ApiError::bad_request("The body broke off or is not valid HTTP").caused_by(error)),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let Object(value) = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (path, error) = (error.path().to_string(), error.inner());
        if error.is_data() { ApiError::invalid(vec![field_error(&path, error)]) } else { malformed(error) }
    })?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// A struct that is written as a JSON object. Serde would also take an array of its fields, which nobody means.
#[derive(Clone, Copy, Debug, Default)]
pub struct Object<T>(pub T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer).map(Self)
    }
}

/// For fields that hold a struct: `#[serde(deserialize_with = "object")]` takes nothing but a JSON object for it.
pub fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    struct ObjectVisitor<T>(PhantomData<T>);

    impl<'de, T: DeserializeOwned> Visitor<'de> for ObjectVisitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(fields))
        }
    }

    deserializer.deserialize_map(ObjectVisitor(PhantomData))
}

/// For fields that may be absent and must not be null: `#[serde(default, deserialize_with = "present")]`.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// For fields in which null says something else than absence: `#[serde(default, deserialize_with = "nullable")]` gives
/// `Some(None)` for it.
pub fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// For whole numbers: `#[serde(deserialize_with = "whole")]` also takes `3.0`, which JSON does not tell from 3.
pub fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct WholeVisitor;

    impl Visitor<'_> for WholeVisitor {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("u64")
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
            Ok(number)
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
            u64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
            whole_number(number).ok_or_else(|| E::invalid_type(Unexpected::Float(number), &self))
        }
    }

    deserializer.deserialize_any(WholeVisitor)
}

fn malformed(error: &serde_json::Error) -> ApiError {
    ApiError::bad_request(format!("The body is not valid JSON: {error}"))
}

/// Says what serde says about a value in the words of someone who writes JSON.
fn field_error(path: &str, error: &serde_json::Error) -> FieldError {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = message.strip_suffix(&place).unwrap_or(&message);
    // serde_path_to_error calls the document itself a dot.
    let path = if path == "." { "" } else { path };
    let within = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };

    if let Some(field) = message.strip_prefix("missing field ") {
        return FieldError::new(within(field.trim_matches('`')), "is required");
    }
    if let Some(field) = message.strip_prefix("duplicate field ") {
        return FieldError::new(within(field.trim_matches('`')), "is given twice");
    }
    let message = match (message.strip_prefix("invalid type: "), message.strip_prefix("unknown variant ")) {
        (Some(types), _) => wrong_type(types),
        (_, Some(variants)) => variants.split_once("expected ").map(|(_, expected)| format!("must be {expected}")),
        _ => message.strip_prefix("invalid value: ").and_then(|values| {
            values.split_once(", expected ").map(|(_, expected)| format!("must be {}", in_json_words(expected)))
        }),
    }
    .unwrap_or_else(|| message.to_owned());
    FieldError::new(if path.is_empty() { "body" } else { path }, message.replace('`', "\""))
}

/// `integer 5, expected a string` as `must be a string, not a number`.
fn wrong_type(types: &str) -> Option<String> {
    // The value comes first and may contain anything, so the last "expected" is serde's own.
    let (found, expected) = types.rsplit_once(", expected ")?;
    let found = match found.split([' ', '`']).next()? {
        "null" => "null",
        "boolean" => "a boolean",
        "integer" | "floating" => "a number",
        "string" | "character" => "a string",
        "map" => "an object",
        "sequence" => "an array",
        _ => "that",
    };
    Some(format!("must be {}, not {found}", in_json_words(expected)))
}

fn in_json_words(expected: &str) -> &str {
    match expected {
        "a sequence" => "an array",
        "a map" => "an object",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, zero or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        _ if expected.starts_with("struct ") || expected.starts_with("internally tagged") => "an object",
        _ if expected.starts_with("tuple ") || expected.starts_with("an array of") => "an array",
        _ => expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only their types matter")]
    struct Sample {
        user_id: String,
        #[serde(deserialize_with = "object")]
        contact_info: Info,
        limit: Option<u32>,
        role: Option<crate::domain::access::Role>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only their types matter")]
    struct Info {
        email: Option<String>,
        tags: Option<Vec<String>>,
    }

    fn request(content_type: Option<&str>, body: impl Into<Body>) -> Request {
        let mut request = Request::builder().method("POST").uri("/");
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        request.body(body.into()).unwrap()
    }

    async fn read(content_type: Option<&str>, body: impl Into<Body>) -> Result<Sample, (u16, String)> {
        let settings = Arc::new(HttpSettings { body_bytes_max: 200, ..HttpSettings::default() });
        match Json::from_request(request(content_type, body), &settings).await {
            Ok(Json(sample)) => Ok(sample),
            Err(error) => Err((error.status().as_u16(), error.detail().to_owned())),
        }
    }

    #[tokio::test]
    async fn wrong_values_are_named_in_the_words_of_json() {
        let check = async |body: &str, expected: &str| {
            assert_eq!(read(Some("application/json"), body.to_owned()).await.unwrap_err(), (400, expected.into()));
        };
        check(r#"{"contactInfo":{}}"#, "userId: is required").await;
        check(r#"{"userId":7,"contactInfo":{}}"#, "userId: must be a string, not a number").await;
        check(r#"{"userId":null,"contactInfo":{}}"#, "userId: must be a string, not null").await;
        check(r#"{"userId":"u","contactInfo":"x"}"#, "contactInfo: must be an object, not a string").await;
        check(
            r#"{"userId":"u","contactInfo":{"email":[", expected a moon"]}}"#,
            "contactInfo.email: must be a string, not an array",
        )
        .await;
        check(
            r#"{"userId":"u","contactInfo":{"tags":["a",true]}}"#,
            "contactInfo.tags[1]: must be a string, not a boolean",
        )
        .await;
        check(r#"{"userId":"u","userId":"v"}"#, "userId: is given twice").await;
        check(r#"{"userId":"u","contactInfo":{},"limit":-1}"#, "limit: must be a whole number, zero or more").await;
        check(
            r#"{"userId":"u","contactInfo":{},"limit":1.5}"#,
            "limit: must be a whole number, zero or more, not a number",
        )
        .await;
        check(
            r#"{"userId":"u","contactInfo":{},"role":"king"}"#,
            r#"role: must be one of "viewer", "contributor", "manager", "admin""#,
        )
        .await;
        check(r#"{"userId":"u","contactInfo":["a@b.c"]}"#, "contactInfo: must be an object, not an array").await;
        check(r#"["u", {}]"#, "body: must be an object, not an array").await;
        check("7", "body: must be an object, not a number").await;
    }

    #[tokio::test]
    async fn a_body_that_says_it_is_compressed_is_not_taken_for_json() {
        let read = async |encoding: &str| {
            let request = request(Some("application/json"), r#"{"userId":"u","contactInfo":{}}"#);
            let (mut parts, body) = request.into_parts();
            parts.headers.insert(CONTENT_ENCODING, encoding.parse().unwrap());
            let outcome = RawJson::from_request(Request::from_parts(parts, body), &Arc::default()).await;
            outcome.map(|_| ()).map_err(|error| (error.status().as_u16(), error.detail().to_owned()))
        };
        assert_eq!((read("identity").await, read("").await), (Ok(()), Ok(())));
        let refused = "The body must be sent with Content-Type: application/json, and not compressed";
        for encoding in ["gzip", "GZIP", "br, gzip", "aws-chunked"] {
            assert_eq!(read(encoding).await, Err((415, refused.to_owned())), "{encoding}");
        }
    }

    #[tokio::test]
    async fn malformed_json_says_where() {
        let check = async |body: &str, place: &str| {
            let (status, detail) = read(Some("application/json"), body.to_owned()).await.unwrap_err();
            assert_eq!(status, 400);
            assert!(detail.starts_with("The body is not valid JSON: ") && detail.ends_with(place), "{detail}");
        };
        check("{\n  \"userId\": oops}", "at line 2 column 13").await;
        check(r#"{"userId":"u""#, "at line 1 column 13").await;
        check(r#"{"userId":"u","contactInfo":{}} and more"#, "at line 1 column 33").await;
    }

    #[tokio::test]
    async fn bodies_must_be_there_and_json_and_small() {
        let fine = r#"{"userId":"u","contactInfo":{},"unknown":1}"#;
        for content_type in ["application/json", "application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert!(read(Some(content_type), fine).await.is_ok(), "{content_type}");
        }
        assert_eq!(read(None, "").await.unwrap_err(), (400, "A JSON body is required".into()));
        assert_eq!(read(None, fine).await.unwrap_err().0, 415);
        assert_eq!(read(Some("text/plain"), fine).await.unwrap_err().0, 415);
        assert_eq!(read(Some("application/json"), " ".repeat(201)).await.unwrap_err().0, 413);
        let chunks = futures_util::stream::iter((0..3).map(|_| Ok::<_, std::io::Error>(" ".repeat(100))));
        assert_eq!(read(Some("application/json"), Body::from_stream(chunks)).await.unwrap_err().0, 413);
    }
}
