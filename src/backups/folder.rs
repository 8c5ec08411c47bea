//! The folder of the server's backups: what the next one is called, which are there, which go.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::domain::backup::BackupName;
use crate::domain::time::Timestamp;
use crate::store::{BackupError, remove_leftovers};

/// Most files that are listed. More than anybody keeps; the folder may hold anything.
const LISTED_MAX: usize = 1_000;

/// Backups of the same second, at most.
const NUMBER_MAX: u32 = 1_000;

/// A folder that the server makes is its owner's alone, as the data directory is.
const OWNER_ONLY: u32 = 0o700;

/// A backup that is in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBackup {
    /// What its file is called.
    pub name: BackupName,
    /// Its size.
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

    /// The file that a backup of this moment goes to. Makes the folder where it is missing, and clears away what a
    /// killed process left in it.
    pub(super) fn next(&self, now: Timestamp) -> Result<PathBuf, BackupError> {
        let cannot = |reason: String| BackupError::Destination { path: self.path.display().to_string(), reason };
        match fs::metadata(&self.path) {
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

    /// The backups that are there, newest first. Whatever is called otherwise is none of ours.
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

    /// Deletes the oldest of `known`, the files that this installation made, so that as many of them are left as are to
    /// be kept: the folder may be another server's, too. Never the one that was just made, whatever the clock says; and
    /// what says to be from the future was made before the clock was set right, so it counts as the oldest.
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

    /// Every file of a folder, as if this installation had made them all.
    fn all_of(dir: &Path) -> HashSet<String> {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect()
    }

    #[test]
    fn the_oldest_go_and_nothing_that_is_called_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str| fs::write(dir.path().join(name), name).unwrap();
        let ours = |day: u32| format!("muster-2026-11-{day:02}T08-00-00Z.db");
        for day in 10..16 {
            write(&ours(day));
        }
        // By hand, from another program, in the making, a folder: none of them is touched.
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
    fn a_backup_from_the_future_goes_before_the_others_and_the_newest_never() {
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
        // The clock was set back to before all of them: what was just made stays.
        let back = "muster-2020-01-01T00-00-00Z.db";
        fs::write(dir.path().join(back), "").unwrap();
        let folder = Folder::new(dir.path().to_owned(), 1);
        folder.retire(&dir.path().join(back), &all_of(dir.path()), at("2020-01-01T00:00:01Z"));
        let kept: Vec<String> = folder.kept().iter().map(|kept| kept.name.to_string()).collect();
        assert_eq!(kept, [back]);
    }

    #[test]
    fn two_of_the_same_second_have_names_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path().join("new/backups"), 2);
        let first = folder.next(at("2026-11-15T08:00:01.2Z")).unwrap();
        fs::write(&first, "").unwrap();
        let second = folder.next(at("2026-11-15T08:00:01.9Z")).unwrap();
        assert_eq!(second.file_name().unwrap(), "muster-2026-11-15T08-00-01Z-2.db");
    }
}
