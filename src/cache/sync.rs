//! Everything of the cache that a scheduler can interleave: the lock, tasks and deadlines.
//!
//! With `--cfg muster_shuttle` they are shuttle's, which runs the tests in `tests/interleavings.rs` through thousands of
//! schedules and names the seed of one that fails.

use std::future::Future;
use std::time::Duration;

#[cfg(not(muster_shuttle))]
pub(super) use parking_lot::Mutex;

/// shuttle's mutex with the interface of `parking_lot`: a panic under the lock does not poison it.
#[cfg(muster_shuttle)]
pub(super) struct Mutex<T>(shuttle::sync::Mutex<T>);

#[cfg(muster_shuttle)]
impl<T> Mutex<T> {
    pub(super) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(super) fn lock(&self) -> shuttle::sync::MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

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
