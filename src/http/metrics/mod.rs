//! What Prometheus reads: how the server is doing, as counters, gauges and histograms.
//!
//! Nothing is gathered for a scrape that may never come. [`requests`] counts into memory that is there anyway; all else is
//! asked for when somebody scrapes, and `families` says under which name it goes out. No label holds anything that a
//! client may choose, so the number of series is bounded by the code.

mod families;
mod page;
pub mod requests;

use std::fmt;
use std::sync::Arc;

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
    /// When the server started.
    pub started_at: Timestamp,
}

impl Meters {
    /// Of a server that starts now and has answered nothing yet.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { requests: Arc::default(), connections: TaskTracker::new(), started_at: now }
    }
}

/// All metrics at this moment. Asks the file system; for a thread that may block.
pub(super) fn exposition(state: &AppState) -> Result<String, fmt::Error> {
    let cache = state.summaries.cache();
    let figures = Figures {
        routes: state.meters.requests.routes(),
        connections: state.meters.connections.len(),
        connections_max: state.settings.connections_max,
        cache: (cache.stats(), cache.occupancy()),
        store: state.store.figures(),
        resident_bytes: telemetry::resident_bytes(),
        started_at: state.meters.started_at,
    };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(figures));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}
