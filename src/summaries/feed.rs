//! What the store tells of changes, on its way into the cache.

use std::sync::Arc;

use tokio::sync::Notify;

use super::SummaryCache;
use super::activity::Activity;
use crate::store::{AccessList, Publication, Subscriber};

/// Hears of every change before whoever made it is answered. It holds the cache and not the store, which holds it.
pub(super) struct Feed {
    cache: SummaryCache,
    activity: Arc<Activity>,
    /// The cue for whoever tells listeners; notifying nobody costs one atomic operation.
    drawn: Arc<Notify>,
}

impl Feed {
    pub(super) fn new(cache: SummaryCache, activity: Arc<Activity>, drawn: Arc<Notify>) -> Self {
        Self { cache, activity, drawn }
    }
}

impl Subscriber for Feed {
    fn published(&self, publication: &Publication) {
        let scopes = publication.scopes.iter().map(|(scope, revision)| (scope, *revision));
        self.cache.publish(publication.revision, scopes);
        self.activity.record(publication);
        self.drawn.notify_one();
    }

    fn doubted(&self, revision: i64) {
        self.cache.reset_to(revision);
        self.activity.doubt();
        self.drawn.notify_one();
    }

    fn unreadable(&self) {
        self.cache.suspend();
    }

    fn access_changed(&self, _tokens: &Arc<AccessList>) {}
}
