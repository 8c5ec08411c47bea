//! Whether others on the machine can read or replace the database: refused or said at the start, as sshd does with keys.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::data_dir::{DATABASE_FILE, database_path};
use super::error::OpenError;
use super::files_at_rest::refusal;

const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o002;

/// On a directory: only a file's owner may remove or rename it.
const STICKY: u32 = 0o1000;

/// Refuses a directory or a database that everybody on the machine may change.
pub(super) fn refuse_exposed(data_dir: &Path) -> Result<(), OpenError> {
    if let Ok(directory) = fs::metadata(data_dir)
        && directory.mode() & OTHERS_WRITE != 0
        && directory.mode() & STICKY == 0
    {
        let reason = format!(
            "everybody on this machine may write there (mode {:04o}), and so replace the database; run: chmod o-w {}",
            directory.mode() & 0o7777,
            data_dir.display()
        );
        return Err(refusal(data_dir, reason));
    }
    let path = database_path(data_dir);
    let Ok(file) = fs::metadata(&path) else { return Ok(()) };
    if file.mode() & OTHERS_WRITE != 0 {
        let reason = format!(
            "everybody on this machine may write {DATABASE_FILE} (mode {:04o}); run: chmod 600 {}",
            file.mode() & 0o7777,
            path.display()
        );
        return Err(refusal(data_dir, reason));
    }
    Ok(())
}

/// Warns of a database that others can read, or that belongs to somebody else.
pub(super) fn warn_of_exposed(data_dir: &Path) {
    let path = database_path(data_dir);
    let Ok(file) = fs::metadata(&path) else { return };
    if file.mode() & OTHERS_READ != 0 && can_be_reached(data_dir) {
        tracing::warn!(
            mode = format!("{:04o}", file.mode() & 0o7777),
            "everybody on this machine can read the contacts in {path}; run: chmod 600 {path}",
            path = path.display()
        );
    }
    if !is_trusted_owner(&file) {
        tracing::warn!(
            owner = file.uid(),
            "{} belongs to another user, who can change it and its permissions; run: chown {} {}",
            path.display(),
            own_uid(),
            path.display()
        );
    }
}

fn can_be_reached(data_dir: &Path) -> bool {
    fs::metadata(data_dir).is_ok_and(|directory| directory.mode() & 0o001 != 0)
}

/// Root and this user; for root, who may do everything for the service's user, everybody.
fn is_trusted_owner(file: &Metadata) -> bool {
    own_uid() == 0 || [0, own_uid()].contains(&file.uid())
}

fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_everybody_may_write_is_refused_with_the_command_that_mends_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = database_path(dir.path());
        fs::write(&path, "").unwrap();
        let set = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        set(&path, 0o600);
        for (mode, refused) in [(0o700, false), (0o770, false), (0o777, true), (0o702, true), (0o1777, false)] {
            set(dir.path(), mode);
            let outcome = refuse_exposed(dir.path()).map_err(|error| error.to_string());
            assert_eq!(outcome.is_err(), refused, "{mode:o}: {outcome:?}");
            if let Err(text) = outcome {
                assert!(text.contains("run: chmod o-w ") && text.contains(&format!("{mode:04o}")), "{text}");
            }
        }
        set(dir.path(), 0o700);
        for (mode, refused) in [(0o644, false), (0o660, false), (0o666, true)] {
            set(&path, mode);
            assert_eq!(refuse_exposed(dir.path()).is_err(), refused, "{mode:o}");
        }
    }
}
