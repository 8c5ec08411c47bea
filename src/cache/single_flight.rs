//! Single-flight: which requests share a load.
//!
//! A key has at most one running load and one waiting load. A request joins the running load only if nothing has been
//! published for the scope, cleared or reset since that load started, and if the UTC day is still the same. Otherwise
//! it joins the waiting load, whose required revision is read when it starts. So every request gets data from after
//! everything that was published before the request.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::watch;

use super::freshness::Stamp;
use crate::clock::Moment;
use crate::domain::time::Day;

/// What a loader returns.
#[derive(Clone, Debug)]
pub struct Loaded<V> {
    /// The counter in the load's snapshot: the data includes everything that was committed up to this revision.
    pub as_of: i64,
    /// The UTC day that the data was computed for.
    pub day: Day,
    /// The data, or `None` if the key does not exist. That is no failure, and it is not cached.
    pub value: Option<V>,
}

/// Why a load gave no answer. All requests that waited for it get the same error, and the next request loads again.
#[derive(Debug, Error)]
pub enum LoadError<E> {
    /// The loader's own error.
    #[error("the load failed: {0}")]
    Failed(Arc<E>),
    /// The loader panicked.
    #[error("the load panicked")]
    Panicked,
    /// The loader took longer than a load may.
    #[error("the load took longer than {0:?}")]
    TooSlow(Duration),
    /// The loader returned data from before a revision that had been published before it started. A source that does
    /// this is broken, or was replaced by an older one meanwhile.
    #[error("the load returned revision {as_of}, but {required} had been published before it started")]
    Outdated {
        /// The revision of the data.
        as_of: i64,
        /// The least revision that the data had to have.
        required: i64,
    },
    /// The runtime stopped.
    #[error("the load was abandoned")]
    Abandoned,
}

// Not derived, because that would require `E: Clone`.
impl<E> Clone for LoadError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::Panicked => Self::Panicked,
            Self::TooSlow(deadline) => Self::TooSlow(*deadline),
            Self::Outdated { as_of, required } => Self::Outdated { as_of: *as_of, required: *required },
            Self::Abandoned => Self::Abandoned,
        }
    }
}

/// A loader that has not started.
pub(super) type Loader<V, E> = Box<dyn FnOnce() -> LoaderFuture<V, E> + Send>;

type LoaderFuture<V, E> = Pin<Box<dyn Future<Output = Result<Loaded<V>, E>> + Send>>;

/// What all requests that waited for a load get.
pub(super) type LoadResult<V, E> = Result<LoadedValue<V>, LoadError<E>>;

/// The answer of a load, shared by all requests that waited for it.
pub(super) struct LoadedValue<V> {
    pub(super) value: Option<Arc<V>>,
    pub(super) stamp: Stamp,
    /// The key's TTL when the load ended.
    pub(super) ttl: Duration,
    pub(super) stored: bool,
}

impl<V> Clone for LoadedValue<V> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), stamp: self.stamp, ttl: self.ttl, stored: self.stored }
    }
}

/// Receives the result of a load, without polling. Dropping it does not affect the load.
pub(super) type LoadReceiver<V, E> = watch::Receiver<Option<LoadResult<V, E>>>;

type LoadSender<V, E> = watch::Sender<Option<LoadResult<V, E>>>;

/// The running load of a key, and the one that waits for its end.
pub(super) struct Load<V, E> {
    /// What was published for the scope when the running load started.
    pub(super) required: i64,
    /// The UTC day on which the running load started. A request on the next day must not get its data.
    day: Day,
    /// Whether the key was cleared, or the cache reset, since the running load started. Its value is then not cached.
    pub(super) superseded: bool,
    receiver: LoadReceiver<V, E>,
    /// Starts when the running load ends.
    waiting: Option<WaitingLoad<V, E>>,
}

struct WaitingLoad<V, E> {
    loader: Loader<V, E>,
    sender: LoadSender<V, E>,
}

/// A load that has started by the cache's account and is to be run by a [`LoadTask`](super::load_task::LoadTask), which
/// also guarantees that it ends.
pub(super) struct PendingLoad<K, V, E> {
    pub(super) key: Arc<K>,
    pub(super) started: Instant,
    pub(super) sender: LoadSender<V, E>,
    pub(super) loader: Option<Loader<V, E>>,
}

/// The end of a load.
pub(super) struct FinishedLoad<K, V, E> {
    /// For the requests that wait.
    pub(super) result: LoadResult<V, E>,
    /// The load of the same key that waited and starts now.
    pub(super) next: Option<PendingLoad<K, V, E>>,
}

impl<V, E> Load<V, E> {
    pub(super) fn start<K>(
        key: Arc<K>,
        required: i64,
        now: Moment,
        loader: Loader<V, E>,
    ) -> (Self, LoadReceiver<V, E>, PendingLoad<K, V, E>) {
        let (sender, receiver) = watch::channel(None);
        let load = Self { required, day: now.wall.day(), superseded: false, receiver: receiver.clone(), waiting: None };
        (load, receiver, PendingLoad { key, started: now.instant, sender, loader: Some(loader) })
    }

    /// Joins the running load or the waiting one, or makes this loader the waiting one. Also returns whether another
    /// request had started that load.
    pub(super) fn join(
        &mut self,
        published: i64,
        today: Day,
        loader: impl FnOnce() -> Loader<V, E>,
    ) -> (LoadReceiver<V, E>, bool) {
        if !self.superseded && self.required == published && self.day == today {
            return (self.receiver.clone(), true);
        }
        if let Some(waiting) = &self.waiting {
            return (waiting.sender.subscribe(), true);
        }
        let (sender, receiver) = watch::channel(None);
        self.waiting = Some(WaitingLoad { loader: loader(), sender });
        (receiver, false)
    }

    /// The number of loads: one, or two if one waits.
    pub(super) fn count(&self) -> usize {
        1 + usize::from(self.waiting.is_some())
    }

    /// Starts the waiting load, if there is one, after the running one has ended.
    pub(super) fn start_waiting<K>(
        self,
        key: Arc<K>,
        published: i64,
        now: Moment,
    ) -> Option<(Self, PendingLoad<K, V, E>)> {
        let WaitingLoad { loader, sender } = self.waiting?;
        let receiver = sender.subscribe();
        let load = Self { required: published, day: now.wall.day(), superseded: false, receiver, waiting: None };
        Some((load, PendingLoad { key, started: now.instant, sender, loader: Some(loader) }))
    }
}
