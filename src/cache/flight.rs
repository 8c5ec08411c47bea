//! Single-flight: who may join which load.
//!
//! A key has at most one running load and one that waits. A request joins the running one only if nothing has been
//! published for the scope, cleared or doubted since it began, and if the day is still the same; otherwise it joins the
//! one that waits, whose requirement is taken when it begins. So whoever joins anything gets data from after everything
//! that was published before it asked.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::watch;

use super::freshness::Stamp;
use crate::clock::Moment;
use crate::domain::time::Day;

/// What a load brought.
#[derive(Clone, Debug)]
pub struct Loaded<V> {
    /// The counter that the load's snapshot showed: the data lacks nothing that was committed up to this revision.
    pub as_of: i64,
    /// The UTC day that the data was computed for.
    pub day: Day,
    /// The data, or `None` when there is nothing of that name; that is a load too, no failure, and not kept.
    pub value: Option<V>,
}

/// Why a load gave no answer. Everybody who waited for it gets the same error, and the next request tries again.
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
    /// The loader brought data from before something that was published before it began. A source that does this is
    /// broken, or was exchanged for an older one meanwhile.
    #[error("the load brought revision {as_of}, but {required} had been published before it began")]
    Outdated {
        /// What it brought.
        as_of: i64,
        /// What it had to bring at least.
        required: i64,
    },
    /// The runtime stopped.
    #[error("the load was abandoned")]
    Abandoned,
}

// Not derived, because that would ask for `E: Clone`.
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

/// A loader that has not begun.
pub(super) type Loader<V, E> = Box<dyn FnOnce() -> Loading<V, E> + Send>;

type Loading<V, E> = Pin<Box<dyn Future<Output = Result<Loaded<V>, E>> + Send>>;

/// What everybody who waited for a load gets.
pub(super) type Landing<V, E> = Result<Landed<V>, LoadError<E>>;

/// A load's answer, shared.
pub(super) struct Landed<V> {
    pub(super) value: Option<Arc<V>>,
    pub(super) stamp: Stamp,
    /// The TTL as it was at landing.
    pub(super) ttl: Duration,
    pub(super) stored: bool,
}

impl<V> Clone for Landed<V> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), stamp: self.stamp, ttl: self.ttl, stored: self.stored }
    }
}

/// Where a load's answer will be. Waiting on it is not polling, and whoever gives up waiting takes nothing along.
pub(super) type Gate<V, E> = watch::Receiver<Option<Landing<V, E>>>;

/// The loads of one key.
pub(super) struct Flight<V, E> {
    /// What was published for the scope when the running load began.
    pub(super) required: i64,
    /// The UTC day on which the running load began. Who asks on the next one must not get its numbers.
    day: Day,
    /// Something was cleared or doubted since the running load began: it is of an older generation.
    pub(super) superseded: bool,
    gate: Gate<V, E>,
    /// The load that starts when the running one ends.
    waiting: Option<Waiting<V, E>>,
}

struct Waiting<V, E> {
    loader: Loader<V, E>,
    landing: watch::Sender<Option<Landing<V, E>>>,
}

/// A load that may begin now; whoever holds it must see to it that it lands.
pub(super) struct Departure<K, V, E> {
    pub(super) key: Arc<K>,
    pub(super) begun: Instant,
    pub(super) landing: watch::Sender<Option<Landing<V, E>>>,
    pub(super) loader: Option<Loader<V, E>>,
}

/// The end of a load.
pub(super) struct Arrival<K, V, E> {
    /// For those who wait.
    pub(super) landing: Landing<V, E>,
    /// The load of the same key that may begin now.
    pub(super) next: Option<Departure<K, V, E>>,
}

impl<V, E> Flight<V, E> {
    /// Begins a load.
    pub(super) fn begin<K>(
        key: Arc<K>,
        required: i64,
        now: Moment,
        loader: Loader<V, E>,
    ) -> (Self, Gate<V, E>, Departure<K, V, E>) {
        let (landing, gate) = watch::channel(None);
        let flight = Self { required, day: now.wall.day(), superseded: false, gate: gate.clone(), waiting: None };
        (flight, gate, Departure { key, begun: now.instant, landing, loader: Some(loader) })
    }

    /// Joins the running load, or the one that waits, or asks for one that waits. The flag says whether somebody else had
    /// asked for that load.
    pub(super) fn join(
        &mut self,
        published: i64,
        today: Day,
        loader: impl FnOnce() -> Loader<V, E>,
    ) -> (Gate<V, E>, bool) {
        if !self.superseded && self.required == published && self.day == today {
            return (self.gate.clone(), true);
        }
        if let Some(waiting) = &self.waiting {
            return (waiting.landing.subscribe(), true);
        }
        let (landing, gate) = watch::channel(None);
        self.waiting = Some(Waiting { loader: loader(), landing });
        (gate, false)
    }

    /// How many loads there are: one, or two if one waits.
    pub(super) fn loads(&self) -> usize {
        1 + usize::from(self.waiting.is_some())
    }

    /// The running load has ended: begins the one that waits, if one does.
    pub(super) fn succeed<K>(self, key: Arc<K>, published: i64, now: Moment) -> Option<(Self, Departure<K, V, E>)> {
        let Waiting { loader, landing } = self.waiting?;
        let gate = landing.subscribe();
        let flight = Self { required: published, day: now.wall.day(), superseded: false, gate, waiting: None };
        Some((flight, Departure { key, begun: now.instant, landing, loader: Some(loader) }))
    }
}
