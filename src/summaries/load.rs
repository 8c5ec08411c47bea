//! Computes an answer in one read transaction, and serialises it once.

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
use crate::store::{HeldTurn, ReadTx, StoreError};

impl Summaries {
    /// The loader for a key, which reads in this turn, so that a client that goes away meanwhile does not get another.
    pub(super) fn loader(
        &self,
        key: &SummaryKey,
        turn: Option<HeldTurn>,
    ) -> impl FnOnce() -> LoadFuture + Send + 'static {
        let (store, key) = (self.store.clone(), key.clone());
        // A page contains its expiry. The TTL is read here, because the loader must not own the cache, which owns the
        // loader.
        let ttl = key.page().map(|_| (self.cache.settings().ttl)(&key)).unwrap_or_default();
        move || {
            Box::pin(async move {
                let clock = store.clock().clone();
                let loaded = store.read_in(turn, move |tx| {
                    let begun = clock.instant();
                    load(tx, &key, ttl, || clock.instant().saturating_duration_since(begun))
                });
                // The cause is logged here, because the client gets a general message or a stale answer.
                loaded.await.inspect_err(|error| match error {
                    // Many of these occur at once under load, and they are counted.
                    StoreError::ReadQueueFull => tracing::debug!(%error, "cannot load a summary"),
                    error => tracing::warn!(%error, "cannot load a summary"),
                })
            })
        }
    }

    /// The entity tag of the current answer, from the scope's row alone; `None` if that cannot be read.
    pub(super) async fn current_entity_tag(&self, key: &SummaryKey) -> Option<String> {
        let scope = key.of().clone();
        let tag = self.store.read(move |tx| entity_tag(tx, &scope));
        tag.await.ok()
    }
}

/// A running load.
pub(super) type LoadFuture = Pin<Box<dyn Future<Output = Result<Loaded<SummaryBody>, StoreError>> + Send>>;

/// Computes the answer for a key; `None` if the enterprise or department does not exist.
fn load(
    tx: &ReadTx<'_>,
    key: &SummaryKey,
    ttl: Duration,
    elapsed: impl FnOnce() -> Duration,
) -> Result<Loaded<SummaryBody>, StoreError> {
    // The first statement opens the snapshot of the transaction.
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
    let data = match (key.page(), department) {
        (None, None) => {
            let mut summary = tx.enterprise_summary(enterprise)?;
            summary.calculation_time = milliseconds(elapsed());
            serialise(&summary)?
        }
        (None, Some(department)) => {
            let mut summary = tx.department_summary(enterprise, department)?;
            summary.calculation_time = milliseconds(elapsed());
            serialise(&summary)?
        }
        (Some(page), None) => {
            let mut details = tx.enterprise_details(enterprise, page)?;
            details.page.expire_after(ttl);
            serialise(&details)?
        }
        (Some(page), Some(department)) => {
            let mut details = tx.department_details(enterprise, department, page)?;
            details.page.expire_after(ttl);
            serialise(&details)?
        }
    };
    Ok(SummaryBody::new(&data, tx.now(), entity_tag(tx, key.of())?))
}

fn serialise(data: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(data).map_err(|error| StoreError::Corrupt(format!("an answer cannot be written: {error}")))
}

/// Milliseconds with three decimal places.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
