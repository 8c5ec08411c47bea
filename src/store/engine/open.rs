//! The sequence of opening: the data directory and its lock, the files in it, the writing connection, the schema, whether
//! the database is the one that was here, the threads.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, mpsc as std_mpsc};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::changed_rows::ChangeRecorder;
use super::changes::Feed;
use super::condition::Condition;
use super::connection::{configure_writer, connect_reader, connect_writer, explain_sqlite, limit_size};
use super::data_dir::{self, DATABASE_FILE, DirLock, LockAttempt, database_path};
use super::deferred_writes::DeferredWrites;
use super::error::OpenError;
use super::exposure::{refuse_exposed, warn_of_exposed};
use super::files_at_rest::{self, DatabaseFile};
use super::home::{SharedHome, read_home};
use super::lock_file::LockPurpose;
use super::log_generation::LogGeneration;
use super::migrate::{self, DetectedSchema, SCHEMA_VERSION};
use super::open_files::OpenFiles;
use super::options::{Mode, StoreOptions};
use super::queue::WriteQueue;
use super::readable::ReadableDatabase;
use super::readers::Readers;
use super::store::{Store, StoreInner};
use super::tx::ReadTx;
use super::usable_dir::refuse_files_of_others;
use super::watcher::{Position, Watcher};
use super::writer::{self, LogState, Writer};
use super::{identify, known_schema};
use crate::clock::Clock;
use crate::domain::backup::stamp;
use crate::store::upkeep::actor::Actor;
use crate::store::upkeep::audit;
use crate::store::upkeep::backup::{
    BackupMade, BackupRequest, KEPT_FILE_TABLE, KeptFiles, Pace, back_up, remove_kept_files, remove_leftovers,
    unobserved, verify, with_suffix,
};
use crate::store::upkeep::maintenance::Maintenance;
use crate::store::upkeep::restore;

/// How the names of backups before a migration begin.
const MIGRATION_BACKUP_START: &str = "muster-schema-v";

impl Store {
    /// Opens, and where the options allow it creates or migrates, the database of a data directory.
    pub fn open(options: &StoreOptions, clock: Clock) -> Result<Self, OpenError> {
        if options.mode == Mode::Reader {
            return Self::open_for_reading(options, clock);
        }
        let settings = &options.settings;
        check_data_dir(options)?;
        let lock = lock_data_dir(options)?;
        let (has_lock, is_server) = (lock.is_some(), options.mode == Mode::Server);
        let alone = has_lock && !is_server;
        if has_lock {
            remove_leftovers_of_killed_processes(&settings.data_dir);
        }
        if is_server {
            refuse_exposed(&settings.data_dir)?;
        }
        let path = database_path(&settings.data_dir);
        let sqlite = |source| explain_sqlite(&path, source);
        let Opened { connection, home, generation } =
            if has_lock { open_writer(&settings.data_dir, alone, &clock)? } else { open_writer_beside_server(&path)? };
        if is_server {
            warn_of_exposed(&settings.data_dir);
        }
        if let Some(bytes) = settings.database_max {
            limit_size(&connection, bytes as u64).map_err(sqlite)?;
        }
        let seen = Position::read(&connection).map_err(sqlite)?;
        let files = OpenFiles::of(&path);
        let feed = Arc::new(Feed::default());
        let has_limit = settings.database_max.is_some();
        let condition = Condition::new(clock.clone(), settings.data_dir.clone(), files.clone(), has_limit, is_server);
        let condition = Arc::new(condition);
        let deferred_writes = Arc::new(DeferredWrites::default());
        let group_jobs = Arc::new(writer::no_groups());
        let log = Arc::new(LogState::default());
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
            files: files.clone(),
            home: home.clone(),
            generation,
            log: Arc::clone(&log),
            lock,
        };
        let readers = Readers::open(&path, &files, settings.readers, settings.read_queue_max).map_err(sqlite)?;
        let (queue, jobs) = WriteQueue::new(settings.write_queue_max, clock.clone(), options.time_max);
        let mut threads = vec![spawn("muster-writer", move || writer.run(jobs))?];
        let (mut watching, mut stop_watcher) = (None, None);
        if is_server {
            let watcher = Watcher {
                path: path.clone(),
                feed: Arc::clone(&feed),
                seen,
                failed: false,
                files,
                condition: Arc::clone(&condition),
                home,
                log,
                queue: queue.downgrade(),
                clock: clock.clone(),
            };
            let (stop, stopped) = std_mpsc::channel();
            watching = Some(spawn("muster-watcher", move || watcher.run(&stopped))?);
            stop_watcher = Some(stop);
            let maintenance = Maintenance {
                queue: queue.downgrade(),
                clock: clock.clone(),
                woken,
                condition: Arc::clone(&condition),
                deferred_writes: Arc::clone(&deferred_writes),
                path,
            };
            threads.push(spawn("muster-maintenance", move || maintenance.run())?);
        }
        let inner = StoreInner {
            queue: Mutex::new(Some(queue)),
            threads: Mutex::new(threads),
            watcher: Mutex::new(watching),
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
            reading: None,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Opens for a command that only reads: without the lock, without a writer, and also where nothing can be written.
    fn open_for_reading(options: &StoreOptions, clock: Clock) -> Result<Self, OpenError> {
        let settings = &options.settings;
        let source = ReadableDatabase::find(&settings.data_dir)?;
        let path = source.path().to_owned();
        let sqlite = |error| explain_sqlite(&path, error);
        let connection = connect_reader(&path).map_err(sqlite)?;
        let schema = migrate::detect_schema(&connection, &path, true)?;
        match schema {
            DetectedSchema::Version(SCHEMA_VERSION) => {}
            DetectedSchema::Version(found) => {
                let path = database_path(&settings.data_dir).display().to_string();
                return Err(OpenError::ReadsNewer { path, found, known: SCHEMA_VERSION });
            }
            DetectedSchema::Empty => return Err(refuse_without_tables(&settings.data_dir)),
        }
        drop(connection);
        let files = OpenFiles::of(&path);
        let readers = Readers::open(&path, &files, settings.readers, settings.read_queue_max).map_err(sqlite)?;
        let inner = StoreInner {
            queue: Mutex::new(None),
            threads: Mutex::new(Vec::new()),
            watcher: Mutex::new(None),
            stop_watcher: Mutex::new(None),
            wake_maintenance: Mutex::new(None),
            readers,
            feed: Arc::new(Feed::default()),
            condition: Arc::new(Condition::new(clock.clone(), settings.data_dir.clone(), files, false, false)),
            clock,
            time_max: options.time_max,
            beside_server: false,
            alone: false,
            data_dir: settings.data_dir.clone(),
            deferred_writes: Arc::new(DeferredWrites::default()),
            group_jobs: Arc::new(writer::no_groups()),
            reading: Some(source),
        };
        Ok(Self { inner: Arc::new(inner) })
    }
}

/// The writing connection, and what goes with it.
struct Opened {
    connection: Connection,
    home: Option<SharedHome>,
    generation: LogGeneration,
}

fn refuse_without_tables(data_dir: &Path) -> OpenError {
    let reason = format!(
        "{DATABASE_FILE} in it has no tables: its log, {DATABASE_FILE}-wal, was left behind when it was copied; copy that, \
         too, or restore a backup with `muster restore`; or, to begin without contacts, remove {DATABASE_FILE}"
    );
    OpenError::DataDir { path: data_dir.display().to_string(), reason }
}

/// Creates the data directory where that is allowed, and refuses one that cannot be used.
fn check_data_dir(options: &StoreOptions) -> Result<(), OpenError> {
    let path = &options.settings.data_dir;
    if options.create {
        data_dir::prepare_dir(path)?;
    } else {
        data_dir::require_database(path)?;
    }
    data_dir::refuse_directory(path)?;
    if options.mode == Mode::Server { refuse_files_of_others(path) } else { Ok(()) }
}

/// Takes the data directory's lock. A command goes without it beside another process, unless that restores a backup.
fn lock_data_dir(options: &StoreOptions) -> Result<Option<DirLock>, OpenError> {
    let data_dir = &options.settings.data_dir;
    let purpose = if options.mode == Mode::Server { LockPurpose::Serve } else { LockPurpose::Command };
    match DirLock::acquire(data_dir, purpose, &options.holder)? {
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

/// Opens the writing connection beside a server, which has checked everything else.
fn open_writer_beside_server(path: &Path) -> Result<Opened, OpenError> {
    let sqlite = |error| explain_sqlite(path, error);
    let connection = connect_writer(path, false).map_err(sqlite)?;
    migrate::detect_schema(&connection, path, false)?;
    configure_writer(&connection, false).map_err(sqlite)?;
    Ok(Opened { connection, home: None, generation: LogGeneration::default() })
}

/// Opens the one writing connection as the holder of the lock: refuses files that do not belong together, creates or
/// migrates the database, and begins a new history for one that came from elsewhere.
fn open_writer(data_dir: &Path, big_cache: bool, clock: &Clock) -> Result<Opened, OpenError> {
    let path = &database_path(data_dir);
    let sqlite = |error| explain_sqlite(path, error);
    let home = read_home(data_dir)?;
    let files = files_at_rest::refuse_mismatch(data_dir, home.as_ref())?;
    let connection = connect_writer(path, files.database == DatabaseFile::Nothing).map_err(sqlite)?;
    // A database that is refused keeps its log.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, files.log_bytes > 0).map_err(sqlite)?;
    // Before any setting: switching to a WAL would change a file that is not Muster's.
    let found = migrate::detect_schema(&connection, path, true)?;
    let difference = match found {
        DetectedSchema::Empty if files.database != DatabaseFile::Nothing => {
            return Err(refuse_without_tables(data_dir));
        }
        DetectedSchema::Empty => None,
        DetectedSchema::Version(version) => {
            refuse_altered(&connection, path, version)?;
            identify::recognise(&connection, path, version, &files, home.as_ref())?
        }
    };
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(sqlite)?;
    match found {
        DetectedSchema::Empty => {
            if let Err(error) = migrate::create(&connection).and_then(|()| configure_writer(&connection, big_cache)) {
                drop(connection);
                remove_unfinished(path);
                return Err(sqlite(error));
            }
        }
        DetectedSchema::Version(version) => migrate_older(&connection, path, version, big_cache, clock)?,
    }
    // The file of a backup that was copied here keeps files of a machine, a private key perhaps.
    remove_kept_files(&connection).map_err(sqlite)?;
    if let Some(difference) = difference {
        verify_arrival(&connection, path, clock)?;
        identify::renew(&connection, difference, home.as_ref(), clock)
            .map_err(|error| OpenError::Mark { path: path.display().to_string(), reason: error.to_string() })?;
    }
    let mut generation = LogGeneration::default();
    let home = identify::begin_use(&connection, data_dir, home.as_ref(), &mut generation)?;
    Ok(Opened { connection, home: home.map(|home| Arc::new(Mutex::new(home))), generation })
}

/// Removes a new database that could not be created whole, for want of room for example. The next start would refuse it
/// as one that lost its tables.
fn remove_unfinished(path: &Path) {
    for suffix in ["-wal", "-shm", "-journal", ""] {
        if let Err(error) = fs::remove_file(with_suffix(path, suffix))
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(path = %path.display(), %error, "cannot remove an unfinished database");
        }
    }
}

/// Verifies a database that came from elsewhere, once: it may have been copied while it was written.
fn verify_arrival(connection: &Connection, path: &Path, clock: &Clock) -> Result<(), OpenError> {
    tracing::info!("verifying {DATABASE_FILE}, which came from elsewhere");
    let unsound = |reason: String| OpenError::Unsound { path: path.display().to_string(), reason };
    verify(path, Pace::Full, clock, &unobserved()).map_err(|error| unsound(error.to_string()))?;
    let report = ReadTx::new(connection, clock.now()).check().map_err(|error| unsound(error.to_string()))?;
    match report.differences.first() {
        None => Ok(()),
        Some(first) => Err(unsound(format!(
            "{}: {}: the facts say {}, stored is {}",
            first.kind, first.subject, first.expected, first.stored
        ))),
    }
}

/// Refuses a file that defines anything but its version's schema, before anything of it runs.
fn refuse_altered(connection: &Connection, path: &Path, version: i64) -> Result<(), OpenError> {
    match known_schema::find_difference(connection, version, &[KEPT_FILE_TABLE]) {
        Ok(None) => Ok(()),
        Ok(Some(difference)) => Err(OpenError::Altered { path: path.display().to_string(), difference }),
        Err(error) => Err(explain_sqlite(path, error)),
    }
}

/// Configures the connection and migrates a database of an older schema, after a backup.
fn migrate_older(
    connection: &Connection,
    path: &Path,
    version: i64,
    big_cache: bool,
    clock: &Clock,
) -> Result<(), OpenError> {
    let found = DetectedSchema::Version(version);
    // Before any step of a migration, which cannot be undone.
    let backup = back_up_older(path, found, clock)?;
    let migrated = configure_writer(connection, big_cache).and_then(|()| migrate::migrate_from(connection, version));
    if let Err(error) = migrated {
        remove_redundant_backup(backup, connection, found);
        return Err(explain_sqlite(path, error));
    }
    if let Some(backup) = backup {
        let (actor, act) = (Actor::of_program("migration"), backup.audit_entry());
        // The migration is done, so the next start would not record this either: a failure is only logged.
        if let Err(error) = audit::insert(connection, clock.now(), &actor, &act) {
            let file = backup.path.display();
            tracing::warn!(%file, %error, "the audit log does not tell of the backup before the migration");
        }
    }
    Ok(())
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
    let request =
        BackupRequest { data_dir, destination, overwrite: true, pace: Pace::Full, kept: KeptFiles::default() };
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
