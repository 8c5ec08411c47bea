//! Turns: a read or a write that is done for a client begins when it is that client's turn.
//!
//! Whoever answers a client's request says for whom ([`on_behalf_of`]); each read and write of that task then asks for a
//! turn before it waits for a connection or for the writer, and holds it until it is done. The store does not know who
//! clients are, nor how turns are given. Work that the server does for itself asks for none.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

use super::error::{StoreError, TurnKind};
use crate::clock::Clock;

/// Gives one client its turns.
pub trait Turns: Send + Sync {
    /// Waits for the client's turn, or fails with [`StoreError::NoTurn`] when too much of the same client waits, or for
    /// too long.
    fn turn(&self, kind: TurnKind) -> BoxFuture<'_, Result<HeldTurn, StoreError>>;

    /// Waits for the client's turn as long as that takes: for the pieces of what has begun.
    fn next_turn(&self, kind: TurnKind) -> BoxFuture<'_, HeldTurn>;

    /// Whether there are other clients.
    fn has_others(&self) -> bool;
}

/// A turn, held until it is dropped.
pub trait Turn: Send + Sync {
    /// Tells what the work took: a read its processor time, a write its part of the time that its group held the writer.
    fn ran(&self, time: Duration);

    /// Whether a write lets those of others go first, because its client has several at once.
    fn yields(&self) -> bool;
}

/// A turn that several tasks hold: a request, and the work that goes on when the client has gone.
pub type HeldTurn = Arc<dyn Turn>;

tokio::task_local! {
    static CLIENT: Arc<dyn Turns>;
}

/// Runs a future whose reads and writes are done for a client.
pub fn on_behalf_of<F: Future>(client: Arc<dyn Turns>, future: F) -> impl Future<Output = F::Output> {
    CLIENT.scope(client, future)
}

/// Waits for the turn of the client that this task works for; `None` where it works for none.
pub(super) async fn turn(kind: TurnKind) -> Result<Option<HeldTurn>, StoreError> {
    match CLIENT.try_with(Arc::clone) {
        Ok(client) => client.turn(kind).await.map(Some),
        Err(_) => Ok(None),
    }
}

/// Waits on a thread of the runtime that may block for the turn of a client, if there is one.
pub(super) fn blocking_turn(client: Option<&Arc<dyn Turns>>, kind: TurnKind) -> Option<HeldTurn> {
    client.map(|client| Handle::current().block_on(client.next_turn(kind)))
}

/// Measures the processor time that work takes on this thread, and tells it to its turn.
pub(super) struct RunningTurn<'a> {
    turn: Option<&'a HeldTurn>,
    clock: &'a Clock,
    begun: Duration,
}

impl<'a> RunningTurn<'a> {
    pub(super) fn begin(turn: Option<&'a HeldTurn>, clock: &'a Clock) -> Self {
        Self { turn, clock, begun: clock.thread_time() }
    }
}

impl Drop for RunningTurn<'_> {
    fn drop(&mut self) {
        if let Some(turn) = self.turn {
            turn.ran(self.clock.thread_time().saturating_sub(self.begun));
        }
    }
}
