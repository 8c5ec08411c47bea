//! Samples lose nothing and count nothing twice, whatever the clock, the disk and the process do.

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

/// A server's summaries whose clock stands at half past a minute.
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

    /// Ends this server, in order or not, and starts the next one on its database.
    async fn restart(self, in_order: bool, size_bytes_max: Option<u64>) -> Self {
        if in_order {
            self.summaries.settle().await;
        }
        let Self { dir, clock, store, summaries } = self;
        drop(summaries);
        store.close();
        let (store, summaries) = open(&dir, &clock, size_bytes_max);
        Self { dir, clock, store, summaries }
    }

    /// Requests that count as misses, by the shortest way.
    fn ask(&self, requests: u64) {
        (0..requests).for_each(|_| self.summaries.cache().count_revalidated(&acme()));
    }

    async fn look(&self) {
        self.summaries.sampler.turn();
        self.summaries.sampler.catch_up().await;
    }

    /// The misses of each row, by how many minutes it is from now.
    fn rows(&self) -> Vec<(i64, u64)> {
        let all = Minute::from_number(i64::MIN)..=Minute::from_number(i64::MAX);
        let page = self.store.read_blocking(|tx| tx.cache_samples(all, 100_000)).unwrap();
        let now = self.minute().number();
        page.samples.iter().map(|(minute, sample)| (minute.number() - now, sample.requests.misses)).collect()
    }

    fn minute(&self) -> Minute {
        Minute::of(self.clock.now())
    }

    /// The misses of a window, by the whole and by the sum of its steps.
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

fn open(dir: &TempDir, clock: &Clock, size_bytes_max: Option<u64>) -> (Store, Summaries) {
    let options = StoreOptions { size_bytes_max, ..StoreOptions::new(dir.path(), Mode::Server, "a test") };
    let store = Store::open(&options, clock.clone()).unwrap();
    let summaries = Summaries::open(&store).unwrap();
    (store, summaries)
}

#[tokio::test]
async fn a_minute_becomes_a_sample_when_it_ends_and_a_quiet_one_becomes_none() {
    let bench = SamplerBench::new().await;
    bench.ask(3);
    bench.look().await;
    assert_eq!(bench.rows(), [], "the minute runs");
    bench.assert_in_every_window(3).await;
    bench.clock.advance(MINUTE / 2);
    bench.look().await;
    assert_eq!(bench.rows(), [(-1, 3)]);
    bench.ask(2);
    for _ in 0..5 {
        bench.clock.advance(MINUTE);
        bench.look().await;
    }
    assert_eq!(bench.rows(), [(-6, 3), (-5, 2)]);
    bench.assert_in_every_window(5).await;
    let series = bench.summaries.analytics(Window::Hour).await.unwrap().series;
    let by_minute: Vec<u64> = series[53..].iter().map(|step| step.requests.misses).collect();
    assert_eq!(by_minute, [3, 2, 0, 0, 0, 0, 0][..], "the running minute is the last");
}

#[tokio::test]
async fn a_sample_draws_no_revision_and_invalidates_nothing() {
    let bench = SamplerBench::new().await;
    let revision = || bench.store.read_blocking(|tx| tx.revision()).unwrap();
    let key = acme();
    let before = revision();
    assert!(matches!(bench.summaries.get(&key, None).await, Ok(ConditionalAnswer::Whole(_))));
    bench.clock.advance(MINUTE);
    bench.look().await;
    // The watcher sees that the database has changed, and finds nothing new in it.
    tokio::time::sleep(crate::store::WATCH_INTERVAL * 3).await;
    assert_eq!((bench.rows(), revision()), (vec![(-1, 1)], before));
    assert!(bench.summaries.cache().get(&key).is_some());
    assert_eq!(bench.summaries.cache().stats().removals, Removals::default());
}

#[tokio::test]
async fn a_jump_of_the_wall_clock_neither_loses_nor_doubles_anything() {
    let bench = SamplerBench::new().await;
    let jump =
        |minutes: i64| bench.clock.set_wall(Timestamp::from_millis(bench.clock.now().millis() + minutes * 60_000));
    let mut asked = 0;
    for minutes in [10, -10, -1, 1, 0, -20, 20, 30, -40, 10] {
        bench.ask(1 << asked);
        asked += 1;
        jump(minutes);
        bench.look().await;
        bench.assert_in_every_window((1 << asked) - 1).await;
    }
    bench.summaries.settle().await;
    let written: u64 = bench.rows().iter().map(|(_, misses)| misses).sum();
    assert_eq!(written, (1 << asked) - 1);
    let bench = bench.restart(true, None).await;
    bench.assert_in_every_window(written).await;
}

#[tokio::test]
async fn windows_survive_a_restart_and_two_runs_in_one_minute_add_up() {
    let bench = SamplerBench::new().await;
    bench.ask(2);
    let bench = bench.restart(true, None).await;
    bench.assert_in_every_window(2).await;
    bench.ask(3);
    bench.assert_in_every_window(5).await;
    let bench = bench.restart(true, None).await;
    assert_eq!(bench.rows(), [(0, 5)]);
    bench.assert_in_every_window(5).await;
    bench.clock.advance(MINUTE * 61);
    let bench = bench.restart(true, None).await;
    assert_eq!((bench.misses(Window::Hour).await, bench.misses(Window::Day).await), (0, 5));
    bench.clock.advance(Duration::from_hours(24 * 7));
    assert_eq!((bench.misses(Window::Week).await, bench.misses(Window::Month).await), (0, 5));
}

#[tokio::test]
async fn a_server_that_was_killed_loses_the_minute_that_ran_and_no_other() {
    let bench = SamplerBench::new().await;
    bench.ask(2);
    bench.clock.advance(MINUTE);
    bench.look().await;
    bench.ask(7);
    bench.look().await;
    let bench = bench.restart(false, None).await;
    bench.assert_in_every_window(2).await;
}

/// A sample that takes some room.
fn bulky() -> CacheSample {
    let hit_durations = DurationBuckets::of((1..2_000).map(|nanos| (Duration::from_nanos(nanos), 1)));
    CacheSample { hit_durations, ..CacheSample::default() }
}

fn misses(misses: u64) -> CacheSample {
    CacheSample { requests: RequestCounters { misses, ..RequestCounters::default() }, ..CacheSample::default() }
}

#[tokio::test]
async fn what_is_counted_while_the_disk_is_full_is_written_when_there_is_room() {
    let bench = SamplerBench::new().await.restart(true, Some(1 << 20)).await;
    // Filled with samples of a minute so long ago that they are in no window.
    let mut minute = 0;
    while bench.store.write(move |tx| tx.add_cache_samples(&[(Minute::from_number(minute), bulky())])).await.is_ok() {
        minute += 1;
    }
    let fillers = bench.rows().len();
    for requests in 1..=40 {
        bench.ask(requests);
        bench.clock.advance(MINUTE);
        bench.look().await;
    }
    let asked = (1..=40).sum::<u64>();
    let written = || bench.rows()[fillers..].iter().map(|(_, misses)| misses).sum::<u64>();
    assert!(written() < asked && bench.summaries.sampler.history().failing, "there was room");
    bench.assert_in_every_window(asked).await;
    let kept = kept_minutes(bench.minute());
    bench.store.write(move |tx| tx.forget_cache_samples(kept, 1_000)).await.unwrap();
    bench.ask(5);
    bench.summaries.settle().await;
    let rows: Vec<u64> = bench.rows().into_iter().map(|(_, misses)| misses).collect();
    assert_eq!(rows, (1..=40).chain([5]).collect::<Vec<u64>>());
    assert!(!bench.summaries.sampler.history().failing);
    bench.restart(true, None).await.assert_in_every_window(asked + 5).await;
}

#[tokio::test]
async fn minutes_that_wait_to_be_written_are_bounded_and_add_up() {
    let bench = SamplerBench::new().await;
    let mut history = bench.summaries.sampler.history();
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
async fn samples_are_kept_for_31_days_by_a_clock_that_ran_without_a_jump() {
    let bench = SamplerBench::new().await;
    let now = bench.minute();
    let old = -KEPT_DAYS * DAY_MINUTES;
    let minutes: Vec<i64> = (0..1_200).map(|back| old - back).chain([old + 200, -old - 5, -old + 200]).collect();
    let samples: Vec<(Minute, CacheSample)> = minutes.iter().map(|offset| (now.plus(*offset), misses(1))).collect();
    bench.store.write(move |tx| tx.add_cache_samples(&samples)).await.unwrap();
    let rows = || bench.rows().len();
    let wait = async |minutes: u64| {
        for _ in 0..minutes {
            bench.clock.advance(MINUTE);
            bench.look().await;
        }
    };
    bench.look().await;
    wait(59).await;
    assert_eq!(rows(), minutes.len(), "not before an hour has passed");
    // For a moment the clock is years ahead.
    let right = bench.clock.now();
    bench.clock.set_wall(Timestamp::from_millis(right.millis() * 2));
    bench.look().await;
    wait(30).await;
    bench.clock.set_wall(Timestamp::from_millis(right.millis() + 30 * 60_000));
    bench.look().await;
    wait(59).await;
    assert_eq!(rows(), minutes.len(), "a jump begins the hour anew");
    wait(1).await;
    let passed = bench.minute().number() - now.number();
    assert_eq!(
        bench.rows(),
        [(old + 200 - passed, 1), (-old - 5 - passed, 1)],
        "more than one step's worth is gone, and what lies too far ahead"
    );
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_left_out_of_the_windows() {
    let bench = SamplerBench::new().await;
    bench.ask(2);
    bench.summaries.settle().await;
    bench.store.write(|tx| tx.damage_cache_samples()).await.unwrap();
    let bench = bench.restart(true, None).await;
    bench.assert_in_every_window(0).await;
    // The next of the same minute takes its place.
    bench.ask(3);
    let bench = bench.restart(true, None).await;
    assert_eq!(bench.rows(), [(0, 3)]);
    bench.assert_in_every_window(3).await;
}
