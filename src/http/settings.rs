//! The limits of the HTTP layer: each has a name, a unit and a default with its reason.

use std::time::Duration;

use axum::http::{HeaderValue, Uri};

/// Time for a client to send the whole head of a request; it also ends idle keep-alive connections. Long enough for a
/// bad mobile link, short enough that a thousand silent clients do not hold a thousand connections for long.
pub const HEADER_READ_TIME_MAX: Duration = Duration::from_secs(10);

/// Time for a request from its head to its answer, streaming routes excepted. Beyond it the client has given up.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// Time that a streamed body may stand still before it is given up, so that a stalled import frees what it holds.
pub const UPLOAD_IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// Time that a piece of a streamed answer may wait for the client to take it, for the same reason.
pub const DOWNLOAD_IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// Time that running requests get to finish once the server was told to stop; service managers kill after 30 s or more.
pub const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);

/// Size of a request body, streaming routes excepted. The largest contact is a small fraction of it.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Size of a request's head, start line included; a cursor of 4 KiB and a browser's headers fit several times.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;

/// Open connections. An idle one costs some 20 KiB, so this many cost about 200 MiB at worst.
pub const CONNECTIONS_MAX: usize = 10_000;

/// Unknown tokens that one address may present in a minute; more is guessing or a misconfigured client in a loop.
pub const FAILED_SIGN_INS_PER_MINUTE_MAX: u32 = 20;

/// Unknown tokens that are looked up in the database in a second, from all addresses together: it keeps guessing from
/// many addresses away from the read connections.
pub const TOKEN_LOOK_UPS_PER_SECOND_MAX: u32 = 100;

/// Imports and exports that run at once. Each holds a thread, and an import is bound by the one writer anyway; more than
/// these are told to come back, so that they cannot take the threads that reads need.
pub const TRANSFERS_MAX: usize = 8;

/// What the HTTP layer needs to know from the configuration.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// See [`HEADER_READ_TIME_MAX`].
    pub header_read_time_max: Duration,
    /// See [`REQUEST_TIME_MAX`].
    pub request_time_max: Duration,
    /// See [`UPLOAD_IDLE_TIME_MAX`].
    pub upload_idle_time_max: Duration,
    /// See [`DOWNLOAD_IDLE_TIME_MAX`].
    pub download_idle_time_max: Duration,
    /// See [`DRAIN_TIME_MAX`].
    pub drain_time_max: Duration,
    /// See [`BODY_BYTES_MAX`].
    pub body_bytes_max: usize,
    /// See [`HEADER_BYTES_MAX`].
    pub header_bytes_max: usize,
    /// See [`CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// See [`FAILED_SIGN_INS_PER_MINUTE_MAX`].
    pub failed_sign_ins_per_minute_max: u32,
    /// See [`TOKEN_LOOK_UPS_PER_SECOND_MAX`].
    pub token_look_ups_per_second_max: u32,
    /// See [`TRANSFERS_MAX`].
    pub transfers_max: usize,
    /// Origins whose pages may call the API from a browser; none by default.
    pub cors_origins: Vec<CorsOrigin>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            header_read_time_max: HEADER_READ_TIME_MAX,
            request_time_max: REQUEST_TIME_MAX,
            upload_idle_time_max: UPLOAD_IDLE_TIME_MAX,
            download_idle_time_max: DOWNLOAD_IDLE_TIME_MAX,
            drain_time_max: DRAIN_TIME_MAX,
            body_bytes_max: BODY_BYTES_MAX,
            header_bytes_max: HEADER_BYTES_MAX,
            connections_max: CONNECTIONS_MAX,
            failed_sign_ins_per_minute_max: FAILED_SIGN_INS_PER_MINUTE_MAX,
            token_look_ups_per_second_max: TOKEN_LOOK_UPS_PER_SECOND_MAX,
            transfers_max: TRANSFERS_MAX,
            cors_origins: Vec::new(),
        }
    }
}

/// A web page's origin as browsers send it: `https://example.com` or `http://localhost:5173`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsOrigin(HeaderValue);

/// A text that is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a scheme and a host, such as https://example.com or http://localhost:5173, and nothing after it")]
pub struct InvalidOrigin;

impl CorsOrigin {
    /// Reads an origin. A final slash is forgiven; a wildcard is not an origin.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let origin = text.trim();
        let origin = origin.strip_suffix('/').unwrap_or(origin).to_ascii_lowercase();
        let uri: Uri = origin.parse().map_err(|_| InvalidOrigin)?;
        let authority = uri.authority().ok_or(InvalidOrigin)?.as_str();
        let is_origin = matches!(uri.scheme_str(), Some("http" | "https"))
            && !authority.contains(['@', '*'])
            && origin.ends_with(&format!("://{authority}"));
        if is_origin { HeaderValue::try_from(origin).map(Self).map_err(|_| InvalidOrigin) } else { Err(InvalidOrigin) }
    }

    /// The origin as a header's value.
    #[must_use]
    pub fn header(&self) -> &HeaderValue {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        let check = |text: &str, expected: Option<&str>| {
            let origin = CorsOrigin::parse(text).ok();
            assert_eq!(origin.as_ref().and_then(|origin| origin.0.to_str().ok()), expected, "{text:?}");
        };
        check("https://Example.com/", Some("https://example.com"));
        check("http://localhost:5173", Some("http://localhost:5173"));
        check("https://example.com/app", None);
        check("https://example.com?x", None);
        check("https://user@example.com", None);
        check("example.com", None);
        check("ftp://example.com", None);
        check("*", None);
        check("https://*.example.com", None);
        check("", None);
    }
}
