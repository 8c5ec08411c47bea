//! The files that this process has open as its database, and whether they still have their names.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::StoreError;

const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// The database and the files beside it, by device and inode.
#[derive(Clone, Debug)]
pub(in crate::store) struct OpenFiles(Vec<(PathBuf, (u64, u64))>);

impl OpenFiles {
    /// The files as they are now; called when a connection has just opened them.
    pub(super) fn of(database: &Path) -> Self {
        let paths = SUFFIXES.iter().map(|suffix| {
            let mut path = database.as_os_str().to_owned();
            path.push(suffix);
            PathBuf::from(path)
        });
        Self(paths.filter_map(|path| identity(&path).map(|id| (path, id))).collect())
    }

    /// The current sizes, that of the database first.
    pub(super) fn sizes(&self) -> impl Iterator<Item = u64> {
        self.0.iter().filter_map(|(path, _)| fs::metadata(path).ok().map(|metadata| metadata.len()))
    }

    /// Fails where a path no longer leads to the file that is open: what is written now would be gone at the next start.
    pub(in crate::store) fn check(&self) -> Result<(), StoreError> {
        let lost = self.0.iter().find(|(path, id)| identity(path) != Some(*id));
        lost.map_or(Ok(()), |(path, _)| {
            Err(StoreError::FileReplaced(path.file_name().unwrap_or_default().to_string_lossy().into()))
        })
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_moved_replaced_or_removed_is_noticed_and_one_that_is_moved_back_is_right_again() {
        let dir = tempfile::tempdir().unwrap();
        let [database, log, other] = ["muster.db", "muster.db-wal", "other"].map(|name| dir.path().join(name));
        for path in [&database, &log, &other] {
            fs::write(path, "").unwrap();
        }
        let files = OpenFiles::of(&database);
        files.check().unwrap();
        let refused = |named: &str| {
            let error = files.check().unwrap_err();
            assert!(matches!(&error, StoreError::FileReplaced(name) if &**name == named), "{error}");
        };
        let aside = dir.path().join("aside");
        fs::rename(&database, &aside).unwrap();
        refused("muster.db");
        fs::rename(&aside, &database).unwrap();
        files.check().unwrap();
        fs::rename(&log, &aside).unwrap();
        refused("muster.db-wal");
        fs::rename(&aside, &log).unwrap();
        fs::rename(&other, &database).unwrap();
        refused("muster.db");
    }
}
