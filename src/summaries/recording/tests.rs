//! Predictions compared with the real cache: a history is played once with the settings under which it is recorded, and
//! once for each scenario with the settings of the scenario.

use std::time::Duration;

use super::scenario;
use crate::cache::{Body, Cache, CacheSettings, EntryShare, Key, Loaded};
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::what_if::{LONGEST_TTL, Recorder, Scenario, TRACE_BYTES_MAX, Trace};

const HOUR: Duration = Duration::from_hours(1);
const KEYS: u32 = 10_000;
const ACCESSES: usize = 50_000;
/// A trace that is too small for the history.
const SMALL_BYTES: usize = 1_200 << 10;
const TTLS: [Duration; 5] = [
    Duration::from_secs(30),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(8),
];
const SIZES: [usize; 3] = [250, 1_500, 12_000];

/// An event of a history.
#[derive(Clone, Copy)]
enum Event {
    Request(u32),
    Warm(u32),
    Write(u32),
    Remove(u32),
    ClearScopes(u32),
    Reset,
    Sweep,
}

/// Random numbers from a seed (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.next() % u64::from(bound)).unwrap()
    }

    /// From 0 to 1.
    fn part(&mut self) -> f64 {
        f64::from(self.below(u32::MAX)) / f64::from(u32::MAX)
    }
}

/// A history of eight hours across midnight: requests distributed by Zipf's law, writes, and administrative actions.
/// Each event comes some milliseconds after the one before.
fn history(seed: u64) -> Vec<(u64, Event)> {
    let mut numbers = Numbers(seed);
    let mut sum = 0.0;
    let weights = (1..=KEYS).map(|rank| {
        sum += f64::from(rank).powf(-0.9);
        sum
    });
    let weights: Vec<f64> = weights.collect();
    let skewed = |numbers: &mut Numbers| {
        let at = numbers.part() * sum;
        u32::try_from(weights.partition_point(|weight| *weight < at)).unwrap().min(KEYS - 1)
    };
    let mut events = Vec::with_capacity(2 * ACCESSES);
    for access in 0..ACCESSES {
        let pause = u64::from(numbers.below(1_152));
        events.push((pause, Event::Request(skewed(&mut numbers))));
        if numbers.below(25) == 0 {
            events.push((u64::from(numbers.below(20)), Event::Write(skewed(&mut numbers) / 2)));
        }
        match (numbers.below(4_000), access % 500) {
            (0..10, _) => events.push((0, Event::Warm(numbers.below(KEYS)))),
            (10..15, _) => events.push((0, Event::Remove(skewed(&mut numbers)))),
            (15, _) => events.push((0, Event::ClearScopes(numbers.below(10)))),
            (_, 0) => events.push((0, Event::Sweep)),
            _ if access == ACCESSES / 3 => events.push((0, Event::Reset)),
            _ => {}
        }
    }
    events
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct TestKey {
    scope: u32,
    part: u32,
}

impl Key for TestKey {
    type Scope = u32;
    type Owner = u32;

    fn share(&self) -> EntryShare<'_, u32> {
        EntryShare::None
    }

    fn scope(&self) -> &u32 {
        &self.scope
    }

    fn bytes(&self) -> usize {
        0
    }
}

struct TestBody;

impl Body for TestBody {
    fn bytes(&self) -> usize {
        100
    }
}

type RecordedCache = Cache<TestKey, TestBody, &'static str, Recorder<TestKey>>;

fn key(number: u32) -> TestKey {
    TestKey { scope: number / 2, part: number % 2 }
}

/// A cache whose recorder has this many bytes and this seed.
fn recording(settings: CacheSettings<TestKey>, clock: &Clock, bytes_max: usize, seed: u64) -> RecordedCache {
    let recorder = Recorder::with_limits(clock.moment(), LONGEST_TTL, bytes_max, seed);
    Cache::observed(settings, clock.clone(), 0, recorder)
}

fn trace(cache: &RecordedCache, clock: &Clock) -> Trace<TestKey> {
    cache.with_observer(|recorder| recorder.snapshot(clock.moment()))
}

fn check(cache: &RecordedCache) {
    cache.check().unwrap();
    cache.with_observer(|recorder| recorder.check()).unwrap();
}

async fn replay(cache: &RecordedCache, clock: &Clock, events: &[(u64, Event)]) {
    let mut counter = 0;
    for (pause, event) in events {
        clock.advance(Duration::from_millis(*pause));
        let day = clock.now().day();
        let load = move || async move { Ok(Loaded { as_of: counter, day, value: Some(TestBody) }) };
        match *event {
            Event::Request(number) => {
                cache.get_or_load(&key(number), load).await.unwrap();
            }
            Event::Warm(number) => {
                cache.warm(&key(number), load).await.unwrap();
            }
            Event::Write(scope) => {
                counter += 1;
                cache.publish(counter, [(&scope, counter)]);
            }
            Event::Remove(number) => {
                cache.remove(&key(number));
            }
            Event::ClearScopes(rest) => {
                cache.clear_where(|key| key.scope % 10 == rest);
            }
            Event::Reset => cache.reset_to(counter),
            Event::Sweep => {
                cache.sweep();
            }
        }
    }
    check(cache);
}

fn noon() -> Clock {
    Clock::manual(Timestamp::parse("2026-11-22T12:00:00Z").unwrap())
}

fn evening() -> Clock {
    let clock = noon();
    clock.advance(8 * HOUR);
    clock
}

fn settings(entries_max: usize, ttl: Duration) -> CacheSettings<TestKey> {
    CacheSettings::new(entries_max, 1 << 30, move |_: &TestKey| ttl)
}

/// The trace of a history, with settings that no scenario has.
async fn recorded(events: &[(u64, Event)], bytes_max: usize, seed: u64) -> Trace<TestKey> {
    let clock = evening();
    let cache = recording(settings(800, Duration::from_mins(10)), &clock, bytes_max, seed);
    replay(&cache, &clock, events).await;
    trace(&cache, &clock)
}

/// The hit ratio of the real cache.
async fn real(events: &[(u64, Event)], settings: CacheSettings<TestKey>) -> f64 {
    let clock = evening();
    // A small trace, since it is not used.
    let cache = recording(settings, &clock, 1 << 16, 1);
    replay(&cache, &clock, events).await;
    let stats = cache.stats();
    f64::from(u32::try_from(stats.hits).unwrap()) / f64::from(u32::try_from(stats.hits + stats.misses).unwrap())
}

/// Predicts five TTLs with three sizes each from every trace; a prediction may be wrong by the given percentage points.
async fn predictions_hold(events: &[(u64, Event)], traces: &[(Trace<TestKey>, f64)]) {
    for ttl in TTLS {
        for entries_max in SIZES {
            let real = real(events, settings(entries_max, ttl)).await;
            for (trace, points) in traces {
                let prediction = trace.predict(&scenario(&settings(entries_max, ttl)));
                let off = 100.0 * (prediction.hit_ratio.unwrap() - real).abs();
                assert!(off <= *points, "TTL {ttl:?}, {entries_max} entries: {real:.4}, predicted {prediction:?}");
            }
        }
    }
}

async fn traces_of(events: &[(u64, Event)], seed: u64) -> Vec<(Trace<TestKey>, f64)> {
    let whole = recorded(events, TRACE_BYTES_MAX, seed).await;
    assert_eq!(whole.predict(&scenario(&settings(1, HOUR))).sampled, ACCESSES as u64, "every access is sampled");
    let mut traces = vec![(whole, 1.0)];
    for hash_seed in 10 * seed..10 * seed + 3 {
        let sample = recorded(events, SMALL_BYTES, hash_seed).await;
        assert!(sample.rate() <= 0.25, "{}", sample.rate());
        traces.push((sample, 2.0));
    }
    traces
}

#[tokio::test]
async fn fifteen_predictions_are_close_to_the_hit_ratios_of_the_real_cache() {
    let events = history(1);
    predictions_hold(&events, &traces_of(&events, 1).await).await;
}

#[tokio::test]
async fn fifteen_predictions_of_another_history_are_close_too() {
    let events = history(2);
    predictions_hold(&events, &traces_of(&events, 2).await).await;
}

#[tokio::test]
async fn a_ttl_can_be_predicted_for_some_of_the_keys() {
    let events = &history(3)[..20_000];
    let trace = recorded(events, TRACE_BYTES_MAX, 3).await;
    let now = settings(800, Duration::from_mins(10));
    let longer = scenario(&now).with_ttl(2 * HOUR, |key| key.part == 1);
    let ttl = |key: &TestKey| if key.part == 1 { 2 * HOUR } else { Duration::from_mins(10) };
    let real = real(events, CacheSettings::new(800, 1 << 30, ttl)).await;
    assert!((trace.predict(&longer).hit_ratio.unwrap() - real).abs() <= 0.01);
    assert!((trace.predict(&scenario(&now)).hit_ratio.unwrap() - real).abs() > 0.02, "the other keys keep their TTL");
}

/// The size of one entry; all are equal.
async fn entry_bytes() -> usize {
    let clock = evening();
    let cache = recording(settings(1, HOUR), &clock, TRACE_BYTES_MAX, 1);
    replay(&cache, &clock, &[(0, Event::Request(0))]).await;
    cache.occupancy().bytes
}

#[tokio::test]
async fn bytes_are_a_bound_too() {
    let events = &history(4)[..20_000];
    let trace = recorded(events, TRACE_BYTES_MAX, 4).await;
    let bytes_max = 300 * entry_bytes().await;
    let bounded = CacheSettings { bytes_max, ..settings(12_000, HOUR) };
    let real = real(events, bounded.clone()).await;
    assert!((trace.predict(&scenario(&bounded)).hit_ratio.unwrap() - real).abs() <= 0.01);
    let none = Scenario { bytes_max: 100, ..scenario(&bounded) };
    assert_eq!(trace.predict(&none).hit_ratio, Some(0.0), "an entry larger than the bound is not stored");
}

/// Steps between two predictions, because each one simulates the whole history.
const STEPS: usize = 50;

/// Under the settings with which the history was recorded, the simulation repeats the cache hit by hit. Pauses are
/// whole seconds, because a trace has no finer resolution.
async fn simulation_repeats(seed: u64, entries_max: usize, pauses: &[u64]) {
    let mut numbers = Numbers(seed);
    let clock = evening();
    let settings =
        CacheSettings { stale_if_error: Duration::from_mins(1), ..settings(entries_max, Duration::from_mins(3)) };
    let cache = recording(settings.clone(), &clock, TRACE_BYTES_MAX, seed);
    let mut counter = 0;
    for step in 0..3_000 {
        let pause = numbers.below(u32::try_from(pauses.len()).unwrap());
        clock.advance(Duration::from_secs(pauses[pause as usize]));
        if numbers.below(700) == 0 {
            clock.advance(6 * HOUR);
        }
        let key = key(numbers.below(40));
        let day = clock.now().day();
        let loaded = move |value| Loaded { as_of: counter, day, value };
        let what = numbers.below(200);
        match what {
            0..2 => cache.reset_to(counter),
            2 => cache.suspend(),
            3 => drop(cache.clear()),
            4..6 => drop(cache.clear_where(|other| other.scope % 3 == key.scope % 3)),
            6..10 => drop(cache.remove(&key)),
            10..30 => {
                counter += 1;
                cache.publish(counter, [(&key.scope, counter)]);
            }
            30..34 => drop(cache.sweep()),
            34..42 => drop(cache.warm(&key, move || async move { Ok(loaded(Some(TestBody))) }).await.unwrap()),
            42..46 => drop(cache.get_or_load(&key, move || async move { Ok(loaded(None)) }).await.unwrap()),
            46..50 => drop(cache.get_or_load(&key, move || async move { Err("disk") }).await),
            50..54 => {
                if cache.get(&key).is_none() {
                    cache.count_revalidated(&key);
                }
            }
            _ => drop(cache.get_or_load(&key, move || async move { Ok(loaded(Some(TestBody))) }).await.unwrap()),
        }
        if step % STEPS > 0 {
            continue;
        }
        let stats = cache.stats();
        let prediction = trace(&cache, &clock).predict(&scenario(&settings));
        assert_eq!(prediction.accesses, stats.hits + stats.misses);
        let hits = prediction.hit_ratio.unwrap_or(0.0) * f64::from(u32::try_from(prediction.accesses).unwrap());
        let off = hits - f64::from(u32::try_from(stats.hits).unwrap());
        assert!(off.abs() < 0.01, "seed {seed}: {off} hits too many after {step} steps");
    }
    check(&cache);
}

#[tokio::test]
async fn the_simulation_repeats_publications_clears_resets_and_warming_hit_by_hit() {
    for seed in 0..16 {
        simulation_repeats(seed, 15, &[1, 2, 3, 4, 5, 6]).await;
        // Within a second only the order of keys is lost, and with it which one is the least recently used.
        simulation_repeats(seed, 100, &[0, 0, 0, 0, 0, 0, 10]).await;
    }
}

#[tokio::test]
async fn warming_is_not_counted_as_an_access_but_fills_the_cache() {
    let clock = noon();
    let settings = settings(10, HOUR);
    let cache = recording(settings.clone(), &clock, TRACE_BYTES_MAX, 1);
    replay(&cache, &clock, &[(0, Event::Warm(1)), (0, Event::Request(1)), (5_000, Event::Request(1))]).await;
    let prediction = trace(&cache, &clock).predict(&scenario(&settings));
    assert_eq!((prediction.hit_ratio, prediction.accesses), (Some(1.0), 2));
    let short = scenario(&settings).with_ttl(Duration::from_secs(5), |_| true);
    assert_eq!(trace(&cache, &clock).predict(&short).hit_ratio, Some(0.5), "a warmed entry expires too");
}

#[tokio::test]
async fn an_empty_trace_predicts_nothing() {
    let clock = noon();
    let cache = recording(settings(10, HOUR), &clock, TRACE_BYTES_MAX, 1);
    clock.advance(HOUR);
    let prediction = trace(&cache, &clock).predict(&scenario(&settings(10, HOUR)));
    assert_eq!((prediction.hit_ratio, prediction.accesses, prediction.span), (None, 0, HOUR));
}

#[tokio::test]
async fn the_memory_bound_is_held_by_halving_the_sampling_rate() {
    let clock = noon();
    let cache = recording(settings(100, HOUR), &clock, SMALL_BYTES / 4, 1);
    let mut rates = Vec::new();
    for round in 0..40 {
        let events: Vec<_> = (0..1_000).map(|number| (3, Event::Request(1_000 * round + number))).collect();
        // Also checks the memory bound, and that the trace has no key without a record and none above the threshold.
        replay(&cache, &clock, &events).await;
        rates.push(trace(&cache, &clock).rate());
    }
    assert!(rates.is_sorted_by(|before, after| before >= after), "{rates:?}");
    assert!(rates.first() == Some(&1.0) && *rates.last().unwrap() <= 0.125, "{rates:?}");
    let prediction = trace(&cache, &clock).predict(&scenario(&settings(100, HOUR)));
    let (sampled, keys) = (prediction.sampled, prediction.sampled_keys);
    assert!(sampled < 10_000 && keys as u64 == sampled, "each key was requested once: {prediction:?}");
    assert_eq!((prediction.accesses, prediction.hit_ratio), (40_000, Some(0.0)));
}

#[tokio::test]
async fn old_records_that_are_not_needed_are_dropped_before_the_sampling_rate_is_halved() {
    let clock = noon();
    let settings = settings(10_000, Duration::from_mins(1));
    let recorder = Recorder::with_limits(clock.moment(), Duration::from_mins(1), SMALL_BYTES / 4, 1);
    let cache = Cache::observed(settings.clone(), clock.clone(), 0, recorder);
    // 50 keys at a time, each requested every ten seconds for an hour.
    let accesses = (0..20_000).map(|round| (200, Event::Request(round % 50 + round / 18_000 * 50)));
    replay(&cache, &clock, &accesses.collect::<Vec<_>>()).await;
    let prediction = trace(&cache, &clock).predict(&scenario(&settings));
    assert_eq!(prediction.rate.to_bits(), 1.0_f64.to_bits());
    assert!(prediction.span >= 3 * Duration::from_mins(1) && prediction.span < HOUR, "{prediction:?}");
    assert!((prediction.hit_ratio.unwrap() - 5.0 / 6.0).abs() < 0.01, "the cold start is not counted: {prediction:?}");
    assert_eq!(prediction.sampled, prediction.accesses);
}
