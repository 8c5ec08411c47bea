//! Backups that a test inspects, pauses or cancels.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use muster::clock::Clock;
use muster::store::{
    BackupError, BackupMade, BackupObserver, BackupProgress, BackupRequest, BackupStage, KeptFiles, Pace, back_up,
    unobserved,
};

/// Backs up a data directory and waits for the result.
pub fn make_backup(data_dir: &Path, destination: &Path) -> Result<BackupMade, BackupError> {
    back_up(&request(data_dir, destination), &Clock::system(), &unobserved())
}

pub fn request(data_dir: &Path, destination: &Path) -> BackupRequest {
    BackupRequest {
        data_dir: data_dir.to_owned(),
        destination: destination.to_owned(),
        overwrite: false,
        pace: Pace::Gentle,
        kept: KeptFiles::default(),
    }
}

/// A backup that is paused after its first portion, with its read transaction open, until it is released.
pub struct PausedBackup {
    pause: Pause,
    observer: Arc<PausingObserver>,
    backup: std::thread::JoinHandle<Result<BackupMade, BackupError>>,
}

/// An observer that pauses its backup at the first portion, until it is released.
pub struct PausingObserver {
    /// Signals that the backup is paused, and waits for its release; taken at the first portion.
    on_first_portion: Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>,
    cancelled: AtomicBool,
    stages: Mutex<Vec<BackupProgress>>,
}

impl BackupObserver for PausingObserver {
    fn progressed(&self, progress: BackupProgress) {
        self.stages.lock().unwrap().push(progress);
        if let Some((paused, released)) = self.on_first_portion.lock().unwrap().take() {
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
pub struct Pause {
    paused: mpsc::Receiver<()>,
    release: mpsc::Sender<()>,
}

impl Pause {
    /// Returns when the backup is paused.
    pub fn wait(&self) {
        self.paused.recv().expect("the backup ended before its first portion");
    }

    pub fn release(&self) {
        self.release.send(()).unwrap();
    }
}

impl PausingObserver {
    pub fn new() -> (Arc<Self>, Pause) {
        let (on_pause, paused) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let on_first_portion = Mutex::new(Some((on_pause, released)));
        let observer = Self { on_first_portion, cancelled: AtomicBool::new(false), stages: Mutex::default() };
        (Arc::new(observer), Pause { paused, release })
    }
}

impl PausedBackup {
    /// Starts a backup and returns when it is paused.
    pub fn start(data_dir: &Path, destination: &Path) -> Self {
        let (observer, pause) = PausingObserver::new();
        let (request, shared) = (request(data_dir, destination), Arc::clone(&observer));
        let backup = std::thread::spawn(move || {
            let observer: Arc<dyn BackupObserver> = Arc::<PausingObserver>::clone(&shared);
            let made = back_up(&request, &Clock::system(), &observer);
            shared.on_first_portion.lock().unwrap().take();
            made
        });
        if let Err(ended) = pause.paused.recv() {
            panic!("{ended}, since it ended before its first portion: {:?}", backup.join());
        }
        Self { pause, observer, backup }
    }

    /// Releases the backup and waits for its end.
    pub fn finish(self) -> Result<BackupMade, BackupError> {
        self.pause.release();
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
