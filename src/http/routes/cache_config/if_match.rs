//! The header `If-Match` of a change.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use utoipa::IntoParams;

/// The tags of `If-Match` (RFC 9110, section 13.1.1); `None` if the header is absent or says `*`, since there always is a
/// configuration. What is no strong tag equals none of the server's.
#[derive(IntoParams)]
#[into_params(names("If-Match"), parameter_in = Header)]
pub struct ExpectedTags(
    /// The entity tag of the configuration that this change is meant for; 412 if another holds by now.
    #[param(value_type = String, required = false)]
    pub(super) Option<Vec<String>>,
);

impl<S: Sync> FromRequestParts<S> for ExpectedTags {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(expected_tags(&parts.headers)))
    }
}

fn expected_tags(headers: &HeaderMap) -> Option<Vec<String>> {
    let fields = headers.get_all(IF_MATCH);
    headers.contains_key(IF_MATCH).then_some(())?;
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let fields: Vec<String> = fields.iter().map(text).collect();
    let tags: Vec<String> = fields.iter().flat_map(|field| field.split(',')).map(|tag| tag.trim().to_owned()).collect();
    (!tags.iter().any(|tag| tag == "*")).then_some(tags)
}
