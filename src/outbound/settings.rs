//! How other servers are connected to.

use std::path::PathBuf;
use std::time::Duration;

use super::target::Proxy;

/// How long it may take to connect, TLS and proxy included. A server in another continent takes less than a second.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a request may take until the last byte of its response, connecting included. Somebody may wait for it, as
/// people who sign in do.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(15);

/// The largest response body that is read. Documents of OIDC providers take a few kilobytes.
pub const RESPONSE_BYTES_MAX: usize = 1024 * 1024;

/// How other servers are connected to.
#[derive(Clone, Debug)]
pub struct OutboundSettings {
    /// A PEM file with the only authorities whose certificates are accepted; without one, the system's.
    pub ca_file: Option<PathBuf>,
    /// Every connection goes through this proxy.
    pub proxy: Option<Proxy>,
    /// [`CONNECT_TIMEOUT`], except in tests.
    pub connect_timeout: Duration,
    /// [`TOTAL_TIMEOUT`], except in tests.
    pub total_timeout: Duration,
    /// [`RESPONSE_BYTES_MAX`], except in tests.
    pub response_bytes_max: usize,
}

impl OutboundSettings {
    /// With the usual limits.
    #[must_use]
    pub fn new(ca_file: Option<PathBuf>, proxy: Option<Proxy>) -> Self {
        Self {
            ca_file,
            proxy,
            connect_timeout: CONNECT_TIMEOUT,
            total_timeout: TOTAL_TIMEOUT,
            response_bytes_max: RESPONSE_BYTES_MAX,
        }
    }
}
