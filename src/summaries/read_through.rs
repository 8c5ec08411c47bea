//! Summaries read through the cache: a fresh entry is the answer, otherwise the answer is loaded and stored.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::body::{AnswerHead, SummaryBody};
use super::cache_invalidation::CacheInvalidation;
use super::configuration::VersionedConfiguration;
use super::error::SummaryError;
use super::key::SummaryKey;
use super::live::Live;
use super::minute_samples::Sampler;
use super::summary_cache::{ServedSummary, SummaryCache};
use super::ttl_policy;
use super::what_if::{Simulator, TriedSetting, WhatIf};
use super::write_activity::WriteActivity;
use crate::store::{Store, StoreError, Subject, Subscriber};
use crate::what_if::Recorder;

/// Whether the client already has the answer with this entity tag.
pub type KnownTag<'a> = dyn Fn(&[u8]) -> bool + Sync + 'a;

/// How often expired entries are swept. Until then they take memory, and are not served as hits.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// Bodies up to this size, in bytes, are compressed on the thread of the request, which takes less than a millisecond.
/// Larger ones would delay other requests of the same thread.
const COMPRESS_IN_PLACE_BYTES_MAX: usize = 32 * 1024;

/// Loads that all warming requests together run at once. There are at least two read connections, and a read waits
/// behind at most this many loads of well under a millisecond.
pub(super) const WARM_LOADS_MAX: usize = 2;

/// The summaries of one store, and their cache. Clones are cheap and share the same cache.
#[derive(Clone)]
pub struct Summaries {
    pub(super) store: Store,
    pub(super) cache: SummaryCache,
    pub(super) configuration: Arc<watch::Sender<VersionedConfiguration>>,
    pub(super) activity: Arc<WriteActivity>,
    live: Live,
    /// A permit for each load that warming may run at once.
    pub(super) warming: Arc<Semaphore>,
    pub(super) sampler: Arc<Sampler>,
    simulator: Simulator,
}

/// The answer to a request that may have an `If-None-Match`.
#[derive(Debug)]
pub enum ConditionalAnswer {
    /// The complete answer.
    Whole(ServedSummary),
    /// The client has the answer of the fresh entry.
    Unchanged(ServedSummary),
    /// The client has the current answer by the scope's row; nothing was loaded.
    Revalidated {
        /// The current entity tag.
        etag: String,
        /// How long the check took.
        took: Duration,
    },
}

impl Summaries {
    /// The summaries of a store, with an empty cache. Blocks.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn open(store: &Store) -> Result<Self, StoreError> {
        let (epoch, counter, configuration) =
            store.read_blocking(|tx| Ok((tx.epoch()?, tx.revision()?, VersionedConfiguration::read(tx)?)))?;
        let activity = Arc::new(WriteActivity::new(store.clock().clone()));
        let settings = ttl_policy::settings(&configuration.configuration, &activity);
        let clock = store.clock().clone();
        let recorder = Recorder::new(clock.moment());
        let cache = SummaryCache::observed(settings, clock, counter, recorder);
        let configuration = Arc::new(watch::Sender::new(configuration));
        let live = Live::new(store, &cache, configuration.subscribe(), epoch, counter);
        let invalidation = CacheInvalidation::new(cache.clone(), Arc::clone(&activity), live.wake());
        let subscriber: Arc<dyn Subscriber> = Arc::new(invalidation);
        store.subscribe(&subscriber)?;
        let warming = Arc::new(Semaphore::new(WARM_LOADS_MAX));
        let sampler = Arc::new(Sampler::new(store, &cache));
        let simulator = Simulator::default();
        Ok(Self { store: store.clone(), cache, configuration, activity, live, warming, sampler, simulator })
    }

    /// The cache itself, for statistics, clears and settings.
    #[must_use]
    pub fn cache(&self) -> &SummaryCache {
        &self.cache
    }

    /// The event stream of the cache.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The answer for a key, or only its entity tag if `is_known` says that the client has that answer.
    ///
    /// # Errors
    ///
    /// If the enterprise or department does not exist, or if the load fails.
    pub async fn get(
        &self,
        key: &SummaryKey,
        is_known: Option<&KnownTag<'_>>,
    ) -> Result<ConditionalAnswer, SummaryError> {
        if let Some(served) = self.cache.get(key) {
            let known = is_known.is_some_and(|is_known| is_known(served.value.etag()));
            return Ok(if known { ConditionalAnswer::Unchanged(served) } else { ConditionalAnswer::Whole(served) });
        }
        if let Some(is_known) = is_known {
            let clock = self.store.clock();
            let began = clock.instant();
            if let Some(etag) = self.current_entity_tag(key).await
                && is_known(etag.as_bytes())
            {
                self.cache.count_revalidated(key);
                return Ok(ConditionalAnswer::Revalidated {
                    etag,
                    took: clock.instant().saturating_duration_since(began),
                });
            }
        }
        // Waited for before a load is joined: nobody waits for the turn of whoever began it.
        let turn = self.store.read_turn().await?;
        let served = self.cache.get_or_load(key, self.loader(key, turn.clone())).await?;
        drop(turn);
        match served {
            Some(served) => Ok(ConditionalAnswer::Whole(served)),
            None => Err(self.why_absent(key).await),
        }
    }

    /// Compresses an answer unless it is compressed, and updates the size of its entry.
    pub async fn compress(&self, key: &SummaryKey, body: &Arc<SummaryBody>) {
        if body.is_compressed() {
            return;
        }
        if body.data().len() <= COMPRESS_IN_PLACE_BYTES_MAX {
            let _ = body.gzip(AnswerHead::Hit);
        } else {
            let body = Arc::clone(body);
            // If it fails, the caller compresses the body when it reads the compressed form.
            let _ = tokio::task::spawn_blocking(move || body.gzip(AnswerHead::Hit)).await;
        }
        self.cache.update_bytes(key, body);
    }

    /// Maintains the cache until `stop`: sweeps expired entries, applies changes of the configuration by other
    /// processes, and stores the counters of each minute.
    pub async fn maintain(self, stop: CancellationToken) {
        let sweeping = async {
            while tokio::time::timeout(SWEEP_INTERVAL, stop.cancelled()).await.is_err() {
                self.activity.sweep();
                self.cache.sweep();
                self.follow_configuration().await;
            }
        };
        tokio::join!(sweeping, self.sampler.run(stop.clone()));
    }

    /// Stores the counters of the current minute. To be called at the end, when no request runs any more.
    pub async fn flush(&self) {
        self.sampler.flush().await;
    }

    /// The hit ratio that other values of a setting would have had.
    ///
    /// # Errors
    ///
    /// If the simulation panics.
    pub async fn what_if(&self, tried: TriedSetting) -> Result<WhatIf, StoreError> {
        let current = || (self.configuration().1, self.store.clock().instant());
        self.simulator.what_if(&self.cache, &self.activity, self.store.clock(), tried, current).await
    }

    /// Why a load found nothing: whether the enterprise or the department does not exist.
    pub(super) async fn why_absent(&self, key: &SummaryKey) -> SummaryError {
        let scope = key.of().clone();
        match self.store.read(move |tx| tx.scope_revision(&scope)).await {
            Err(error) => error.into(),
            // It was created after the load.
            Ok(_) => StoreError::NotFound(Subject::Enterprise).into(),
        }
    }
}
