//! The id under which the log knows a request, sent to the client in `X-Request-Id`.

use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::{HeaderName, HeaderValue};

use crate::domain::ids::{TIME_ORDERED_ID_LEN, TimeOrderedId};
use crate::domain::time::Timestamp;

/// The header that carries the id, both ways.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken over from a client, in characters.
const REQUEST_ID_LEN_MAX: usize = 64;

/// What stands for an id where there is none.
const NONE: HeaderValue = HeaderValue::from_static("none");

/// A request's id: the client's or its proxy's if it sent a usable one, else a fresh one. Neither making nor cloning
/// one takes memory from the heap.
#[derive(Clone, Debug)]
pub struct RequestId(IdText);

#[derive(Clone, Debug)]
enum IdText {
    Taken(HeaderValue),
    Fresh([u8; TIME_ORDERED_ID_LEN]),
}

impl RequestId {
    /// Takes over an id that arrived with the request: 1 to 64 characters of `A-Z a-z 0-9 . _ -`, so that nothing
    /// foreign gets into log lines.
    #[must_use]
    pub fn from_client(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let is_usable = (1..=REQUEST_ID_LEN_MAX).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        is_usable.then(|| Self(IdText::Taken(value.clone())))
    }

    /// The id as a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Both ways of making one admit nothing but visible ASCII.
        match &self.0 {
            IdText::Taken(value) => value.to_str().unwrap_or_default(),
            IdText::Fresh(digits) => str::from_utf8(digits).unwrap_or_default(),
        }
    }

    /// The id as the header's value.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        match &self.0 {
            IdText::Taken(value) => value.clone(),
            IdText::Fresh(digits) => HeaderValue::from_bytes(digits).unwrap_or(NONE),
        }
    }
}

impl PartialEq for RequestId {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for RequestId {}

/// Makes fresh ids: 13 characters that sort by time. Unique within a process, and all but unique across restarts.
#[derive(Debug)]
pub struct RequestIds {
    sequence: AtomicU32,
}

impl RequestIds {
    /// Starts the sequence at a random number, so that two processes seldom give out the same id.
    #[must_use]
    pub fn new() -> Self {
        // Without randomness ids are still unique within the process.
        Self { sequence: AtomicU32::new(getrandom::u32().unwrap_or(0)) }
    }

    /// A fresh id.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> RequestId {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        RequestId(IdText::Fresh(TimeOrderedId::at(now, sequence).digits()))
    }
}

impl Default for RequestIds {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_ids_are_taken_over() {
        let check = |text: &str, taken: bool| {
            let value = HeaderValue::from_bytes(text.as_bytes()).unwrap();
            assert_eq!(RequestId::from_client(&value).is_some(), taken, "{text:?}");
        };
        check("01k5n8w3q7r2v", true);
        check("a.B_c-9", true);
        check(&"x".repeat(64), true);
        check(&"x".repeat(65), false);
        check("", false);
        check("a b", false);
        check("a=\"b\"", false);
        check("ä", false);
    }

    #[test]
    fn fresh_ids_differ_and_would_be_taken_over() {
        let ids = RequestIds::new();
        let now = Timestamp::from_millis(1_763_800_000_000);
        let (one, two) = (ids.next(now), ids.next(now));
        assert_ne!(one, two);
        assert_eq!(RequestId::from_client(&one.header()), Some(one));
    }
}
