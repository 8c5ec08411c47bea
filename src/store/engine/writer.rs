//! The one writing connection and its thread: group commit with a savepoint for each job.
//!
//! The thread takes every job that waits, runs them in one `BEGIN IMMEDIATE` transaction, each under its own savepoint,
//! and commits once, so that one fsync serves them all. Then, in this order, it publishes what changed and answers.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::changed_rows::{ChangeRecorder, ChangedRows};
use super::changes::{Feed, Publication, scope_from_row};
use super::condition::Condition;
use super::connection::forget_pages;
use super::data_dir::DirLock;
use super::error::StoreError;
use super::home::{Counters, SharedHome};
use super::log_generation::LogGeneration;
use super::open_files::OpenFiles;
use super::queue::Job;
use super::tx::WriteTx;
use crate::clock::Clock;
use crate::store::access::access_list::load_access_list;
use crate::telemetry::Buckets;

/// Most jobs of one group. More would save no fsync that matters and make the first of them wait.
const GROUP_COMMIT_JOBS_MAX: usize = 256;

/// How long a group runs jobs before it commits. Keeps the write lock below the 100 ms that any holder may have it.
const GROUP_COMMIT_TIME_MAX: Duration = Duration::from_millis(50);

/// The same for jobs of a client that has several at once: those of others wait for at most about as long as their own
/// commit takes.
const YIELDING_TIME_MAX: Duration = Duration::from_millis(3);

/// How long a writer beside a server leaves the lock alone after each group, so that the server gets its turn.
const PAUSE_BESIDE_SERVER: Duration = Duration::from_millis(25);

/// Length of the WAL above which the writer checkpoints whenever no job waits, in pages of 4 KiB: 4 MiB.
const WAL_IDLE_PAGES_MAX: i32 = 1_024;

/// Length of the WAL above which the writer checkpoints although jobs wait, in pages of 4 KiB: 32 MiB. The bound on the
/// file, and on how long recovery takes.
const WAL_BUSY_PAGES_MAX: i32 = 8 * 1_024;

/// Length of the WAL that is worth a warning, in pages of 4 KiB: 512 MiB. Only a reader that never ends lets it grow
/// so.
const WAL_WARN_PAGES: i32 = 128 * 1_024;

/// Upper bounds of the histogram's buckets; the last is the largest group there can be.
const GROUP_JOBS_BOUNDS: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// How many jobs each committed group had.
pub(super) type GroupJobs = Buckets<{ GROUP_JOBS_BOUNDS.len() }>;

pub(super) const fn no_groups() -> GroupJobs {
    Buckets::new(&GROUP_JOBS_BOUNDS)
}

thread_local! {
    /// Pages in the WAL after this thread's last commit. SQLite's WAL hook reports them and can hold no state. The
    /// file's size would not do: it stays when the WAL starts over.
    static WAL_PAGES: Cell<i32> = const { Cell::new(0) };
}

/// Whether the log waits to be moved into the database, as the writer and the watcher know it.
#[derive(Debug, Default)]
pub(super) struct LogState {
    /// Something was committed since the last checkpoint that moved everything.
    pub(super) pending: AtomicBool,
    /// The next time that no job waits, everything is to be moved, however little it is.
    pub(super) wanted: AtomicBool,
}

/// A group of jobs after they ran and before the commit.
#[derive(Default)]
struct Group {
    /// Succeed or fail with the transaction.
    done: Vec<Box<dyn Job>>,
    /// Each rolled back alone.
    refused: Vec<(Box<dyn Job>, StoreError)>,
    /// Not begun; the next group takes them.
    left: Vec<Box<dyn Job>>,
    /// Why the whole transaction must be rolled back.
    fatal: Option<StoreError>,
    changed: ChangedRows,
}

/// What the writer's thread owns.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) recorder: ChangeRecorder,
    pub(super) clock: Clock,
    pub(super) feed: Arc<Feed>,
    pub(super) wake_maintenance: std_mpsc::SyncSender<()>,
    /// Notified when a group cannot be written.
    pub(super) condition: Arc<Condition>,
    pub(super) group_jobs: Arc<GroupJobs>,
    /// The files that the connection has open.
    pub(super) files: OpenFiles,
    /// Where it is noted how far the database has got; none without the data directory's lock.
    pub(super) home: Option<SharedHome>,
    pub(super) generation: LogGeneration,
    pub(super) log: Arc<LogState>,
    /// The data directory's lock, held until the connection is closed. None where another process has the directory.
    pub(super) lock: Option<DirLock>,
}

impl Writer {
    /// Runs jobs until every sender of the queue is gone and the queue is empty; then checkpoints and closes.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Box<dyn Job>>) {
        self.connection.wal_hook(Some(|_, pages| {
            WAL_PAGES.set(pages);
            Ok(())
        }));
        let mut wal_warned = false;
        let mut yielded = false;
        while let Some(first) = queue.blocking_recv() {
            let mut waiting = vec![first];
            while !waiting.is_empty() {
                while waiting.len() < GROUP_COMMIT_JOBS_MAX
                    && let Ok(job) = queue.try_recv()
                {
                    waiting.push(job);
                }
                // Jobs of clients that have several at once let a group of all others go first, and no second one.
                let mut yielding = Vec::new();
                if !yielded && waiting.iter().any(|job| !yields(job)) {
                    (yielding, waiting) = waiting.into_iter().partition(yields);
                } else {
                    waiting.sort_by_key(yields);
                }
                yielded = !yielding.is_empty();
                waiting = self.commit_group(waiting);
                waiting.append(&mut yielding);
                self.checkpoint(waiting.is_empty() && queue.is_empty(), &mut wal_warned);
                if self.lock.is_none() {
                    std::thread::sleep(PAUSE_BESIDE_SERVER);
                }
            }
        }
        self.close();
    }

    /// Runs a group, commits it, publishes what it changed and answers it, in this order. Returns the jobs that it had
    /// no time for.
    fn commit_group(&mut self, jobs: Vec<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
        if let Err(error) = self.files.check() {
            finish_all(jobs, &self.note_failure(error));
            return Vec::new();
        }
        let changes_before = self.connection.total_changes();
        let jobs = match self.begin(jobs) {
            Ok(jobs) if jobs.is_empty() => return jobs,
            Ok(jobs) => jobs,
            Err((jobs, error)) => {
                finish_all(jobs, &self.note_failure(error));
                return Vec::new();
            }
        };
        let begun = self.clock.instant();
        let mut group = self.run_jobs(jobs);
        let committed = match group.fatal.take() {
            Some(error) => Err(error),
            // Nothing succeeded; and a job that was alone has no savepoint to roll back to.
            None if group.done.is_empty() => {
                self.roll_back();
                Ok(None)
            }
            None => self.commit(&group.changed, changes_before),
        };
        let outcome = match committed {
            Ok(publication) => {
                // Readers of the open file see it, even where nobody else will.
                self.publish(publication.as_ref(), &group.changed);
                if !group.done.is_empty() {
                    self.group_jobs.record(group.done.len() as u64);
                }
                self.files.check().map_err(|error| self.note_failure(error))
            }
            Err(error) => {
                self.roll_back();
                let error = self.note_failure(error);
                if error.trouble().is_none() {
                    tracing::error!(%error, jobs = group.done.len(), "a group of writes failed as a whole");
                }
                Err(error)
            }
        };
        let jobs = u32::try_from(group.done.len() + group.refused.len()).unwrap_or(u32::MAX).max(1);
        let part = self.clock.instant().saturating_duration_since(begun) / jobs;
        let refused = group.refused.iter().map(|(job, _)| job);
        for turn in group.done.iter().chain(refused).filter_map(|job| job.turn()) {
            turn.ran(part);
        }
        for job in group.done {
            job.finish(outcome.clone());
        }
        for (job, error) in group.refused {
            job.finish(Err(error));
        }
        group.left
    }

    /// Runs jobs until all are done, the time is up, or one fails in a way that ends the group: then those after it
    /// share its fate.
    fn run_jobs(&self, jobs: Vec<Box<dyn Job>>) -> Group {
        let begun = self.clock.instant();
        let alone = jobs.len() == 1;
        let mut group = Group::default();
        for mut job in jobs {
            if group.fatal.is_some() {
                group.done.push(job);
                continue;
            }
            let started = !group.done.is_empty() || !group.refused.is_empty();
            let time_max = if yields(&job) { YIELDING_TIME_MAX } else { GROUP_COMMIT_TIME_MAX };
            if started && self.clock.instant().duration_since(begun) >= time_max {
                group.left.push(job);
                continue;
            }
            match if alone { self.run_job(job.as_mut()) } else { self.run_under_savepoint(job.as_mut()) } {
                Ok(changed) => {
                    group.changed.absorb(changed);
                    group.done.push(job);
                }
                Err(error) if error.ends_group() || self.connection.is_autocommit() => {
                    group.done.push(job);
                    group.fatal = Some(error);
                }
                Err(error) => group.refused.push((job, error)),
            }
        }
        group
    }

    /// Begins the group's transaction, for which another process may hold the lock. Jobs whose deadline passes
    /// meanwhile are answered, abandoned ones are dropped.
    #[expect(clippy::type_complexity, reason = "the jobs come back with the error so that they can be answered")]
    fn begin(&self, mut jobs: Vec<Box<dyn Job>>) -> Result<Vec<Box<dyn Job>>, (Vec<Box<dyn Job>>, StoreError)> {
        loop {
            let now = self.clock.instant();
            let (late, timely): (Vec<_>, Vec<_>) =
                jobs.into_iter().filter(|job| !job.is_abandoned()).partition(|job| job.deadline() <= now);
            finish_all(late, &StoreError::DeadlinePassed);
            jobs = timely;
            if jobs.is_empty() {
                return Ok(jobs);
            }
            match self.connection.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::from) {
                Ok(()) => return Ok(jobs),
                Err(error) if error.is_busy() => {}
                Err(error) => return Err((jobs, error)),
            }
        }
    }

    /// Runs a job that has the transaction to itself. Any failure of it ends the group, which equals rolling back to a
    /// savepoint but spares SQLite keeping every page as it was: a chunk of an import changes very many.
    fn run_job(&self, job: &mut dyn Job) -> Result<ChangedRows, StoreError> {
        self.recorder.replace(ChangedRows::default());
        let tx = WriteTx::new(&self.connection, self.clock.now(), &self.recorder);
        // What a panicking job left in the database is rolled back, and it shares no memory with others.
        catch_unwind(AssertUnwindSafe(|| job.run(&tx))).unwrap_or(Err(StoreError::Panicked))?;
        Ok(self.recorder.replace(ChangedRows::default()))
    }

    /// Runs one job of several so that it happens whole or not at all.
    fn run_under_savepoint(&self, job: &mut dyn Job) -> Result<ChangedRows, StoreError> {
        self.execute("SAVEPOINT job")?;
        let result = self.run_job(job).and_then(|changed| self.execute("RELEASE job").map(|()| changed));
        if let Err(error) = &result
            && !error.ends_group()
            && !self.connection.is_autocommit()
        {
            self.execute("ROLLBACK TO job")?;
            self.execute("RELEASE job")?;
        }
        result
    }

    /// Reads what the group drew and commits it.
    fn commit(&mut self, changed: &ChangedRows, changes_before: u64) -> Result<Option<Publication>, StoreError> {
        let publication = if changed.scopes.is_empty() { None } else { Some(self.drawn(&changed.scopes)?) };
        let has_changes = self.connection.total_changes() != changes_before;
        if has_changes {
            self.generation.advance(&self.connection)?;
        }
        self.execute("COMMIT")?;
        if has_changes {
            self.generation.committed();
            self.log.pending.store(true, Ordering::Relaxed);
            self.note_counters();
        }
        Ok(publication)
    }

    /// Notes in the data directory how far the database has got.
    fn note_counters(&self) {
        let Some(home) = &self.home else { return };
        match Counters::read(&self.connection) {
            Ok(counters) => home.lock().note(&counters),
            Err(error) => tracing::warn!(%error, "cannot read how far the database has got"),
        }
    }

    fn drawn(&self, changed: &BTreeMap<i64, u32>) -> Result<Publication, StoreError> {
        let revision =
            self.connection.prepare_cached("SELECT revision FROM installation")?.query_row([], |row| row.get(0))?;
        let mut statement =
            self.connection.prepare_cached("SELECT enterprise, department, revision FROM scope WHERE id = ?1")?;
        let scopes: Result<Vec<_>, StoreError> =
            changed.keys().map(|id| statement.query_row([id], |row| Ok(scope_from_row(row)))?).collect();
        Ok(Publication { revision, scopes: scopes?, writes: Some(changed.values().copied().collect()) })
    }

    fn publish(&self, publication: Option<&Publication>, changed: &ChangedRows) {
        if let Some(publication) = publication {
            self.feed.publish(publication);
        }
        if changed.access {
            match load_access_list(&self.connection) {
                Ok(tokens) => self.feed.access_changed(&Arc::new(tokens)),
                // The watcher sees the same change a moment later and loads them again.
                Err(error) => tracing::error!(%error, "cannot read the tokens that have just changed"),
            }
        }
        if changed.purge {
            // One pending wake-up is enough. Without a maintenance thread (a command) the next server resumes the
            // purge.
            let _ = self.wake_maintenance.try_send(());
        }
    }

    /// Determines why a group could not be written, and wakes the maintenance thread if that is trouble.
    fn note_failure(&self, error: StoreError) -> StoreError {
        if error.is_damage() {
            forget_pages(&self.connection);
        }
        let error = self.condition.note_failure(error);
        if error.trouble().is_some() {
            // A command has no such thread, and its store does not outlive its failure.
            let _ = self.wake_maintenance.try_send(());
        }
        error
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "cannot roll a group of writes back");
        }
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Moves the WAL into the database when it has grown, or when that is wanted. A command beside a server does so, too:
    /// the server knows the WAL's length only when it writes itself. Warns once of a WAL that only grows.
    fn checkpoint(&mut self, idle: bool, warned: &mut bool) {
        let bound = if idle { WAL_IDLE_PAGES_MAX } else { WAL_BUSY_PAGES_MAX };
        let pages = WAL_PAGES.get();
        let is_wanted = idle && self.log.wanted.swap(false, Ordering::Relaxed);
        if pages <= bound && !is_wanted {
            return;
        }
        // Frames that a reader still needs stay, and the next checkpoint gets them. Once all are moved and no reader is
        // inside, the next commit starts the file over.
        match self.run_checkpoint("PASSIVE") {
            Ok(outcome) => tracing::debug!(pages, ?outcome, "checkpoint"),
            Err(error) => {
                let error = self.note_failure(error);
                if error.trouble().is_none() {
                    tracing::warn!(%error, "cannot checkpoint the WAL");
                }
            }
        }
        if pages > WAL_WARN_PAGES && !*warned {
            tracing::warn!(pages, "the WAL cannot be moved into the database: some reader never ends");
        }
        *warned = pages > WAL_WARN_PAGES;
    }

    /// Checkpoints and returns SQLite's result: whether it was blocked, pages in the WAL, pages moved out of it.
    fn run_checkpoint(&mut self, mode: &str) -> Result<(bool, i64, i64), StoreError> {
        // Not into a file that is no longer the database.
        self.files.check()?;
        if self.generation.must_advance_before_checkpoint() {
            self.execute("BEGIN IMMEDIATE")?;
            let advanced = self.generation.advance(&self.connection).map_err(StoreError::from);
            if let Err(error) = advanced.and_then(|()| self.execute("COMMIT")) {
                self.roll_back();
                return Err(error);
            }
            self.generation.committed();
        }
        let generation = LogGeneration::current(&self.connection)?;
        let outcome: (bool, i64, i64) =
            self.connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let (blocked, pages, moved) = outcome;
        let is_whole = !blocked && pages == moved;
        self.generation.checkpointed(generation.filter(|_| is_whole));
        self.log.pending.store(!is_whole, Ordering::Relaxed);
        if let (Some(home), Some(generation), true) = (&self.home, generation, is_whole) {
            home.lock().note_base(generation);
        }
        Ok(outcome)
    }

    fn close(mut self) {
        let mut is_whole = false;
        if self.lock.is_some() {
            match self.run_checkpoint("TRUNCATE") {
                Ok((false, ..)) => is_whole = true,
                Err(error @ StoreError::FileReplaced(_)) => tracing::error!(%error, "the database is not as it was"),
                outcome => tracing::warn!(?outcome, "the WAL stays behind; the next start moves it into the database"),
            }
        }
        if let Err((_, error)) = self.connection.close() {
            tracing::warn!(%error, "cannot close the database");
            is_whole = false;
        }
        if let Some(home) = self.home.filter(|_| is_whole) {
            home.lock().change(super::home::HomeRecord::close);
        }
        drop(self.lock);
    }
}

/// Whether others go first.
#[expect(clippy::borrowed_box, reason = "it is called with elements of a list of boxes")]
fn yields(job: &Box<dyn Job>) -> bool {
    job.turn().is_some_and(|turn| turn.yields())
}

fn finish_all(jobs: Vec<Box<dyn Job>>, error: &StoreError) {
    for job in jobs {
        job.finish(Err(error.clone()));
    }
}
