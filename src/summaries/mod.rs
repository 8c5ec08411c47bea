//! Summaries as they are served: read in one transaction, serialised once.
//!
//! This is where the cache goes: between whoever asks and the one read that answers.

use bytes::Bytes;
use serde::Serialize;

use crate::domain::ids::{DepartmentId, EnterpriseId};
use crate::domain::time::Timestamp;
use crate::store::{ReadTx, Store, StoreError};

/// The summaries of one store.
#[derive(Clone)]
pub struct Summaries {
    store: Store,
}

/// A summary's `data`, serialised, with when and from what it was computed.
#[derive(Clone, Debug)]
pub struct Computed {
    /// The JSON object.
    pub data: Bytes,
    /// When it was computed.
    pub computed_at: Timestamp,
    /// The counter that its snapshot showed: it lacks nothing that was committed up to this revision.
    pub as_of: i64,
}

impl Summaries {
    /// Summaries of what a store holds.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// What a visible enterprise's contacts amount to.
    pub async fn enterprise(&self, id: &EnterpriseId) -> Result<Computed, StoreError> {
        let id = id.clone();
        self.compute(move |tx| tx.enterprise_summary(&id), |summary, millis| summary.calculation_time = millis).await
    }

    /// What a visible department's contacts amount to.
    pub async fn department(&self, enterprise: &EnterpriseId, id: &DepartmentId) -> Result<Computed, StoreError> {
        let (enterprise, id) = (enterprise.clone(), id.clone());
        self.compute(
            move |tx| tx.department_summary(&enterprise, &id),
            |summary, millis| summary.calculation_time = millis,
        )
        .await
    }

    async fn compute<T: Serialize>(
        &self,
        read: impl FnOnce(&ReadTx<'_>) -> Result<T, StoreError> + Send + 'static,
        set_calculation_time: impl FnOnce(&mut T, f64) + Send + 'static,
    ) -> Result<Computed, StoreError> {
        let clock = self.store.clock().clone();
        self.store
            .read(move |tx| {
                let begun = clock.instant();
                // First of all, so that it is read in the snapshot that everything else comes from.
                let as_of = tx.revision()?;
                let mut summary = read(tx)?;
                set_calculation_time(&mut summary, milliseconds(clock.instant().duration_since(begun)));
                let data = serde_json::to_vec(&summary)
                    .map_err(|error| StoreError::Corrupt(format!("a summary cannot be written: {error}")))?;
                Ok(Computed { data: data.into(), computed_at: tx.now(), as_of })
            })
            .await
    }
}

/// Milliseconds with three digits after the point.
fn milliseconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
