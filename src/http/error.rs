//! The one way in which a request fails: what the client reads and what the log keeps are two things.
//!
//! A handler returns an [`ApiError`]; the [layer](super::request_layer) around every route writes it as RFC 9457
//! `application/problem+json` with the request's id, and logs its cause once. Every failure that does not come from a
//! handler (no route, 405, a panic, …) passes through the same place, so there is no other shape.
//!
//! `type` is always `about:blank`: status, `message` and `errors` say all that a client may rely on, and RFC 9457 then
//! wants `title` to be the status's own phrase. Anchors into the documentation would promise what nothing checks.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::domain::FieldError;
use crate::domain::trouble::TroubleKind;
use crate::store::{StoreError, TurnKind};

/// The media type of every failure.
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What a client reads when the fault is ours.
const INTERNAL_DETAIL: &str = "Something went wrong on the server; its log has more under this request id";

/// A failed request: a status, a sentence for the client, and a cause for the log.
#[derive(Clone)]
pub struct ApiError(Arc<ErrorParts>);

struct ErrorParts {
    status: StatusCode,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    retry_after_secs: Option<u64>,
    closes: bool,
    set_cookie: Option<HeaderValue>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::from_parts(ErrorParts {
            status,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_secs: None,
            closes: false,
            set_cookie: None,
            cause: None,
        })
    }

    fn from_parts(failure: ErrorParts) -> Self {
        Self(Arc::new(failure))
    }

    /// 400: the request is wrong in itself, and no single field is to blame.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 400: these fields are wrong; the message is the first of them and how many more there are.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [] => Cow::Borrowed("The request is not valid"),
            [only] => Cow::Owned(only.to_string()),
            [first, rest @ ..] => Cow::Owned(format!("{first} (and {} more)", rest.len())),
        };
        Self::invalid_saying(detail, errors)
    }

    /// 400: these fields are wrong, in a sentence that clients know.
    pub fn invalid_saying(detail: impl Into<Cow<'static, str>>, errors: Vec<FieldError>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail).change(|failure| failure.errors = errors)
    }

    /// 401: no token, or one that does not work.
    pub fn unauthorized(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// 403: the token works, and does not allow this.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 404 for something named that does not exist, or that the caller must not know of: `Enterprise not found`.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::not_found_saying(format!("{what} not found"))
    }

    /// 404 in a sentence of its own.
    pub fn not_found_saying(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 408: the request did not arrive in time. What is left of it is not waited for, so the connection ends.
    pub fn request_timeout(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, detail).change(|failure| failure.closes = true)
    }

    /// 409: a conflict with what exists.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 412: the resource is no longer what `If-Match` names.
    pub fn precondition_failed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, detail)
    }

    /// 413: the body is larger than the limit.
    #[must_use]
    pub fn body_too_large(bytes_max: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The body is larger than {bytes_max} bytes"))
    }

    /// 415: the body is of another media type than the route reads.
    #[must_use]
    pub fn unsupported_media_type(expected: &str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("The body must be sent with Content-Type: {expected}"))
    }

    /// 429: too many of these; again after so many seconds.
    pub fn too_many_requests(detail: impl Into<Cow<'static, str>>, retry_after_secs: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, detail).retry_after(retry_after_secs)
    }

    /// 500: the fault is ours. The client reads a fixed sentence, the log reads the cause.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL_DETAIL).caused_by(cause)
    }

    /// 503: not now; again after so many seconds.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>, retry_after_secs: u64) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(retry_after_secs)
    }

    /// 507: the disk or the database is full.
    pub fn insufficient_storage(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, detail)
    }

    /// A failure that carries nothing but its status, for answers that were not made by a handler.
    #[must_use]
    pub fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::new(status, "There is nothing at this path"),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(status, "This path does not take this method; see Allow"),
            StatusCode::INTERNAL_SERVER_ERROR => Self::internal("an answer of status 500 without a cause"),
            _ => Self::new(status, status.canonical_reason().unwrap_or("The request failed")),
        }
    }

    /// The same, with what the log must know.
    #[must_use]
    pub fn caused_by(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.change(|failure| failure.cause = Some(cause.into()))
    }

    /// The same, with a change of the browser's cookies.
    #[must_use]
    pub(super) fn with_cookie(self, cookie: HeaderValue) -> Self {
        self.change(|failure| failure.set_cookie = Some(cookie))
    }

    fn retry_after(self, secs: u64) -> Self {
        self.change(|failure| failure.retry_after_secs = Some(secs))
    }

    fn change(mut self, change: impl FnOnce(&mut ErrorParts)) -> Self {
        // A failure is shared only once it has become a response, and nothing changes it from then on.
        if let Some(failure) = Arc::get_mut(&mut self.0) {
            change(failure);
        }
        self
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The sentence for the client.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Writes the cause to the log, if there is one. The outermost layer calls this once for each failed request.
    pub(super) fn log(&self, request_id: &str) {
        let Some(cause) = &self.0.cause else { return };
        let status = self.0.status.as_u16();
        let cause = Chain(cause.as_ref());
        if self.0.status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(request_id, status, %cause, "request failed");
        } else if self.0.status.is_server_error() {
            tracing::warn!(request_id, status, %cause, "request failed");
        } else {
            tracing::debug!(request_id, status, %cause, "request refused");
        }
    }

    /// Makes a response say this failure, keeping the headers that layers below have set.
    pub(super) fn write_into(&self, response: &mut Response, request_id: &str) {
        let failure = &*self.0;
        let problem = Problem {
            success: false,
            kind: "about:blank",
            title: failure.status.canonical_reason().unwrap_or("Failure"),
            status: failure.status.as_u16(),
            detail: &failure.detail,
            message: &failure.detail,
            request_id,
            errors: &failure.errors,
        };
        // Texts and numbers always serialise.
        *response.body_mut() = Body::from(serde_json::to_vec(&problem).unwrap_or_default());
        *response.status_mut() = failure.status;
        let headers = response.headers_mut();
        headers.remove(CONTENT_LENGTH);
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        if failure.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(secs) = failure.retry_after_secs {
            headers.insert(RETRY_AFTER, HeaderValue::from(secs));
        }
        if failure.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(cookie) = &failure.set_cookie {
            headers.insert(SET_COOKIE, cookie.clone());
        }
    }

    /// The failure that a response stands for, if it stands for one: what the handler gave, else the bare status.
    pub(super) fn of(response: &mut Response) -> Option<Self> {
        let status = response.status();
        if !status.is_client_error() && !status.is_server_error() {
            return None;
        }
        Some(response.extensions_mut().remove::<Self>().unwrap_or_else(|| Self::from_status(status)))
    }
}

/// Seconds after which a client should come back when the database is busy or full of work; groups take milliseconds.
const BUSY_RETRY_SECS: u64 = 1;

impl ApiError {
    /// What keeps the database from being written, the result of the request in these words, and what to do. Other
    /// errors of the store say what they say.
    #[must_use]
    pub fn of_trouble(error: StoreError, outcome: &str) -> Self {
        let Some(kind) = error.trouble() else { return error.into() };
        let detail = format!("{}; {outcome}. {}", kind.what(), capitalised(kind.advice()));
        match kind {
            TroubleKind::DiskFull | TroubleKind::LimitReached | TroubleKind::FileSizeLimit => {
                Self::insufficient_storage(detail)
            }
            TroubleKind::ReadOnly | TroubleKind::DiskFailing | TroubleKind::FileReplaced => {
                Self::unavailable(detail, TROUBLE_RETRY_SECS)
            }
            TroubleKind::Damaged => return Self::internal(error),
        }
        .caused_by(error)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(subject) => Self::not_found(&subject.to_string()),
            StoreError::Conflict(sentence) => Self::conflict(capitalised(&sentence)),
            StoreError::Outdated(sentence) => Self::precondition_failed(capitalised(&sentence)),
            StoreError::Invalid(errors) => Self::invalid(errors),
            StoreError::QueueFull => {
                Self::unavailable("Too many changes are waiting to be written; try again", BUSY_RETRY_SECS)
            }
            StoreError::ReadQueueFull => {
                Self::unavailable("Too many requests are waiting for the database; try again", BUSY_RETRY_SECS)
            }
            StoreError::NoTurn(kind) => {
                let what = match kind {
                    TurnKind::Read => "Too many requests of this token or address wait to read the database",
                    TurnKind::Write => "Too many requests of this token or address wait to write to the database",
                };
                Self::too_many_requests(format!("{what}; others have their share, too. Try again"), BUSY_RETRY_SECS)
            }
            StoreError::DeadlinePassed => Self::unavailable("The database is busy; try again", BUSY_RETRY_SECS),
            StoreError::Closed => Self::unavailable("The server is shutting down", BUSY_RETRY_SECS),
            error @ (StoreError::Full
            | StoreError::LimitReached
            | StoreError::FileSizeLimit(_)
            | StoreError::ReadOnly(_)
            | StoreError::DiskFailing(_)) => Self::of_trouble(error, "nothing was changed"),
            error @ StoreError::FileReplaced(_) => Self::of_trouble(error, "the change is not kept"),
            error @ (StoreError::Panicked | StoreError::Sqlite(_) | StoreError::Corrupt(_)) => Self::internal(error),
        }
    }
}

/// Seconds after which a disk that is read-only or reports errors may have been seen to.
const TROUBLE_RETRY_SECS: u64 = 10;

/// The store's sentences begin in lower case, since the command line puts a name before them.
pub(super) fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

impl IntoResponse for ApiError {
    /// A response without a body that carries the failure to the outermost layer, which writes it.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        response
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.status.as_u16(), self.0.detail)
    }
}

/// An error followed by everything that it says caused it.
struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

/// What every failed request answers, as RFC 9457 problem details.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "success": false, "type": "about:blank", "title": "Bad Request", "status": 400,
    "detail": "contactInfo.email: must be a string, not a number",
    "message": "contactInfo.email: must be a string, not a number", "requestId": "01k5n8w3q7r2v",
    "errors": [{"field": "contactInfo.email", "message": "must be a string, not a number"}]
}))]
pub struct Problem<'a> {
    /// Always false.
    success: bool,
    /// Always `about:blank`: the status says what kind of problem this is.
    #[serde(rename = "type")]
    kind: &'a str,
    /// The status in words.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong, as a sentence for a person.
    detail: &'a str,
    /// The same as `detail`.
    message: &'a str,
    /// Under which the server's log knows this request; also in the header `X-Request-Id`.
    request_id: &'a str,
    /// The refused fields, where fields are to blame.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::{Value, json};

    use super::*;
    use crate::store::Subject;

    async fn written(error: ApiError) -> (Response<()>, Value) {
        let mut response = error.into_response();
        let error = ApiError::of(&mut response).unwrap();
        error.write_into(&mut response, "r-1");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, ()), serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_failure_is_written_as_the_api_says() {
        let (response, body) = written(ApiError::invalid(vec![FieldError::new("name", "is required")])).await;
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(
            body,
            json!({
                "success": false, "type": "about:blank", "title": "Bad Request", "status": 400,
                "detail": "name: is required", "message": "name: is required", "requestId": "r-1",
                "errors": [{"field": "name", "message": "is required"}]
            })
        );
        let (_, body) = written(ApiError::not_found("User")).await;
        assert_eq!(body["message"], "User not found");
        assert_eq!(body.get("errors"), None);
    }

    #[tokio::test]
    async fn a_cause_never_reaches_the_client() {
        let (response, body) = written(ApiError::internal("the password is swordfish")).await;
        assert_eq!(response.status(), 500);
        assert_eq!(body["detail"], INTERNAL_DETAIL);
        assert!(!body.to_string().contains("swordfish"));
    }

    #[test]
    fn what_the_store_says_becomes_a_status() {
        let check = |error: StoreError, status: u16, detail: &str| {
            let error = ApiError::from(error);
            assert_eq!((error.status().as_u16(), error.detail()), (status, detail));
        };
        check(StoreError::NotFound(Subject::User), 404, "User not found");
        check(StoreError::Conflict("the name is taken".into()), 409, "The name is taken");
        check(StoreError::Outdated("version 5 is there".into()), 412, "Version 5 is there");
        check(StoreError::Invalid(vec![FieldError::new("name", "is required")]), 400, "name: is required");
        check(StoreError::QueueFull, 503, "Too many changes are waiting to be written; try again");
        check(StoreError::ReadQueueFull, 503, "Too many requests are waiting for the database; try again");
        check(StoreError::DeadlinePassed, 503, "The database is busy; try again");
        let advice = "Make room on it, and changes are taken again by themselves";
        let full = "There is no space left on the disk of the database; nothing was changed. ";
        check(StoreError::Full, 507, &format!("{full}{advice}"));
        let advice = "Raise the limit and restart, or delete what is not needed";
        let full = "The database has grown to its limit, database-max; nothing was changed. ";
        check(StoreError::LimitReached, 507, &format!("{full}{advice}"));
        check(StoreError::Corrupt("token role".into()), 500, INTERNAL_DETAIL);
    }

    #[tokio::test]
    async fn headers_tell_what_to_do() {
        let (response, _) = written(ApiError::unauthorized("A token is needed")).await;
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
        for error in [ApiError::too_many_requests("Slow down", 7), ApiError::unavailable("Busy", 7)] {
            let (response, _) = written(error).await;
            assert_eq!(response.headers()[RETRY_AFTER], "7");
        }
    }
}
