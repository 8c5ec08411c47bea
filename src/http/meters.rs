//! What the HTTP layer counts of itself while it works. The module `metrics` writes it for Prometheus.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio_util::task::TaskTracker;

use super::route_meters::RouteMeters;
use crate::domain::time::Timestamp;

/// What the HTTP layer counts of itself while it works.
#[derive(Debug)]
pub struct Meters {
    /// Answers, by route.
    pub routes: Arc<RouteMeters>,
    /// A task for each connection that is open.
    pub connections: TaskTracker,
    /// What was refused here because there was too much of it.
    pub shed: Shed,
    /// When the server started.
    pub started_at: Timestamp,
}

/// What was refused because there was too much of it; what the store refused the store counts.
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
        Self { routes: Arc::default(), connections: TaskTracker::new(), shed: Shed::default(), started_at: now }
    }
}
