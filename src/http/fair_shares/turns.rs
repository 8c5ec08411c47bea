//! Turns to read the database and to write it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::OwnedSemaphorePermit;

use super::counted::Counted;
use super::holder::TurnQueue;
use super::refusal::Refusal;
use super::shares::{Account, Share, Side, Whose};
use crate::store::{HeldTurn, StoreError, Turn, TurnKind, Turns};

/// Longest time that work waits for its turn. Its caller does better to send less than to wait longer.
const TURN_WAIT_MAX: Duration = Duration::from_secs(5);

/// A turn, with the permits that it took.
struct SharedTurn {
    share: Share,
    kind: TurnKind,
    permits: Permits,
}

impl Turn for SharedTurn {
    fn ran(&self, time: Duration) {
        let now = self.share.now();
        match self.kind {
            TurnKind::Read => drop(self.share.charge(Account::Reads, time, now)),
            TurnKind::Write if self.permits.is_parallel => drop(self.share.charge_writer(time, now)),
            TurnKind::Write => {}
        }
    }

    fn yields(&self) -> bool {
        self.permits.is_parallel
    }
}

impl Turns for Share {
    fn turn(&self, kind: TurnKind) -> BoxFuture<'_, Result<HeldTurn, StoreError>> {
        async move {
            let waited = tokio::time::timeout(TURN_WAIT_MAX, self.permits(kind, Patience::Bounded)).await;
            let permits = waited.ok().flatten().ok_or_else(|| {
                self.refuse(match kind {
                    TurnKind::Read => Refusal::Reads,
                    TurnKind::Write => Refusal::Writes,
                });
                StoreError::NoTurn(kind)
            })?;
            Ok(self.turn_with(kind, permits))
        }
        .boxed()
    }

    fn next_turn(&self, kind: TurnKind) -> BoxFuture<'_, HeldTurn> {
        async move { self.turn_with(kind, self.permits(kind, Patience::Unbounded).await.unwrap_or_default()) }.boxed()
    }

    fn has_others(&self) -> bool {
        self.is_crowded_at(self.now())
    }
}

/// Whether somebody waits behind any number of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    Bounded,
    Unbounded,
}

/// The permits of a turn.
#[derive(Default)]
struct Permits {
    _held: [Option<OwnedSemaphorePermit>; 2],
    /// Whether the same token, or who has none at the same address, has others at the same time. Who does one thing after the other has none, however long each
    /// takes.
    is_parallel: bool,
}

impl Share {
    fn turn_with(&self, kind: TurnKind, permits: Permits) -> HeldTurn {
        Arc::new(SharedTurn { share: self.clone(), kind, permits })
    }

    /// The permits of a turn, the token's first; `None` if too many wait for them already.
    async fn permits(&self, kind: TurnKind, patience: Patience) -> Option<Permits> {
        if !self.has_others() {
            return Some(Permits::default());
        }
        let totals = self.shares.0.totals;
        let mut permits = [None, None];
        // Imports write one chunk after the other for as long as they run.
        let mut is_parallel = patience == Patience::Unbounded && self.has_others();
        for (side, permit) in self.sides().zip(&mut permits) {
            if !side.is_crowded(self.now()) {
                continue;
            }
            let (queue, waiting_max) = match kind {
                TurnKind::Read => (&side.holder.reads, totals.reads_waiting),
                TurnKind::Write => (&side.holder.writes, totals.writes_waiting),
            };
            let waiting_max = match patience {
                Patience::Bounded => side.portion.of(waiting_max),
                Patience::Unbounded => usize::MAX,
            };
            let entered = queue.enter(&side, waiting_max).await?;
            // Others at the same address are others, but those without a token are nobody else.
            is_parallel |= entered.is_parallel && (side.whose == Whose::Token || !self.has_token());
            *permit = Some(entered.permit);
        }
        // What the holders owe is waited for with the permits in hand, so that only one waits and the others behind it.
        let now = self.now();
        let wait = match kind {
            TurnKind::Read => self.charge(Account::Reads, Duration::ZERO, now),
            TurnKind::Write if is_parallel => self.charge_writer(Duration::ZERO, now),
            TurnKind::Write => Duration::ZERO,
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Some(Permits { _held: permits, is_parallel })
    }
}

/// A permit, and whether another of the same holder was out already.
struct Entered {
    permit: OwnedSemaphorePermit,
    is_parallel: bool,
}

impl TurnQueue {
    /// Waits for a turn of the holder; `None` if `waiting_max` wait already.
    async fn enter(&self, side: &Side<'_>, waiting_max: usize) -> Option<Entered> {
        let permits = self.all / side.portion.of(self.all).max(1);
        let permits = u32::try_from(permits.max(1)).unwrap_or(1);
        let is_parallel = self.turns.available_permits() < self.all;
        if let Ok(permit) = self.turns.clone().try_acquire_many_owned(permits) {
            return Some(Entered { permit, is_parallel });
        }
        let waiting = Counted::new(&self.waiting);
        if waiting.before >= waiting_max {
            return None;
        }
        // The semaphore is never closed.
        let permit = self.turns.clone().acquire_many_owned(permits).await.ok()?;
        Some(Entered { permit, is_parallel })
    }
}
