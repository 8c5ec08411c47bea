//! Backups that a test inspects, pauses or cancels.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use muster::clock::Clock;
use muster::store::{
    BackupError, BackupMade, BackupObserver, BackupProgress, BackupRequest, BackupStage, Pace, back_up, unobserved,
};

/// Backs up a data directory and waits for the result.
pub fn backed_up(data_dir: &Path, destination: &Path) -> Result<BackupMade, BackupError> {
    back_up(&request(data_dir, destination), &Clock::system(), &unobserved())
}

pub fn request(data_dir: &Path, destination: &Path) -> BackupRequest {
    BackupRequest {
        data_dir: data_dir.to_owned(),
        destination: destination.to_owned(),
        overwrite: false,
        pace: Pace::Gentle,
    }
}

/// A backup that is paused after its first portion, with its read transaction open, until it is released.
pub struct HeldBackup {
    hold: Hold,
    observer: Arc<Holder>,
    backup: std::thread::JoinHandle<Result<BackupMade, BackupError>>,
}

/// An observer that pauses its backup at the first portion, until it is released.
pub struct Holder {
    /// Signals that the backup is paused, and waits for its release; taken at the first portion.
    held: Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>,
    cancelled: AtomicBool,
    stages: Mutex<Vec<BackupProgress>>,
}

impl BackupObserver for Holder {
    fn progressed(&self, progress: BackupProgress) {
        self.stages.lock().unwrap().push(progress);
        if let Some((paused, released)) = self.held.lock().unwrap().take() {
            paused.send(()).unwrap();
            // A failed test drops the sender.
            let _ = released.recv();
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}

/// Waits for a paused backup, and releases it.
pub struct Hold {
    paused: mpsc::Receiver<()>,
    release: mpsc::Sender<()>,
}

impl Hold {
    /// Returns when the backup is paused.
    pub fn wait(&self) {
        self.paused.recv().expect("the backup ended before its first portion");
    }

    pub fn release(&self) {
        self.release.send(()).unwrap();
    }
}

impl Holder {
    pub fn new() -> (Arc<Self>, Hold) {
        let (pause, paused) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let held = Mutex::new(Some((pause, released)));
        let observer = Self { held, cancelled: AtomicBool::new(false), stages: Mutex::default() };
        (Arc::new(observer), Hold { paused, release })
    }
}

impl HeldBackup {
    /// Starts a backup and returns when it is paused.
    pub fn begin(data_dir: &Path, destination: &Path) -> Self {
        let (observer, hold) = Holder::new();
        let (request, shared) = (request(data_dir, destination), Arc::clone(&observer));
        let backup = std::thread::spawn(move || {
            let observer: Arc<dyn BackupObserver> = Arc::<Holder>::clone(&shared);
            let made = back_up(&request, &Clock::system(), &observer);
            shared.held.lock().unwrap().take();
            made
        });
        if let Err(ended) = hold.paused.recv() {
            panic!("{ended}, since it ended before its first portion: {:?}", backup.join());
        }
        Self { hold, observer, backup }
    }

    /// Releases the backup and waits for its end.
    pub fn finish(self) -> Result<BackupMade, BackupError> {
        self.hold.release();
        let made = self.backup.join().unwrap();
        let stages = self.observer.stages.lock().unwrap();
        let copying = stages.iter().filter(|progress| progress.stage == BackupStage::Copying);
        let copying: Vec<u64> = copying.map(|progress| progress.bytes_done).collect();
        assert!(copying.is_sorted(), "the backup restarted: {copying:?}");
        made
    }

    /// Cancels the backup.
    pub fn cancel(self) -> Result<BackupMade, BackupError> {
        self.observer.cancelled.store(true, Ordering::SeqCst);
        self.finish()
    }
}
