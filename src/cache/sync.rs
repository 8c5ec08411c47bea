//! The lock, tasks and deadlines of the cache, which shuttle can schedule.
//!
//! With `--cfg muster_shuttle` they are those of shuttle, which runs the tests in `tests/interleavings.rs` under
//! thousands of schedules and prints the seed of one that fails.

use std::future::Future;
use std::time::Duration;

#[cfg(not(muster_shuttle))]
pub(super) use parking_lot::Mutex;

/// The mutex of shuttle with the interface of `parking_lot`: a panic under the lock does not poison it.
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

/// Runs a future on its own task, which is not cancelled with the caller.
#[cfg(not(muster_shuttle))]
pub(super) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(future));
}

/// Runs a future on its own task, which is not cancelled with the caller.
#[cfg(muster_shuttle)]
pub(super) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    drop(shuttle::future::spawn(future));
}

/// The output of a future, or `None` if the deadline passes before.
#[cfg(not(muster_shuttle))]
pub(super) async fn within<F: Future>(deadline: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(deadline, future).await.ok()
}

/// The output of a future. Time stands still under shuttle, so no deadline passes.
#[cfg(muster_shuttle)]
pub(super) async fn within<F: Future>(_deadline: Duration, future: F) -> Option<F::Output> {
    Some(future.await)
}
