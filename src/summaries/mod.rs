//! Summaries as they are served: from the cache, and into it from one read transaction.
//!
//! In reading order:
//!
//! - `key`: what an answer is found by, and `body`: the bytes that are kept.
//! - `load`: how an answer is computed; `entity_tag`: what names it.
//! - `configuration`: what an administrator has tuned, stored and applied.
//! - `policy`, `activity`: from there to the TTL of each key, by how much is written to its enterprise.
//! - `feed`: what the store tells of changes.
//! - `warm`: loads before anybody asks.
//! - `live`: what happens, told to whoever listens; `figures`: the cache's figures as they leave the program.
//! - `sampler`, `analytics`: what the cache counts, minute by minute, and what that amounts to.
//! - `what_if`: what another setting would have brought.

mod activity;
mod analytics;
mod body;
mod configuration;
mod entity_tag;
mod feed;
mod figures;
mod key;
mod live;
mod load;
mod policy;
mod sampler;
mod warm;
mod what_if;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

pub use self::analytics::{Analytics, Figures, Percentiles, TargetState};
pub use self::body::{Head, SummaryBody};
pub use self::configuration::{Change, Configured, VersionedConfiguration};
pub use self::figures::{Counts, DurationCounts, Micros};
pub use self::key::{Kind, SummaryKey};
pub use self::live::{EventName, Listener, Live, LiveEvent, ResetReason, SCOPES_TOLD_MAX, Sample};
pub use self::load::SummaryError;
pub use self::warm::{WarmError, WarmOutcome, WarmReport, WarmRequest};
pub use self::what_if::{Setting, Tried, WhatIf, WhatIfPoint};

use self::activity::Activity;
use self::feed::Feed;
use self::sampler::Sampler;
use self::what_if::Simulator;
use crate::cache::{Cache, Served};
use crate::store::{Store, StoreError, Subject, Subscriber};

/// The cache of summaries.
pub type SummaryCache = Cache<SummaryKey, SummaryBody, StoreError>;

/// An answer and how it came to be.
pub type ServedSummary = Served<SummaryBody>;

/// Says of an entity tag whether the client has that answer already.
pub type KnownTag<'a> = dyn Fn(&[u8]) -> bool + Sync + 'a;

/// How often expired entries are swept. An entry past its time is not served meanwhile, it only takes room.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// Bodies up to this size, in bytes, are compressed where they are asked for: it takes less than a millisecond. Larger
/// ones would keep other requests of the same thread waiting.
const COMPRESS_IN_PLACE_BYTES_MAX: usize = 32 * 1024;

/// The summaries of one store, and their cache. Cloning it is cheap, and every clone is the same.
#[derive(Clone)]
pub struct Summaries {
    store: Store,
    cache: SummaryCache,
    configuration: Arc<watch::Sender<VersionedConfiguration>>,
    activity: Arc<Activity>,
    live: Live,
    /// A place for each load that warming may run at once.
    warming: Arc<Semaphore>,
    sampler: Arc<Sampler>,
    simulator: Simulator,
}

/// How a request with an `If-None-Match` ended.
#[derive(Debug)]
pub enum Answer {
    /// The whole of it.
    Whole(ServedSummary),
    /// The client has it already: the fresh entry is what it has.
    Unchanged(ServedSummary),
    /// The client has it already, as the scope's row says; nothing was loaded.
    Revalidated {
        /// The entity tag that it has now.
        etag: String,
        /// How long it took to look.
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
        let activity = Arc::new(Activity::new(store.clock().clone()));
        let settings = policy::settings(&configuration.configuration, &activity);
        let cache = SummaryCache::new(settings, store.clock().clone(), counter);
        let configuration = Arc::new(watch::Sender::new(configuration));
        let live = Live::new(store, &cache, configuration.subscribe(), epoch, counter);
        let feed: Arc<dyn Subscriber> = Arc::new(Feed::new(cache.clone(), Arc::clone(&activity), live.cue()));
        store.subscribe(&feed)?;
        let warming = Arc::new(Semaphore::new(warm::WARM_LOADS_MAX));
        let sampler = Arc::new(Sampler::new(store, &cache));
        let simulator = Simulator::default();
        Ok(Self { store: store.clone(), cache, configuration, activity, live, warming, sampler, simulator })
    }

    /// The cache itself, for whoever watches, clears or tunes it.
    #[must_use]
    pub fn cache(&self) -> &SummaryCache {
        &self.cache
    }

    /// What happens, for whoever wants to be told.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The answer for a key, unless `is_known` says of its entity tag that the client has it; it is asked only if there is
    /// one to ask.
    ///
    /// # Errors
    ///
    /// If there is nothing of that name, or if it cannot be loaded.
    pub async fn get(&self, key: &SummaryKey, is_known: Option<&KnownTag<'_>>) -> Result<Answer, SummaryError> {
        if let Some(served) = self.cache.get(key) {
            let known = is_known.is_some_and(|is_known| is_known(served.value.etag()));
            return Ok(if known { Answer::Unchanged(served) } else { Answer::Whole(served) });
        }
        if let Some(is_known) = is_known {
            let clock = self.store.clock();
            let began = clock.instant();
            if let Some(etag) = self.current_entity_tag(key).await
                && is_known(etag.as_bytes())
            {
                self.cache.count_revalidated(key);
                return Ok(Answer::Revalidated { etag, took: clock.instant().saturating_duration_since(began) });
            }
        }
        let served = self.cache.get_or_load(key, self.loader(key)).await?;
        match served {
            Some(served) => Ok(Answer::Whole(served)),
            None => Err(self.why_absent(key).await),
        }
    }

    /// Sees to it that the compressed form of an answer is there, and weighed.
    pub async fn compress(&self, key: &SummaryKey, body: &Arc<SummaryBody>) {
        if body.is_compressed() {
            return;
        }
        if body.data().len() <= COMPRESS_IN_PLACE_BYTES_MAX {
            let _ = body.gzip(Head::Hit);
        } else {
            let body = Arc::clone(body);
            // If it fails, whoever asks for the form compresses it.
            let _ = tokio::task::spawn_blocking(move || body.gzip(Head::Hit)).await;
        }
        self.cache.weigh_again(key, body);
    }

    /// Looks after the cache until `stop`: sweeps what has expired, follows changes of the configuration that were made by
    /// other processes, and writes down each minute what was counted.
    pub async fn tend(self, stop: CancellationToken) {
        let sweeping = async {
            while tokio::time::timeout(SWEEP_INTERVAL, stop.cancelled()).await.is_err() {
                self.activity.settle();
                self.cache.sweep();
                self.follow_configuration().await;
            }
        };
        tokio::join!(sweeping, self.sampler.tend(stop.clone()));
    }

    /// Writes down what was counted in the minute that runs. For the end, when no request runs any more.
    pub async fn settle(&self) {
        self.sampler.settle().await;
    }

    /// Why a load found nothing: what is missing, the enterprise or the department.
    async fn why_absent(&self, key: &SummaryKey) -> SummaryError {
        let scope = key.of().clone();
        match self.store.read(move |tx| tx.scope_revision(&scope)).await {
            Err(error) => error.into(),
            // It has come into being since the load looked.
            Ok(_) => StoreError::NotFound(Subject::Enterprise).into(),
        }
    }
}
