//! What the store tells of changes, on its way into the cache.

use std::sync::Arc;

use super::SummaryCache;
use super::activity::Activity;
use crate::store::{Publication, Subscriber, TokenList};

/// Hears of every change before whoever made it is answered. It holds the cache and not the store, which holds it.
pub(super) struct Feed {
    cache: SummaryCache,
    activity: Arc<Activity>,
}

impl Feed {
    pub(super) fn new(cache: SummaryCache, activity: Arc<Activity>) -> Self {
        Self { cache, activity }
    }
}

impl Subscriber for Feed {
    fn published(&self, publication: &Publication) {
        let scopes = publication.scopes.iter().map(|(scope, revision)| (scope, *revision));
        self.cache.publish(publication.revision, scopes);
        self.activity.record(publication);
    }

    fn doubted(&self, revision: i64) {
        self.cache.doubt(revision);
        self.activity.doubt();
    }

    fn unreadable(&self) {
        self.cache.distrust();
    }

    fn access_changed(&self, _tokens: &Arc<TokenList>) {}
}
