//! The cache compared with a naive model: a list of entries in the order of use.

use std::time::Duration;

use proptest::prelude::*;

use super::support::{TestCache, noon};
use super::{TestBody, TestKey};
use crate::cache::lru::Lru;
use crate::cache::{Cache, CacheSettings, CacheStatus, Loaded, Removals};
use crate::clock::Clock;
use crate::domain::time::{DAY_MILLIS, Day};

const SCOPES: u32 = 5;
const PARTS: u32 = 2;
const SCOPES_MAX: usize = 3;

#[derive(Clone, Debug)]
enum Operation {
    /// A request; its load fails, finds nothing, or returns the data of the source.
    Request(TestKey, SourceAnswer),
    Warm(TestKey),
    /// The source changes, and the change is published now or later.
    Write {
        scope: u32,
        publish: bool,
    },
    PublishPending,
    Advance(Duration),
    Clear,
    ClearScope(u32),
    Remove(TestKey),
    Configure(Tuning),
    Reset,
    Suspend,
    Sweep,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum SourceAnswer {
    Data,
    Nothing,
    Failure,
}

#[derive(Clone, Copy, Debug)]
struct Tuning {
    entries_max: usize,
    bytes_max: usize,
    ttl_minutes: u64,
    stale_minutes: u64,
}

impl Tuning {
    fn settings(self) -> CacheSettings<TestKey> {
        CacheSettings {
            stale_if_error: self.stale(),
            published_scopes_max: SCOPES_MAX,
            ..CacheSettings::new(self.entries_max, self.bytes_max, move |key: &TestKey| self.ttl(key))
        }
    }

    fn ttl(self, key: &TestKey) -> Duration {
        Duration::from_mins(self.ttl_minutes * u64::from(key.part + 1))
    }

    fn stale(self) -> Duration {
        Duration::from_mins(self.stale_minutes)
    }
}

fn name() -> impl Strategy<Value = TestKey> {
    (0..SCOPES, 0..PARTS).prop_map(|(scope, part)| TestKey { scope, part })
}

fn operation() -> impl Strategy<Value = Operation> {
    let result =
        prop_oneof![8 => Just(SourceAnswer::Data), 1 => Just(SourceAnswer::Nothing), 2 => Just(SourceAnswer::Failure)];
    let tuning = (0..8_usize, 500..4_000_usize, 0..90_u64, 0..30_u64).prop_map(
        |(entries_max, bytes_max, ttl_minutes, stale_minutes)| Tuning {
            entries_max,
            bytes_max,
            ttl_minutes,
            stale_minutes,
        },
    );
    prop_oneof![
        24 => (name(), result).prop_map(|(name, result)| Operation::Request(name, result)),
        2 => name().prop_map(Operation::Warm),
        4 => (0..SCOPES, any::<bool>()).prop_map(|(scope, publish)| Operation::Write { scope, publish }),
        2 => Just(Operation::PublishPending),
        5 => (0..40_u64).prop_map(|minutes| Operation::Advance(Duration::from_mins(minutes))),
        1 => Just(Operation::Clear),
        1 => (0..SCOPES).prop_map(Operation::ClearScope),
        1 => name().prop_map(Operation::Remove),
        1 => tuning.prop_map(Operation::Configure),
        1 => Just(Operation::Reset),
        1 => Just(Operation::Suspend),
        2 => Just(Operation::Sweep),
    ]
}

struct ModelEntry {
    key: TestKey,
    as_of: i64,
    day: Day,
    loaded_at: i64,
    content: i64,
    bytes: usize,
}

/// The model. The least recently used entry is the last one.
struct Model {
    entries: Vec<ModelEntry>,
    floor: i64,
    known: Vec<(u32, i64)>,
    suspended_since: Option<i64>,
    tuning: Tuning,
    counter: i64,
    revisions: [i64; SCOPES as usize],
    pending: Vec<(u32, i64)>,
    hits: u64,
    misses: u64,
    stale: u64,
    loads: u64,
    failures: u64,
    mass: u64,
    removals: Removals,
}

impl Model {
    fn published(&self, scope: u32) -> i64 {
        let known = self.known.iter().find(|(other, _)| *other == scope).map_or(0, |(_, revision)| *revision);
        known.max(self.floor)
    }

    /// `Ok` if the entry is fresh; `Err` with how long ago it expired.
    fn freshness(&self, kept: &ModelEntry, now: i64) -> Result<(), Duration> {
        assert!(kept.as_of >= self.published(kept.key.scope), "the model has an entry that lacks a publication");
        let millis = |millis: i64| Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        let (age, ttl) = (millis(now - kept.loaded_at), self.tuning.ttl(&kept.key));
        let suspended_for = self.suspended_since.map(|since| millis(now - since));
        if self.day(now) != kept.day || age >= ttl {
            let since_day_end = millis(now - (kept.day.number() + 1) * DAY_MILLIS);
            return Err(age.saturating_sub(ttl).max(since_day_end).max(suspended_for.unwrap_or_default()));
        }
        suspended_for.map_or(Ok(()), Err)
    }

    #[expect(clippy::unused_self, reason = "like the other queries")]
    fn day(&self, now: i64) -> Day {
        Day::from_number(now.div_euclid(DAY_MILLIS))
    }

    /// Removes the entries that fulfil the condition, and returns how many there were.
    fn remove(&mut self, condition: impl Fn(&Self, &ModelEntry) -> bool) -> u64 {
        let condition: Vec<bool> = self.entries.iter().map(|kept| condition(self, kept)).collect();
        let before = self.entries.len();
        let mut condition = condition.iter();
        self.entries.retain(|_| !condition.next().unwrap());
        (before - self.entries.len()) as u64
    }

    fn publish(&mut self, scope: u32, revision: i64) {
        if revision <= self.published(scope) {
            return;
        }
        let is_known = self.known.iter().any(|(other, _)| *other == scope);
        if !is_known && self.known.len() == SCOPES_MAX {
            self.known.clear();
            self.floor = self.counter;
            self.mass += 1;
        } else {
            self.known.retain(|(other, _)| *other != scope);
            self.known.push((scope, revision));
        }
        self.removals.invalidated += self.remove(|model, kept| kept.as_of < model.published(kept.key.scope));
    }

    fn fit(&mut self) {
        while self.entries.len() > self.tuning.entries_max {
            self.entries.pop();
            self.removals.size += 1;
        }
        while self.entries.iter().map(|kept| kept.bytes).sum::<usize>() > self.tuning.bytes_max {
            self.entries.pop();
            self.removals.bytes += 1;
        }
    }

    fn touch(&mut self, key: &TestKey) {
        if let Some(at) = self.entries.iter().position(|kept| kept.key == *key) {
            let kept = self.entries.remove(at);
            self.entries.insert(0, kept);
        }
    }

    fn find(&self, key: &TestKey) -> Option<&ModelEntry> {
        self.entries.iter().find(|kept| kept.key == *key)
    }

    /// Loads a key, and returns whether its value is stored.
    fn load(&mut self, key: &TestKey, now: i64) -> bool {
        let page = body(key, self.revisions[key.scope as usize]);
        let kept = ModelEntry {
            key: key.clone(),
            as_of: self.counter,
            day: self.day(now),
            loaded_at: now,
            content: page.revision,
            bytes: Lru::entry_bytes(key, &page),
        };
        let fits = kept.bytes <= self.tuning.bytes_max && self.tuning.entries_max > 0;
        if !fits || self.freshness(&kept, now).is_err() {
            return false;
        }
        self.removals.replaced += self.remove(|_, other| other.key == *key);
        self.entries.insert(0, kept);
        self.fit();
        true
    }

    /// The content and the cache status of a request; `None` for an error, content `None` if the key does not exist.
    fn request(&mut self, key: &TestKey, result: SourceAnswer, now: i64) -> Option<(Option<i64>, CacheStatus)> {
        self.touch(key);
        let found = self.find(key).map(|kept| (kept.content, self.freshness(kept, now)));
        if let Some((content, Ok(()))) = found {
            self.hits += 1;
            return Some((Some(content), CacheStatus::Hit));
        }
        self.misses += 1;
        self.loads += 1;
        match (result, found) {
            (SourceAnswer::Data, _) => {
                let content = self.revisions[key.scope as usize];
                let stored = self.load(key, now);
                Some((Some(content), CacheStatus::Miss { stored }))
            }
            (SourceAnswer::Nothing, _) => Some((None, CacheStatus::Miss { stored: false })),
            (SourceAnswer::Failure, Some((content, Err(expired_for)))) if expired_for <= self.tuning.stale() => {
                self.failures += 1;
                self.stale += 1;
                Some((Some(content), CacheStatus::Stale))
            }
            (SourceAnswer::Failure, _) => {
                self.failures += 1;
                None
            }
        }
    }
}

fn body(key: &TestKey, revision: i64) -> TestBody {
    TestBody::new(revision, 100 + 300 * key.scope as usize)
}

/// The data that a load of the source returns now.
fn loaded(model: &Model, clock: &Clock, key: &TestKey) -> Loaded<TestBody> {
    let value = Some(body(key, model.revisions[key.scope as usize]));
    Loaded { as_of: model.counter, day: clock.now().day(), value }
}

async fn run(operations: Vec<Operation>) {
    let clock = noon();
    // Many runs cross midnight.
    clock.advance(Duration::from_hours(9));
    let tuning = Tuning { entries_max: 6, bytes_max: 6_000, ttl_minutes: 60, stale_minutes: 10 };
    let cache: TestCache = Cache::new(tuning.settings(), clock.clone(), 10);
    let mut model = Model {
        entries: Vec::new(),
        floor: 10,
        known: Vec::new(),
        suspended_since: None,
        tuning,
        counter: 10,
        revisions: [10; SCOPES as usize],
        pending: Vec::new(),
        hits: 0,
        misses: 0,
        stale: 0,
        loads: 0,
        failures: 0,
        mass: 0,
        removals: Removals::default(),
    };
    for operation in operations {
        step(&cache, &mut model, &clock, &operation).await;
        compare(&cache, &model, &clock, &operation);
    }
}

async fn step(cache: &TestCache, model: &mut Model, clock: &Clock, operation: &Operation) {
    let now = clock.now().millis();
    match operation {
        Operation::Request(key, result) => {
            let loaded = match result {
                SourceAnswer::Data => Ok(loaded(model, clock, key)),
                SourceAnswer::Nothing => Ok(Loaded { value: None, ..loaded(model, clock, key) }),
                SourceAnswer::Failure => Err("disk"),
            };
            let answer = cache.get_or_load(key, || async { loaded }).await.ok();
            let expected = model.request(key, *result, now);
            let content = answer.map(|served| served.map(|served| (served.value.revision, served.status)));
            let expected = expected.map(|(content, outcome)| content.map(|content| (content, outcome)));
            assert_eq!(content, expected, "{operation:?}");
        }
        Operation::Warm(key) => {
            let loaded = loaded(model, clock, key);
            cache.warm(key, || async { Ok(loaded) }).await.unwrap();
            if model.find(key).is_none_or(|kept| model.freshness(kept, now).is_err()) {
                model.loads += 1;
                model.load(key, now);
            }
        }
        Operation::Write { scope, publish } => {
            model.counter += 1;
            model.revisions[*scope as usize] = model.counter;
            let revision = model.counter;
            if *publish {
                cache.publish(model.counter, [(scope, revision)]);
                model.publish(*scope, revision);
            } else {
                model.pending.push((*scope, revision));
            }
        }
        Operation::PublishPending => {
            let pending = std::mem::take(&mut model.pending);
            cache.publish(model.counter, pending.iter().map(|(scope, revision)| (scope, *revision)));
            for (scope, revision) in pending {
                model.publish(scope, revision);
            }
        }
        Operation::Advance(by) => clock.advance(*by),
        Operation::Clear => {
            let removed = cache.clear() as u64;
            assert_eq!(removed, model.remove(|_, _| true));
            model.removals.cleared += removed;
            model.mass += u64::from(removed > 1);
        }
        Operation::ClearScope(scope) => {
            let removed = cache.clear_where(|key| key.scope == *scope) as u64;
            assert_eq!(removed, model.remove(|_, kept| kept.key.scope == *scope));
            model.removals.cleared += removed;
            model.mass += u64::from(removed > 1);
        }
        Operation::Remove(key) => {
            let removed = u64::from(cache.remove(key));
            assert_eq!(removed, model.remove(|_, kept| kept.key == *key));
            model.removals.cleared += removed;
        }
        Operation::Configure(tuning) => {
            cache.configure(tuning.settings());
            model.tuning = *tuning;
            model.removals.bytes += model.remove(|model, kept| kept.bytes > model.tuning.bytes_max);
            model.fit();
        }
        Operation::Reset => {
            cache.reset_to(model.counter);
            let removed = model.remove(|_, _| true);
            model.removals.invalidated += removed;
            model.mass += u64::from(removed > 0 || model.floor != model.counter);
            (model.floor, model.suspended_since) = (model.counter, None);
            model.known.clear();
        }
        Operation::Suspend => {
            cache.suspend();
            model.suspended_since.get_or_insert(now);
        }
        Operation::Sweep => {
            let swept = cache.sweep() as u64;
            let stale = model.tuning.stale();
            assert_eq!(
                swept,
                model.remove(|model, kept| model.freshness(kept, now).is_err_and(|expired_for| expired_for > stale))
            );
            model.removals.expired += swept;
        }
    }
}

fn compare(cache: &TestCache, model: &Model, clock: &Clock, operation: &Operation) {
    cache.check().unwrap();
    let now = clock.now().millis();
    let mut expected: Vec<_> = model
        .entries
        .iter()
        .map(|kept| (kept.key.clone(), kept.as_of, kept.bytes, model.freshness(kept, now).is_ok()))
        .collect();
    expected.sort();
    let listed = cache.entries(None, usize::MAX, |_| true);
    let listed: Vec<_> = listed.iter().map(|view| ((*view.key).clone(), view.as_of, view.bytes, view.fresh)).collect();
    assert_eq!(listed, expected, "after {operation:?}");
    let stats = cache.stats();
    let counted = (stats.hits, stats.misses, stats.stale, stats.loads, stats.load_failures, stats.mass_invalidations);
    let expected = (model.hits, model.misses, model.stale, model.loads, model.failures, model.mass);
    assert_eq!(counted, expected, "after {operation:?}");
    assert_eq!(stats.removals, model.removals, "after {operation:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cache_does_what_a_naive_model_does(operations in prop::collection::vec(operation(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(run(operations));
    }
}
