//! Whether this user can use a data directory: without changing anything, and whose the files in it are.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Access, Mode, OFlags};
use rustix::io::Errno;

use super::data_dir::{DATABASE_FILE, IS_A_FILE, explain_io, is_locked, refuse_directory};
use super::error::OpenError;
use super::exposure::refuse_exposed;
use super::home::HOME_FILE;
use super::lock_file::LOCK_FILE;

/// What SQLite adds to the database's name for its log and the index of that.
const SIDE_FILES: [&str; 2] = ["-wal", "-shm"];

/// Refuses a data directory with a file of another user, which this one may not write.
pub fn refuse_files_of_others(dir: &Path) -> Result<(), OpenError> {
    let side_files = SIDE_FILES.iter().map(|suffix| format!("{DATABASE_FILE}{suffix}"));
    let names = [LOCK_FILE, DATABASE_FILE, HOME_FILE].map(str::to_owned).into_iter().chain(side_files);
    names.map(|name| dir.join(name)).try_for_each(|path| refuse_file_of_others(dir, &path))
}

fn refuse_file_of_others(dir: &Path, path: &Path) -> Result<(), OpenError> {
    if rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK) != Err(Errno::ACCESS) {
        return Ok(());
    }
    // Where the file cannot even be looked at, the fault is the directory's.
    let (Ok(file), Ok(directory)) = (fs::symlink_metadata(path), fs::metadata(dir)) else { return Ok(()) };
    if file.uid() == directory.uid() {
        return Ok(());
    }
    Err(OpenError::OfAnotherUser {
        path: path.display().to_string(),
        owner: file.uid(),
        directory: dir.display().to_string(),
    })
}

/// Whether what kept a server from starting has gone.
#[must_use]
pub fn may_start_now(dir: &Path) -> bool {
    !is_locked(dir) && refuse_files_of_others(dir).is_ok()
}

/// Makes a file without a name in a folder, which leaves no trace; where the file system knows no such files, asks for the
/// right to make one.
pub fn try_to_write(folder: &Path) -> io::Result<()> {
    match rustix::fs::open(folder, OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR) {
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
            Ok(rustix::fs::access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)?)
        }
        made => Ok(made.map(drop)?),
    }
}

/// Refuses a path at which a server of this user could have no data directory. One that is missing must only be possible
/// to make.
pub fn check_usable(dir: &Path) -> Result<(), OpenError> {
    let error = |reason: String| OpenError::DataDir { path: dir.display().to_string(), reason };
    // A relative path has an empty ancestor, which means the working directory.
    let ancestors = dir.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    for path in ancestors {
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_dir() && path == dir => return Err(error(IS_A_FILE.to_owned())),
            Ok(metadata) if !metadata.is_dir() => {
                return Err(error(explain_io(&ErrorKind::NotADirectory.into())));
            }
            Ok(_) => {
                try_to_write(path).map_err(|io| error(explain_io(&io)))?;
                break;
            }
            Err(missing) if missing.kind() == ErrorKind::NotFound => {}
            Err(io) => return Err(error(explain_io(&io))),
        }
    }
    refuse_directory(dir)?;
    refuse_exposed(dir)
}
