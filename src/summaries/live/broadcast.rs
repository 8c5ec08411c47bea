//! The listeners, and the task that sends events to them.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast, watch};

use super::channel::EventChannel;
use super::event::{EventName, LiveEvent, ResetReason};
use super::publications::{PublicationReader, publication_between};
use super::sample;
use crate::store::Store;
use crate::summaries::configuration::VersionedConfiguration;
use crate::summaries::summary_cache::SummaryCache;

/// The event stream. Clones are cheap and share the same listeners.
#[derive(Clone)]
pub struct Live(Arc<Broadcast>);

struct Broadcast {
    channel: EventChannel,
    /// Guards the start and the end of the sending task, so that there is exactly one while there are listeners.
    /// Nothing is awaited under it.
    task: Mutex<Task>,
}

struct Task {
    running: bool,
    /// The position at which the last task stopped, and the next one continues.
    reader: Option<PublicationReader>,
}

impl Live {
    /// A stream without listeners. `epoch` and `revision` are those of the database, and the cache is empty.
    pub(crate) fn new(
        store: &Store,
        cache: &SummaryCache,
        configuration: watch::Receiver<VersionedConfiguration>,
        epoch: String,
        revision: i64,
    ) -> Self {
        Self(Arc::new(Broadcast {
            channel: EventChannel::new(store, cache, configuration),
            task: Mutex::new(Task { running: false, reader: Some(PublicationReader::new(epoch, revision)) }),
        }))
    }

    /// Is to be notified of each publication.
    pub(crate) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.0.channel.publications)
    }

    /// Adds a listener.
    pub async fn listen(&self) -> Listener {
        let events = self.join();
        let mut position = self.0.channel.position.subscribe();
        // `self` owns the sender, so the channel is open.
        let revision = position.wait_for(Option::is_some).await.ok().and_then(|position| *position);
        Listener { live: self.clone(), events, revision: revision.unwrap_or_default() }
    }

    /// What was sent after `seen` and up to `revision`: nothing, one publication, or a reset if that is unknown.
    pub async fn missed(&self, seen: i64, revision: i64) -> Option<Arc<LiveEvent>> {
        if seen == revision {
            return None;
        }
        if !(0..revision).contains(&seen) {
            return Some(LiveEvent::reset(revision, ResetReason::UnknownPosition));
        }
        match self.0.channel.store.read_internal(move |tx| publication_between(tx, seen, revision)).await {
            Ok(publication) => publication,
            Err(_) => Some(LiveEvent::reset(revision, ResetReason::Unreadable)),
        }
    }

    /// The number of listeners.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.0.channel.events.receiver_count()
    }

    /// Whether the sending task runs.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        self.task().running
    }

    fn task(&self) -> MutexGuard<'_, Task> {
        self.0.task.lock()
    }

    /// Subscribes to the events, and starts the sending task unless it runs.
    fn join(&self) -> broadcast::Receiver<Arc<LiveEvent>> {
        let mut task = self.task();
        let events = self.0.channel.events.subscribe();
        if !task.running
            && let Some(reader) = task.reader.take()
        {
            task.running = true;
            tokio::spawn(self.clone().run(reader));
        }
        events
    }

    /// Sends events until there is no listener.
    async fn run(self, mut reader: PublicationReader) {
        let channel = &self.0.channel;
        reader.catch_up(channel).await;
        channel.position.send_replace(Some(reader.revision()));
        loop {
            tokio::select! {
                () = sample::send_each_second(channel) => {}
                () = reader.run(channel) => {}
                () = send_configurations(channel) => {}
                () = channel.events.closed() => {}
            }
            let mut task = self.task();
            // A listener may have joined after the last one left and before the lock was taken.
            if channel.events.receiver_count() == 0 {
                channel.position.send_replace(None);
                *task = Task { running: false, reader: Some(reader) };
                return;
            }
        }
    }
}

async fn send_configurations(channel: &EventChannel) {
    let mut configurations = channel.configuration.clone();
    configurations.mark_unchanged();
    while configurations.changed().await.is_ok() {
        let version = configurations.borrow_and_update().version;
        channel.send(LiveEvent::configuration(version));
    }
    // There are no further configurations; the other events continue.
    std::future::pending::<()>().await;
}

/// A receiver of the event stream.
pub struct Listener {
    live: Live,
    events: broadcast::Receiver<Arc<LiveEvent>>,
    revision: i64,
}

impl Listener {
    /// Changes up to this revision are in the cache's answers, or were sent.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The next event. No event is lost if the future is dropped.
    pub async fn next(&mut self) -> Arc<LiveEvent> {
        loop {
            match self.events.recv().await {
                Ok(event) => {
                    if let Some(revision) = event.revision {
                        // Sent between joining and reading the position.
                        if event.name == EventName::Publication && revision <= self.revision {
                            continue;
                        }
                        self.revision = revision;
                    }
                    return event;
                }
                // `live` owns the sender, so the channel is not closed.
                Err(RecvError::Lagged(_) | RecvError::Closed) => {
                    self.events = self.events.resubscribe();
                    let position = *self.live.0.channel.position.borrow();
                    self.revision = position.unwrap_or(self.revision);
                    return LiveEvent::reset(self.revision, ResetReason::Overflow);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tempfile::TempDir;

    use super::*;
    use crate::cache::CacheSettings;
    use crate::clock::Clock;
    use crate::domain::directory::{Name, Scope};
    use crate::domain::ids::EnterpriseId;
    use crate::domain::time::Timestamp;
    use crate::store::{Mode, ReadTx, StoreOptions};
    use crate::summaries::key::SummaryKey;
    use crate::summaries::live::channel::EVENTS_WAITING_MAX;
    use crate::what_if::Recorder;

    /// The stream of a store, with a cache to which only the test publishes.
    struct LiveBench {
        live: Live,
        store: Store,
        configuration: watch::Sender<VersionedConfiguration>,
        _dir: TempDir,
    }

    impl LiveBench {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let clock = Clock::manual(Timestamp::from_millis(1_795_000_000_000));
            let store = Store::open(&StoreOptions::new(dir.path(), Mode::Server, "a test"), clock.clone()).unwrap();
            let read = |tx: &ReadTx<'_>| Ok((tx.epoch()?, tx.revision()?, VersionedConfiguration::read(tx)?));
            let (epoch, revision, configuration) = store.read_blocking(read).unwrap();
            let settings = CacheSettings::new(10, 1 << 20, |_: &SummaryKey| std::time::Duration::from_hours(1));
            let recorder = Recorder::new(clock.moment());
            let cache = SummaryCache::observed(settings, clock, revision, recorder);
            let (configuration, versions) = watch::channel(configuration);
            Self { live: Live::new(&store, &cache, versions, epoch, revision), store, configuration, _dir: dir }
        }

        /// Creates an enterprise, which is not published to the cache yet.
        async fn create(&self, id: &'static str) -> (Scope, i64) {
            let work = move |tx: &crate::store::WriteTx<'_>| {
                tx.create_enterprise(Some(EnterpriseId::parse(id).unwrap()), &Name::parse("name", id).unwrap())?;
                tx.revision()
            };
            (Scope::enterprise(EnterpriseId::parse(id).unwrap()), self.store.write(work).await.unwrap())
        }

        fn publish(&self, (scope, revision): &(Scope, i64)) {
            self.live.0.channel.cache.publish(*revision, [(scope, *revision)]);
            self.live.0.channel.publications.notify_one();
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
    async fn publications_are_sent_after_they_reach_the_cache_and_in_order() {
        let bench = LiveBench::new();
        let mut listener = bench.live.listen().await;
        let (foreign, own) = (bench.create("foreign").await, bench.create("own").await);
        // The later one is published first, as happens when another process wrote the earlier one.
        bench.publish(&own);
        // A second later, long after the read, only a sample was sent.
        assert_eq!(listener.next().await.name, EventName::Sample);
        assert_eq!(listener.revision(), 0);
        bench.publish(&foreign);
        let (name, revision, data) = next(&mut listener).await;
        assert_eq!((name, revision, &data["scopeCount"]), (EventName::Publication, Some(own.1), &json!(2)));
        assert_eq!(data["scopes"][0], json!({"enterpriseId": "foreign", "departmentId": null}));
        assert_eq!(data["scopes"][1]["enterpriseId"], "own");
    }

    #[tokio::test]
    async fn a_listener_that_falls_behind_is_sent_a_reset_and_continues_from_there() {
        let bench = LiveBench::new();
        let mut listener = bench.live.listen().await;
        for version in 0..=2 * EVENTS_WAITING_MAX {
            bench.live.0.channel.send(LiveEvent::configuration(version as u64));
        }
        assert_eq!(bench.live.0.channel.events.len(), EVENTS_WAITING_MAX, "the number of waiting events is bounded");
        let (name, revision, data) = next(&mut listener).await;
        assert_eq!((name, revision), (EventName::Reset, Some(0)));
        assert_eq!(data, json!({"reason": "overflow"}));
        let created = bench.create("acme").await;
        bench.publish(&created);
        assert_eq!(next(&mut listener).await.1, Some(created.1));
    }

    #[tokio::test]
    async fn a_changed_configuration_is_sent_with_its_version() {
        let bench = LiveBench::new();
        let mut listener = bench.live.listen().await;
        bench.configuration.send_modify(|configuration| configuration.version = 2);
        assert_eq!(next(&mut listener).await, (EventName::Configuration, None, json!({"version": 2})));
    }

    #[tokio::test]
    async fn publications_from_before_a_listener_are_not_sent_to_it() {
        let bench = LiveBench::new();
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
