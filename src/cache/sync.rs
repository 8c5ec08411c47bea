//! Everything of the cache that a scheduler can interleave: the lock, tasks and deadlines.
//!
//! With `--cfg muster_shuttle` they are shuttle's, which runs the tests in `tests/interleavings.rs` through thousands of
//! schedules and names the seed of one that fails.

#[cfg(not(muster_shuttle))]
pub(super) use std::sync::{Mutex, PoisonError};

#[cfg(muster_shuttle)]
pub(super) use shuttle::sync::Mutex;
#[cfg(muster_shuttle)]
pub(super) use std::sync::PoisonError;

use std::future::Future;
use std::time::Duration;

/// Runs a future on a task of its own, whatever becomes of whoever started it.
#[cfg(not(muster_shuttle))]
pub(super) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(future));
}

/// Runs a future on a task of its own, whatever becomes of whoever started it.
#[cfg(muster_shuttle)]
pub(super) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    drop(shuttle::future::spawn(future));
}

/// What a future brings, or `None` when the deadline comes first.
#[cfg(not(muster_shuttle))]
pub(super) async fn within<F: Future>(deadline: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(deadline, future).await.ok()
}

/// What a future brings; under exploration time stands still, so no deadline ever comes.
#[cfg(muster_shuttle)]
pub(super) async fn within<F: Future>(_deadline: Duration, future: F) -> Option<F::Output> {
    Some(future.await)
}
