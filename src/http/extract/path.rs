//! The ids in a path. A text that cannot be an id names nothing, so it gets the 404 of what it would have named.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::domain::ids::{ContactId, DepartmentId, EmployeeId, EnterpriseId};
use crate::http::error::ApiError;

/// The ids in a path, found by their names: one of them, or a tuple in any order.
#[derive(Clone, Copy, Debug)]
pub struct PathIds<T>(pub T);

/// Something that a path names with one of its parameters.
pub trait PathId: Sized {
    /// The parameter's name in route templates.
    const PARAM: &'static str;
    /// What it names, as in `Enterprise not found`.
    const WHAT: &'static str;

    /// Reads the parameter; `None` for what cannot be such an id.
    fn read(text: &str) -> Option<Self>;
}

/// An employee's id where the path calls it `{userId}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserId(pub EmployeeId);

/// A token's public id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenId(pub String);

/// A session's public id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionId(pub String);

/// Longest text that is looked up as a token's or a session's id, in bytes.
const TOKEN_ID_LEN_MAX: usize = 64;

impl PathId for EnterpriseId {
    const PARAM: &'static str = "enterpriseId";
    const WHAT: &'static str = "Enterprise";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

impl PathId for DepartmentId {
    const PARAM: &'static str = "departmentId";
    const WHAT: &'static str = "Department";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

impl PathId for EmployeeId {
    const PARAM: &'static str = "employeeId";
    const WHAT: &'static str = "Employee";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

impl PathId for UserId {
    const PARAM: &'static str = "userId";
    const WHAT: &'static str = "User";

    fn read(text: &str) -> Option<Self> {
        EmployeeId::parse(text).ok().map(Self)
    }
}

impl PathId for ContactId {
    const PARAM: &'static str = "contactId";
    const WHAT: &'static str = "Contact";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl PathId for TokenId {
    const PARAM: &'static str = "tokenId";
    const WHAT: &'static str = "Token";

    fn read(text: &str) -> Option<Self> {
        is_possible_id(text).then(|| Self(text.to_owned()))
    }
}

impl PathId for SessionId {
    const PARAM: &'static str = "sessionId";
    const WHAT: &'static str = "Session";

    fn read(text: &str) -> Option<Self> {
        is_possible_id(text).then(|| Self(text.to_owned()))
    }
}

fn is_possible_id(text: &str) -> bool {
    (1..=TOKEN_ID_LEN_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// One id, or several, taken out of a path's parameters.
pub trait FromParams: Sized {
    /// Takes what it needs; what cannot exist is not found.
    fn from_params(params: &RawPathParams) -> Result<Self, ApiError>;
}

impl<T: PathId> FromParams for T {
    fn from_params(params: &RawPathParams) -> Result<Self, ApiError> {
        match params.iter().find(|(name, _)| *name == T::PARAM) {
            Some((_, text)) => T::read(text).ok_or_else(|| ApiError::not_found(T::WHAT)),
            None => Err(ApiError::internal(format!("the route's path has no {{{}}}", T::PARAM))),
        }
    }
}

impl<A: PathId, B: PathId> FromParams for (A, B) {
    fn from_params(params: &RawPathParams) -> Result<Self, ApiError> {
        Ok((A::from_params(params)?, B::from_params(params)?))
    }
}

impl<A: PathId, B: PathId, C: PathId> FromParams for (A, B, C) {
    fn from_params(params: &RawPathParams) -> Result<Self, ApiError> {
        Ok((A::from_params(params)?, B::from_params(params)?, C::from_params(params)?))
    }
}

impl<S: Send + Sync, T: FromParams> FromRequestParts<S> for PathIds<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        // The only way for this to fail is percent-encoding that is not UTF-8, and no name is written so.
        let Ok(params) = RawPathParams::from_request_parts(parts, state).await else {
            return Err(ApiError::from_status(axum::http::StatusCode::NOT_FOUND));
        };
        T::from_params(&params).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn what_cannot_exist_is_not_found() {
        type Ids = PathIds<(DepartmentId, EnterpriseId)>;
        let app = Router::new()
            .route(
                "/e/{enterpriseId}/d/{departmentId}",
                get(async |PathIds((department, enterprise)): Ids| format!("{department} of {enterprise}")),
            )
            .route("/c/{contactId}", get(async |PathIds(id): PathIds<ContactId>| id.to_string()))
            .route("/t/{tokenId}", get(async |PathIds(TokenId(id)): PathIds<TokenId>| id))
            .route("/u/{userId}", get(async |PathIds(UserId(id)): PathIds<UserId>| id.to_string()));
        let check = async |path: &str, status: u16, detail: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = app.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), status, "{path}");
            let error = response.extensions().get::<ApiError>();
            assert_eq!(error.map_or("", ApiError::detail), detail, "{path}");
        };
        check("/e/acme/d/sales", 200, "").await;
        check("/e/ac%6De/d/sales", 200, "").await;
        check("/e/a%20b/d/sales", 404, "Enterprise not found").await;
        check("/e/acme/d/%2e%2f", 404, "Department not found").await;
        check("/e/acme/d/%FF", 404, "There is nothing at this path").await;
        check(&format!("/u/{}", "x".repeat(65)), 404, "User not found").await;
        check("/c/17", 404, "Contact not found").await;
        check("/t/%00", 404, "Token not found").await;
    }
}
