//! Query parameters.

use std::borrow::Cow;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};
use std::str::ParseBoolError;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::value::{CowStrDeserializer, MapDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::read_error::{ReadError, Wanted};
use crate::http::error::ApiError;

/// Query parameters. Those that the type does not know are ignored.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<S, T> FromRequestParts<S> for Query<T>
where
    S: Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let parameters =
            form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (Parameter(name), Parameter(value)));
        let outcome = serde_path_to_error::deserialize(MapDeserializer::new(parameters));
        outcome.map(Self).map_err(|error| {
            let path = error.path().clone();
            ApiError::invalid(vec![error.into_inner().in_field(&path, "query")])
        })
    }
}

/// The name or the value of a parameter, which serde reads as what is wanted of it.
struct Parameter<'a>(Cow<'a, str>);

impl<'de> IntoDeserializer<'de, ReadError> for Parameter<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Methods that parse the text.
macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty;)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            visitor.$visit(self.0.parse::<$type>()?)
        }
    )+};
}

impl<'de> Deserializer<'de> for Parameter<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    parsed! {
        deserialize_bool visit_bool bool;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_f32 visit_f32 f32;
        deserialize_f64 visit_f64 f64;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_enum(CowStrDeserializer::new(self.0))
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl From<ParseBoolError> for ReadError {
    fn from(_: ParseBoolError) -> Self {
        Self::not(Wanted::TrueOrFalse)
    }
}

impl From<ParseIntError> for ReadError {
    fn from(error: ParseIntError) -> Self {
        match error.kind() {
            IntErrorKind::PosOverflow => Self::TooLarge,
            IntErrorKind::NegOverflow => Self::TooSmall,
            _ => Self::not(Wanted::WholeNumber),
        }
    }
}

impl From<ParseFloatError> for ReadError {
    fn from(_: ParseFloatError) -> Self {
        Self::not(Wanted::Number)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only their types matter")]
    struct Sample {
        view: String,
        dry_run: Option<bool>,
        number: Option<i8>,
        share: Option<f64>,
        role: Option<crate::domain::access::Role>,
    }

    #[tokio::test]
    async fn wrong_parameters_are_named() {
        let check = async |query: &str, expected: Result<(), &str>| {
            let (mut parts, ()) = Request::get(format!("/?{query}")).body(()).unwrap().into_parts();
            let outcome = Query::<Sample>::from_request_parts(&mut parts, &()).await;
            let outcome = outcome.map(|_| ()).map_err(|error| error.detail().to_owned());
            assert_eq!(outcome, expected.map_err(str::to_owned), "{query}");
        };
        check("view=list&dryRun=true&number=127&share=0.5&role=admin&other=1", Ok(())).await;
        check("", Err("view: is required")).await;
        check("view=a&view=b", Err("view: is given twice")).await;
        check("view=a&number=x", Err("number: must be a whole number")).await;
        check("view=a&number=", Err("number: must be a whole number")).await;
        check("view=a&number=128", Err("number: is too large")).await;
        check("view=a&number=-129", Err("number: is too small")).await;
        check("view=a&share=half", Err("share: must be a number")).await;
        check("view=a&dryRun=yes", Err("dryRun: must be true or false")).await;
        let roles = r#"role: must be one of "intake", "viewer", "contributor", "manager", "admin""#;
        check("view=a&role=king", Err(roles)).await;
    }
}
