//! Responses from the cache, with everything that HTTP has to say of them.
//!
//! Entity tags and 304 by RFC 9110 (sections 8.8.3, 13.1.2 and 15.4.5), `Cache-Status` by RFC 9211, `Age` by RFC 9111,
//! `Server-Timing` by the W3C's recommendation of that name.

use std::convert::Infallible;
use std::mem;
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;

use super::error::ApiError;
use super::negotiation::{
    GZIP, PRIVATE_NO_CACHE, VARY_ACCEPT_ENCODING, accepts_gzip, none_match_lists, none_match_tags,
};
use super::state::AppState;
use crate::cache::{CacheStatus, LoadError};
use crate::summaries::{AnswerHead, ConditionalAnswer, KnownTag, ServedSummary, SummaryError, SummaryKey};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Seconds after which a client should come back when an answer could not be loaded in time.
const LOAD_RETRY_SECS: u64 = 1;

/// Headers for which an answer has room from the start: those of a hit, and those of everything around it.
const HEADERS_EXPECTED: usize = 18;

/// Bytes of the longest value that is put together for a header.
const HEADER_VALUE_BYTES_MAX: usize = 64;

/// The headers of a request, taken out of it: nothing that comes after sees them. As an extractor, `HeaderMap` copies
/// them; these become the answer's, whose map hyper uses again for the next request of the connection.
#[derive(Debug)]
pub struct TakenHeaders(pub HeaderMap);

impl<S: Sync> FromRequestParts<S> for TakenHeaders {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(mem::take(&mut parts.headers)))
    }
}

/// Answers a request for the answer of this key.
pub(super) async fn answer(state: &AppState, key: &SummaryKey, headers: TakenHeaders) -> Result<Response, ApiError> {
    let TakenHeaders(headers) = headers;
    let is_known = |etag: &[u8]| none_match_lists(&headers, etag);
    let is_known: &KnownTag<'_> = &is_known;
    let has_known = headers.contains_key(IF_NONE_MATCH);
    let mut answer = state.summaries.get(key, has_known.then_some(is_known)).await?;
    if let ConditionalAnswer::Whole(served) = &answer
        && has_known
        && state.summaries.renew_if_rolled_back(served.value.etag(), none_match_tags(&headers)).await
    {
        answer = state.summaries.get(key, None).await?;
    }
    let served = match answer {
        ConditionalAnswer::Revalidated { etag, took } => {
            return Ok(unchanged(headers, etag.into(), CacheReport::revalidated(took)));
        }
        ConditionalAnswer::Unchanged(served) => {
            return Ok(unchanged(headers, served.value.etag().clone(), CacheReport::of(&served)));
        }
        ConditionalAnswer::Whole(served) => served,
    };
    let head = match served.status {
        CacheStatus::Hit => AnswerHead::Hit,
        CacheStatus::Stale => AnswerHead::Stale,
        CacheStatus::Miss { .. } | CacheStatus::Coalesced => AnswerHead::Loaded,
    };
    let compressed = accepts_gzip(&headers);
    let body = if compressed {
        state.summaries.compress(key, &served.value).await;
        served.value.gzip(head)
    } else {
        served.value.plain(head)
    };
    let mut response = empty(headers);
    *response.body_mut() = Body::from(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    if compressed {
        headers.insert(CONTENT_ENCODING, GZIP);
    }
    CacheReport::of(&served).write(headers, served.value.etag().clone());
    Ok(response)
}

/// 304: the client has it.
fn unchanged(headers: HeaderMap, etag: Bytes, report: CacheReport) -> Response {
    let mut response = empty(headers);
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    report.write(response.headers_mut(), etag);
    response
}

/// An answer without headers or body, with room for its headers where the request's have been.
fn empty(mut headers: HeaderMap) -> Response {
    headers.clear();
    headers.reserve(HEADERS_EXPECTED);
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = headers;
    response
}

/// What the headers say of how an answer came to be.
struct CacheReport {
    /// For `Cache-Status`.
    status: HeaderValue,
    /// For `Server-Timing`.
    what: &'static str,
    took: Duration,
    age: Duration,
}

impl CacheReport {
    fn of(served: &ServedSummary) -> Self {
        let fixed = HeaderValue::from_static;
        let (status, what) = match served.status {
            CacheStatus::Hit => {
                (HeaderText::new("muster; hit; ttl=").number(served.ttl_left.as_secs(), 1).value(), "hit")
            }
            CacheStatus::Miss { stored: true } => (fixed("muster; fwd=miss; stored"), "miss"),
            CacheStatus::Miss { stored: false } => (fixed("muster; fwd=miss"), "miss"),
            CacheStatus::Coalesced => (fixed("muster; fwd=miss; collapsed"), "collapsed"),
            CacheStatus::Stale => (fixed("muster; fwd=stale; fwd-status=503; detail=stale-if-error"), "stale"),
        };
        Self { status, what, took: served.took, age: served.age }
    }

    fn revalidated(took: Duration) -> Self {
        let status = HeaderValue::from_static("muster; fwd=miss; fwd-status=304");
        Self { status, what: "revalidated", took, age: Duration::ZERO }
    }

    fn write(self, headers: &mut HeaderMap, etag: Bytes) {
        // Milliseconds with three digits after the point.
        let micros = u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX);
        let timing = HeaderText::new("cache;desc=").and(self.what).and(";dur=");
        let timing = timing.number(micros / 1_000, 1).and(".").number(micros % 1_000, 3);
        headers.insert(CACHE_STATUS, self.status);
        headers.insert(SERVER_TIMING, timing.value());
        headers.insert(AGE, HeaderValue::from(self.age.as_secs()));
        headers.insert(CACHE_CONTROL, PRIVATE_NO_CACHE);
        headers.insert(VARY, VARY_ACCEPT_ENCODING);
        // An entity tag is of visible ASCII characters.
        if let Ok(etag) = HeaderValue::from_maybe_shared(etag) {
            headers.insert(ETAG, etag);
        }
    }
}

/// A header's value in the making, of visible ASCII characters and cut at [`HEADER_VALUE_BYTES_MAX`]. Formatting macros
/// would take longer than the look-up that the value tells of.
struct HeaderText {
    bytes: [u8; HEADER_VALUE_BYTES_MAX],
    len: usize,
}

impl HeaderText {
    fn new(text: &str) -> Self {
        Self { bytes: [0; HEADER_VALUE_BYTES_MAX], len: 0 }.and(text)
    }

    fn and(mut self, text: &str) -> Self {
        let room = &mut self.bytes[self.len..];
        let len = text.len().min(room.len());
        room[..len].copy_from_slice(&text.as_bytes()[..len]);
        self.len += len;
        self
    }

    /// A number with at least so many digits.
    fn number(self, mut number: u64, digits_min: usize) -> Self {
        const DIGITS_MAX: usize = 20;
        let mut digits = [b'0'; DIGITS_MAX];
        let mut at = DIGITS_MAX;
        while number > 0 || DIGITS_MAX - at < digits_min {
            at -= 1;
            // A remainder of ten is a digit.
            digits[at] += u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
        self.and(str::from_utf8(&digits[at..]).unwrap_or_default())
    }

    fn value(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.bytes[..self.len]).unwrap_or(HeaderValue::from_static(""))
    }
}

impl From<SummaryError> for ApiError {
    fn from(error: SummaryError) -> Self {
        match error {
            SummaryError::Store(error) => error.into(),
            SummaryError::Load(error @ LoadError::TooSlow(_)) => {
                Self::unavailable("The answer could not be computed in time; try again", LOAD_RETRY_SECS)
                    .caused_by(error)
            }
            SummaryError::Load(error @ (LoadError::Outdated { .. } | LoadError::Abandoned)) => {
                Self::unavailable("The answer could not be computed just now; try again", LOAD_RETRY_SECS)
                    .caused_by(error)
            }
            SummaryError::Load(error) => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_together_and_cut() {
        let check = |text: HeaderText, expected: &str| assert_eq!(text.value(), expected);
        check(HeaderText::new("ttl=").number(0, 1), "ttl=0");
        check(HeaderText::new("dur=").number(12, 1).and(".").number(7, 3), "dur=12.007");
        check(HeaderText::new("").number(u64::MAX, 3), "18446744073709551615");
        check(HeaderText::new(&"x".repeat(60)).number(1_234_567, 1), &format!("{}1234", "x".repeat(60)));
    }
}
