//! The promise, proven. `support` below is what the proofs share: names as keys, numbered bodies, loads that a test holds.

#[cfg(not(muster_shuttle))]
mod bounds;
#[cfg(muster_shuttle)]
mod interleavings;
#[cfg(not(muster_shuttle))]
mod model;
#[cfg(not(muster_shuttle))]
mod races;
#[cfg(not(muster_shuttle))]
mod single_flight;
#[cfg(not(muster_shuttle))]
mod statistics;

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Body, Key};

/// A key: a part of what there is about a scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct TestKey {
    scope: u32,
    part: u32,
}

impl Key for TestKey {
    type Scope = u32;

    fn scope(&self) -> &u32 {
        &self.scope
    }

    fn bytes(&self) -> usize {
        0
    }
}

/// A body that says which revision of its scope it shows.
#[derive(Debug, Default)]
struct TestBody {
    revision: i64,
    bytes: AtomicUsize,
}

impl TestBody {
    fn new(revision: i64, bytes: usize) -> Self {
        Self { revision, bytes: AtomicUsize::new(bytes) }
    }
}

impl Body for TestBody {
    fn bytes(&self) -> usize {
        self.bytes.load(Ordering::SeqCst)
    }
}

#[cfg(not(muster_shuttle))]
mod support {
    use std::fmt::Debug;
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::task::{JoinError, JoinHandle, yield_now};
    use tokio::time::timeout;

    use super::{TestBody, TestKey};
    use crate::cache::{Cache, CacheStatus, LoadError, Loaded, Served, Settings};
    use crate::clock::Clock;
    use crate::domain::time::Timestamp;

    pub(super) type TestCache = Cache<TestKey, TestBody, &'static str>;
    pub(super) type Answer = Result<Option<Served<TestBody>>, LoadError<&'static str>>;

    /// After this a test that waits has failed.
    const PATIENCE: Duration = Duration::from_secs(20);

    pub(super) const HOUR: Duration = Duration::from_hours(1);
    pub(super) const A: TestKey = TestKey { scope: 1, part: 0 };
    pub(super) const B: TestKey = TestKey { scope: 2, part: 0 };

    /// A clock that stands at noon.
    pub(super) fn noon() -> Clock {
        Clock::manual(Timestamp::parse("2026-11-22T12:00:00Z").unwrap())
    }

    /// Room for everything, an hour of TTL, ten minutes of standing in, the counter at 10.
    pub(super) fn test_cache(clock: &Clock) -> TestCache {
        Cache::new(settings(), clock.clone(), 10)
    }

    pub(super) fn settings() -> Settings<TestKey> {
        Settings { stale_if_error: Duration::from_mins(10), ..Settings::new(1_000, 1 << 30, |_| HOUR) }
    }

    /// A page of today.
    pub(super) fn body(clock: &Clock, as_of: i64) -> Loaded<TestBody> {
        Loaded { as_of, day: clock.now().day(), value: Some(TestBody::new(as_of, 100)) }
    }

    /// Asks with a load that answers at once.
    pub(super) async fn ask(
        cache: &TestCache,
        key: &TestKey,
        brings: Result<Loaded<TestBody>, &'static str>,
    ) -> Answer {
        cache.get_or_load(key, || async { brings }).await
    }

    /// A load that the test holds: it says when it has begun, and brings what the test tells it to.
    pub(super) struct Held {
        begun: oneshot::Receiver<()>,
        release: oneshot::Sender<Result<Loaded<TestBody>, &'static str>>,
        pub(super) asker: JoinHandle<Answer>,
    }

    impl Held {
        /// Asks on a task of its own.
        pub(super) fn ask(cache: &TestCache, key: &TestKey) -> Self {
            let (has_begun, begun) = oneshot::channel();
            let (release, released) = oneshot::channel();
            let (cache, key) = (cache.clone(), key.clone());
            let load = move || async move {
                has_begun.send(()).unwrap();
                released.await.unwrap()
            };
            let asker = tokio::spawn(async move { cache.get_or_load(&key, load).await });
            Self { begun, release, asker }
        }

        pub(super) async fn begun(&mut self) {
            timeout(PATIENCE, &mut self.begun).await.expect("the load never begins").unwrap();
        }

        pub(super) fn has_begun(&mut self) -> bool {
            self.begun.try_recv().is_ok()
        }

        /// Lets the load go and waits for the asker's answer.
        pub(super) async fn bring(self, brings: Result<Loaded<TestBody>, &'static str>) -> Answer {
            self.release(brings).await.unwrap()
        }

        /// Lets the load go and waits for what becomes of the asker.
        pub(super) async fn release(self, brings: Result<Loaded<TestBody>, &'static str>) -> Result<Answer, JoinError> {
            self.release.send(brings).unwrap();
            self.asker.await
        }
    }

    /// Gives the other tasks their turn until something is so. It becomes so by their doing, not by time; a test in which
    /// it never does fails.
    pub(super) async fn until(so: impl Fn() -> bool) {
        let waiting = async {
            while !so() {
                yield_now().await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("what the test waits for never comes");
    }

    /// The revision and the outcome of an answer that is there.
    pub(super) fn seen<E: Debug>(answer: Result<Option<Served<TestBody>>, LoadError<E>>) -> (i64, CacheStatus) {
        let served = answer.unwrap().unwrap();
        (served.value.revision, served.status)
    }
}
