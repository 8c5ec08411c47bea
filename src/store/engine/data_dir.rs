//! The data directory: its paths, its lock and the lock's holder.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::error::OpenError;
use super::lock_file::{LOCK_FILE, LockHolder, LockPurpose, text_of};

pub const DATABASE_FILE: &str = "muster.db";

#[must_use]
pub fn database_path(dir: &Path) -> PathBuf {
    dir.join(DATABASE_FILE)
}

#[derive(Debug)]
pub(in crate::store) enum LockAttempt {
    Taken(DirLock),
    HeldBy(LockHolder),
}

/// The data directory's lock, held as long as this value lives.
#[derive(Debug)]
pub(in crate::store) struct DirLock {
    file: File,
}

impl Drop for DirLock {
    /// Closing the file is not enough: a program that this process starts at the same moment has a copy of the
    /// descriptor until it runs, and would keep the lock.
    fn drop(&mut self) {
        // What the file says is no longer so. Where it stays, the lock decides.
        let _ = self.file.set_len(0);
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "cannot give up the lock of the data directory");
        }
    }
}

impl DirLock {
    /// Takes the lock if it is free, and writes into its file what for and by which process.
    pub(in crate::store) fn acquire(dir: &Path, purpose: LockPurpose, holder: &str) -> Result<LockAttempt, OpenError> {
        let data_dir_error =
            |error: &std::io::Error| OpenError::DataDir { path: dir.display().to_string(), reason: explain_io(error) };
        let mut file = open_lock(dir).map_err(|error| match error.raw_os_error() {
            Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => {
                let reason = format!("{LOCK_FILE} in it is a symbolic link; remove it");
                OpenError::DataDir { path: dir.display().to_string(), reason }
            }
            _ => data_dir_error(&error),
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // A file that cannot be read only makes the message less precise.
                let _ = file.read_to_string(&mut text);
                return Ok(LockAttempt::HeldBy(LockHolder::parse(&text)));
            }
            Err(TryLockError::Error(error)) => return Err(data_dir_error(&error)),
        }
        let text = text_of(purpose, holder);
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
        match written {
            // The lock works without the text, and a server must start on a full disk.
            Err(error)
                if !matches!(
                    error.kind(),
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
                ) =>
            {
                Err(data_dir_error(&error))
            }
            _ => Ok(LockAttempt::Taken(Self { file })),
        }
    }
}

/// Whether a process has the data directory's lock.
#[must_use]
pub fn is_locked(dir: &Path) -> bool {
    let locked = File::open(dir.join(LOCK_FILE)).map(|file| file.try_lock_shared());
    matches!(locked, Ok(Err(TryLockError::WouldBlock)))
}

/// Opens the lock's file without following a link. A new one is given to the owner of the directory: a command that
/// root runs must not lock out the server's user.
fn open_lock(dir: &Path) -> std::io::Result<File> {
    let path = dir.join(LOCK_FILE);
    let open = || File::options().read(true).write(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).clone();
    match open().create_new(true).open(&path) {
        Ok(file) => {
            if let Ok(owner) = fs::metadata(dir) {
                give_to(&file, &owner);
            }
            Ok(file)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => open().create(true).truncate(false).open(&path),
        Err(error) => Err(error),
    }
}

/// Gives a newly created file to the owner of another. Without the privilege, the file keeps its owner.
pub(in crate::store) fn give_to(file: &File, model: &fs::Metadata) {
    let is_owner = file.metadata().is_ok_and(|own| own.uid() == model.uid());
    if !is_owner {
        let _ = fchown(file, Some(model.uid()), Some(model.gid()));
    }
}

/// Refuses a data directory in which a backup is being restored: its database is about to be replaced, and writes would
/// be lost.
pub(in crate::store) fn refuse_while_restored(dir: &Path) -> Result<(), OpenError> {
    let path = dir.join(LOCK_FILE);
    // A killed restore may have left the text, so the lock decides.
    let holder = fs::read_to_string(&path).ok().map(|text| LockHolder::parse(&text));
    let Some(holder) = holder.filter(LockHolder::is_restoring) else { return Ok(()) };
    match File::open(&path).map(|file| file.try_lock_shared()) {
        Ok(Err(TryLockError::WouldBlock)) => Err(holder.in_use(dir)),
        _ => Ok(()),
    }
}

/// Why a file is no data directory, and what to do.
pub(super) const IS_A_FILE: &str = "it is a file; choose a directory with --data-dir";

/// Refuses a directory without a database, for callers that must not create one.
pub(in crate::store) fn require_database(dir: &Path) -> Result<(), OpenError> {
    let reason = match fs::metadata(dir) {
        Ok(metadata) if !metadata.is_dir() => IS_A_FILE.to_owned(),
        Err(io) if io.kind() != ErrorKind::NotFound => explain_io(&io),
        Ok(_) if database_path(dir).exists() => return Ok(()),
        _ => "it holds no Muster database; start `muster serve` there, or choose another with --data-dir".to_owned(),
    };
    Err(OpenError::DataDir { path: dir.display().to_string(), reason })
}

/// Makes the data directory if it is missing and checks that it can be used.
pub(in crate::store) fn prepare_dir(dir: &Path) -> Result<(), OpenError> {
    let error = |reason: String| OpenError::DataDir { path: dir.display().to_string(), reason };
    match fs::metadata(dir) {
        Ok(metadata) if !metadata.is_dir() => {
            return Err(error(IS_A_FILE.to_owned()));
        }
        Ok(_) => {}
        Err(missing) if missing.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(dir).map_err(|io| error(explain_io(&io)))?;
            restrict_to_owner(dir).map_err(|io| error(explain_io(&io)))?;
        }
        Err(io) => return Err(error(explain_io(&io))),
    }
    Ok(())
}

/// Refuses a data directory in which a directory has the database's name.
pub(in crate::store) fn refuse_directory(dir: &Path) -> Result<(), OpenError> {
    if dir.join(DATABASE_FILE).is_dir() {
        let reason = format!("{DATABASE_FILE} in it is a directory; move it away");
        return Err(OpenError::DataDir { path: dir.display().to_string(), reason });
    }
    Ok(())
}

/// The data directory holds personal data: only its owner may read it.
fn restrict_to_owner(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
}

/// An error of the operating system about the data directory, with what to do about it.
pub(super) fn explain_io(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => {
            "permission denied; make it writable for this user, or choose another with --data-dir".to_owned()
        }
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only; choose another with --data-dir".to_owned(),
        ErrorKind::StorageFull => "the disk is full; make room on it".to_owned(),
        ErrorKind::FileTooLarge => {
            "a file in it has the largest size that the system allows this process; raise that limit (LimitFSIZE= of a \
             systemd unit, ulimit -f of a shell)"
                .to_owned()
        }
        ErrorKind::NotADirectory => "part of the path is a file; choose a directory with --data-dir".to_owned(),
        _ => format!("{error}; choose another with --data-dir"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_given_up_even_while_another_process_holds_a_copy_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let acquire = |holder: &str| DirLock::acquire(dir.path(), LockPurpose::Command, holder).unwrap();
        let LockAttempt::Taken(lock) = acquire("one") else { unreachable!("nothing else has it") };
        let copy = lock.file.try_clone().unwrap();
        assert!(matches!(acquire("two"), LockAttempt::HeldBy(_)));
        drop(lock);
        assert!(matches!(acquire("two"), LockAttempt::Taken(_)));
        drop(copy);
    }

    #[test]
    fn only_a_restore_that_runs_keeps_others_out() {
        let dir = tempfile::tempdir().unwrap();
        for purpose in LockPurpose::ALL {
            let _lock = DirLock::acquire(dir.path(), purpose, "`x`").unwrap();
            let LockAttempt::HeldBy(holder) = DirLock::acquire(dir.path(), purpose, "`y`").unwrap() else {
                unreachable!("it is held")
            };
            assert_eq!(holder.purpose, Some(purpose));
            assert_eq!(refuse_while_restored(dir.path()).is_err(), purpose == LockPurpose::Restore);
        }
        // What a terminated process left in the file does not count.
        fs::write(dir.path().join(LOCK_FILE), text_of(LockPurpose::Restore, "`x`")).unwrap();
        refuse_while_restored(dir.path()).unwrap();
    }
}
