//! Backups that a test looks into, holds midway, or ends.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use muster::clock::Clock;
use muster::store::{
    BackupError, BackupMade, BackupObserver, BackupProgress, BackupRequest, BackupStage, Pace, back_up, unobserved,
};

/// Backs a data directory up, and waits.
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

/// Stops a backup after its first portion, with the read transaction open, until it is let go.
pub struct HeldBackup {
    hold: Hold,
    observer: Arc<Holder>,
    backup: std::thread::JoinHandle<Result<BackupMade, BackupError>>,
}

/// Stops what it observes at its first portion, until it is let go.
pub struct Holder {
    /// What is said when the backup stands, and what it waits for; taken at its first portion.
    held: Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>,
    cancelled: AtomicBool,
    stages: Mutex<Vec<BackupProgress>>,
}

impl BackupObserver for Holder {
    fn progressed(&self, progress: BackupProgress) {
        self.stages.lock().unwrap().push(progress);
        if let Some((stands, may_go)) = self.held.lock().unwrap().take() {
            stands.send(()).unwrap();
            // A test that fails drops the other end.
            let _ = may_go.recv();
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}

/// What waits for a held backup, and lets it go.
pub struct Hold {
    standing: mpsc::Receiver<()>,
    let_go: mpsc::Sender<()>,
}

impl Hold {
    /// Comes back when the backup stands.
    pub fn wait(&self) {
        self.standing.recv().expect("it ended before its first portion");
    }

    pub fn let_go(&self) {
        self.let_go.send(()).unwrap();
    }
}

impl Holder {
    pub fn new() -> (Arc<Self>, Hold) {
        let (stands, standing) = mpsc::channel();
        let (let_go, may_go) = mpsc::channel();
        let held = Mutex::new(Some((stands, may_go)));
        let holder = Self { held, cancelled: AtomicBool::new(false), stages: Mutex::default() };
        (Arc::new(holder), Hold { standing, let_go })
    }
}

impl HeldBackup {
    /// Comes back when the backup stands.
    pub fn begin(data_dir: &Path, destination: &Path) -> Self {
        let (observer, hold) = Holder::new();
        let (request, shared) = (request(data_dir, destination), Arc::clone(&observer));
        let backup = std::thread::spawn(move || {
            let observer: Arc<dyn BackupObserver> = Arc::<Holder>::clone(&shared);
            let made = back_up(&request, &Clock::system(), &observer);
            shared.held.lock().unwrap().take();
            made
        });
        if let Err(ended) = hold.standing.recv() {
            panic!("{ended}, since it ended before its first portion: {:?}", backup.join());
        }
        Self { hold, observer, backup }
    }

    /// Lets it go on, and waits for its end.
    pub fn finish(self) -> Result<BackupMade, BackupError> {
        self.hold.let_go();
        let made = self.backup.join().unwrap();
        let stages = self.observer.stages.lock().unwrap();
        let copying: Vec<u64> =
            stages.iter().filter(|told| told.stage == BackupStage::Copying).map(|told| told.bytes_done).collect();
        assert!(copying.is_sorted(), "it began anew: {copying:?}");
        made
    }

    /// Ends it before its time.
    pub fn cancel(self) -> Result<BackupMade, BackupError> {
        self.observer.cancelled.store(true, Ordering::SeqCst);
        self.finish()
    }
}
