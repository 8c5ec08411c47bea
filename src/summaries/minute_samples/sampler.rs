//! Takes samples, keeps them in memory and writes them to the database.

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

/// The longest time between two checks of the wall clock, after which a jump is detected.
const CHECK_INTERVAL_MAX: Duration = Duration::from_secs(10);

/// The shortest time between two checks, so that there is no busy loop just before the end of a minute.
const CHECK_INTERVAL_MIN: Duration = Duration::from_millis(20);

/// Rows per read: a day.
const ROWS_PER_READ_MAX: u32 = 1_440;

/// Old rows that one write job deletes, so that it holds the write lock for a few milliseconds.
const ROWS_PER_DELETE_MAX: u32 = 500;

/// Takes samples, keeps them in memory and writes them to the database.
pub(crate) struct Sampler {
    store: Store,
    cache: SummaryCache,
    clock: Clock,
    /// Set when the stored samples are in the timeline. Before that no sample is written, because it would be read
    /// again and counted twice.
    loaded: OnceCell<()>,
    /// Held for a few map operations. The cache's lock is taken under it, to read the counters, and never the other way
    /// round. Nothing is awaited under it.
    history: Mutex<History>,
    /// Held while samples are written, so that writes do not overlap.
    writing: AsyncMutex<()>,
    /// Notified when something is to be written or deleted.
    due: Notify,
}

/// The known samples of a window at one moment.
pub(crate) struct WindowSamples {
    /// Requests and loads since the start.
    pub(crate) since_start: RequestCounters,
    pub(crate) totals: EntryTotals,
    pub(crate) now: Timestamp,
    pub(crate) window: Window,
    /// The samples of each step of the window, oldest first; the last step is not over.
    pub(crate) steps: Vec<Vec<Arc<CacheSample>>>,
    /// The earliest minute of the window with a sample, to the hour in long windows.
    pub(crate) since: Minute,
}

impl Sampler {
    /// The sampler of a cache whose counters are zero.
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

    /// Takes and writes a sample at the end of each minute, until `stop`. After that [`Self::flush`] writes the last
    /// minute.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        // Concurrent, because a write may wait for the lock of another process while minutes end.
        let sampling = async {
            loop {
                self.end_minute();
                let rest = Duration::from_millis(Minute::rest(self.clock.now()));
                if tokio::time::timeout(rest.clamp(CHECK_INTERVAL_MIN, CHECK_INTERVAL_MAX), stop.cancelled())
                    .await
                    .is_ok()
                {
                    return;
                }
            }
        };
        let writing = async {
            loop {
                self.write_due().await;
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.due.notified() => {}
                }
            }
        };
        tokio::join!(sampling, writing);
    }

    /// Checks the clock, and ends the current minute if another one has started.
    pub(super) fn end_minute(&self) {
        let mut history = self.history();
        if history.end_minute(&self.cache, Minute::of(self.clock.now())) {
            self.due.notify_one();
        }
        if history.jumps.check(&self.clock) {
            history.is_deletion_due = true;
            self.due.notify_one();
        }
    }

    /// Writes and deletes what is due in the database.
    pub(super) async fn write_due(&self) {
        self.write().await;
        if mem::take(&mut self.history().is_deletion_due)
            && let Err(error) = self.delete_old().await
        {
            tracing::warn!(%error, "cannot delete old samples of the cache");
        }
    }

    /// Takes a sample of the current minute and writes everything, for an orderly shutdown.
    pub(crate) async fn flush(&self) {
        {
            let mut history = self.history();
            history.end_minute(&self.cache, Minute::of(self.clock.now()));
            history.take_sample(&self.cache);
        }
        self.write().await;
    }

    /// The known samples of a window.
    ///
    /// # Errors
    ///
    /// If the stored samples cannot be read.
    pub(crate) async fn window(&self, window: Window) -> Result<WindowSamples, StoreError> {
        self.load().await?;
        let now = self.clock.now();
        let minute = Minute::of(now);
        let mut history = self.history();
        if history.end_minute(&self.cache, minute) {
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

    /// Reads the stored samples, once.
    async fn load(&self) -> Result<(), StoreError> {
        self.loaded
            .get_or_try_init(|| async {
                let now = Minute::of(self.clock.now());
                let (mut past, mut next) = (Timeline::default(), Some(*kept_minutes(now).start()));
                while let Some(from) = next {
                    let minutes = from..=*kept_minutes(now).end();
                    let reading = self.store.read_internal(move |tx| {
                        let page = tx.cache_samples(minutes, ROWS_PER_READ_MAX)?;
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

    /// Writes the unwritten samples. Those that cannot be written are kept.
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
                // After an error nothing of the batch was written.
                let mut history = self.history();
                for (minute, sample) in &batch {
                    history.keep_unwritten(*minute, sample);
                }
                return Err(error);
            }
        }
    }

    async fn delete_old(&self) -> Result<(), StoreError> {
        loop {
            let kept = kept_minutes(Minute::of(self.clock.now()));
            let forget = move |tx: &WriteTx<'_>| tx.delete_cache_samples(kept, ROWS_PER_DELETE_MAX);
            if self.store.write(forget).await? < ROWS_PER_DELETE_MAX as usize {
                return Ok(());
            }
        }
    }
}
