//! What Prometheus reads: how the server is doing, as counters, gauges and histograms.
//!
//! Nothing is gathered for a scrape that may never come. [`requests`] counts into memory that is there anyway; all else is
//! asked for when somebody scrapes, and `families` says under which name it goes out. No label holds anything that a
//! client may choose, so the number of series is bounded by the code.

mod backups;
mod families;
mod page;
pub mod requests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use tokio_util::task::TaskTracker;

use self::families::Figures;
use self::requests::Requests;
use super::state::AppState;
use crate::domain::time::Timestamp;
use crate::telemetry;

/// The media type of what [`exposition`] writes, as prometheus-client wants it announced. Prometheus knows it since 2.5.
pub(super) const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the HTTP layer counts of itself while it works.
#[derive(Debug)]
pub struct Meters {
    /// Answers, by route.
    pub requests: Arc<Requests>,
    /// A task for each connection that is open.
    pub connections: TaskTracker,
    /// What was turned away here because there was too much of it.
    pub shed: Shed,
    /// When the server started.
    pub started_at: Timestamp,
}

/// What was turned away because there was too much of it; what the store turned away the store counts.
#[derive(Debug, Default)]
pub struct Shed {
    /// Imports and exports.
    pub transfers: AtomicU64,
    /// Event streams.
    pub event_streams: AtomicU64,
    /// Connections of an address that had many.
    pub connections: AtomicU64,
}

impl Meters {
    /// Of a server that starts now and has answered nothing yet.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { requests: Arc::default(), connections: TaskTracker::new(), shed: Shed::default(), started_at: now }
    }
}

/// All metrics at this moment. Asks the file system; for a thread that may block.
pub(super) fn exposition(state: &AppState) -> Result<String, fmt::Error> {
    let cache = state.summaries.cache();
    let shed = &state.meters.shed;
    let figures = Figures {
        routes: state.meters.requests.routes(),
        connections: state.meters.connections.len(),
        connections_max: state.settings.connections_max,
        shed: [
            ("transfers", &shed.transfers),
            ("event_streams", &shed.event_streams),
            ("connections", &shed.connections),
        ]
        .map(|(what, count)| (what, count.load(Ordering::Relaxed))),
        cache: (cache.stats(), cache.occupancy()),
        store: state.store.figures(),
        backups: state.backups.figures(),
        resident_bytes: telemetry::resident_bytes(),
        started_at: state.meters.started_at,
        tls: state.settings.tls.as_ref().map(|tls| (tls.expires_at(), tls.failures())),
    };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(figures));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}
