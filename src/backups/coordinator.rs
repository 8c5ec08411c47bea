//! The backups of a server: one at a time, begun by the schedule or by an administrator.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::folder::{Folder, FolderContent, KeptBackup};
use super::listing::{self, Listing};
use super::machine::MachineFiles;
use super::run::BackupRun;
use super::schedule::Schedule;
use super::status::{BackupFailure, BackupFigures, BackupHealth, BackupStatus};
use crate::clock::Clock;
use crate::config::{BackupSettings, InstallationName};
use crate::domain::time::Timestamp;
use crate::store::{
    Actor, AuditAction, AuditEntry, BackupError, BackupMade, BackupObserver, BackupRecord, BackupRequest, KeptFiles,
    LoggedBackup, Pace, Store, StoreError, back_up,
};

/// The folder of backups in the data directory, where no other folder is set.
const FOLDER_IN_DATA_DIR: &str = "backups";

/// How often the schedule is checked; a check costs one lock.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// How often backups that other processes made are read from the database.
const REFRESH_INTERVAL: Duration = Duration::from_mins(1);

/// Why a backup cannot be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeginError {
    #[error("a backup is being made already")]
    UnderWay,
    #[error("the server is stopping")]
    Stopping,
}

/// The server's backups. Cloning is cheap.
#[derive(Clone)]
pub struct Backups {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Clock,
    every: Option<Duration>,
    /// Whether the folder is not the one in the data directory.
    is_folder_chosen: bool,
    folder: Folder,
    listing: Listing,
    machine: Option<MachineFiles>,
    observer: Option<Arc<dyn BackupObserver>>,
    /// Guards only the state in memory; no I/O and no waiting happens under it.
    state: Mutex<BackupsState>,
    runs: TaskTracker,
}

struct BackupsState {
    schedule: Schedule,
    /// The newest successful backup of the installation, by any process and to any folder.
    last: Option<BackupRecord>,
    /// The id of its entry in the audit log, by which the newest is found: times may jump, ids only grow.
    last_id: Option<i64>,
    /// The last failure since the last successful backup.
    failure: Option<BackupFailure>,
    /// Since when, and why, no backup can be made in the folder.
    folder_problem: Option<(Timestamp, String)>,
    running: Option<Arc<BackupRun>>,
    stopping: bool,
    made: u64,
    failed: u64,
}

impl Backups {
    /// The backups of a store; reads from the audit log when the last one was made.
    pub fn open(store: &Store, settings: &BackupSettings) -> Result<Self, StoreError> {
        Self::open_observed(store, settings, None, None)
    }

    /// The same with the files of the machine that each backup keeps, and with an observer of the progress, which is
    /// called on the thread of the backup.
    pub fn open_observed(
        store: &Store,
        settings: &BackupSettings,
        machine: Option<MachineFiles>,
        observer: Option<Arc<dyn BackupObserver>>,
    ) -> Result<Self, StoreError> {
        let clock = store.clock().clone();
        let path = settings.backup_dir.clone().unwrap_or_else(|| store.data_dir().join(FOLDER_IN_DATA_DIR));
        let folder = Folder::new(normalised(&path), installation_name(settings), settings.backup_keep);
        // In the form of the audit log, which is lossy for a path that is not UTF-8.
        let here = folder.path().display().to_string();
        let (last, last_here) = store.read_blocking(|tx| Ok((tx.last_backup(None)?, tx.last_backup(Some(&here))?)))?;
        // A backup from the future was made before the clock was corrected. A server that is restarted every day would
        // otherwise make none until that time.
        let last_at = last_here.map(|made| made.record.at).filter(|at| *at <= clock.now());
        let schedule = Schedule::new(settings.backup_every, last_at, clock.instant());
        let last_id = last.as_ref().map(|made| made.id);
        let last = last.map(|made| made.record);
        let state = BackupsState {
            schedule,
            last,
            last_id,
            failure: None,
            folder_problem: None,
            running: None,
            stopping: false,
            made: 0,
            failed: 0,
        };
        let inner = Inner {
            store: store.clone(),
            clock,
            every: settings.backup_every,
            is_folder_chosen: settings.backup_dir.is_some(),
            folder,
            listing: Listing::default(),
            machine,
            observer,
            state: Mutex::new(state),
            runs: TaskTracker::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Starts a backup, unless one is running. Must be called within a tokio runtime.
    pub fn begin(&self, actor: &Actor) -> Result<Arc<BackupRun>, BeginError> {
        self.begin_as(actor, false)
    }

    fn begin_as(&self, actor: &Actor, by_schedule: bool) -> Result<Arc<BackupRun>, BeginError> {
        let run = {
            let mut state = self.lock();
            if state.stopping {
                return Err(BeginError::Stopping);
            }
            if state.running.is_some() {
                return Err(BeginError::UnderWay);
            }
            let run = Arc::new(BackupRun::new(actor.clone(), self.inner.clock.now(), self.inner.observer.clone()));
            state.running = Some(Arc::clone(&run));
            run
        };
        let (backups, begun) = (self.clone(), Arc::clone(&run));
        self.inner.runs.spawn(async move { backups.run(&begun, by_schedule).await });
        Ok(run)
    }

    /// Makes one backup, and records the result in the state, the log and the audit log.
    async fn run(&self, run: &Arc<BackupRun>, by_schedule: bool) {
        let (backups, observed) = (self.clone(), Arc::clone(run));
        let work = tokio::task::spawn_blocking(move || backups.make(&observed));
        let made = work.await.unwrap_or_else(|_| Err(BackupError::Store(StoreError::Panicked)));
        match made {
            Ok(made) => self.succeeded(run, made).await,
            Err(BackupError::Cancelled) => {
                tracing::info!("the backup was broken off; nothing of it is left");
                self.lock().running = None;
                run.end(Err("The server stopped before it was made".to_owned()), false);
            }
            Err(error) => self.failed(run, &error, by_schedule).await,
        }
    }

    /// Makes one backup and deletes old ones. Blocks.
    fn make(&self, run: &Arc<BackupRun>) -> Result<BackupMade, BackupError> {
        let Inner { store, clock, folder, machine, .. } = &*self.inner;
        // The path may lead to another database than the one that is served.
        store.check_files()?;
        let destination = folder.next(clock.now())?;
        let data_dir = store.data_dir().to_owned();
        let (kept, left_out) = match machine {
            Some(machine) => machine.collect(folder.installation(), clock.now()),
            None => (KeptFiles { installation: folder.installation().to_string(), files: Vec::new() }, Vec::new()),
        };
        for reason in left_out {
            tracing::warn!(reason, "the backup does not keep a file of the machine");
        }
        let request = BackupRequest { data_dir, destination, overwrite: false, pace: Pace::Gentle, kept };
        let made = back_up(&request, clock, &run.observer())?;
        store.note_verified();
        // Old backups are deleted only after the new one is verified.
        match store.read_blocking(|tx| tx.backups_made()) {
            Ok(known) => folder.retire(&made.path, &known, clock.now()),
            Err(error) => tracing::warn!(%error, "cannot tell which backups are old; all of them stay"),
        }
        Ok(made)
    }

    async fn succeeded(&self, run: &BackupRun, made: BackupMade) {
        let BackupMade { path, bytes, rows, at, took, .. } = &made;
        tracing::info!(file = %path.display(), bytes, contacts = rows.contacts, ?took, "backed up");
        let record = BackupRecord {
            path: path.display().to_string(),
            bytes: *bytes,
            rows: *rows,
            at: *at,
            took_millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            by: run.actor().to_string(),
        };
        // The audit entry is written before the result is published, so that a client that sees the result finds it.
        self.inner.store.audit_done(run.actor().clone(), made.audit_entry()).await;
        {
            let mut state = self.lock();
            state.schedule.succeeded(record.at, self.inner.clock.instant());
            state.last = Some(record.clone());
            state.failure = None;
            state.folder_problem = None;
            state.made += 1;
            state.running = None;
        }
        run.end(Ok(record), false);
    }

    async fn failed(&self, run: &BackupRun, error: &BackupError, by_schedule: bool) {
        let reason = error.to_string();
        let folder = self.inner.folder.path().display().to_string();
        tracing::error!(%reason, folder, "no backup was made");
        let before = self.lock().failure.clone();
        let attempts = before.as_ref().map_or(0, |failure| failure.attempts) + 1;
        // Scheduled retries that fail for the same reason are audited only once.
        if !by_schedule || before.is_none_or(|failure| failure.reason != reason) {
            let entry =
                AuditEntry::of(AuditAction::BackupFail, folder).after(json!({"reason": reason, "attempts": attempts}));
            self.inner.store.audit_done(run.actor().clone(), entry).await;
        }
        {
            let mut state = self.lock();
            state.schedule.failed(self.inner.clock.instant());
            state.failure = Some(BackupFailure { at: self.inner.clock.now(), reason: reason.clone(), attempts });
            state.failed += 1;
            state.running = None;
        }
        run.end(Err(reason), error.is_full());
    }

    /// Runs the schedule until the server stops; then cancels a running backup, which removes its partial file.
    pub async fn tend(self, stop: CancellationToken) {
        let mut refreshed = self.inner.clock.instant();
        tokio::select! {
            () = self.check_folder_at_start() => {}
            () = stop.cancelled() => {}
        }
        while tokio::time::timeout(CHECK_INTERVAL, stop.cancelled()).await.is_err() {
            let (now, instant) = (self.inner.clock.now(), self.inner.clock.instant());
            if self.lock().schedule.is_due(now, instant) {
                // A backup that is running already serves as well.
                let _ = self.begin_as(&Actor::of_program("schedule"), true);
            }
            if instant.duration_since(refreshed) >= REFRESH_INTERVAL {
                refreshed = instant;
                self.update_last(self.inner.store.read_internal(|tx| tx.last_backup(None)).await);
                self.read_folder().await;
            }
        }
        let running = {
            let mut state = self.lock();
            state.stopping = true;
            state.running.clone()
        };
        if let Some(running) = running {
            running.cancel();
        }
        self.inner.runs.close();
        self.inner.runs.wait().await;
    }

    /// Says at once what would otherwise be noticed when a backup is due.
    async fn check_folder_at_start(&self) {
        self.read_folder().await;
        let folder = self.inner.folder.clone();
        if self.inner.is_folder_chosen
            && tokio::task::spawn_blocking(move || folder.is_missing()).await.is_ok_and(|missing| missing)
        {
            let folder = self.inner.folder.path().display();
            tracing::warn!(
                "the folder of backups, {folder}, is missing: the first backup creates it; if a disk belongs there, mount it"
            );
        }
    }

    /// Reads the folder with a time limit. That no backup can be made in it is logged once.
    async fn read_folder(&self) -> Vec<KeptBackup> {
        let folder = self.inner.folder.clone();
        let FolderContent { kept, problem } =
            self.inner.listing.read(listing::TIME_MAX, move || folder.content()).await;
        let mut state = self.lock();
        let known = state.folder_problem.as_ref().map(|(_, reason)| reason);
        if known != problem.as_ref() {
            if let Some(reason) = &problem {
                tracing::error!(%reason, "no backup can be made");
            } else {
                tracing::info!("backups can be made again");
            }
            let now = self.inner.clock.now();
            state.folder_problem = problem.map(|reason| (now, reason));
        }
        kept
    }

    /// Takes over a newer backup from the audit log; a failed read changes nothing.
    fn update_last(&self, read: Result<Option<LoggedBackup>, StoreError>) {
        let Ok(Some(made)) = read else { return };
        let mut state = self.lock();
        if Some(made.id) > state.last_id {
            state.last_id = Some(made.id);
            state.last = Some(made.record);
        }
    }

    /// The state of backups. Reads the database and the folder, each with a time limit.
    pub async fn status(&self) -> BackupStatus {
        self.update_last(self.inner.store.read(|tx| tx.last_backup(None)).await);
        let kept = self.read_folder().await;
        let (now, instant) = (self.inner.clock.now(), self.inner.clock.instant());
        let state = self.lock();
        BackupStatus {
            health: state.health(now, instant),
            every: self.inner.every,
            keep: self.inner.folder.keep(),
            folder: self.inner.folder.path().to_owned(),
            installation: self.inner.folder.installation().clone(),
            next_at: state.schedule.next_at(now, instant),
            last: state.last.clone(),
            failure: state.failure(),
            running: state.running.clone(),
            kept,
            now,
        }
    }

    /// The values for the metrics, from memory.
    #[must_use]
    pub fn figures(&self) -> BackupFigures {
        let state = self.lock();
        BackupFigures {
            last: state.last.clone(),
            made: state.made,
            failed: state.failed,
            is_failing: state.failure().is_some(),
            is_running: state.running.is_some(),
            every: self.inner.every,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BackupsState> {
        self.inner.state.lock()
    }
}

impl BackupsState {
    /// Why the last attempt failed, or the next one would.
    fn failure(&self) -> Option<BackupFailure> {
        let of_folder =
            |(at, reason): &(Timestamp, String)| BackupFailure { at: *at, reason: reason.clone(), attempts: 0 };
        self.failure.clone().or_else(|| self.folder_problem.as_ref().map(of_folder))
    }

    fn health(&self, now: Timestamp, instant: std::time::Instant) -> BackupHealth {
        if self.failure().is_some() {
            BackupHealth::Failed
        } else if self.schedule.is_off() {
            BackupHealth::Off
        } else if self.schedule.is_overdue(now, instant) {
            BackupHealth::Overdue
        } else if self.last.is_none() {
            BackupHealth::Waiting
        } else {
            BackupHealth::Good
        }
    }
}

/// What the installation is called: as the settings say, or as the machine is.
#[must_use]
pub fn installation_name(settings: &BackupSettings) -> InstallationName {
    let host = || InstallationName::of_host(&rustix::system::uname().nodename().to_string_lossy());
    settings.installation_name.clone().unwrap_or_else(host)
}

/// The absolute path of the folder without a trailing slash. The audit log is searched for backups by this path, so
/// each spelling of it must give the same text.
fn normalised(dir: &Path) -> PathBuf {
    std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()).components().collect()
}
