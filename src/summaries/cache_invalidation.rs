//! Applies the store's change feed to the cache: entries are invalidated before the write that changed them is
//! acknowledged.

use std::sync::Arc;

use tokio::sync::Notify;

use super::summary_cache::SummaryCache;
use super::write_activity::WriteActivity;
use crate::store::{AccessList, Publication, Subscriber};

/// Receives every change before it is acknowledged. It owns a handle to the cache but none to the store, which owns it.
pub(super) struct CacheInvalidation {
    cache: SummaryCache,
    activity: Arc<WriteActivity>,
    /// Wakes the task of the event stream. Without listeners this costs one atomic operation.
    publications: Arc<Notify>,
}

impl CacheInvalidation {
    pub(super) fn new(cache: SummaryCache, activity: Arc<WriteActivity>, publications: Arc<Notify>) -> Self {
        Self { cache, activity, publications }
    }
}

impl Subscriber for CacheInvalidation {
    fn published(&self, publication: &Publication) {
        let scopes = publication.scopes.iter().map(|(scope, revision)| (scope, *revision));
        self.cache.publish(publication.revision, scopes);
        self.activity.record(publication);
        self.publications.notify_one();
    }

    fn reset_to(&self, revision: i64) {
        self.cache.reset_to(revision);
        self.activity.restart();
        self.publications.notify_one();
    }

    fn suspend(&self) {
        self.cache.suspend();
    }

    fn access_changed(&self, _tokens: &Arc<AccessList>) {}
}
