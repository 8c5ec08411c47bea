//! What the HTTP layer is started with: its settings, and the limits that no setting changes.

use std::time::Duration;

use crate::config::HttpSettings;

/// Imports and exports that run at once. Each holds a thread, and an import is limited by the one writer anyway;
/// further ones get 503, so that they cannot take the threads that reads need.
const TRANSFERS_MAX: usize = 8;

/// Event streams that are open at once. Each holds a connection and some kilobytes; a company has fewer dashboards
/// open.
const EVENT_STREAMS_MAX: usize = 100;

/// Time between two comments in an event stream, so that no proxy takes it for dead; they wait a minute or more.
const EVENT_KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What the HTTP layer is started with.
#[derive(Clone, Debug, Default)]
pub struct HttpOptions {
    pub settings: HttpSettings,
    pub limits: HttpLimits,
}

/// Limits of the HTTP layer that no setting changes; tests do.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// Imports and exports that run at once.
    pub transfers_max: usize,
    /// Event streams that are open at once.
    pub event_streams_max: usize,
    /// Time between two comments in an event stream.
    pub event_keep_alive: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self { transfers_max: TRANSFERS_MAX, event_streams_max: EVENT_STREAMS_MAX, event_keep_alive: EVENT_KEEP_ALIVE }
    }
}
