//! The backups in the folder, as far as it answers: one look at a time, with a limit on how long a caller waits.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Mutex as Turn;

use super::folder::KeptBackup;

/// How long a caller waits for the folder. One on a disk of the network that is gone may never answer, and holds the
/// thread that looks as long.
pub(super) const TIME_MAX: Duration = Duration::from_secs(2);

/// What the folder held when it last answered; nothing as long as it never did.
#[derive(Default)]
pub(super) struct Listing {
    newest: Arc<Mutex<Vec<KeptBackup>>>,
    /// Held until the folder has answered, also when no caller waits any more: so no more than one thread hangs there.
    turn: Arc<Turn<()>>,
}

impl Listing {
    /// Looks, and returns what is there; after `time_max` what was there when the folder last answered.
    pub(super) async fn read(
        &self,
        time_max: Duration,
        look: impl FnOnce() -> Vec<KeptBackup> + Send + 'static,
    ) -> Vec<KeptBackup> {
        let looked = async {
            let turn = Arc::clone(&self.turn).lock_owned().await;
            let newest = Arc::clone(&self.newest);
            let work = move || {
                let found = look();
                *newest.lock() = found;
                drop(turn);
            };
            // One that panics has logged why.
            let _ = tokio::task::spawn_blocking(work).await;
        };
        if tokio::time::timeout(time_max, looked).await.is_err() {
            tracing::warn!(?time_max, "the folder of backups does not answer; telling what was there before");
        }
        self.newest.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn backup(name: &str) -> Vec<KeptBackup> {
        vec![KeptBackup { name: name.parse().unwrap(), bytes: 7 }]
    }

    #[tokio::test]
    async fn a_folder_that_hangs_holds_one_thread_and_nobody_for_long() {
        let (listing, moment) = (Listing::default(), Duration::from_millis(20));
        let old = backup("muster-2026-11-22T08-00-00Z.db");
        let there = old.clone();
        assert_eq!(listing.read(TIME_MAX, move || there).await, old);
        let (answer, answered) = mpsc::channel::<Vec<KeptBackup>>();
        assert_eq!(listing.read(moment, move || answered.recv().unwrap()).await, old);
        for _ in 0..3 {
            // None of these begins to look; it would find nothing.
            assert_eq!(listing.read(moment, Vec::new).await, old);
        }
        // It answers after all: the next caller looks again.
        let new = backup("muster-2026-11-23T08-00-00Z.db");
        answer.send(new.clone()).unwrap();
        let there = new.clone();
        assert_eq!(listing.read(TIME_MAX, move || there).await, new);
    }
}
