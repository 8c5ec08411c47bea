//! A file while it is written: under another name beside its destination, readable by its owner alone, deleted unless
//! it is completed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags, RenameFlags};

use super::error::BackupError;
use super::single_file::{side_files, sync_dir, with_suffix};
use crate::domain::backup::Size;

/// How the name of an unfinished file ends.
const SUFFIX: &str = ".partial";

/// Backups hold personal data: only their owner may read them.
const OWNER_ONLY: u32 = 0o600;

/// What is left free on the disk besides a tenth of the copy's size, in bytes.
const ROOM_SPARED_BYTES: u64 = 1_024 * 1_024;

/// An unfinished file. It is locked, so that files without a lock are known to be left by killed processes.
pub(in crate::store) struct Partial {
    file: File,
    path: PathBuf,
    destination: PathBuf,
    overwrite: bool,
    published: bool,
}

impl Partial {
    /// Creates the file, or takes over one that a killed process left.
    pub(in crate::store) fn create(destination: &Path, overwrite: bool) -> Result<Self, BackupError> {
        check_destination(destination, overwrite)?;
        let path = with_suffix(destination, SUFFIX);
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(OWNER_ONLY)
                .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                .open(&path)
                .map_err(|error| BackupError::destination(destination, explain(&error)))?;
            let fails = |error: io::Error| BackupError::destination(destination, explain(&error));
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(BackupError::UnderWay(destination.display().to_string()));
                }
                Err(TryLockError::Error(error)) => return Err(fails(error)),
            }
            if !is_still(&file, &path) {
                // Its previous holder has just renamed or removed it.
                continue;
            }
            remove_side_files(&path);
            file.set_len(0).map_err(fails)?;
            file.set_permissions(fs::Permissions::from_mode(OWNER_ONLY)).map_err(fails)?;
            return Ok(Self { file, path, destination: destination.to_owned(), overwrite, published: false });
        }
    }

    pub(in crate::store) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::store) fn file(&self) -> &File {
        &self.file
    }

    pub(in crate::store) fn bytes(&self) -> Result<u64, BackupError> {
        Ok(self.file.metadata().map_err(|error| self.failed(&error))?.len())
    }

    /// Flushes the content to the disk.
    pub(in crate::store) fn sync(&self) -> Result<(), BackupError> {
        self.file.sync_data().map_err(|error| self.failed(&error))
    }

    /// Gives the file its final name: its content is on the disk before, its name after.
    pub(in crate::store) fn publish(mut self) -> Result<(), BackupError> {
        self.file.sync_all().map_err(|error| self.failed(&error))?;
        remove_side_files(&self.path);
        if self.overwrite {
            fs::rename(&self.path, &self.destination).map_err(|error| self.failed(&error))?;
        } else {
            self.rename_beside_nothing()?;
        }
        self.published = true;
        sync_dir(folder_of(&self.destination)).map_err(|error| self.failed(&error))
    }

    /// Replaces another file by one rename. The caller has flushed the content.
    pub(in crate::store) fn replace(&mut self, other: &Path) -> io::Result<()> {
        fs::rename(&self.path, other)?;
        self.published = true;
        Ok(())
    }

    fn rename_beside_nothing(&self) -> Result<(), BackupError> {
        match rustix::fs::renameat_with(CWD, &self.path, CWD, &self.destination, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::EXIST) => Err(BackupError::Exists(self.destination.display().to_string())),
            // Not every file system supports this.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
                check_destination(&self.destination, false)?;
                fs::rename(&self.path, &self.destination).map_err(|error| self.failed(&error))
            }
            Err(errno) => Err(self.failed(&errno.into())),
        }
    }

    pub(in crate::store) fn failed(&self, error: &io::Error) -> BackupError {
        if error.kind() == ErrorKind::StorageFull {
            return BackupError::Full;
        }
        BackupError::destination(&self.destination, explain(error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.published {
            return;
        }
        remove_side_files(&self.path);
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the file of a backup that was not made");
        }
    }
}

/// Removes unfinished files that killed processes left in a folder, of which the final name `is_ours`.
pub fn remove_leftovers(folder: &Path, is_ours: impl Fn(&str) -> bool) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(whole) = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)) else { continue };
        if !is_ours(whole) {
            continue;
        }
        let path = entry.path();
        let free = File::open(&path).is_ok_and(|file| file.try_lock().is_ok() && is_still(&file, &path));
        if free && fs::remove_file(&path).is_ok() {
            remove_side_files(&path);
            tracing::info!(path = %path.display(), "removed what was left of a backup that was broken off");
        }
    }
}

/// Refuses a copy that would not fit, or would leave too little for concurrent writers.
pub(in crate::store) fn require_room(destination: &Path, bytes: u64) -> Result<(), BackupError> {
    let folder = folder_of(destination);
    // Where this is unknown, the copy finds out.
    let Some(free) = free_bytes(folder) else { return Ok(()) };
    let needed = bytes + bytes / 10 + ROOM_SPARED_BYTES;
    if free >= needed {
        return Ok(());
    }
    Err(BackupError::NoRoom { folder: folder.display().to_string(), needed: Size(needed), free: Size(free) })
}

/// The free bytes on the disk of a folder, where known.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn check_destination(destination: &Path, overwrite: bool) -> Result<(), BackupError> {
    let refuse = |reason: &str| Err(BackupError::destination(destination, reason));
    if destination.file_name().is_none() {
        return refuse("name a file");
    }
    match fs::metadata(folder_of(destination)) {
        Ok(folder) if folder.is_dir() => {}
        Ok(_) => return refuse(&format!("{} is a file, not a folder", folder_of(destination).display())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return refuse(&format!("the folder {} does not exist; make it first", folder_of(destination).display()));
        }
        Err(error) => return refuse(&explain(&error)),
    }
    match fs::metadata(destination) {
        Ok(existing) if existing.is_dir() => refuse("it is a directory; name a file in it"),
        Ok(existing) if !existing.is_file() => refuse("it is no regular file"),
        Ok(_) if !overwrite => Err(BackupError::Exists(destination.display().to_string())),
        _ => Ok(()),
    }
}

/// Whether a path still leads to an open file.
fn is_still(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let (Ok(open), Ok(named)) = (file.metadata(), fs::metadata(path)) else { return false };
    identity(open) == identity(named)
}

fn remove_side_files(path: &Path) {
    for side in side_files(path) {
        let _ = fs::remove_file(side);
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => "permission denied; choose a folder that this user may write".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only; choose another folder".to_owned(),
        ErrorKind::StorageFull => "the disk is full; make room on it, or choose another folder".to_owned(),
        _ => error.to_string(),
    }
}
