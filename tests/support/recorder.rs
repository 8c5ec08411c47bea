//! A subscriber that records the notifications of the change feed, and which thread sent them.

use std::sync::{Arc, Mutex};

use muster::domain::directory::Scope;
use muster::store::{AccessList, Publication, Store, Subscriber};

/// One notification of the change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notification {
    /// Published by the writer, before it answered.
    Writer(Publication),
    /// Published by the watcher, which detects commits of other processes and repeats those of this process.
    Watcher(Publication),
    /// Everything published up to this revision is no longer valid.
    Reset(i64),
    /// Commits of other processes may be missed.
    Suspended,
    /// The token list of this version of the access rules.
    AccessChanged(i64),
}

/// Guards a list that is only ever pushed to and taken.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<Notification>>);

impl Recorder {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The notifications since the last call.
    pub fn take(&self) -> Vec<Notification> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// The notifications that were not taken yet.
    pub fn notifications(&self) -> Vec<Notification> {
        self.0.lock().unwrap().clone()
    }

    /// A recorder that is subscribed to a store.
    pub fn on(store: &Store) -> Arc<Self> {
        let recorder = Self::new();
        store.subscribe(&(Arc::clone(&recorder) as Arc<dyn Subscriber>)).unwrap();
        recorder.take();
        recorder
    }

    /// The scopes that the writer has published since the last call of [`take`](Self::take), sorted within each
    /// publication.
    pub fn written(&self) -> Vec<Vec<Scope>> {
        let notifications = self.notifications();
        let scopes = |publication: &Publication| {
            let mut scopes: Vec<Scope> = publication.scopes.iter().map(|(scope, _)| scope.clone()).collect();
            scopes.sort();
            scopes
        };
        let written = notifications.iter().filter_map(|notification| match notification {
            Notification::Writer(publication) => Some(scopes(publication)),
            _ => None,
        });
        written.collect()
    }

    fn record(&self, notification: Notification) {
        self.0.lock().unwrap().push(notification);
    }
}

impl Subscriber for Recorder {
    fn published(&self, publication: &Publication) {
        match std::thread::current().name() {
            Some("muster-writer") => self.record(Notification::Writer(publication.clone())),
            Some("muster-watcher") => self.record(Notification::Watcher(publication.clone())),
            other => panic!("published on the thread {other:?}"),
        }
    }

    fn reset_to(&self, revision: i64) {
        self.record(Notification::Reset(revision));
    }

    fn suspend(&self) {
        self.record(Notification::Suspended);
    }

    fn access_changed(&self, tokens: &Arc<AccessList>) {
        self.record(Notification::AccessChanged(tokens.version));
    }
}
