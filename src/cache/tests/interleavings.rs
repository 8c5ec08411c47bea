//! The guarantees of the cache under thousands of interleavings, each of which its seed reproduces.
//!
//! `RUSTFLAGS="--cfg muster_shuttle" cargo test --lib cache::`; `MUSTER_TEST_SEED` repeats a run that failed.

use std::sync::Arc;

use shuttle::future::{block_on, spawn, yield_now};
use shuttle::sync::Mutex;
use shuttle::thread;

use super::{TestBody, TestKey};
use crate::cache::{Body, Cache, CacheSettings, Loaded};
use crate::clock::Clock;
use crate::domain::time::Timestamp;

const SCOPES: usize = 3;
const ITERATIONS: usize = 2_000;

/// A source with the committed revisions, and with those that were acknowledged to the writer.
#[derive(Default)]
struct Source {
    counter: i64,
    committed: [i64; SCOPES],
    acknowledged: [i64; SCOPES],
    /// Running loads of each scope.
    loads: [usize; SCOPES],
    /// How many clears have started, and how many have ended.
    clears_begun: usize,
    clears_done: usize,
}

#[derive(Clone)]
struct World {
    cache: Cache<TestKey, TestBody, &'static str>,
    source: Arc<Mutex<Source>>,
    clock: Clock,
}

impl World {
    fn new(published_scopes_max: usize) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let settings = CacheSettings {
            published_scopes_max,
            ..CacheSettings::new(2, 1 << 20, |_: &TestKey| std::time::Duration::from_secs(60))
        };
        Self { cache: Cache::new(settings, clock.clone(), 0), source: Arc::default(), clock }
    }

    /// Commits, publishes and acknowledges, in this order; anything can happen in between.
    fn write(&self, scope: usize) {
        let revision = {
            let mut source = self.source.lock().unwrap();
            source.counter += 1;
            source.committed[scope] = source.counter;
            source.counter
        };
        self.cache.publish(revision, [(&u32::try_from(scope).unwrap(), revision)]);
        let mut source = self.source.lock().unwrap();
        source.acknowledged[scope] = source.acknowledged[scope].max(revision);
    }

    /// Reads, and compares the answer with what had been acknowledged before.
    async fn read(&self, scope: usize) {
        let (acknowledged, cleared) = {
            let source = self.source.lock().unwrap();
            (source.acknowledged[scope], source.clears_done)
        };
        let source = Arc::clone(&self.source);
        let day = self.clock.now().day();
        let load = move || async move {
            let clears_begun = {
                let mut source = source.lock().unwrap();
                source.loads[scope] += 1;
                source.clears_begun
            };
            yield_now().await;
            let (as_of, revision) = {
                let source = source.lock().unwrap();
                assert_eq!(source.loads[scope], 1, "two loads of one key run");
                (source.counter, source.committed[scope])
            };
            yield_now().await;
            source.lock().unwrap().loads[scope] -= 1;
            Ok(Loaded { as_of, day, value: Some(TestBody::new(revision, clears_begun)) })
        };
        let key = TestKey { scope: u32::try_from(scope).unwrap(), part: 0 };
        let served = self.cache.get_or_load(&key, load).await.unwrap().unwrap();
        let seen = served.value.revision;
        assert!(seen >= acknowledged, "scope {scope}: {acknowledged} was acknowledged, {seen} was served");
        // The size of a body is the number of clears that had started before its load.
        let loaded_after = served.value.bytes();
        assert!(loaded_after >= cleared, "scope {scope}: cleared {cleared} times, served from after {loaded_after}");
    }

    fn clear(&self) {
        self.source.lock().unwrap().clears_begun += 1;
        self.cache.clear();
        self.source.lock().unwrap().clears_done += 1;
    }

    /// The watcher: reads the counter, and later resets the cache to it.
    fn reset(&self) {
        let counter = self.source.lock().unwrap().counter;
        thread::yield_now();
        self.cache.reset_to(counter);
    }

    fn check_settled(&self) {
        self.cache.check().unwrap();
        assert_eq!(self.cache.entry_totals().loads, 0);
        block_on(async {
            for scope in 0..SCOPES {
                self.read(scope).await;
            }
        });
    }
}

/// Runs a scenario under random schedules and under schedules with few switches. A failure prints the seed.
fn explore(scenario: impl Fn() + Send + Sync + Clone + 'static) {
    let seed = std::env::var("MUSTER_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| Clock::system().now().millis().unsigned_abs());
    eprintln!("MUSTER_TEST_SEED={seed}");
    shuttle::check_random_with_seed(scenario.clone(), seed, ITERATIONS);
    let scheduler = shuttle::scheduler::PctScheduler::new_from_seed(seed, 3, ITERATIONS);
    shuttle::Runner::new(scheduler, shuttle::Config::default()).run(scenario);
}

/// Readers, writers and a disturbance, all at once.
fn scenario(published_scopes_max: usize, disturbance: fn(&World)) -> impl Fn() + Send + Sync + Clone + 'static {
    move || {
        let world = World::new(published_scopes_max);
        let mut threads = Vec::new();
        for writer in 0..2 {
            let world = world.clone();
            threads.push(thread::spawn(move || {
                world.write(writer);
                world.write(1);
            }));
        }
        let disturbed = world.clone();
        threads.push(thread::spawn(move || disturbance(&disturbed)));
        let readers = world.clone();
        threads.push(thread::spawn(move || {
            block_on(async {
                let requests: Vec<_> = (0..6)
                    .map(|request| {
                        let world = readers.clone();
                        spawn(async move { world.read(request % SCOPES).await })
                    })
                    .collect();
                // The first request is cancelled.
                for (number, request) in requests.into_iter().enumerate() {
                    if number == 0 { request.abort() } else { request.await.unwrap() }
                }
                for scope in 0..SCOPES {
                    readers.read(scope).await;
                }
            });
        }));
        for thread in threads {
            thread.join().unwrap();
        }
        while world.cache.entry_totals().loads > 0 {
            thread::yield_now();
        }
        world.check_settled();
    }
}

#[test]
fn a_read_never_lacks_what_was_acknowledged_before_it() {
    explore(scenario(SCOPES, |_| {}));
}

#[test]
fn a_read_during_clears_never_lacks_what_was_acknowledged_before_it() {
    explore(scenario(SCOPES, |world| {
        world.clear();
        world.clear();
        world.cache.remove(&TestKey { scope: 1, part: 0 });
    }));
}

#[test]
fn a_read_during_resets_never_lacks_what_was_acknowledged_before_it() {
    explore(scenario(SCOPES, World::reset));
}

#[test]
fn a_read_with_a_full_map_of_revisions_never_lacks_what_was_acknowledged_before_it() {
    explore(scenario(1, World::reset));
}

#[test]
fn a_read_during_changes_of_settings_never_lacks_what_was_acknowledged_before_it() {
    explore(scenario(SCOPES, |world| {
        let settings = world.cache.settings();
        world.cache.configure(CacheSettings { entries_max: 1, ..settings.clone() });
        let nothing = Arc::new(|_: &TestKey| std::time::Duration::ZERO);
        world.cache.configure(CacheSettings { ttl: nothing, ..settings.clone() });
        world.cache.suspend();
        world.cache.configure(settings);
        world.reset();
    }));
}
