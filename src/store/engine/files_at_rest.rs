//! The files of the data directory before SQLite opens any of them: whether they belong together.
//!
//! SQLite makes a new database where one is missing and applies any log that lies beside one. After a file was copied,
//! moved or removed by hand, either would destroy what is left of the data, so such a directory is refused.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::connection::explain_sqlite;
use super::data_dir::{DATABASE_FILE, database_path};
use super::error::OpenError;
use super::home::{HOME_FILE, HomeRecord};
use super::log_generation::log_belongs_to_file;
use crate::domain::backup::Size;

/// Where the header of a SQLite file says whether it is used with a write-ahead log (2) or not (1): the version that a
/// reader must understand (<https://sqlite.org/fileformat2.html#file_format_version_numbers>).
const READ_VERSION_AT: usize = 19;
const WITH_LOG: u8 = 2;

/// The database's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum DatabaseFile {
    /// It is missing, or has no content: a new database may be made.
    Nothing,
    Content {
        /// Whether its header says that it is used with a write-ahead log.
        expects_log: bool,
    },
}

/// What lies in a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct FilesAtRest {
    pub(in crate::store) database: DatabaseFile,
    /// The size of the write-ahead log.
    pub(in crate::store) log_bytes: u64,
}

impl FilesAtRest {
    /// Looks at the files. Opens the database's file for a moment, so this process must not have it open.
    pub(in crate::store) fn look(data_dir: &Path) -> Result<Self, OpenError> {
        let failed =
            |error: &std::io::Error| refusal(data_dir, format!("{DATABASE_FILE} in it cannot be read: {error}"));
        let database = read_database(&database_path(data_dir)).map_err(|error| failed(&error))?;
        Ok(Self { database, log_bytes: fs::metadata(log_path(data_dir)).map_or(0, |log| log.len()) })
    }

    /// Why these files cannot be of one database, with what to do; `home` is what the directory remembers.
    pub(in crate::store) fn mismatch(&self, home: Option<&HomeRecord>) -> Option<String> {
        let log = Size(self.log_bytes);
        match self.database {
            DatabaseFile::Nothing if self.log_bytes > 0 => Some(format!(
                "{DATABASE_FILE} is missing or empty, and the log {DATABASE_FILE}-wal beside it holds changes ({log}); put \
                 the {DATABASE_FILE} back that it belongs to, or restore a backup with `muster restore`, which keeps the log \
                 under another name"
            )),
            DatabaseFile::Nothing if home.is_some_and(HomeRecord::knows_a_database) => Some(format!(
                "{DATABASE_FILE} is missing or empty, and the file {HOME_FILE} says that there was one; put it back, or \
                 restore a backup with `muster restore`; to begin without contacts, remove the file {HOME_FILE}"
            )),
            DatabaseFile::Content { expects_log: false } if self.log_bytes > 0 => Some(format!(
                "{DATABASE_FILE} is a single file, such as a backup, and {DATABASE_FILE}-wal beside it ({log}) is the log of \
                 another database; put the database back that the log belongs to and restore the backup with `muster \
                 restore`; or, if {DATABASE_FILE} is the one that you want, move {DATABASE_FILE}-wal and \
                 {DATABASE_FILE}-shm away"
            )),
            _ => None,
        }
    }
}

/// Refuses files that are not of one database. For the holder of the data directory's lock, and for others while nobody
/// has it: a running server has checked them itself.
pub(in crate::store) fn refuse_mismatch(data_dir: &Path, home: Option<&HomeRecord>) -> Result<FilesAtRest, OpenError> {
    refuse_separated(data_dir)?;
    let files = FilesAtRest::look(data_dir)?;
    if let Some(reason) = files.mismatch(home) {
        return Err(refusal(data_dir, reason));
    }
    let path = database_path(data_dir);
    if files.log_bytes > 0 && !log_belongs_to_file(&path).map_err(|error| explain_sqlite(&path, error))? {
        let reason = format!(
            "{DATABASE_FILE}-wal is the log of another {DATABASE_FILE}, or of another state of it, and both would become a \
             mixture; put the {DATABASE_FILE} back that the log belongs to, or restore a backup with `muster restore`, which \
             keeps both under other names; or, if {DATABASE_FILE} is the one that you want, move {DATABASE_FILE}-wal and \
             {DATABASE_FILE}-shm away"
        );
        return Err(refusal(data_dir, reason));
    }
    Ok(files)
}

fn read_database(path: &Path) -> std::io::Result<DatabaseFile> {
    let mut header = Vec::new();
    let read = File::open(path).and_then(|file| file.take(READ_VERSION_AT as u64 + 1).read_to_end(&mut header));
    match read {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(DatabaseFile::Nothing),
        Err(error) => Err(error),
        Ok(0) => Ok(DatabaseFile::Nothing),
        Ok(_) => Ok(DatabaseFile::Content { expects_log: header.get(READ_VERSION_AT) == Some(&WITH_LOG) }),
    }
}

fn log_path(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join(format!("{DATABASE_FILE}-wal"))
}

pub(super) fn refusal(data_dir: &Path, reason: String) -> OpenError {
    OpenError::DataDir { path: data_dir.display().to_string(), reason }
}

/// Refuses a database whose log would lie elsewhere: SQLite puts it beside the file that a link leads to, and a file that
/// is mounted alone leaves it behind.
pub(in crate::store) fn refuse_separated(data_dir: &Path) -> Result<(), OpenError> {
    let path = database_path(data_dir);
    if fs::symlink_metadata(&path).is_ok_and(|file| file.is_symlink()) {
        let reason = format!(
            "{DATABASE_FILE} in it is a symbolic link, and its log would lie elsewhere; move the file itself here, or choose \
             its directory with --data-dir"
        );
        return Err(refusal(data_dir, reason));
    }
    let Ok(real) = fs::canonicalize(&path) else { return Ok(()) };
    let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
    if is_mount_point(&mounts, real.as_os_str().as_bytes()) {
        let reason = format!(
            "{DATABASE_FILE} in it is mounted alone, so its log would be left behind when it is unmounted; mount the whole \
             directory"
        );
        return Err(refusal(data_dir, reason));
    }
    Ok(())
}

/// Whether a path is the fifth field of a line of `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`), in which white space
/// and backslashes are written as three octal digits.
fn is_mount_point(mounts: &[u8], path: &[u8]) -> bool {
    let written: Vec<u8> = path
        .iter()
        .flat_map(|byte| match byte {
            b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
            byte => vec![*byte],
        })
        .collect();
    mounts.split(|byte| *byte == b'\n').any(|line| line.split(|byte| *byte == b' ').nth(4) == Some(&written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mounted_file_is_recognised_by_its_path() {
        let mounts =
            b"22 1 0:21 / /proc rw - proc proc rw\n31 22 8:1 /x /srv/a\\040b/muster.db rw - ext4 /dev/sda1 rw\n";
        assert!(is_mount_point(mounts, b"/srv/a b/muster.db"));
        assert!(!is_mount_point(mounts, b"/srv/muster.db"));
        assert!(!is_mount_point(b"", b"/srv/muster.db"));
    }
}
