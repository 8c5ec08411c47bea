//! The folder of the server's backups: the name of the next one, the list of files, and the deletion of old ones.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::domain::backup::BackupName;
use crate::domain::time::Timestamp;
use crate::store::{BackupError, remove_leftovers};

/// The most files that are listed. More than an installation keeps; the folder may hold any number of files.
const LISTED_MAX: usize = 1_000;

/// The most backups of one second.
const NUMBER_MAX: u32 = 1_000;

/// The mode of a folder that the server creates: only its owner may enter it, as for the data directory.
const OWNER_ONLY: u32 = 0o700;

/// On a folder: everybody may write in it; and only a file's owner may remove or rename it.
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// A backup in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBackup {
    /// The name of its file.
    pub name: BackupName,
    pub bytes: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    keep: usize,
}

impl Folder {
    pub(super) fn new(path: PathBuf, keep: usize) -> Self {
        Self { path, keep: keep.max(1) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn keep(&self) -> usize {
        self.keep
    }

    /// The path for a backup made now. Creates the folder if it is missing, and removes the partial files of killed
    /// processes.
    pub(super) fn next(&self, now: Timestamp) -> Result<PathBuf, BackupError> {
        let cannot = |reason: String| BackupError::Destination { path: self.path.display().to_string(), reason };
        match fs::metadata(&self.path) {
            Ok(folder) if folder.is_dir() && folder.mode() & OTHERS_WRITE != 0 && folder.mode() & STICKY == 0 => {
                return Err(cannot(format!(
                    "everybody on this machine may write in it (mode {:04o}), and so replace backups; run: chmod o-w {}",
                    folder.mode() & 0o7777,
                    self.path.display()
                )));
            }
            Ok(folder) if folder.is_dir() => {}
            Ok(_) => return Err(cannot("it is a file, not a folder".to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut builder = fs::DirBuilder::new();
                builder.recursive(true).mode(OWNER_ONLY);
                builder.create(&self.path).map_err(|error| cannot(error.to_string()))?;
            }
            Err(error) => return Err(cannot(error.to_string())),
        }
        remove_leftovers(&self.path, |name| name.parse::<BackupName>().is_ok());
        let mut names = (1..=NUMBER_MAX).map(|number| BackupName::new(now, number).to_string());
        let free = names.find(|name| !self.path.join(name).exists());
        free.map(|name| self.path.join(name)).ok_or_else(|| cannot("it is full of backups of this second".to_owned()))
    }

    /// The backups in the folder, newest first. Files with other names are not listed.
    pub(super) fn kept(&self) -> Vec<KeptBackup> {
        let mut kept = self.all();
        kept.sort_unstable_by_key(|backup| std::cmp::Reverse(backup.name));
        kept.truncate(LISTED_MAX);
        kept
    }

    fn all(&self) -> Vec<KeptBackup> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let backup = |entry: fs::DirEntry| {
            let name = entry.file_name().to_str()?.parse().ok()?;
            let metadata = entry.metadata().ok().filter(|metadata| metadata.is_file())?;
            Some(KeptBackup { name, bytes: metadata.size() })
        };
        entries.filter_map(Result::ok).filter_map(backup).collect()
    }

    /// Deletes the oldest backups until the number to keep is left. Only files in `known`, which this installation
    /// made, are deleted, since another server may use the same folder. The backup that was just made is never deleted,
    /// whatever the clock shows. A backup from the future was made before the clock was corrected, so it counts as the
    /// oldest.
    pub(super) fn retire(&self, made: &Path, known: &HashSet<String>, now: Timestamp) {
        let mut own: Vec<BackupName> = self.all().into_iter().map(|backup| backup.name).collect();
        own.retain(|name| {
            let path = self.path.join(name.to_string());
            path != made && known.contains(&path.display().to_string())
        });
        own.sort_unstable_by_key(|name| (name.made_at() <= now, *name));
        let surplus = (own.len() + 1).saturating_sub(self.keep);
        for name in own.into_iter().take(surplus) {
            let path = self.path.join(name.to_string());
            match fs::remove_file(&path) {
                Ok(()) => tracing::info!(file = %path.display(), "deleted an old backup"),
                Err(error) => tracing::warn!(file = %path.display(), %error, "cannot delete an old backup"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    /// All files of a folder, for a test in which this installation made all of them.
    fn all_of(dir: &Path) -> HashSet<String> {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect()
    }

    #[test]
    fn only_the_oldest_backups_are_deleted_and_no_other_file() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str| fs::write(dir.path().join(name), name).unwrap();
        let ours = |day: u32| format!("muster-2026-11-{day:02}T08-00-00Z.db");
        for day in 10..16 {
            write(&ours(day));
        }
        // Files made by hand or by another program, and a folder: none of them is deleted.
        let others =
            ["before-the-move.db", "muster-2026-11-10.db", "muster.db", "muster-schema-v1-2026-11-01T08-00-00Z.db"];
        for name in others {
            write(name);
        }
        fs::create_dir(dir.path().join("muster-2026-11-01T08-00-00Z.db")).unwrap();
        let folder = Folder::new(dir.path().to_owned(), 3);
        folder.retire(&dir.path().join(ours(15)), &all_of(dir.path()), at("2026-11-15T08:00:01Z"));
        let names: Vec<String> = folder.kept().iter().map(|kept| kept.name.to_string()).collect();
        assert_eq!(names, [ours(15), ours(14), ours(13)]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3 + others.len() + 1);
    }

    #[test]
    fn a_backup_from_the_future_is_deleted_first_and_the_new_one_never() {
        let dir = tempfile::tempdir().unwrap();
        let names =
            ["muster-2036-01-01T00-00-00Z.db", "muster-2026-11-14T08-00-00Z.db", "muster-2026-11-15T08-00-00Z.db"];
        for name in names {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let folder = Folder::new(dir.path().to_owned(), 2);
        folder.retire(&dir.path().join(names[2]), &all_of(dir.path()), at("2026-11-15T08:00:01Z"));
        let kept: Vec<String> = folder.kept().iter().map(|kept| kept.name.to_string()).collect();
        assert_eq!(kept, [names[2], names[1]]);
        // With a clock that was set back before all of them, the backup that was just made stays.
        let back = "muster-2020-01-01T00-00-00Z.db";
        fs::write(dir.path().join(back), "").unwrap();
        let folder = Folder::new(dir.path().to_owned(), 1);
        folder.retire(&dir.path().join(back), &all_of(dir.path()), at("2020-01-01T00:00:01Z"));
        let kept: Vec<String> = folder.kept().iter().map(|kept| kept.name.to_string()).collect();
        assert_eq!(kept, [back]);
    }

    #[test]
    fn two_backups_of_the_same_second_get_distinct_names() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path().join("new/backups"), 2);
        let first = folder.next(at("2026-11-15T08:00:01.2Z")).unwrap();
        fs::write(&first, "").unwrap();
        let second = folder.next(at("2026-11-15T08:00:01.9Z")).unwrap();
        assert_eq!(second.file_name().unwrap(), "muster-2026-11-15T08-00-01Z-2.db");
    }
}
