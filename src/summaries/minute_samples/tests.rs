//! Samples lose nothing and count nothing twice, under jumps of the clock, a full disk and restarts.

use std::time::Duration;

use tempfile::TempDir;

use super::history::{UNWRITTEN_MAX, kept_minutes};
use super::timeline::KEPT_DAYS;
use crate::cache::Removals;
use crate::clock::Clock;
use crate::domain::cache::{CacheSample, DAY_MINUTES, DurationBuckets, Minute, RequestCounters, Window};
use crate::domain::directory::{Name, Scope};
use crate::domain::ids::EnterpriseId;
use crate::domain::time::Timestamp;
use crate::store::{Mode, Store, StoreOptions};
use crate::summaries::{ConditionalAnswer, Summaries, SummaryKey};

const MINUTE: Duration = Duration::from_mins(1);

/// The summaries of a server whose clock is stopped at half past a minute.
struct SamplerBench {
    dir: TempDir,
    clock: Clock,
    store: Store,
    summaries: Summaries,
}

impl SamplerBench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::parse("2026-11-22T08:00:30Z").unwrap());
        let (store, summaries) = open(&dir, &clock, None);
        store
            .write(|tx| {
                tx.create_enterprise(Some(acme().of().enterprise.clone()), &Name::parse("name", "Acme").unwrap())
            })
            .await
            .unwrap();
        Self { dir, clock, store, summaries }
    }

    /// Stops this server, in order or not, and starts the next one on its database.
    async fn restart(self, in_order: bool, database_max: Option<usize>) -> Self {
        if in_order {
            self.summaries.flush().await;
        }
        let Self { dir, clock, store, summaries } = self;
        drop(summaries);
        store.close();
        let (store, summaries) = open(&dir, &clock, database_max);
        Self { dir, clock, store, summaries }
    }

    /// Counts this many requests as misses.
    fn count_misses(&self, requests: u64) {
        (0..requests).for_each(|_| self.summaries.cache().count_revalidated(&acme()));
    }

    async fn check(&self) {
        self.summaries.sampler.end_minute();
        self.summaries.sampler.write_due().await;
    }

    /// The misses of each row, with its distance from now in minutes.
    fn rows(&self) -> Vec<(i64, u64)> {
        let all = Minute::from_number(i64::MIN)..=Minute::from_number(i64::MAX);
        let page = self.store.read_blocking(|tx| tx.cache_samples(all, 100_000)).unwrap();
        let now = self.minute().number();
        page.samples.iter().map(|(minute, sample)| (minute.number() - now, sample.requests.misses)).collect()
    }

    fn minute(&self) -> Minute {
        Minute::of(self.clock.now())
    }

    /// The misses of a window, which must equal the sum of its steps.
    async fn misses(&self, window: Window) -> u64 {
        let analytics = self.summaries.analytics(window).await.unwrap();
        let by_steps: u64 = analytics.series.iter().map(|step| step.requests.misses).sum();
        assert_eq!(by_steps, analytics.whole.requests.misses, "{window:?}");
        by_steps
    }

    async fn assert_in_every_window(&self, misses: u64) {
        for window in Window::ALL {
            assert_eq!(self.misses(window).await, misses, "{window:?}");
        }
    }
}

fn acme() -> SummaryKey {
    SummaryKey::summary(Scope::enterprise(EnterpriseId::parse("acme").unwrap()))
}

fn open(dir: &TempDir, clock: &Clock, database_max: Option<usize>) -> (Store, Summaries) {
    let mut options = StoreOptions::new(dir.path(), Mode::Server, "a test");
    options.settings.database_max = database_max;
    let store = Store::open(&options, clock.clone()).unwrap();
    let summaries = Summaries::open(&store).unwrap();
    (store, summaries)
}

#[tokio::test]
async fn a_minute_is_stored_when_it_ends_unless_it_is_quiet() {
    let fixture = SamplerBench::new().await;
    fixture.count_misses(3);
    fixture.check().await;
    assert_eq!(fixture.rows(), [], "the minute is not over");
    fixture.assert_in_every_window(3).await;
    fixture.clock.advance(MINUTE / 2);
    fixture.check().await;
    assert_eq!(fixture.rows(), [(-1, 3)]);
    fixture.count_misses(2);
    for _ in 0..5 {
        fixture.clock.advance(MINUTE);
        fixture.check().await;
    }
    assert_eq!(fixture.rows(), [(-6, 3), (-5, 2)]);
    fixture.assert_in_every_window(5).await;
    let series = fixture.summaries.analytics(Window::Hour).await.unwrap().series;
    let by_minute: Vec<u64> = series[53..].iter().map(|step| step.requests.misses).collect();
    assert_eq!(by_minute, [3, 2, 0, 0, 0, 0, 0][..], "the current minute is the last");
}

#[tokio::test]
async fn a_sample_draws_no_revision_and_invalidates_nothing() {
    let fixture = SamplerBench::new().await;
    let revision = || fixture.store.read_blocking(|tx| tx.revision()).unwrap();
    let key = acme();
    let before = revision();
    assert!(matches!(fixture.summaries.get(&key, None).await, Ok(ConditionalAnswer::Whole(_))));
    fixture.clock.advance(MINUTE);
    fixture.check().await;
    // The watcher sees that the database has changed, and finds no new revision.
    tokio::time::sleep(crate::store::WATCH_INTERVAL * 3).await;
    assert_eq!((fixture.rows(), revision()), (vec![(-1, 1)], before));
    assert!(fixture.summaries.cache().get(&key).is_some());
    assert_eq!(fixture.summaries.cache().stats().removals, Removals::default());
}

#[tokio::test]
async fn a_jump_of_the_wall_clock_loses_and_doubles_no_counts() {
    let fixture = SamplerBench::new().await;
    let jump =
        |minutes: i64| fixture.clock.set_wall(Timestamp::from_millis(fixture.clock.now().millis() + minutes * 60_000));
    let mut asked = 0;
    for minutes in [10, -10, -1, 1, 0, -20, 20, 30, -40, 10] {
        fixture.count_misses(1 << asked);
        asked += 1;
        jump(minutes);
        fixture.check().await;
        fixture.assert_in_every_window((1 << asked) - 1).await;
    }
    fixture.summaries.flush().await;
    let written: u64 = fixture.rows().iter().map(|(_, misses)| misses).sum();
    assert_eq!(written, (1 << asked) - 1);
    let fixture = fixture.restart(true, None).await;
    fixture.assert_in_every_window(written).await;
}

#[tokio::test]
async fn windows_survive_a_restart_and_two_runs_in_one_minute_are_added() {
    let fixture = SamplerBench::new().await;
    fixture.count_misses(2);
    let fixture = fixture.restart(true, None).await;
    fixture.assert_in_every_window(2).await;
    fixture.count_misses(3);
    fixture.assert_in_every_window(5).await;
    let fixture = fixture.restart(true, None).await;
    assert_eq!(fixture.rows(), [(0, 5)]);
    fixture.assert_in_every_window(5).await;
    fixture.clock.advance(MINUTE * 61);
    let fixture = fixture.restart(true, None).await;
    assert_eq!((fixture.misses(Window::Hour).await, fixture.misses(Window::Day).await), (0, 5));
    fixture.clock.advance(Duration::from_hours(24 * 7));
    assert_eq!((fixture.misses(Window::Week).await, fixture.misses(Window::Month).await), (0, 5));
}

#[tokio::test]
async fn a_killed_server_loses_only_the_current_minute() {
    let fixture = SamplerBench::new().await;
    fixture.count_misses(2);
    fixture.clock.advance(MINUTE);
    fixture.check().await;
    fixture.count_misses(7);
    fixture.check().await;
    let fixture = fixture.restart(false, None).await;
    fixture.assert_in_every_window(2).await;
}

/// A sample with many bytes.
fn bulky() -> CacheSample {
    let hit_durations = DurationBuckets::of((1..2_000).map(|nanos| (Duration::from_nanos(nanos), 1)));
    CacheSample { hit_durations, ..CacheSample::default() }
}

fn misses(misses: u64) -> CacheSample {
    CacheSample { requests: RequestCounters { misses, ..RequestCounters::default() }, ..CacheSample::default() }
}

#[tokio::test]
async fn counts_from_a_time_with_a_full_disk_are_written_later() {
    let fixture = SamplerBench::new().await.restart(true, Some(1 << 20)).await;
    // Filled with samples that are too old for any window.
    let mut minute = 0;
    while fixture.store.write(move |tx| tx.add_cache_samples(&[(Minute::from_number(minute), bulky())])).await.is_ok() {
        minute += 1;
    }
    let fillers = fixture.rows().len();
    for requests in 1..=40 {
        fixture.count_misses(requests);
        fixture.clock.advance(MINUTE);
        fixture.check().await;
    }
    let asked = (1..=40).sum::<u64>();
    let written = || fixture.rows()[fillers..].iter().map(|(_, misses)| misses).sum::<u64>();
    assert!(written() < asked && fixture.summaries.sampler.history().failing, "the disk was not full");
    fixture.assert_in_every_window(asked).await;
    let kept = kept_minutes(fixture.minute());
    fixture.store.write(move |tx| tx.delete_cache_samples(kept, 1_000)).await.unwrap();
    fixture.count_misses(5);
    fixture.summaries.flush().await;
    let rows: Vec<u64> = fixture.rows().into_iter().map(|(_, misses)| misses).collect();
    assert_eq!(rows, (1..=40).chain([5]).collect::<Vec<u64>>());
    assert!(!fixture.summaries.sampler.history().failing);
    fixture.restart(true, None).await.assert_in_every_window(asked + 5).await;
}

#[tokio::test]
async fn unwritten_minutes_are_bounded_and_merged() {
    let fixture = SamplerBench::new().await;
    let mut history = fixture.summaries.sampler.history();
    let minutes = i64::try_from(UNWRITTEN_MAX).unwrap() + 100;
    for minute in 0..minutes {
        history.keep_unwritten(Minute::from_number(minute), &misses(1));
    }
    assert_eq!(history.unwritten.len(), UNWRITTEN_MAX);
    let first = history.unwritten.first_key_value().map(|(minute, sample)| (minute.number(), sample.requests.misses));
    assert_eq!(first, Some((100, 101)));
    let sum: u64 = history.unwritten.values().map(|sample| sample.requests.misses).sum();
    assert_eq!(sum, u64::try_from(minutes).unwrap());
}

#[tokio::test]
async fn samples_are_deleted_after_31_days_by_a_clock_without_jumps() {
    let fixture = SamplerBench::new().await;
    let now = fixture.minute();
    let old = -KEPT_DAYS * DAY_MINUTES;
    let minutes: Vec<i64> = (0..1_200).map(|back| old - back).chain([old + 200, -old - 5, -old + 200]).collect();
    let samples: Vec<(Minute, CacheSample)> = minutes.iter().map(|offset| (now.plus(*offset), misses(1))).collect();
    fixture.store.write(move |tx| tx.add_cache_samples(&samples)).await.unwrap();
    let rows = || fixture.rows().len();
    let wait = async |minutes: u64| {
        for _ in 0..minutes {
            fixture.clock.advance(MINUTE);
            fixture.check().await;
        }
    };
    fixture.check().await;
    wait(59).await;
    assert_eq!(rows(), minutes.len(), "nothing is deleted within the first hour");
    // The clock is years ahead for a while.
    let right = fixture.clock.now();
    fixture.clock.set_wall(Timestamp::from_millis(right.millis() * 2));
    fixture.check().await;
    wait(30).await;
    fixture.clock.set_wall(Timestamp::from_millis(right.millis() + 30 * 60_000));
    fixture.check().await;
    wait(59).await;
    assert_eq!(rows(), minutes.len(), "a jump restarts the hour");
    wait(1).await;
    let passed = fixture.minute().number() - now.number();
    assert_eq!(
        fixture.rows(),
        [(old + 200 - passed, 1), (-old - 5 - passed, 1)],
        "more rows than one job deletes are gone, and those too far in the future"
    );
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_left_out_of_the_windows() {
    let fixture = SamplerBench::new().await;
    fixture.count_misses(2);
    fixture.summaries.flush().await;
    fixture.store.write(|tx| tx.damage_cache_samples()).await.unwrap();
    let fixture = fixture.restart(true, None).await;
    fixture.assert_in_every_window(0).await;
    // The next sample of the same minute replaces it.
    fixture.count_misses(3);
    let fixture = fixture.restart(true, None).await;
    assert_eq!(fixture.rows(), [(0, 3)]);
    fixture.assert_in_every_window(3).await;
}
