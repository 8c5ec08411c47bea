//! What happens to the cache, told to whoever listens while it happens.
//!
//! One task tells everybody, and runs only while there is somebody. It takes a sample each second, tells of
//! configurations, and of changes: the revision is the position in that stream. A publication is only its cue to read
//! which scopes drew since its own position (`changes.rs`), so what it tells is complete up to a revision, in order, and
//! the same for a listener who was there and for one who comes back with the revision it knew. Nothing that it tells is
//! ahead of the cache: whoever is told of a change and asks for the summary gets one that has it.
//!
//! What waits for a slow listener is bounded by `EVENTS_WAITING_MAX`, shared by all; one who falls behind that is told
//! that it missed something.

mod changes;
mod sample;

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast, watch};

use super::{SummaryCache, VersionedConfiguration};
use crate::domain::directory::Scope;
use crate::store::Store;

use self::changes::{Teller, scopes_told};

pub use self::changes::SCOPES_TOLD_MAX;
pub use self::sample::Sample;

/// Events that wait for the slowest listener: minutes of standing still on a quiet server, six seconds on the busiest. They
/// wait once for all, and take five megabytes at worst.
const EVENTS_WAITING_MAX: usize = 256;

/// Something that happened, written once for all listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveEvent {
    /// What kind of thing.
    pub name: EventName,
    /// The position that a listener has reached with it: everything up to this revision has been told.
    pub revision: Option<i64>,
    /// A JSON object that says all.
    pub data: String,
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventName {
    /// The figures of the last second.
    Sample,
    /// Scopes drew revisions: their summaries may have changed.
    Publication,
    /// The cache's configuration changed.
    Configuration,
    /// What was told cannot be continued: load everything anew.
    Reset,
}

impl EventName {
    /// The name as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Publication => "publication",
            Self::Configuration => "configuration",
            Self::Reset => "reset",
        }
    }
}

/// Why a listener has to load everything anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ResetReason {
    /// The listener was too slow, and something was passed over.
    Overflow,
    /// The position that the listener comes back with is none of this database.
    UnknownPosition,
    /// The database is another one than before.
    DatabaseExchanged,
    /// What was missed cannot be read just now.
    Unreadable,
}

/// A change of configuration, as it is told.
#[derive(Debug, Serialize)]
struct ConfigurationTold {
    version: u64,
}

/// The order to load everything anew, as it is told.
#[derive(Debug, Serialize)]
struct ResetTold {
    revision: i64,
    reason: ResetReason,
}

impl LiveEvent {
    fn new(name: EventName, revision: Option<i64>, data: &impl Serialize) -> Arc<Self> {
        // Plain structs of texts and numbers always serialise.
        Arc::new(Self { name, revision, data: serde_json::to_string(data).unwrap_or_default() })
    }

    /// The order to load everything anew, and to go on from this revision.
    #[must_use]
    pub fn reset(revision: i64, reason: ResetReason) -> Arc<Self> {
        Self::new(EventName::Reset, Some(revision), &ResetTold { revision, reason })
    }

    fn configuration(version: u64) -> Arc<Self> {
        Self::new(EventName::Configuration, None, &ConfigurationTold { version })
    }
}

/// Tells listeners. Cloning it is cheap, and every clone is the same.
#[derive(Clone)]
pub struct Live(Arc<Shared>);

struct Shared {
    store: Store,
    cache: SummaryCache,
    /// Told of each publication; costs the writer's thread one atomic operation when nobody listens.
    drawn: Arc<Notify>,
    /// The configuration that holds.
    configuration: watch::Receiver<VersionedConfiguration>,
    events: broadcast::Sender<Arc<LiveEvent>>,
    /// Everything up to here has been told; `None` while nobody tells.
    position: watch::Sender<Option<i64>>,
    /// Guards the beginning and the end of the task that tells, so that there is always exactly one while somebody
    /// listens. Nothing is awaited under it.
    task: Mutex<Task>,
}

struct Task {
    running: bool,
    /// Where telling stopped, and goes on when somebody comes.
    teller: Option<Teller>,
}

impl Live {
    /// Tells nothing yet. `epoch` and `revision` are how the database stands; up to there, nothing is in the cache.
    pub(super) fn new(
        store: &Store,
        cache: &SummaryCache,
        configuration: watch::Receiver<VersionedConfiguration>,
        epoch: String,
        revision: i64,
    ) -> Self {
        Self(Arc::new(Shared {
            store: store.clone(),
            cache: cache.clone(),
            drawn: Arc::default(),
            configuration,
            events: broadcast::Sender::new(EVENTS_WAITING_MAX),
            position: watch::Sender::new(None),
            task: Mutex::new(Task { running: false, teller: Some(Teller::new(epoch, revision)) }),
        }))
    }

    /// Where a publication is to be announced.
    pub(super) fn cue(&self) -> Arc<Notify> {
        Arc::clone(&self.0.drawn)
    }

    /// Listens from now on.
    pub async fn listen(&self) -> Listener {
        let events = self.join();
        let mut position = self.0.position.subscribe();
        // `self` keeps the other end open.
        let revision = position.wait_for(Option::is_some).await.ok().and_then(|position| *position);
        Listener { live: self.clone(), events, revision: revision.unwrap_or_default() }
    }

    /// What was told after `seen` and up to `revision`: nothing, one publication, or that this cannot be said.
    pub async fn missed(&self, seen: i64, revision: i64) -> Option<Arc<LiveEvent>> {
        if seen == revision {
            return None;
        }
        if !(0..revision).contains(&seen) {
            return Some(LiveEvent::reset(revision, ResetReason::UnknownPosition));
        }
        match self.0.store.read_patiently(move |tx| scopes_told(tx, seen, revision)).await {
            Ok(told) => told,
            Err(_) => Some(LiveEvent::reset(revision, ResetReason::Unreadable)),
        }
    }

    /// How many listen.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.0.events.receiver_count()
    }

    /// Whether the task that tells runs.
    #[must_use]
    pub fn is_telling(&self) -> bool {
        self.task().running
    }

    fn task(&self) -> MutexGuard<'_, Task> {
        self.0.task.lock()
    }

    /// Begins to receive, and to tell if nobody does.
    fn join(&self) -> broadcast::Receiver<Arc<LiveEvent>> {
        let mut task = self.task();
        let events = self.0.events.subscribe();
        if !task.running
            && let Some(teller) = task.teller.take()
        {
            task.running = true;
            tokio::spawn(self.clone().run(teller));
        }
        events
    }

    /// Tells until nobody listens.
    async fn run(self, mut teller: Teller) {
        teller.catch_up(&self.0).await;
        self.0.position.send_replace(Some(teller.revision()));
        loop {
            tokio::select! {
                () = sample::take(&self.0) => {}
                () = teller.tell(&self.0) => {}
                () = follow_configuration(&self.0) => {}
                () = self.0.events.closed() => {}
            }
            let mut task = self.task();
            // Somebody may have come between the last one's going and the lock.
            if self.0.events.receiver_count() == 0 {
                self.0.position.send_replace(None);
                *task = Task { running: false, teller: Some(teller) };
                return;
            }
        }
    }
}

impl Shared {
    fn send(&self, event: Arc<LiveEvent>) {
        // That nobody listens is no failure.
        let _ = self.events.send(event);
    }
}

async fn follow_configuration(shared: &Shared) {
    let mut configurations = shared.configuration.clone();
    configurations.mark_unchanged();
    while configurations.changed().await.is_ok() {
        let version = configurations.borrow_and_update().version;
        shared.send(LiveEvent::configuration(version));
    }
    // Whoever changes configurations has gone; everything else goes on.
    std::future::pending::<()>().await;
}

/// Somebody who is told.
pub struct Listener {
    live: Live,
    events: broadcast::Receiver<Arc<LiveEvent>>,
    revision: i64,
}

impl Listener {
    /// Everything up to this revision is in the cache's answers, or has been told.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The next event. Dropping the future loses none.
    pub async fn next(&mut self) -> Arc<LiveEvent> {
        loop {
            match self.events.recv().await {
                Ok(event) => {
                    if let Some(revision) = event.revision {
                        // Told between joining and learning where the others are.
                        if event.name == EventName::Publication && revision <= self.revision {
                            continue;
                        }
                        self.revision = revision;
                    }
                    return event;
                }
                // `live` keeps the other end open.
                Err(RecvError::Lagged(_) | RecvError::Closed) => {
                    self.events = self.events.resubscribe();
                    let position = *self.live.0.position.borrow();
                    self.revision = position.unwrap_or(self.revision);
                    return LiveEvent::reset(self.revision, ResetReason::Overflow);
                }
            }
        }
    }
}

/// A scope, as it is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeTold {
    enterprise_id: String,
    department_id: Option<String>,
    revision: i64,
}

impl From<&(Scope, i64)> for ScopeTold {
    fn from((scope, revision): &(Scope, i64)) -> Self {
        Self {
            enterprise_id: scope.enterprise.to_string(),
            department_id: scope.department.as_ref().map(ToString::to_string),
            revision: *revision,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tempfile::TempDir;

    use super::*;
    use crate::cache::Settings;
    use crate::clock::Clock;
    use crate::domain::directory::Name;
    use crate::domain::ids::EnterpriseId;
    use crate::domain::time::Timestamp;
    use crate::store::{Mode, ReadTx, StoreOptions};
    use crate::summaries::SummaryKey;
    use crate::what_if::Recorder;

    /// A stream of a store of its own, whose cache hears only of what the test publishes.
    struct Bench {
        live: Live,
        store: Store,
        configuration: watch::Sender<VersionedConfiguration>,
        _dir: TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let clock = Clock::manual(Timestamp::from_millis(1_795_000_000_000));
            let store = Store::open(&StoreOptions::new(dir.path(), Mode::Server, "a test"), clock.clone()).unwrap();
            let read = |tx: &ReadTx<'_>| Ok((tx.epoch()?, tx.revision()?, VersionedConfiguration::read(tx)?));
            let (epoch, revision, configuration) = store.read_blocking(read).unwrap();
            let settings = Settings::new(10, 1 << 20, |_: &SummaryKey| std::time::Duration::from_hours(1));
            let recorder = Recorder::new(clock.moment());
            let cache = SummaryCache::observed(settings, clock, revision, recorder);
            let (configuration, versions) = watch::channel(configuration);
            Self { live: Live::new(&store, &cache, versions, epoch, revision), store, configuration, _dir: dir }
        }

        /// Creates an enterprise, of which the cache does not hear yet.
        async fn create(&self, id: &'static str) -> (Scope, i64) {
            let work = move |tx: &crate::store::WriteTx<'_>| {
                tx.create_enterprise(Some(EnterpriseId::parse(id).unwrap()), &Name::parse("name", id).unwrap())?;
                tx.revision()
            };
            (Scope::enterprise(EnterpriseId::parse(id).unwrap()), self.store.write(work).await.unwrap())
        }

        fn publish(&self, (scope, revision): &(Scope, i64)) {
            self.live.0.cache.publish(*revision, [(scope, *revision)]);
            self.live.0.drawn.notify_one();
        }
    }

    /// The next event that is no sample.
    async fn next(listener: &mut Listener) -> (EventName, Option<i64>, Value) {
        loop {
            let event = listener.next().await;
            if event.name != EventName::Sample {
                return (event.name, event.revision, serde_json::from_str(&event.data).unwrap());
            }
        }
    }

    #[tokio::test]
    async fn nothing_is_told_before_the_cache_has_heard_of_it_and_then_all_in_order() {
        let bench = Bench::new();
        let mut listener = bench.live.listen().await;
        let (foreign, own) = (bench.create("foreign").await, bench.create("own").await);
        // The later one is heard of first, as when another process wrote the earlier one.
        bench.publish(&own);
        // A second later, which is long after the reading, there is nothing but a sample.
        assert_eq!(listener.next().await.name, EventName::Sample);
        assert_eq!(listener.revision(), 0);
        bench.publish(&foreign);
        let (name, revision, data) = next(&mut listener).await;
        assert_eq!((name, revision, &data["scopeCount"]), (EventName::Publication, Some(own.1), &json!(2)));
        assert_eq!(data["scopes"][0], json!({"enterpriseId": "foreign", "departmentId": null, "revision": foreign.1}));
        assert_eq!(data["scopes"][1]["enterpriseId"], "own");
    }

    #[tokio::test]
    async fn who_falls_behind_is_told_to_load_anew_and_goes_on_from_there() {
        let bench = Bench::new();
        let mut listener = bench.live.listen().await;
        for version in 0..=2 * EVENTS_WAITING_MAX {
            bench.live.0.send(LiveEvent::configuration(version as u64));
        }
        assert_eq!(bench.live.0.events.len(), EVENTS_WAITING_MAX, "no more than that waits");
        let (name, revision, data) = next(&mut listener).await;
        assert_eq!((name, revision), (EventName::Reset, Some(0)));
        assert_eq!(data, json!({"revision": 0, "reason": "overflow"}));
        let created = bench.create("acme").await;
        bench.publish(&created);
        assert_eq!(next(&mut listener).await.1, Some(created.1));
    }

    #[tokio::test]
    async fn a_changed_configuration_is_told_with_its_version() {
        let bench = Bench::new();
        let mut listener = bench.live.listen().await;
        bench.configuration.send_modify(|configuration| configuration.version = 2);
        assert_eq!(next(&mut listener).await, (EventName::Configuration, None, json!({"version": 2})));
    }

    #[tokio::test]
    async fn what_was_missed_while_nobody_listened_is_not_told_as_new() {
        let bench = Bench::new();
        drop(bench.live.listen().await);
        let created = bench.create("acme").await;
        bench.publish(&created);
        let mut listener = bench.live.listen().await;
        assert_eq!(listener.revision(), created.1);
        let missed = bench.live.missed(0, created.1).await.unwrap();
        assert_eq!((missed.name, missed.revision), (EventName::Publication, Some(created.1)));
        assert_eq!(bench.live.missed(created.1, created.1).await, None);
        assert_eq!(bench.live.missed(created.1 + 1, created.1).await.unwrap().name, EventName::Reset);
        let later = bench.create("globex").await;
        bench.publish(&later);
        let (_, revision, data) = next(&mut listener).await;
        assert_eq!((revision, &data["scopeCount"]), (Some(later.1), &json!(1)));
    }
}
