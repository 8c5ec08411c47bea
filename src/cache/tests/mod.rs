//! Tests of the guarantees. `support` has what they share: keys, numbered bodies, loads that a test controls.

#[cfg(not(muster_shuttle))]
mod bounds;
#[cfg(muster_shuttle)]
mod interleavings;
#[cfg(not(muster_shuttle))]
mod model;
#[cfg(not(muster_shuttle))]
mod races;
#[cfg(not(muster_shuttle))]
mod shares;
#[cfg(not(muster_shuttle))]
mod single_flight;
#[cfg(not(muster_shuttle))]
mod statistics;

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Body, EntryShare, Key};

/// A key: one part of a scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct TestKey {
    scope: u32,
    part: u32,
}

/// Parts from here on are pages, in the share of their scope.
const FIRST_PAGE: u32 = 1 << 20;

/// Parts from here on are no pages, and in the share of their scope.
const FIRST_OTHER: u32 = 1 << 21;

impl Key for TestKey {
    type Scope = u32;
    type Owner = u32;

    fn share(&self) -> EntryShare<'_, u32> {
        match self.part {
            0..FIRST_PAGE => EntryShare::None,
            FIRST_PAGE..FIRST_OTHER => EntryShare::Page(&self.scope),
            FIRST_OTHER.. => EntryShare::Other(&self.scope),
        }
    }

    fn scope(&self) -> &u32 {
        &self.scope
    }

    fn bytes(&self) -> usize {
        0
    }
}

/// A body with the revision of its scope that it shows.
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
    use crate::cache::{Cache, CacheSettings, CacheStatus, LoadError, Loaded, Served};
    use crate::clock::Clock;
    use crate::domain::time::Timestamp;

    pub(super) type TestCache = Cache<TestKey, TestBody, &'static str>;
    pub(super) type TestAnswer = Result<Option<Served<TestBody>>, LoadError<&'static str>>;

    /// A test that waits longer than this has failed.
    const TEST_TIMEOUT: Duration = Duration::from_secs(20);

    pub(super) const HOUR: Duration = Duration::from_hours(1);
    pub(super) const A: TestKey = TestKey { scope: 1, part: 0 };
    pub(super) const B: TestKey = TestKey { scope: 2, part: 0 };

    /// A clock that is stopped at noon.
    pub(super) fn noon() -> Clock {
        Clock::manual(Timestamp::parse("2026-11-22T12:00:00Z").unwrap())
    }

    /// A large cache with a TTL of an hour, stale-if-error for ten minutes, and the counter at 10.
    pub(super) fn test_cache(clock: &Clock) -> TestCache {
        Cache::new(settings(), clock.clone(), 10)
    }

    pub(super) fn settings() -> CacheSettings<TestKey> {
        CacheSettings { stale_if_error: Duration::from_mins(10), ..CacheSettings::new(1_000, 1 << 30, |_| HOUR) }
    }

    /// A body of today.
    pub(super) fn body(clock: &Clock, as_of: i64) -> Loaded<TestBody> {
        Loaded { as_of, day: clock.now().day(), value: Some(TestBody::new(as_of, 100)) }
    }

    /// Requests a key with a load that ends at once.
    pub(super) async fn request(
        cache: &TestCache,
        key: &TestKey,
        result: Result<Loaded<TestBody>, &'static str>,
    ) -> TestAnswer {
        cache.get_or_load(key, || async { result }).await
    }

    /// A load that the test controls: it reports when it has started, and returns what the test sends.
    pub(super) struct ControlledLoad {
        started: oneshot::Receiver<()>,
        result: oneshot::Sender<Result<Loaded<TestBody>, &'static str>>,
        pub(super) request: JoinHandle<TestAnswer>,
    }

    impl ControlledLoad {
        /// Requests a key on its own task.
        pub(super) fn request(cache: &TestCache, key: &TestKey) -> Self {
            let (has_started, started) = oneshot::channel();
            let (result, received) = oneshot::channel();
            let (cache, key) = (cache.clone(), key.clone());
            let load = move || async move {
                has_started.send(()).unwrap();
                received.await.unwrap()
            };
            let request = tokio::spawn(async move { cache.get_or_load(&key, load).await });
            Self { started, result, request }
        }

        pub(super) async fn started(&mut self) {
            timeout(TEST_TIMEOUT, &mut self.started).await.expect("the load never starts").unwrap();
        }

        pub(super) fn has_started(&mut self) -> bool {
            self.started.try_recv().is_ok()
        }

        /// Ends the load and waits for the answer to the request.
        pub(super) async fn finish(self, result: Result<Loaded<TestBody>, &'static str>) -> TestAnswer {
            self.finish_task(result).await.unwrap()
        }

        /// Ends the load and waits for the end of the task that requested it.
        pub(super) async fn finish_task(
            self,
            result: Result<Loaded<TestBody>, &'static str>,
        ) -> Result<TestAnswer, JoinError> {
            self.result.send(result).unwrap();
            self.request.await
        }
    }

    /// Runs the other tasks until a condition is true. They make it true, not time; a test in which they never do
    /// fails.
    pub(super) async fn until(condition: impl Fn() -> bool) {
        let waiting = async {
            while !condition() {
                yield_now().await;
            }
        };
        timeout(TEST_TIMEOUT, waiting).await.expect("the condition never becomes true");
    }

    /// The revision and the cache status of an answer.
    pub(super) fn seen<E: Debug>(answer: Result<Option<Served<TestBody>>, LoadError<E>>) -> (i64, CacheStatus) {
        let served = answer.unwrap().unwrap();
        (served.value.revision, served.status)
    }
}
