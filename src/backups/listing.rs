//! The folder of backups, read by one thread at a time and with a time limit.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Mutex as AsyncMutex;

use super::folder::FolderContent;

/// How long a caller waits for the folder. A folder on an unreachable network disk may never answer, and blocks the
/// thread that reads it as long.
pub(super) const TIME_MAX: Duration = Duration::from_secs(2);

/// The content of the folder when it last answered; empty before the first answer.
#[derive(Default)]
pub(super) struct Listing {
    newest: Arc<Mutex<FolderContent>>,
    /// Held until the folder has answered, also after the caller's time limit, so that at most one thread is blocked.
    reading: Arc<AsyncMutex<()>>,
}

impl Listing {
    /// Reads the folder; after `time_max` returns the content of the last answer.
    pub(super) async fn read(
        &self,
        time_max: Duration,
        list: impl FnOnce() -> FolderContent + Send + 'static,
    ) -> FolderContent {
        let listed = async {
            let reading = Arc::clone(&self.reading).lock_owned().await;
            let newest = Arc::clone(&self.newest);
            let work = move || {
                let found = list();
                *newest.lock() = found;
                drop(reading);
            };
            // A panic is logged by the panic hook.
            let _ = tokio::task::spawn_blocking(work).await;
        };
        if tokio::time::timeout(time_max, listed).await.is_err() {
            tracing::warn!(?time_max, "the folder of backups does not answer; telling what was there before");
        }
        self.newest.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::folder::KeptBackup;
    use super::*;

    fn backup(name: &str) -> FolderContent {
        let kept = vec![KeptBackup { name: name.parse().unwrap(), subfolder: None, bytes: 7 }];
        FolderContent { kept, problem: None }
    }

    #[tokio::test]
    async fn a_hanging_folder_blocks_one_thread_and_reads_time_out() {
        let (listing, moment) = (Listing::default(), Duration::from_millis(20));
        let old = backup("muster-2026-11-22T08-00-00Z.db");
        let there = old.clone();
        assert_eq!(listing.read(TIME_MAX, move || there).await, old);
        let (answer, answered) = mpsc::channel::<FolderContent>();
        assert_eq!(listing.read(moment, move || answered.recv().unwrap()).await, old);
        for _ in 0..3 {
            // None of these is run, since the first one still blocks; it would return an empty list.
            assert_eq!(listing.read(moment, FolderContent::default).await, old);
        }
        // After the folder has answered, the next call lists it again.
        let new = backup("muster-2026-11-23T08-00-00Z.db");
        answer.send(new.clone()).unwrap();
        let there = new.clone();
        assert_eq!(listing.read(TIME_MAX, move || there).await, new);
    }
}
