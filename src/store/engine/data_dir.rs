//! The data directory: its paths, its lock and who holds it.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use super::error::OpenError;

/// The database's file name in the data directory.
pub const DATABASE_FILE: &str = "muster.db";

/// The lock's file name in the data directory.
pub const LOCK_FILE: &str = "muster.lock";

/// What the lock file says while a backup is restored. Whoever reads this must not open the database beside it.
pub(in crate::store) const RESTORE_HOLDER: &str = "`muster restore`";

/// The path of the database in a data directory.
#[must_use]
pub fn database_path(dir: &Path) -> PathBuf {
    dir.join(DATABASE_FILE)
}

/// The data directory's lock, held as long as this value lives.
#[derive(Debug)]
pub(in crate::store) struct DirLock {
    file: File,
}

impl Drop for DirLock {
    /// Closing the file would not do: a program that this process starts at the same moment has a copy of the descriptor
    /// until it runs, and the lock would live as long as that.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "cannot give up the lock of the data directory");
        }
    }
}

impl DirLock {
    /// Takes the lock, or says who has it.
    pub(in crate::store) fn acquire(dir: &Path, holder: &str) -> Result<Self, OpenError> {
        let data_dir_error =
            |error: &std::io::Error| OpenError::DataDir { path: dir.display().to_string(), reason: explain_io(error) };
        let mut file = open_lock(dir).map_err(|error| data_dir_error(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The text is a courtesy; without it the message is still true.
                let _ = file.read_to_string(&mut holder);
                let holder = if holder.trim().is_empty() { "another Muster" } else { holder.trim() };
                return Err(OpenError::InUse { path: dir.display().to_string(), holder: holder.to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(data_dir_error(&error)),
        }
        let text = format!("{holder} (process {})\n", std::process::id());
        let told = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
        match told {
            // The lock holds without a name in it, and a server must start on a full disk.
            Err(error) if !matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                return Err(data_dir_error(&error));
            }
            _ => {}
        }
        Ok(Self { file })
    }
}

/// Opens the lock's file. A new one goes to whoever owns the directory: a command that root runs must not shut out the user that
/// the server runs as.
fn open_lock(dir: &Path) -> std::io::Result<File> {
    let path = dir.join(LOCK_FILE);
    let open = || File::options().read(true).write(true).clone();
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

/// Gives a file that was made just now to the owner of another, where that is somebody else. Without the right to, the file stays
/// whose it is.
pub(in crate::store) fn give_to(file: &File, model: &fs::Metadata) {
    let is_owner = file.metadata().is_ok_and(|own| own.uid() == model.uid());
    if !is_owner {
        let _ = fchown(file, Some(model.uid()), Some(model.gid()));
    }
}

/// Refuses a data directory in which a backup is being restored: who opened its database now would open the old one, and
/// write beside the new.
pub(in crate::store) fn refuse_while_restored(dir: &Path) -> Result<(), OpenError> {
    let path = dir.join(LOCK_FILE);
    // A text that a killed restore left says nothing; only then is it worth a look whether anybody has the lock.
    let Some(holder) = fs::read_to_string(&path).ok().filter(|holder| holder.contains(RESTORE_HOLDER)) else {
        return Ok(());
    };
    match File::open(&path).map(|file| file.try_lock_shared()) {
        Ok(Err(TryLockError::WouldBlock)) => {
            Err(OpenError::InUse { path: dir.display().to_string(), holder: holder.trim().to_owned() })
        }
        _ => Ok(()),
    }
}

/// Why a file is no data directory, and what to do.
const IS_A_FILE: &str = "it is a file; choose a directory with --data-dir";

/// Refuses a place without a database, for whoever must not make one.
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

/// Refuses a directory that stands where the database belongs.
pub(in crate::store) fn refuse_directory(dir: &Path) -> Result<(), OpenError> {
    if dir.join(DATABASE_FILE).is_dir() {
        let reason = format!("{DATABASE_FILE} in it is a directory; move it away");
        return Err(OpenError::DataDir { path: dir.display().to_string(), reason });
    }
    Ok(())
}

/// A new data directory holds personal data: nobody but its owner may look inside.
fn restrict_to_owner(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
}

/// What the operating system said of the data directory, and what to do about it.
pub(in crate::store) fn explain_io(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => {
            "permission denied; make it writable for this user, or choose another with --data-dir".to_owned()
        }
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only; choose another with --data-dir".to_owned(),
        ErrorKind::StorageFull => "the disk is full; make room on it".to_owned(),
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
        let lock = DirLock::acquire(dir.path(), "one").unwrap();
        let copy = lock.file.try_clone().unwrap();
        assert!(matches!(DirLock::acquire(dir.path(), "two"), Err(OpenError::InUse { .. })));
        drop(lock);
        assert!(DirLock::acquire(dir.path(), "two").is_ok());
        drop(copy);
    }
}
