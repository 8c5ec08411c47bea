//! Query parameters.

use std::error::Error;

use axum::extract::FromRequestParts;
use axum::extract::rejection::QueryRejection;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::de::value::Error as QueryError;

use crate::domain::FieldError;
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
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::invalid(vec![field_error(&rejection)])),
        }
    }
}

fn field_error(rejection: &QueryRejection) -> FieldError {
    let mut next = rejection.source();
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<serde_path_to_error::Error<QueryError>>() {
            return reworded(&error.path().to_string(), &error.inner().to_string());
        }
        next = error.source();
    }
    FieldError::new("query", "cannot be read")
}

/// Says what serde says about a parameter in the words of someone who writes URLs.
fn reworded(path: &str, message: &str) -> FieldError {
    let named = |prefix: &str| message.strip_prefix(prefix).map(|field| field.trim_matches('`'));
    if let Some(field) = named("missing field ") {
        return FieldError::new(field, "is required");
    }
    if let Some(field) = named("duplicate field ") {
        return FieldError::new(field, "is given twice");
    }
    let message = match message {
        "invalid digit found in string" | "cannot parse integer from empty string" => "must be a whole number",
        "number too large to fit in target type" => "is too large",
        "number too small to fit in target type" => "is too small",
        "invalid float literal" | "cannot parse float from empty string" => "must be a number",
        "provided string was not `true` or `false`" => "must be true or false",
        _ => match message.split_once(", expected ") {
            Some((_, expected)) => return FieldError::new(path, format!("must be {}", expected.replace('`', "\""))),
            None => message,
        },
    };
    FieldError::new(path, message)
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
        number: Option<u8>,
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
        check("view=list&dryRun=true&number=255&role=admin&other=1", Ok(())).await;
        check("", Err("view: is required")).await;
        check("view=a&view=b", Err("view: is given twice")).await;
        check("view=a&number=x", Err("number: must be a whole number")).await;
        check("view=a&number=256", Err("number: is too large")).await;
        check("view=a&dryRun=yes", Err("dryRun: must be true or false")).await;
        let roles = r#"role: must be one of "viewer", "contributor", "manager", "admin""#;
        check("view=a&role=king", Err(roles)).await;
    }
}
