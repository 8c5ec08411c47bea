//! Warming: summaries are loaded before the first request for them, a few at a time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use thiserror::Error;

use super::error::SummaryError;
use super::key::SummaryKey;
use super::read_through::{Summaries, WARM_LOADS_MAX};
use crate::cache::WarmLoad;
use crate::domain::access::Reach;
use crate::domain::directory::Scope;
use crate::domain::ids::EnterpriseId;
use crate::domain::page::{PageRequest, PageStart};
use crate::store::{StoreError, Subject};

/// Departments of an enterprise that are read at once for warming.
const DEPARTMENTS_PAGE_LEN: u32 = 200;

/// How often a summary is loaded that changes during its load, before it is reported as not stored.
const ATTEMPTS_MAX: u32 = 3;

/// A request to warm summaries.
#[derive(Clone, Debug)]
pub struct WarmRequest {
    /// The enterprises. One that occurs twice is warmed once.
    pub enterprises: Vec<EnterpriseId>,
    /// Whether their departments are warmed, too.
    pub with_departments: bool,
    /// After this time no further load is started.
    pub time_max: Duration,
}

/// The result of warming one enterprise, with its departments if requested.
#[derive(Clone, Debug)]
pub struct WarmReport {
    /// Whether it is in the cache now.
    pub outcome: Result<WarmOutcome, WarmError>,
    /// How long it took.
    pub took: Duration,
}

/// Whether a summary had to be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmOutcome {
    /// It was loaded; with departments, at least one of them was.
    Warmed,
    /// It was in the cache.
    AlreadyCached,
}

/// Why a summary is not in the cache.
#[derive(Clone, Debug, Error)]
pub enum WarmError {
    /// It cannot be loaded.
    #[error(transparent)]
    Summary(#[from] SummaryError),
    /// It was loaded and not stored.
    #[error("it was loaded and cannot be kept: it changes all the time, or is larger than the cache")]
    NotKept,
    /// The time was over before.
    #[error("it was not reached in the time of one request; ask for it again")]
    NotReached,
}

impl From<StoreError> for WarmError {
    fn from(error: StoreError) -> Self {
        SummaryError::from(error).into()
    }
}

/// Until when loads may be started.
#[derive(Clone, Copy)]
struct Deadline {
    begun: Instant,
    time_max: Duration,
}

impl Summaries {
    /// Warms enterprises. Returns a report for each, in the same order. A failure does not stop the rest.
    pub async fn warm(&self, request: WarmRequest) -> Vec<WarmReport> {
        let WarmRequest { enterprises, with_departments, time_max } = request;
        let deadline = Deadline { begun: self.store.clock().instant(), time_max };
        let mut places: HashMap<&EnterpriseId, usize> = HashMap::new();
        let mut distinct = Vec::new();
        for id in &enterprises {
            places.entry(id).or_insert_with(|| {
                distinct.push(id.clone());
                distinct.len() - 1
            });
        }
        let work = distinct.into_iter().map(|id| self.warm_enterprise(id, with_departments, deadline));
        let mut reports: Vec<WarmReport> = stream::iter(work).buffered(WARM_LOADS_MAX).collect().await;
        enterprises
            .iter()
            .map(|id| {
                let report = &mut reports[places[id]];
                let again = report.outcome.clone().map(|_| WarmOutcome::AlreadyCached);
                std::mem::replace(report, WarmReport { outcome: again, took: Duration::ZERO })
            })
            .collect()
    }

    async fn warm_enterprise(&self, id: EnterpriseId, with_departments: bool, deadline: Deadline) -> WarmReport {
        let clock = self.store.clock();
        let begun = clock.instant();
        let mut outcome = self.warm_scope(Scope::enterprise(id.clone()), deadline).await;
        if with_departments && let Ok(enterprise) = outcome {
            outcome = self.warm_departments(&id, deadline).await.map(|departments| enterprise.and(departments));
        }
        WarmReport { outcome, took: clock.instant().saturating_duration_since(begun) }
    }

    /// Warms the departments of an enterprise page by page. A failure does not stop the rest, and is reported.
    async fn warm_departments(&self, id: &EnterpriseId, deadline: Deadline) -> Result<WarmOutcome, WarmError> {
        let mut outcome = Ok(WarmOutcome::AlreadyCached);
        let mut next = Some(PageStart::First);
        while let Some(start) = next {
            self.in_time(deadline)?;
            let (id, request) = (id.clone(), PageRequest { limit: DEPARTMENTS_PAGE_LEN, start });
            let owner = id.clone();
            let page = self.store.read(move |tx| tx.departments(&Reach::Installation, &owner, false, &request)).await?;
            for department in page.items {
                match self.warm_scope(Scope::department(id.clone(), department.id), deadline).await {
                    Ok(department) => outcome = outcome.map(|so_far| so_far.and(department)),
                    // It was removed after it was listed.
                    Err(WarmError::Summary(SummaryError::Store(StoreError::NotFound(Subject::Department)))) => {}
                    Err(WarmError::NotReached) => return Err(WarmError::NotReached),
                    Err(error) => outcome = outcome.and(Err(error)),
                }
            }
            next = page.next.map(PageStart::After);
        }
        outcome
    }

    async fn warm_scope(&self, scope: Scope, deadline: Deadline) -> Result<WarmOutcome, WarmError> {
        let key = SummaryKey::summary(scope);
        // This semaphore is never closed.
        let _permit = self.warming.acquire().await.map_err(|_| WarmError::NotReached)?;
        for _ in 0..ATTEMPTS_MAX {
            let left = self.in_time(deadline)?;
            let warmed = tokio::time::timeout(left, self.cache.warm(&key, self.loader(&key, None))).await;
            match warmed.map_err(|_| WarmError::NotReached)?.map_err(SummaryError::from)? {
                WarmLoad::AlreadyFresh => return Ok(WarmOutcome::AlreadyCached),
                WarmLoad::Loaded { stored: true } => return Ok(WarmOutcome::Warmed),
                WarmLoad::Loaded { stored: false } => {}
                WarmLoad::Absent => return Err(self.why_absent(&key).await.into()),
            }
        }
        Err(WarmError::NotKept)
    }

    /// The remaining time, if there is any.
    fn in_time(&self, deadline: Deadline) -> Result<Duration, WarmError> {
        let passed = self.store.clock().instant().saturating_duration_since(deadline.begun);
        deadline.time_max.checked_sub(passed).filter(|left| !left.is_zero()).ok_or(WarmError::NotReached)
    }
}

impl WarmOutcome {
    /// The outcome of two summaries together: already cached only if both were.
    fn and(self, other: Self) -> Self {
        if other == Self::AlreadyCached { self } else { other }
    }
}
