//! Writing what a backup keeps of the machine: each file whole, with its permissions and owner, over nothing that was
//! not shown.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, fchown, lchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, ResolveFlags};
use rustix::io::Errno;

use super::owner::Names;
use super::plan::{FileState, PlannedFile, PutBack, PutBackError};
use crate::domain::backup::stamp;
use crate::domain::time::Timestamp;
use crate::store::{KeptKind, LOCK_FILE};

/// The mode of folders that are made for files.
const FOLDER_MODE: u32 = 0o755;

/// What was done with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub path: PathBuf,
    /// Whether it was written; otherwise it was there already, the same.
    pub is_written: bool,
    /// Where the file is that it replaced.
    pub kept: Option<PathBuf>,
    /// Why it does not belong to its owner.
    pub note: Option<String>,
}

impl PutBack {
    /// Writes the files. The files that are replaced are kept beside them.
    pub fn write(&self, now: Timestamp) -> Result<Vec<Written>, PutBackError> {
        let mut done = Vec::new();
        for file in &self.files {
            let is_written = file.state != FileState::Unchanged;
            let failed = |error| PutBackError(format!("{} cannot be put back: {error}", file.path.display()));
            let (kept, note) = if is_written { write(file, now).map_err(failed)? } else { (None, None) };
            done.push(Written { path: file.path.clone(), is_written, kept, note });
        }
        Ok(done)
    }

    /// Gives a data directory that the restore has made, with the lock in it, to the owner that the backup names.
    pub fn give_new_data_dir(&self, data_dir: &Path) {
        let Some((owner, group)) = &self.data_dir_owner else { return };
        let Some(user) = Names::of_users().number(owner) else { return };
        let group = group.as_ref().and_then(|group| Names::of_groups().number(group));
        // The folder last: its owner may put links into it.
        for path in [data_dir.join(LOCK_FILE), data_dir.to_owned()] {
            // Without the privilege it stays with whoever restores.
            let _ = lchown(path, Some(user), group);
        }
    }
}

/// Writes one file under another name, and gives it its own once it is on the disk. The folder is opened first, so that
/// no link can lead elsewhere meanwhile.
fn write(file: &PlannedFile, now: Timestamp) -> io::Result<(Option<PathBuf>, Option<String>)> {
    let (Some(parent), Some(name)) = (file.path.parent(), file.path.file_name()) else {
        return Err(ErrorKind::InvalidInput.into());
    };
    if !parent.exists() {
        fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(parent)?;
    }
    // The administrator names the place of the settings, and may reach it through a link; the backup names the others.
    let parent = if file.kind == KeptKind::Settings { fs::canonicalize(parent)? } else { parent.to_owned() };
    let folder = open_folder(&parent)?;
    let mut partial = name.to_owned();
    partial.push(".partial");
    match rustix::fs::unlinkat(&folder, &partial, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut written = File::from(rustix::fs::openat(&folder, &partial, flags, Mode::from_raw_mode(0o600))?);
    let result = (|| {
        written.write_all(&file.content)?;
        let note = give(&written, file);
        written.set_permissions(fs::Permissions::from_mode(file.mode))?;
        let millis = u64::try_from(file.modified_at.millis()).unwrap_or(0);
        written.set_modified(UNIX_EPOCH + Duration::from_millis(millis))?;
        written.sync_all()?;
        let mut kept = None;
        if file.state == FileState::Replaces {
            let mut aside = name.to_owned();
            aside.push(format!(".replaced-{}", stamp(now)));
            rustix::fs::linkat(&folder, name, &folder, &aside, AtFlags::empty())?;
            kept = Some(parent.join(&aside));
            rustix::fs::renameat(&folder, &partial, &folder, name)?;
        } else {
            rename_beside_nothing(&folder, &partial, name)?;
        }
        rustix::fs::fsync(&folder)?;
        Ok((kept, note))
    })();
    if result.is_err() {
        let _ = rustix::fs::unlinkat(&folder, &partial, AtFlags::empty());
    }
    result
}

/// Opens a folder to which no symbolic link leads.
fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        // Before Linux 5.6, and where a sandbox does not know the call.
        Err(Errno::NOSYS | Errno::PERM) if fs::canonicalize(path)? == path => {
            Ok(rustix::fs::open(path, flags, Mode::empty())?)
        }
        result => Ok(result?),
    }
}

/// Renames a file, unless another one has come to have the name.
fn rename_beside_nothing(folder: &impl AsFd, from: &OsStr, to: &OsStr) -> io::Result<()> {
    match rustix::fs::renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
        // Not every file system supports this. A second name fails where there is a file already.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            rustix::fs::linkat(folder, from, folder, to, AtFlags::empty())?;
            Ok(rustix::fs::unlinkat(folder, from, AtFlags::empty())?)
        }
        result => Ok(result?),
    }
}

/// Gives a file to its owner; says why it stays with whoever restores.
fn give(written: &File, file: &PlannedFile) -> Option<String> {
    let owner = file.owner.as_ref()?;
    let user = Names::of_users().number(owner)?;
    let group = file.group.as_ref().and_then(|group| Names::of_groups().number(group));
    let error = fchown(written, Some(user), group).err()?;
    Some(format!("{} should belong to {owner}: {error}", file.path.display()))
}
