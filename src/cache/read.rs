//! The way of a request: from a fresh entry, or through a load.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use super::cache::{Cache, Inner};
use super::flight::{Departure, Gate, Landed, Landing, LoadError, Loaded, Loader};
use super::interface::{Body, Key, Outcome, Served, Warmed};
use super::landing::Run;
use super::observer::Observer;
use super::state::Seat;
use super::sync::spawn;

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Cache<K, V, E, O> {
    /// The fresh entry of a key, counted as a hit; without one nothing is counted, so that the request may go on with
    /// [`Self::get_or_load`] or end with [`Self::count_revalidated`].
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Served<V>> {
        let now = self.0.now();
        self.0.with(|state| state.hit(key, now, &self.0.clock))
    }

    /// The fresh entry of a key, or what a load brings; `None` when the load found nothing of that name.
    ///
    /// The loader runs on a task of its own, and only if this request may join no other load. It must read `as_of` in the
    /// snapshot that the data comes from. Dropping the future ends the waiting, not the load.
    ///
    /// # Errors
    ///
    /// What the load died of, unless an entry may stand in for it.
    pub async fn get_or_load<L, F>(&self, key: &K, load: L) -> Result<Option<Served<V>>, LoadError<E>>
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    {
        let now = self.0.now();
        let seat = self.0.with(|state| {
            if let Some(served) = state.hit(key, now, &self.0.clock) {
                return Seat::Hit(served);
            }
            let seat = state.board(key, now, || boxed(load));
            let fingerprint = state.observer.fingerprint(key);
            state.observer.accessed(key, fingerprint, now);
            state.stats.misses += 1;
            state.stats.coalesced += u64::from(matches!(seat, Seat::Wait { joined: true, .. }));
            seat
        });
        let (gate, joined) = match seat {
            Seat::Hit(served) => return Ok(Some(served)),
            Seat::Wait { gate, joined, departure } => {
                self.depart(departure);
                (gate, joined)
            }
        };
        match wait(gate).await {
            Ok(landed) => Ok(self.0.serve(landed, joined, now.instant)),
            Err(error) => {
                let asked = now.instant;
                let now = self.0.now();
                self.0.with(|state| state.stand_in(key, asked, now)).map(Some).ok_or(error)
            }
        }
    }

    /// Sees to it that a key has a fresh entry if it can have one. Counts neither as hit nor as miss; a load that it needs
    /// counts as a load.
    ///
    /// # Errors
    ///
    /// What the load died of.
    pub async fn warm<L, F>(&self, key: &K, load: L) -> Result<Warmed, LoadError<E>>
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    {
        let now = self.0.now();
        let seat = self.0.with(|state| {
            state.observer.warmed(key, now);
            if state.is_fresh(key, now) {
                return None;
            }
            Some(state.board(key, now, || boxed(load)))
        });
        let Some(Seat::Wait { gate, departure, .. }) = seat else { return Ok(Warmed::AlreadyFresh) };
        self.depart(departure);
        let landed = wait(gate).await?;
        Ok(match landed.value {
            Some(_) => Warmed::Loaded { stored: landed.stored },
            None => Warmed::Absent,
        })
    }

    /// A request for this key was answered 304 without an entry and without a load: a miss, revalidated.
    pub fn count_revalidated(&self, key: &K) {
        let now = self.0.now();
        self.0.with(|state| {
            state.observer.revalidated(key, now);
            state.stats.misses += 1;
            state.stats.revalidated += 1;
        });
    }

    fn depart(&self, departure: Option<Departure<K, V, E>>) {
        if let Some(departure) = departure {
            spawn(Run::new(Arc::clone(&self.0), departure).fly());
        }
    }
}

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Inner<K, V, E, O> {
    fn serve(&self, landed: Landed<V>, joined: bool, asked: Instant) -> Option<Served<V>> {
        let now = self.now();
        let (age, took) = (landed.stamp.age(now), now.instant.saturating_duration_since(asked));
        let outcome = if joined { Outcome::Coalesced } else { Outcome::Miss { stored: landed.stored } };
        let ttl_left = landed.ttl.saturating_sub(age);
        landed.value.map(|value| Served { value, outcome, age, ttl_left, as_of: landed.stamp.as_of, took })
    }
}

fn boxed<L, F, V, E>(load: L) -> Loader<V, E>
where
    L: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
{
    Box::new(move || Box::pin(load()))
}

async fn wait<V, E>(mut gate: Gate<V, E>) -> Landing<V, E> {
    let landed = gate.wait_for(Option::is_some).await;
    landed.ok().and_then(|landing| landing.clone()).unwrap_or(Err(LoadError::Abandoned))
}
