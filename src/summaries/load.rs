//! How an answer is computed: in one read transaction, serialised once.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde::Serialize;

use super::body::SummaryBody;
use super::entity_tag::entity_tag;
use super::key::SummaryKey;
use super::read_through::Summaries;
use crate::cache::Loaded;
use crate::domain::directory::Scope;
use crate::store::{ReadTx, StoreError};

impl Summaries {
    /// What loads the answer for a key.
    pub(super) fn loader(&self, key: &SummaryKey) -> impl FnOnce() -> LoadFuture + Send + 'static {
        let (store, key) = (self.store.clone(), key.clone());
        // A page says when it expires. The load may begin later than now, but must not hold the cache that holds it.
        let ttl = key.page().map(|_| (self.cache.settings().ttl)(&key)).unwrap_or_default();
        move || {
            Box::pin(async move {
                let clock = store.clock().clone();
                let loaded = store.read(move |tx| {
                    let begun = clock.instant();
                    load(tx, &key, ttl, || clock.instant().saturating_duration_since(begun))
                });
                // The client reads a general sentence, or perhaps an older answer: the cause is logged here.
                loaded.await.inspect_err(|error| match error {
                    // Of these there are many at a time, and nothing is wrong but their number, which is counted.
                    StoreError::ReadQueueFull => tracing::debug!(%error, "cannot load a summary"),
                    error => tracing::warn!(%error, "cannot load a summary"),
                })
            })
        }
    }

    /// The entity tag that an answer would have now, by the scope's row alone; `None` if that cannot be read.
    pub(super) async fn current_entity_tag(&self, key: &SummaryKey) -> Option<String> {
        let scope = key.of().clone();
        let tag = self.store.read(move |tx| Ok(entity_tag(&tx.epoch()?, tx.scope_revision(&scope)?, tx.now().day())));
        tag.await.ok()
    }
}

/// A load under way.
pub(super) type LoadFuture = Pin<Box<dyn Future<Output = Result<Loaded<SummaryBody>, StoreError>> + Send>>;

/// Computes the answer for a key. What does not exist is an answer, too.
fn load(
    tx: &ReadTx<'_>,
    key: &SummaryKey,
    ttl: Duration,
    elapsed: impl FnOnce() -> Duration,
) -> Result<Loaded<SummaryBody>, StoreError> {
    // First of all, so that it is read in the snapshot that everything else comes from.
    let as_of = tx.revision()?;
    let day = tx.now().day();
    let value = match compute(tx, key, ttl, elapsed) {
        Ok(value) => Some(value),
        Err(StoreError::NotFound(_)) => None,
        Err(error) => return Err(error),
    };
    Ok(Loaded { as_of, day, value })
}

fn compute(
    tx: &ReadTx<'_>,
    key: &SummaryKey,
    ttl: Duration,
    elapsed: impl FnOnce() -> Duration,
) -> Result<SummaryBody, StoreError> {
    let Scope { enterprise, department } = key.of();
    let (data, revision) = match (key.page(), department) {
        (None, None) => {
            let mut summary = tx.enterprise_summary(enterprise)?;
            summary.calculation_time = milliseconds(elapsed());
            (serialise(&summary)?, summary.revision)
        }
        (None, Some(department)) => {
            let mut summary = tx.department_summary(enterprise, department)?;
            summary.calculation_time = milliseconds(elapsed());
            (serialise(&summary)?, summary.revision)
        }
        (Some(page), None) => {
            let mut details = tx.enterprise_details(enterprise, page)?;
            details.page.expire_after(ttl);
            (serialise(&details)?, tx.scope_revision(key.of())?)
        }
        (Some(page), Some(department)) => {
            let mut details = tx.department_details(enterprise, department, page)?;
            details.page.expire_after(ttl);
            (serialise(&details)?, tx.scope_revision(key.of())?)
        }
    };
    Ok(SummaryBody::new(&data, tx.now(), entity_tag(&tx.epoch()?, revision, tx.now().day())))
}

fn serialise(data: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(data).map_err(|error| StoreError::Corrupt(format!("an answer cannot be written: {error}")))
}

/// Milliseconds with three digits after the point.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
