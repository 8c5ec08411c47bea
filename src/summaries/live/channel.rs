//! The inputs of the sending task, and the channel for its events.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast, watch};

use super::event::LiveEvent;
use crate::store::Store;
use crate::summaries::configuration::VersionedConfiguration;
use crate::summaries::summary_cache::SummaryCache;

/// The most events that wait for the slowest listener: those of minutes on a quiet server, of six seconds on the
/// busiest. All listeners share them, and they take at most five megabytes.
pub(super) const EVENTS_WAITING_MAX: usize = 256;

/// The inputs of the sending task, and the events that wait for listeners.
pub(super) struct EventChannel {
    pub(super) store: Store,
    pub(super) cache: SummaryCache,
    /// Notified of each publication. Without a waiting task this costs the writer's thread one atomic operation.
    pub(super) publications: Arc<Notify>,
    /// The current configuration.
    pub(super) configuration: watch::Receiver<VersionedConfiguration>,
    pub(super) events: broadcast::Sender<Arc<LiveEvent>>,
    /// Everything up to this revision was sent; `None` while no task runs.
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
        // An error only means that there is no listener.
        let _ = self.events.send(event);
    }
}
