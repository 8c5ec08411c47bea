//! A subscriber that writes down what it hears, and from whom.

use std::sync::{Arc, Mutex};

use muster::domain::directory::Scope;
use muster::store::{AccessList, Publication, Store, Subscriber};

/// One thing that the change feed said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// From the writer, before it answered.
    Written(Publication),
    /// From the watcher, which looks for commits of other processes and hears of our own again.
    Watched(Publication),
    /// Everything up to this revision is in doubt.
    Doubted(i64),
    /// Commits of others may be missed.
    Unreadable,
    /// The tokens of this version of the access rules.
    Access(i64),
}

/// Guards a list that is only ever pushed to and taken.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<Heard>>);

impl Recorder {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Everything heard since the last call.
    pub fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Everything heard and not yet taken.
    pub fn heard(&self) -> Vec<Heard> {
        self.0.lock().unwrap().clone()
    }

    /// A recorder that a store tells everything from now on.
    pub fn on(store: &Store) -> Arc<Self> {
        let recorder = Self::new();
        store.subscribe(&(Arc::clone(&recorder) as Arc<dyn Subscriber>)).unwrap();
        recorder.take();
        recorder
    }

    /// What the writer has published since the last call of [`take`](Self::take), each publication with its scopes in
    /// order.
    pub fn written(&self) -> Vec<Vec<Scope>> {
        let heard = self.heard();
        let scopes = |publication: &Publication| {
            let mut scopes: Vec<Scope> = publication.scopes.iter().map(|(scope, _)| scope.clone()).collect();
            scopes.sort();
            scopes
        };
        let written = heard.iter().filter_map(|heard| match heard {
            Heard::Written(publication) => Some(scopes(publication)),
            _ => None,
        });
        written.collect()
    }

    fn note(&self, heard: Heard) {
        self.0.lock().unwrap().push(heard);
    }
}

impl Subscriber for Recorder {
    fn published(&self, publication: &Publication) {
        match std::thread::current().name() {
            Some("muster-writer") => self.note(Heard::Written(publication.clone())),
            Some("muster-watcher") => self.note(Heard::Watched(publication.clone())),
            other => panic!("published on the thread {other:?}"),
        }
    }

    fn doubted(&self, revision: i64) {
        self.note(Heard::Doubted(revision));
    }

    fn unreadable(&self) {
        self.note(Heard::Unreadable);
    }

    fn access_changed(&self, tokens: &Arc<AccessList>) {
        self.note(Heard::Access(tokens.version));
    }
}
