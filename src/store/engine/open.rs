//! The sequence of opening: the data directory and its lock, the writing connection, the schema, the threads.

use std::fs;
use std::path::Path;
use std::sync::{Arc, mpsc as std_mpsc};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use rusqlite::Connection;

use super::changed_rows::ChangeRecorder;
use super::changes::Feed;
use super::condition::Condition;
use super::connection::{configure_writer, connect_writer, explain_sqlite, limit_size};
use super::data_dir::{self, DirLock, LockAttempt, LockPurpose, database_path};
use super::deferred_writes::DeferredWrites;
use super::error::OpenError;
use super::migrate::{self, DetectedSchema, SCHEMA_VERSION};
use super::options::{Mode, StoreOptions};
use super::queue::WriteQueue;
use super::readers::Readers;
use super::store::{Store, StoreInner};
use super::watcher::{Position, Watcher};
use super::writer::{self, Writer};
use crate::clock::Clock;
use crate::domain::backup::stamp;
use crate::store::upkeep::actor::Actor;
use crate::store::upkeep::audit;
use crate::store::upkeep::backup::{BackupMade, BackupRequest, Pace, back_up, remove_leftovers, unobserved};
use crate::store::upkeep::maintenance::Maintenance;
use crate::store::upkeep::restore;

/// How the names of backups before a migration begin.
const MIGRATION_BACKUP_START: &str = "muster-schema-v";

impl Store {
    /// Opens, and where the options allow it creates or migrates, the database of a data directory.
    pub fn open(options: &StoreOptions, clock: Clock) -> Result<Self, OpenError> {
        let settings = &options.settings;
        check_data_dir(options)?;
        let lock = lock_data_dir(options)?;
        let (has_lock, is_server) = (lock.is_some(), options.mode == Mode::Server);
        let alone = has_lock && !is_server;
        if has_lock {
            remove_leftovers_of_killed_processes(&settings.data_dir);
        }
        let path = database_path(&settings.data_dir);
        let sqlite = |source| explain_sqlite(&path, source);
        let connection = open_writer(&path, has_lock, alone, &clock)?;
        if let Some(bytes) = settings.database_max {
            limit_size(&connection, bytes as u64).map_err(sqlite)?;
        }
        let seen = Position::read(&connection).map_err(sqlite)?;
        let feed = Arc::new(Feed::default());
        let condition =
            Condition::new(clock.clone(), settings.data_dir.clone(), settings.database_max.is_some(), is_server);
        let condition = Arc::new(condition);
        let deferred_writes = Arc::new(DeferredWrites::default());
        let group_jobs = Arc::new(writer::no_groups());
        // One pending wake-up is enough: the thread looks at everything each time.
        let (wake_maintenance, woken) = std_mpsc::sync_channel(1);
        let writer = Writer {
            recorder: ChangeRecorder::of(&connection).map_err(sqlite)?,
            connection,
            clock: clock.clone(),
            feed: Arc::clone(&feed),
            wake_maintenance: wake_maintenance.clone(),
            condition: Arc::clone(&condition),
            group_jobs: Arc::clone(&group_jobs),
            lock,
        };
        let readers = Readers::open(&path, settings.readers, settings.read_queue_max).map_err(sqlite)?;
        let (queue, jobs) = WriteQueue::new(settings.write_queue_max, clock.clone(), options.time_max);
        let mut threads = vec![spawn("muster-writer", move || writer.run(jobs))?];
        let mut stop_watcher = None;
        if is_server {
            let watcher = Watcher { path, feed: Arc::clone(&feed), seen, failed: false };
            let (stop, stopped) = std_mpsc::channel();
            threads.push(spawn("muster-watcher", move || watcher.run(&stopped))?);
            stop_watcher = Some(stop);
            let maintenance = Maintenance {
                queue: queue.downgrade(),
                clock: clock.clone(),
                woken,
                condition: Arc::clone(&condition),
                deferred_writes: Arc::clone(&deferred_writes),
            };
            threads.push(spawn("muster-maintenance", move || maintenance.run())?);
        }
        let inner = StoreInner {
            queue: Mutex::new(Some(queue)),
            threads: Mutex::new(threads),
            stop_watcher: Mutex::new(stop_watcher),
            wake_maintenance: Mutex::new(Some(wake_maintenance)),
            readers,
            feed,
            clock,
            time_max: options.time_max,
            beside_server: !has_lock,
            alone,
            data_dir: settings.data_dir.clone(),
            condition,
            deferred_writes,
            group_jobs,
        };
        Ok(Self { inner: Arc::new(inner) })
    }
}

/// Creates the data directory where that is allowed, and refuses one that cannot be used.
fn check_data_dir(options: &StoreOptions) -> Result<(), OpenError> {
    let path = &options.settings.data_dir;
    if options.create {
        data_dir::prepare_dir(path)?;
    } else {
        data_dir::require_database(path)?;
    }
    data_dir::refuse_directory(path)
}

/// Takes the data directory's lock. A command goes without it beside another process, unless that restores a backup.
fn lock_data_dir(options: &StoreOptions) -> Result<Option<DirLock>, OpenError> {
    let data_dir = &options.settings.data_dir;
    match DirLock::acquire(data_dir, LockPurpose::Use, &options.holder)? {
        LockAttempt::Taken(lock) => Ok(Some(lock)),
        LockAttempt::HeldBy(holder)
            if options.mode == Mode::Command && database_path(data_dir).exists() && !holder.is_restoring() =>
        {
            Ok(None)
        }
        LockAttempt::HeldBy(holder) => Err(holder.in_use(data_dir)),
    }
}

/// Removes what killed restores, backups and migrations have left in the data directory. For the holder of its lock.
fn remove_leftovers_of_killed_processes(data_dir: &Path) {
    restore::remove_aliases(data_dir);
    remove_leftovers(data_dir, |name| restore::is_leftover(name) || name.starts_with(MIGRATION_BACKUP_START));
}

/// Opens the one writing connection; creates or migrates the database when this process has it to itself.
fn open_writer(path: &Path, has_lock: bool, big_cache: bool, clock: &Clock) -> Result<Connection, OpenError> {
    let sqlite = |error| explain_sqlite(path, error);
    let connection = connect_writer(path, has_lock).map_err(sqlite)?;
    // Before any setting: switching to a WAL would change a file that is not Muster's.
    let found = migrate::detect_schema(&connection, path, has_lock)?;
    // Before any step of a migration, which cannot be undone.
    let backup = back_up_older(path, found, clock)?;
    let migrated =
        configure_writer(&connection, big_cache).and_then(|()| migrate::create_or_migrate(&connection, found));
    if let Err(error) = migrated {
        remove_redundant_backup(backup, &connection, found);
        return Err(sqlite(error));
    }
    if let Some(backup) = backup {
        let (actor, act) = (Actor::of_program("migration"), backup.audit_entry());
        // The migration is done, so the next start would not record this either: a failure is only logged.
        if let Err(error) = audit::insert(&connection, clock.now(), &actor, &act) {
            let file = backup.path.display();
            tracing::warn!(%file, %error, "the audit log does not tell of the backup before the migration");
        }
    }
    Ok(connection)
}

/// Backs up a database of an older schema, beside it and named with its version. Without the backup there is no
/// migration.
fn back_up_older(path: &Path, found: DetectedSchema, clock: &Clock) -> Result<Option<BackupMade>, OpenError> {
    let DetectedSchema::Version(found) = found else { return Ok(None) };
    if found >= SCHEMA_VERSION {
        return Ok(None);
    }
    let data_dir = path.parent().unwrap_or(path).to_owned();
    let destination = data_dir.join(format!("{MIGRATION_BACKUP_START}{found}-{}.db", stamp(clock.now())));
    tracing::info!(version = found, backup = %destination.display(), "backing the database up before it is migrated");
    // A backup of the same second was made by a migration that failed, and holds the same data.
    let request = BackupRequest { data_dir, destination, overwrite: true, pace: Pace::Full };
    match back_up(&request, clock, &unobserved()) {
        Ok(backup) => Ok(Some(backup)),
        Err(error) => {
            let path = path.display().to_string();
            Err(OpenError::NotBackedUp { path, found, known: SCHEMA_VERSION, reason: error.to_string() })
        }
    }
}

/// Removes the backup before a migration that failed and left the database unchanged: it holds nothing that the
/// database does not, and a server that restarts again and again would fill the disk with such copies.
fn remove_redundant_backup(backup: Option<BackupMade>, connection: &Connection, found: DetectedSchema) {
    let Some(backup) = backup else { return };
    // After a successful step the backup is the only copy of the previous state.
    if !migrate::schema_version(connection).is_ok_and(|version| found == DetectedSchema::Version(version)) {
        return;
    }
    if let Err(error) = fs::remove_file(&backup.path) {
        let file = backup.path.display();
        tracing::warn!(%file, %error, "cannot remove the backup before a migration that failed");
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, std::io::Error> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}
