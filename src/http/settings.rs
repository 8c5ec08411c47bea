//! The limits of the HTTP layer: each has a name, a unit and a default with its reason.

use std::time::Duration;

use super::forwarded::TrustedProxies;
use super::tls::Tls;
use crate::config::{BasePath, WebOrigin};

/// Time for a client to send the whole head of a request; it also ends idle keep-alive connections. Long enough for a
/// bad mobile link, short enough that a thousand silent clients do not hold a thousand connections for long.
pub const HEADER_READ_TIME_MAX: Duration = Duration::from_secs(10);

/// Time for a request from its head to its answer, streaming routes excepted. Beyond it the client has given up.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// Time that a streamed body may stand still before it is given up, so that a stalled import frees what it holds.
pub const UPLOAD_IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// Time that a piece of a streamed answer may wait for the client to take it, for the same reason.
pub const DOWNLOAD_IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// Bytes a second that go one way or the other at least, once a transfer has waited for longer than its idle time: a
/// client that sends or takes a byte now and then would keep what the transfer holds for ever. Slower than any modem.
pub const TRANSFER_BYTES_PER_SECOND_MIN: u64 = 1_024;

/// Time that running requests get to finish once the server was told to stop; service managers kill after 30 s or more.
pub const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);

/// Size of a request body, streaming routes excepted. The largest contact is a small fraction of it.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Size of the body of a request that shows no token. It is kept until it is whole, before anything is known of who sends it; a token
/// or a code to sign in with is a fraction of it.
pub const STRANGER_BODY_BYTES_MAX: usize = 4 * 1024;

/// Size of a request's head, start line included; a cursor of 4 KiB and a browser's headers fit several times.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;

/// Open connections. An idle one costs some 20 KiB, so this many cost about 200 MiB at worst.
pub const CONNECTIONS_MAX: usize = 10_000;

/// Open connections of one address, so that one cannot take them all. Everybody of a company may be behind one address, each
/// with a few.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 1_000;

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
    /// See [`HEADER_READ_TIME_MAX`].
    pub header_read_time_max: Duration,
    /// See [`REQUEST_TIME_MAX`].
    pub request_time_max: Duration,
    /// See [`UPLOAD_IDLE_TIME_MAX`].
    pub upload_idle_time_max: Duration,
    /// See [`DOWNLOAD_IDLE_TIME_MAX`].
    pub download_idle_time_max: Duration,
    /// See [`TRANSFER_BYTES_PER_SECOND_MIN`].
    pub transfer_bytes_per_second_min: u64,
    /// See [`DRAIN_TIME_MAX`].
    pub drain_time_max: Duration,
    /// See [`BODY_BYTES_MAX`].
    pub body_bytes_max: usize,
    /// See [`HEADER_BYTES_MAX`].
    pub header_bytes_max: usize,
    /// See [`CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// See [`CONNECTIONS_PER_ADDRESS_MAX`].
    pub connections_per_address_max: usize,
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
    /// The proxies whose word is taken for where a request comes from; none by default.
    pub trusted_proxies: TrustedProxies,
    /// The origin at which people reach the server, where that is another than it listens on.
    pub public_origin: Option<WebOrigin>,
    /// What every path begins with, where the server shares a host with others.
    pub base_path: Option<BasePath>,
    /// The certificate, where the server speaks TLS.
    pub tls: Option<Tls>,
}

impl HttpSettings {
    /// Whether browsers reach the server by TLS: its own, or that of a proxy, which `public_origin` tells of.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.tls.is_some() || self.public_origin.as_ref().is_some_and(WebOrigin::is_https)
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            header_read_time_max: HEADER_READ_TIME_MAX,
            request_time_max: REQUEST_TIME_MAX,
            upload_idle_time_max: UPLOAD_IDLE_TIME_MAX,
            download_idle_time_max: DOWNLOAD_IDLE_TIME_MAX,
            transfer_bytes_per_second_min: TRANSFER_BYTES_PER_SECOND_MIN,
            drain_time_max: DRAIN_TIME_MAX,
            body_bytes_max: BODY_BYTES_MAX,
            header_bytes_max: HEADER_BYTES_MAX,
            connections_max: CONNECTIONS_MAX,
            connections_per_address_max: CONNECTIONS_PER_ADDRESS_MAX,
            failed_sign_ins_per_minute_max: FAILED_SIGN_INS_PER_MINUTE_MAX,
            token_look_ups_per_second_max: TOKEN_LOOK_UPS_PER_SECOND_MAX,
            transfers_max: TRANSFERS_MAX,
            event_streams_max: EVENT_STREAMS_MAX,
            event_keep_alive: EVENT_KEEP_ALIVE,
            cors_origins: Vec::new(),
            trusted_proxies: TrustedProxies::default(),
            public_origin: None,
            base_path: None,
            tls: None,
        }
    }
}
