//! JSON bodies, in and out.

use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::read_error::ReadError;
use super::typed_errors;
use crate::config::HttpSettings;
use crate::http::auth::Caller;
use crate::http::error::ApiError;

/// Size of the body of a request without a token. It is kept in memory until it is whole, before anything is known of its
/// sender; a token or a code to sign in with is a fraction of it.
const UNAUTHENTICATED_BODY_BYTES_MAX: usize = 4 * 1024;

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
        let bytes_max = Arc::<HttpSettings>::from_ref(state).body_max;
        let is_authenticated = request.extensions().get::<Caller>().is_some();
        let bytes_max = if is_authenticated { bytes_max } else { bytes_max.min(UNAUTHENTICATED_BODY_BYTES_MAX) };
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

/// Reads a JSON object that is a whole document.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = typed_errors::deserialize(&mut json).map_err(|(path, error)| match error {
        ReadError::Malformed(reason) => malformed(&reason),
        error => ApiError::invalid(vec![error.in_field(&path, "body")]),
    })?;
    json.end().map_err(|error| malformed(&error.to_string()))?;
    Ok(value)
}

fn malformed(reason: &str) -> ApiError {
    ApiError::bad_request(format!("The body is not valid JSON: {reason}"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only their types matter")]
    struct Sample {
        user_id: String,
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
        let settings = Arc::new(HttpSettings { body_max: 200, ..HttpSettings::default() });
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
            r#"role: must be one of "intake", "viewer", "contributor", "manager", "admin""#,
        )
        .await;
        check(
            r#"{"userId":"u","contactInfo":{},"role":7}"#,
            r#"role: must be one of "intake", "viewer", "contributor", "manager", "admin", not a number"#,
        )
        .await;
        check(
            r#"{"userId":"u","contactInfo":{},"role":{}}"#,
            r#"role: must be one of "intake", "viewer", "contributor", "manager", "admin", not an object"#,
        )
        .await;
        check(r#"{"userId":"u","contactInfo":["a@b.c"]}"#, "contactInfo: must be an object, not an array").await;
        check(r#"["u", {}]"#, "body: must be an object, not an array").await;
        check("7", "body: must be an object, not a number").await;
    }

    #[tokio::test]
    async fn whole_numbers_may_be_written_with_a_point() {
        for (written, limit) in [("3", 3), ("3.0", 3), ("3e2", 300)] {
            let body = format!(r#"{{"userId":"u","contactInfo":{{}},"limit":{written}}}"#);
            assert_eq!(read(Some("application/json"), body).await.unwrap().limit, Some(limit));
        }
        let body = r#"{"userId":"u","contactInfo":{},"limit":4294967296.0}"#;
        let (_, message) = read(Some("application/json"), body).await.unwrap_err();
        assert_eq!(message, "limit: must be a whole number, zero or more");
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
