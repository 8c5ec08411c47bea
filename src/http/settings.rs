//! The limits of the HTTP layer: each has a name, a unit and a default with its reason.

use std::time::Duration;

use crate::config::{BasePath, WebOrigin};

/// Time for a request from its head to its answer, streaming routes excepted. Beyond it the client has given up.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// Size of a request body, streaming routes excepted. The largest contact is a small fraction of it.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Size of the body of a request that shows no token. It is kept until it is whole, before anything is known of who sends it; a token
/// or a code to sign in with is a fraction of it.
pub const STRANGER_BODY_BYTES_MAX: usize = 4 * 1024;

/// Unknown tokens that one address may present in a minute; more is guessing or a misconfigured client in a loop.
pub const FAILED_SIGN_INS_PER_MINUTE_MAX: u32 = 10;

/// Unknown tokens that are looked up in the database in a second, from all addresses together: it keeps guessing from
/// many addresses away from the read connections.
pub const TOKEN_LOOK_UPS_PER_SECOND_MAX: u32 = 100;

/// Imports and exports that run at once. Each holds a thread, and an import is bound by the one writer anyway; more than
/// these are told to come back, so that they cannot take the threads that reads need.
pub const TRANSFERS_MAX: usize = 8;

/// Event streams that are open at once. Each holds a connection and some kilobytes; a company has fewer dashboards open.
pub const EVENT_STREAMS_MAX: usize = 100;

/// After so long a comment goes over an event stream, so that no proxy takes it for dead; they wait a minute or more.
pub const EVENT_KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What the HTTP layer needs to know from the configuration.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// See [`REQUEST_TIME_MAX`].
    pub request_time_max: Duration,
    /// See [`BODY_BYTES_MAX`].
    pub body_bytes_max: usize,
    /// See [`FAILED_SIGN_INS_PER_MINUTE_MAX`].
    pub failed_sign_ins_per_minute_max: u32,
    /// See [`TOKEN_LOOK_UPS_PER_SECOND_MAX`].
    pub token_look_ups_per_second_max: u32,
    /// See [`TRANSFERS_MAX`].
    pub transfers_max: usize,
    /// See [`EVENT_STREAMS_MAX`].
    pub event_streams_max: usize,
    /// See [`EVENT_KEEP_ALIVE`].
    pub event_keep_alive: Duration,
    /// Origins whose pages may call the API from a browser; none by default.
    pub cors_origins: Vec<WebOrigin>,
    /// The origin at which people reach the server, where that is another than it listens on.
    pub public_origin: Option<WebOrigin>,
    /// What every path begins with, where the server shares a host with others.
    pub base_path: Option<BasePath>,
}

impl HttpSettings {
    /// Whether browsers reach the server by a proxy's TLS.
    #[must_use]
    pub fn has_https_origin(&self) -> bool {
        self.public_origin.as_ref().is_some_and(WebOrigin::is_https)
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            request_time_max: REQUEST_TIME_MAX,
            body_bytes_max: BODY_BYTES_MAX,
            failed_sign_ins_per_minute_max: FAILED_SIGN_INS_PER_MINUTE_MAX,
            token_look_ups_per_second_max: TOKEN_LOOK_UPS_PER_SECOND_MAX,
            transfers_max: TRANSFERS_MAX,
            event_streams_max: EVENT_STREAMS_MAX,
            event_keep_alive: EVENT_KEEP_ALIVE,
            cors_origins: Vec::new(),
            public_origin: None,
            base_path: None,
        }
    }
}
