//! What the parts of the sending task share: what they read, and where they put events.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast, watch};

use super::event::LiveEvent;
use crate::store::Store;
use crate::summaries::configuration::VersionedConfiguration;
use crate::summaries::summary_cache::SummaryCache;

/// Events that wait for the slowest listener: minutes of standing still on a quiet server, six seconds on the busiest. They
/// wait once for all, and take five megabytes at worst.
pub(super) const EVENTS_WAITING_MAX: usize = 256;

/// What the sending task reads, and the events that wait for listeners.
pub(super) struct EventChannel {
    pub(super) store: Store,
    pub(super) cache: SummaryCache,
    /// Notified of each publication; costs the writer's thread one atomic operation while no task waits.
    pub(super) publications: Arc<Notify>,
    /// The configuration that holds.
    pub(super) configuration: watch::Receiver<VersionedConfiguration>,
    pub(super) events: broadcast::Sender<Arc<LiveEvent>>,
    /// Everything up to here has been sent; `None` while no task runs.
    pub(super) position: watch::Sender<Option<i64>>,
}

impl EventChannel {
    pub(super) fn new(
        store: &Store,
        cache: &SummaryCache,
        configuration: watch::Receiver<VersionedConfiguration>,
    ) -> Self {
        Self {
            store: store.clone(),
            cache: cache.clone(),
            publications: Arc::default(),
            configuration,
            events: broadcast::Sender::new(EVENTS_WAITING_MAX),
            position: watch::Sender::new(None),
        }
    }

    pub(super) fn send(&self, event: Arc<LiveEvent>) {
        // Having no listener is no failure.
        let _ = self.events.send(event);
    }
}
