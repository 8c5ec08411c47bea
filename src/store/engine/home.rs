//! How a data directory recognises its database: the file `home` in it, and the row of the table `home` in the database.
//!
//! Both have the same mark, which is new at each start. The file also has the database's inode, and how far the
//! database's counters had got. Where they differ at a start, the database came from elsewhere, by whatever way (`cp`,
//! `mv`, `scp`, a replica's restore): its counters have perhaps not seen all that clients saw, so its history is renewed
//! (`renewal.rs`). Devices are not compared, since they change when a machine starts.
//!
//! The counters are written after each commit, without waiting for the disk: a killed process leaves them exact, and
//! after a loss of power they may be behind the database, never ahead of it. So a database that is behind them has lost
//! its log, or is an older copy.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use rustix::fs::OFlags;

use super::data_dir::{database_path, explain_io, give_to};
use super::error::OpenError;
use super::renewal::Seen;

/// The file's name in the data directory.
pub(super) const HOME_FILE: &str = "home";

/// The file's constant length, so that it is replaced in one write that needs no space on the disk.
const FILE_BYTES: usize = 1_024;

/// How many starts without a checkpoint are remembered.
const PREVIOUS_MARKS_MAX: usize = 16;

const HEADING: &str = "# How muster recognises the muster.db beside this file. Leave it here and unchanged.\n";

/// How far a database has got: numbers that only grow while its history lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Counters {
    pub(in crate::store) revision: i64,
    pub(in crate::store) access_version: i64,
    /// The highest contact id that was ever used.
    pub(in crate::store) contact_id: i64,
    /// The newest entry of the audit log.
    pub(in crate::store) audit_id: i64,
    /// The newest version of the cache configuration.
    pub(in crate::store) configuration: i64,
}

impl Counters {
    pub(in crate::store) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        const SQL: &str = "SELECT revision, access_version,
                max(contact_id_floor, coalesce((SELECT max(id) FROM contact), 0)),
                coalesce((SELECT max(id) FROM audit), 0),
                coalesce((SELECT max(version) FROM cache_configuration), 0)
           FROM installation";
        connection.prepare_cached(SQL)?.query_row([], |row| {
            Ok(Self {
                revision: row.get(0)?,
                access_version: row.get(1)?,
                contact_id: row.get(2)?,
                audit_id: row.get(3)?,
                configuration: row.get(4)?,
            })
        })
    }

    /// Whether any of them is lower than in another.
    pub(super) fn is_behind(&self, other: &Self) -> bool {
        self.revision < other.revision
            || self.access_version < other.access_version
            || self.contact_id < other.contact_id
            || self.audit_id < other.audit_id
            || self.configuration < other.configuration
    }

    fn at_least(&mut self, other: &Self) {
        self.revision = self.revision.max(other.revision);
        self.access_version = self.access_version.max(other.access_version);
        self.contact_id = self.contact_id.max(other.contact_id);
        self.audit_id = self.audit_id.max(other.audit_id);
        self.configuration = self.configuration.max(other.configuration);
    }
}

/// A database that a restore is about to put in place of the present one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Successor {
    pub(in crate::store) mark: String,
    pub(in crate::store) inode: u64,
}

/// How a database without a mark is written.
const NO_MARK: &str = "none";

fn text_of_mark(mark: &str) -> &str {
    if mark.is_empty() { NO_MARK } else { mark }
}

fn mark_from_text(text: &str) -> String {
    if text == NO_MARK { String::new() } else { text.to_owned() }
}

/// What the file `home` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct HomeRecord {
    /// Of the newest start.
    pub(super) mark: String,
    /// Of the starts before, while the database's file may still have one of them: the newer ones may be in a log that
    /// was lost.
    pub(super) previous_marks: Vec<String>,
    pub(super) inode: u64,
    /// A process has the database open, or was killed: its log may hold what the database lacks.
    pub(super) in_use: bool,
    /// The generation of the last checkpoint that moved the whole log (`log_generation.rs`).
    pub(super) base_generation: i64,
    pub(super) counters: Counters,
    pub(super) successor: Option<Successor>,
}

impl HomeRecord {
    /// Whether it is of a database that was there, and not only of one that a restore was about to put in place.
    pub(super) fn knows_a_database(&self) -> bool {
        !self.mark.is_empty()
    }

    /// What a start writes.
    pub(super) fn of_start(mark: &str, previous_marks: Vec<String>, inode: u64, base: i64, counters: Counters) -> Self {
        let mark = mark.to_owned();
        Self { mark, previous_marks, inode, in_use: true, base_generation: base, counters, successor: None }
    }

    /// The marks that the database's file may have after a start that finds this one in the database.
    pub(super) fn marks_until_checkpoint(&self, found: &str) -> Vec<String> {
        let mut marks = self.previous_marks.clone();
        marks.push(found.to_owned());
        marks.dedup();
        marks.drain(..marks.len().saturating_sub(PREVIOUS_MARKS_MAX));
        marks
    }

    /// Also knows a database that is about to be put in place of the present one.
    pub(in crate::store) fn with_successor(self, successor: Successor) -> Self {
        Self { successor: Some(successor), ..self }
    }

    /// The new mark could not be stored in the database.
    pub(super) fn keep_mark(&mut self, mark: &str) {
        mark.clone_into(&mut self.mark);
    }

    /// Whether it is of the database with this inode and mark.
    pub(super) fn is_of(&self, inode: u64, mark: &str) -> bool {
        self.inode == inode && self.has_mark(mark)
    }

    fn has_mark(&self, mark: &str) -> bool {
        self.mark == mark || (self.in_use && self.previous_marks.iter().any(|previous| previous == mark))
    }

    pub(super) fn base_generation(&self) -> i64 {
        self.base_generation
    }

    /// How far clients may have seen the history.
    pub(in crate::store) fn seen(&self) -> Seen {
        let Counters { revision, access_version, contact_id, .. } = self.counters;
        Seen { revision, access_version, contact_id }
    }

    /// No process has the database open, and no log holds what it lacks.
    pub(super) fn close(&mut self) {
        self.in_use = false;
        self.previous_marks.clear();
    }

    fn parse(text: &str) -> Option<Self> {
        let mut record = Self::default();
        let (mut next_mark, mut next_inode, mut ended) = (None, None, false);
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let (name, value) = line.split_once(':')?;
            let value = value.trim();
            match name {
                "mark" => value.clone_into(&mut record.mark),
                "previous marks" => record.previous_marks = value.split_whitespace().map(mark_from_text).collect(),
                "inode" => record.inode = value.parse().ok()?,
                "in use" => record.in_use = value == "yes",
                "log base" => record.base_generation = value.parse().ok()?,
                "revision" => record.counters.revision = value.parse().ok()?,
                "access" => record.counters.access_version = value.parse().ok()?,
                "contact" => record.counters.contact_id = value.parse().ok()?,
                "audit" => record.counters.audit_id = value.parse().ok()?,
                "configuration" => record.counters.configuration = value.parse().ok()?,
                "restored mark" => next_mark = Some(value.to_owned()),
                "restored inode" => next_inode = Some(value.parse().ok()?),
                "end" => ended = true,
                _ => return None,
            }
        }
        if let (Some(mark), Some(inode)) = (next_mark, next_inode) {
            record.successor = Some(Successor { mark, inode });
        }
        ended.then_some(record)
    }

    fn text(&self) -> String {
        let Self { mark, previous_marks, inode, in_use, base_generation, counters, successor } = self;
        let Counters { revision, access_version, contact_id, audit_id, configuration } = counters;
        let in_use = if *in_use { "yes" } else { "no" };
        let previous = previous_marks.iter().map(|mark| text_of_mark(mark)).collect::<Vec<_>>().join(" ");
        let next = successor.as_ref().map_or_else(String::new, |Successor { mark, inode }| {
            format!("restored mark: {mark}\nrestored inode: {inode}\n")
        });
        format!(
            "{HEADING}mark: {mark}\nprevious marks: {previous}\ninode: {inode}\nin use: {in_use}\n\
             log base: {base_generation}\nrevision: {revision}\naccess: {access_version}\ncontact: {contact_id}\n\
             audit: {audit_id}\nconfiguration: {configuration}\n{next}end: .\n"
        )
    }
}

/// The file `home`, open for the holder of the data directory's lock.
#[derive(Debug)]
pub(in crate::store) struct Home {
    file: File,
    record: HomeRecord,
    /// Whether a failed write was logged.
    failed: bool,
}

/// Written by the writer and the watcher.
pub(super) type SharedHome = Arc<Mutex<Home>>;

/// Where the file is.
pub(in crate::store) fn home_path(data_dir: &Path) -> PathBuf {
    data_dir.join(HOME_FILE)
}

/// Reads the file; none where there is none, or where it holds nothing that Muster writes.
pub(in crate::store) fn read_home(data_dir: &Path) -> Result<Option<HomeRecord>, OpenError> {
    let path = home_path(data_dir);
    let opened = File::options().read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(&path);
    let mut text = Vec::new();
    match opened.and_then(|file| file.take(2 * FILE_BYTES as u64).read_to_end(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(data_dir, &error)),
    }
    let record = std::str::from_utf8(&text).ok().and_then(HomeRecord::parse);
    if record.is_none() {
        tracing::warn!(path = %path.display(), "the file is not as Muster writes it, and is made anew");
    }
    Ok(record)
}

fn unusable(data_dir: &Path, error: &std::io::Error) -> OpenError {
    let reason = match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => {
            format!("{HOME_FILE} in it is a symbolic link; remove it")
        }
        _ if error.kind() == ErrorKind::IsADirectory => {
            format!("{HOME_FILE} in it is a directory, and Muster keeps a file of that name there; move it away")
        }
        _ => format!("the file {HOME_FILE} in it: {}", explain_io(error)),
    };
    OpenError::DataDir { path: data_dir.display().to_string(), reason }
}

impl Home {
    /// Opens the file, or makes it, and gives it this content. None where there is no space for it.
    pub(in crate::store) fn create(data_dir: &Path, record: HomeRecord) -> Result<Option<Self>, OpenError> {
        let file = match open_for_writing(&home_path(data_dir), data_dir) {
            Ok(file) => file,
            Err(error) => return Self::without(data_dir, &error),
        };
        let home = Self { file, record, failed: false };
        match home.write(true) {
            Ok(()) => Ok(Some(home)),
            Err(error) => Self::without(data_dir, &error),
        }
    }

    /// A server must start on a full disk.
    fn without(data_dir: &Path, error: &std::io::Error) -> Result<Option<Self>, OpenError> {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                tracing::warn!(
                    "there is no space for the file {HOME_FILE}; the next start cannot recognise its database"
                );
                Ok(None)
            }
            _ => Err(unusable(data_dir, error)),
        }
    }

    /// Changes the content and waits until it is on the disk.
    pub(in crate::store) fn change(&mut self, change: impl FnOnce(&mut HomeRecord)) {
        change(&mut self.record);
        self.write_or_log(true);
    }

    /// Notes how far the database has got, without waiting for the disk.
    pub(super) fn note(&mut self, counters: &Counters) {
        let before = self.record.counters;
        self.record.counters.at_least(counters);
        if self.record.counters != before {
            self.write_or_log(false);
        }
    }

    /// Notes the generation of a checkpoint that moved the whole log.
    pub(super) fn note_base(&mut self, generation: i64) {
        if self.record.base_generation != generation || !self.record.previous_marks.is_empty() {
            self.change(|record| {
                record.base_generation = generation;
                // The file has the newest mark now.
                record.previous_marks.clear();
            });
        }
    }

    fn write_or_log(&mut self, to_disk: bool) {
        match self.write(to_disk) {
            Ok(()) => self.failed = false,
            Err(error) if !self.failed => {
                tracing::warn!(%error, "cannot write the file {HOME_FILE}");
                self.failed = true;
            }
            Err(_) => {}
        }
    }

    fn write(&self, to_disk: bool) -> std::io::Result<()> {
        let mut content = self.record.text().into_bytes();
        content.resize(FILE_BYTES, b'\n');
        self.file.write_all_at(&content, 0)?;
        if to_disk { self.file.sync_all() } else { Ok(()) }
    }
}

/// Opens the file without following a link. A new one is given to the owner of the directory.
fn open_for_writing(path: &Path, data_dir: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            if let Ok(owner) = fs::metadata(data_dir) {
                give_to(&file, &owner);
            }
            File::open(data_dir)?.sync_all()?;
            Ok(file)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => options.open(path),
        Err(error) => Err(error),
    }
}

/// The inode of the database's file.
pub(in crate::store) fn database_inode(data_dir: &Path) -> std::io::Result<u64> {
    fs::metadata(database_path(data_dir)).map(|metadata| metadata.ino())
}

/// What the database says of itself at a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Empty in a database that was never opened by a Muster that keeps marks.
    pub(super) mark: String,
    pub(super) inode: u64,
    pub(super) counters: Counters,
    /// Whether its header says that it is used with a log.
    pub(super) expects_log: bool,
    /// The generation of the file without its log; none where it cannot be read.
    pub(super) file_generation: Option<i64>,
}

/// How a database came to be where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is the one that was here before, or the first.
    Known,
    /// It came from elsewhere, or is older than what was here.
    Elsewhere(Difference),
    /// It is the one that was here, without the newest changes, which were in its log.
    LogLost,
}

/// By what a database from elsewhere shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// The file `home` is missing.
    NoHome,
    OtherMark,
    OtherInode,
    LowerCounters,
}

impl Difference {
    /// What is said of it in the log and the audit log.
    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::NoHome => "the file home is missing beside it",
            Self::OtherMark => "it was last used in another directory, or before it was replaced here",
            Self::OtherInode => "it is a copy, or was moved here",
            Self::LowerCounters => "it is older than the database that was here",
        }
    }

    /// Whether sessions may be those of another time. A mere copy has the same.
    pub(super) const fn ends_sessions(self) -> bool {
        !matches!(self, Self::OtherInode)
    }
}

/// Compares a database with what the data directory remembers.
pub(super) fn compare(home: Option<&HomeRecord>, found: &Found) -> Arrival {
    let Some(home) = home else {
        return if found.mark.is_empty() { Arrival::Known } else { Arrival::Elsewhere(Difference::NoHome) };
    };
    let is_successor = home.successor.as_ref().is_some_and(|next| next.mark == found.mark && next.inode == found.inode);
    if is_successor {
        return Arrival::Known;
    }
    if !home.has_mark(&found.mark) {
        return Arrival::Elsewhere(Difference::OtherMark);
    }
    let same_file = found.inode == home.inode;
    if found.counters.is_behind(&home.counters) {
        // An older copy has not seen the last whole checkpoint.
        let is_whole = found.file_generation.is_none_or(|generation| generation >= home.base_generation);
        return if home.in_use && same_file && found.expects_log && is_whole {
            Arrival::LogLost
        } else {
            Arrival::Elsewhere(Difference::LowerCounters)
        };
    }
    if same_file { Arrival::Known } else { Arrival::Elsewhere(Difference::OtherInode) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(revision: i64) -> Counters {
        Counters { revision, access_version: 2, contact_id: 3, audit_id: 4, configuration: 5 }
    }

    fn home() -> HomeRecord {
        HomeRecord {
            mark: "b".to_owned(),
            previous_marks: vec![String::new(), "a".to_owned()],
            inode: 7,
            in_use: true,
            base_generation: 4,
            counters: counters(10),
            successor: None,
        }
    }

    fn found(mark: &str, inode: u64, revision: i64) -> Found {
        let counters = counters(revision);
        Found { mark: mark.to_owned(), inode, counters, expects_log: true, file_generation: Some(4) }
    }

    #[test]
    fn what_is_written_is_read_and_a_part_of_it_is_not() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_home(dir.path()).unwrap(), None);
        let next = Successor { mark: String::new(), inode: u64::MAX };
        let mut record = HomeRecord { successor: Some(next), ..home() };
        let mut made = Home::create(dir.path(), record.clone()).unwrap().unwrap();
        assert_eq!(read_home(dir.path()).unwrap(), Some(record.clone()));
        made.note(&counters(12));
        made.note(&counters(11));
        record.counters = counters(12);
        assert_eq!(read_home(dir.path()).unwrap(), Some(record));
        let path = home_path(dir.path());
        assert_eq!(fs::metadata(&path).unwrap().len(), FILE_BYTES as u64);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, whole.split_once("end").unwrap().0).unwrap();
        assert_eq!(read_home(dir.path()).unwrap(), None);
    }

    #[test]
    fn a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let victim = dir.path().join("victim");
        fs::write(&victim, "content").unwrap();
        std::os::unix::fs::symlink(&victim, home_path(dir.path())).unwrap();
        for refused in [read_home(dir.path()).map(drop), Home::create(dir.path(), home()).map(drop)] {
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("home in it is a symbolic link"), "{error}");
        }
        assert_eq!(fs::read(&victim).unwrap(), b"content");
    }

    #[test]
    fn a_database_is_recognised_by_mark_inode_and_counters() {
        use Difference::{LowerCounters, NoHome, OtherInode, OtherMark};
        let check = |home: Option<&HomeRecord>, found: &Found, expected: Arrival| {
            assert_eq!(compare(home, found), expected, "{found:?}");
        };
        let known = home();
        check(None, &found("", 7, 10), Arrival::Known);
        check(None, &found("b", 7, 10), Arrival::Elsewhere(NoHome));
        check(Some(&known), &found("b", 7, 10), Arrival::Known);
        check(Some(&known), &found("b", 7, 11), Arrival::Known);
        check(Some(&known), &found("a", 7, 10), Arrival::Known);
        check(Some(&known), &found("c", 7, 10), Arrival::Elsewhere(OtherMark));
        check(Some(&known), &found("", 7, 10), Arrival::Known);
        let marked = HomeRecord { previous_marks: vec!["a".to_owned()], ..home() };
        check(Some(&marked), &found("", 7, 10), Arrival::Elsewhere(OtherMark));
        check(Some(&known), &found("b", 8, 10), Arrival::Elsewhere(OtherInode));
        check(Some(&known), &found("b", 8, 9), Arrival::Elsewhere(LowerCounters));
        // The same file without the changes in its log.
        check(Some(&known), &found("b", 7, 9), Arrival::LogLost);
        check(Some(&known), &found("a", 7, 9), Arrival::LogLost);
        check(Some(&known), &Found { file_generation: None, ..found("b", 7, 9) }, Arrival::LogLost);
        // An older copy that was laid over it.
        let older = Found { file_generation: Some(3), ..found("b", 7, 9) };
        check(Some(&known), &older, Arrival::Elsewhere(LowerCounters));
        let single = Found { expects_log: false, ..found("b", 7, 9) };
        check(Some(&known), &single, Arrival::Elsewhere(LowerCounters));
        let stopped = HomeRecord { in_use: false, ..home() };
        check(Some(&stopped), &found("b", 7, 9), Arrival::Elsewhere(LowerCounters));
        check(Some(&stopped), &found("a", 7, 10), Arrival::Elsewhere(OtherMark));
        // One that a restore has put in place.
        let next = Successor { mark: "r".to_owned(), inode: 9 };
        let restored = HomeRecord { successor: Some(next), ..home() };
        check(Some(&restored), &found("r", 9, 1), Arrival::Known);
        check(Some(&restored), &found("b", 7, 10), Arrival::Known);
        check(Some(&restored), &found("r", 8, 1), Arrival::Elsewhere(OtherMark));
    }
}
