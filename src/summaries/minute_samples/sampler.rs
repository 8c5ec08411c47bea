//! Makes samples, keeps them, writes them.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Mutex as AsyncMutex, Notify, OnceCell};
use tokio_util::sync::CancellationToken;

use super::from_counters::sample_of;
use super::history::{History, kept_minutes};
use super::timeline::Timeline;
use crate::cache::EntryTotals;
use crate::clock::Clock;
use crate::domain::cache::{CacheSample, Minute, RequestCounters, Window};
use crate::domain::time::Timestamp;
use crate::store::{Store, StoreError, WriteTx};
use crate::summaries::cache_counters;
use crate::summaries::summary_cache::SummaryCache;

/// How often the wall clock is looked at, at least: so late a jump of it is noticed.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// How long to wait at least, so that a clock that stands just before a minute's end causes no busy loop.
const LOOK_PAUSE_MIN: Duration = Duration::from_millis(20);

/// Rows that one read takes: a day.
const READ_AT_ONCE_MAX: u32 = 1_440;

/// Old rows that one write job deletes, for the same reason.
const FORGOTTEN_AT_ONCE_MAX: u32 = 500;

/// Makes samples, keeps them, writes them.
pub(crate) struct Sampler {
    store: Store,
    cache: SummaryCache,
    clock: Clock,
    /// Done once the database's samples are in the timeline; before that none is written, or it would come in twice.
    loaded: OnceCell<()>,
    /// Taken for a few map operations. The cache's lock is taken inside of it, to look at its counters, and never the other
    /// way round. Nothing is awaited under it.
    history: Mutex<History>,
    /// Held while samples are written, so that they go in turn.
    writing: AsyncMutex<()>,
    /// Notified when something is to be written or deleted.
    due: Notify,
}

/// What is known of a window at one moment.
pub(crate) struct WindowSamples {
    /// Requests and loads since the start.
    pub(crate) since_start: RequestCounters,
    pub(crate) totals: EntryTotals,
    pub(crate) now: Timestamp,
    pub(crate) window: Window,
    /// The samples of the window by its steps, oldest first; the last step still runs.
    pub(crate) steps: Vec<Vec<Arc<CacheSample>>>,
    /// The earliest minute of the window of which anything is known, to the hour in long windows.
    pub(crate) since: Minute,
}

impl Sampler {
    /// Samples of a cache that has counted nothing yet.
    pub(crate) fn new(store: &Store, cache: &SummaryCache) -> Self {
        let clock = store.clock().clone();
        Self {
            store: store.clone(),
            cache: cache.clone(),
            loaded: OnceCell::new(),
            history: Mutex::new(History::new(&clock)),
            clock,
            writing: AsyncMutex::new(()),
            due: Notify::new(),
        }
    }

    /// Makes a sample at each minute's end and writes it, until `stop`. The running minute is then still to be settled.
    pub(crate) async fn tend(&self, stop: CancellationToken) {
        // Apart, since a write may wait for the lock of another process, and minutes end meanwhile.
        let turning = async {
            loop {
                self.turn();
                let rest = Duration::from_millis(Minute::rest(self.clock.now()));
                if tokio::time::timeout(rest.clamp(LOOK_PAUSE_MIN, LOOK_INTERVAL), stop.cancelled()).await.is_ok() {
                    return;
                }
            }
        };
        let writing = async {
            loop {
                self.catch_up().await;
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.due.notified() => {}
                }
            }
        };
        tokio::join!(turning, writing);
    }

    /// Looks at the clock, and ends the running minute if another has begun.
    pub(super) fn turn(&self) {
        let mut history = self.history();
        if history.turn(&self.cache, Minute::of(self.clock.now())) {
            self.due.notify_one();
        }
        if history.jumps.look(&self.clock) {
            history.is_forgetting_due = true;
            self.due.notify_one();
        }
    }

    /// Does what is due in the database.
    pub(super) async fn catch_up(&self) {
        self.write().await;
        if mem::take(&mut self.history().is_forgetting_due)
            && let Err(error) = self.forget().await
        {
            tracing::warn!(%error, "cannot delete old samples of the cache");
        }
    }

    /// Makes a sample of the minute that still runs and writes everything, for an orderly end.
    pub(crate) async fn settle(&self) {
        {
            let mut history = self.history();
            history.turn(&self.cache, Minute::of(self.clock.now()));
            history.sample(&self.cache);
        }
        self.write().await;
    }

    /// What is known of a window now.
    ///
    /// # Errors
    ///
    /// If what was known before the start cannot be read.
    pub(crate) async fn window(&self, window: Window) -> Result<WindowSamples, StoreError> {
        self.load().await?;
        let now = self.clock.now();
        let minute = Minute::of(now);
        let mut history = self.history();
        if history.turn(&self.cache, minute) {
            self.due.notify_one();
        }
        let (stats, totals) = (self.cache.stats(), self.cache.entry_totals());
        let running = sample_of(&stats.since(&history.counted), &totals);
        let mut steps = history.timeline.steps(window, minute);
        let since = history.timeline.first_known(window, minute).unwrap_or(minute);
        drop(history);
        if let Some(last) = steps.last_mut() {
            last.push(Arc::new(running));
        }
        Ok(WindowSamples { since_start: cache_counters::requests(&stats), totals, now, window, steps, since })
    }

    pub(super) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock()
    }

    /// Reads what was known before the start, once.
    async fn load(&self) -> Result<(), StoreError> {
        self.loaded
            .get_or_try_init(|| async {
                let now = Minute::of(self.clock.now());
                let (mut past, mut next) = (Timeline::default(), Some(*kept_minutes(now).start()));
                while let Some(from) = next {
                    let minutes = from..=*kept_minutes(now).end();
                    let reading = self.store.read_patiently(move |tx| {
                        let page = tx.cache_samples(minutes, READ_AT_ONCE_MAX)?;
                        for (minute, sample) in &page.samples {
                            past.add(*minute, sample, now);
                        }
                        Ok((past, page.next))
                    });
                    (past, next) = reading.await?;
                }
                let mut history = self.history();
                past.append(&history.timeline, now);
                history.timeline = past;
                Ok(())
            })
            .await
            .copied()
    }

    /// Writes what is not written yet; what cannot be written stays for later.
    async fn write(&self) {
        let _turn = self.writing.lock().await;
        let result = self.write_all().await;
        let was_failing = mem::replace(&mut self.history().failing, result.is_err());
        match result {
            Err(error) if !was_failing => {
                tracing::warn!(%error, "cannot write down what the cache counted; it is kept and tried again");
            }
            Ok(()) if was_failing => tracing::info!("what the cache counted is written down again"),
            _ => {}
        }
    }

    async fn write_all(&self) -> Result<(), StoreError> {
        self.load().await?;
        loop {
            let batch = self.history().take_unwritten();
            if batch.is_empty() {
                return Ok(());
            }
            let job = batch.clone();
            if let Err(error) = self.store.write(move |tx| tx.add_cache_samples(&job)).await {
                // An error means that nothing of it was written.
                let mut history = self.history();
                for (minute, sample) in &batch {
                    history.keep_unwritten(*minute, sample);
                }
                return Err(error);
            }
        }
    }

    async fn forget(&self) -> Result<(), StoreError> {
        loop {
            let kept = kept_minutes(Minute::of(self.clock.now()));
            let forget = move |tx: &WriteTx<'_>| tx.forget_cache_samples(kept, FORGOTTEN_AT_ONCE_MAX);
            if self.store.write(forget).await? < FORGOTTEN_AT_ONCE_MAX as usize {
                return Ok(());
            }
        }
    }
}
