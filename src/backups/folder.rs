//! The folder of the server's backups: the name of the next one, the list of files, and the deletion of old ones.
//!
//! Several installations may share it: each puts its backups into a subfolder with its name. Backups of older versions
//! lie in the folder itself.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::backup_name::BackupName;
use crate::config::InstallationName;
use crate::domain::time::Timestamp;
use crate::store::{BackupError, remove_leftovers, try_to_write};

/// The most files that are listed. More than an installation keeps; the folder may hold any number of files.
const LISTED_MAX: usize = 1_000;

/// The most subfolders that are looked into.
const SUBFOLDERS_MAX: usize = 1_000;

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
    /// The subfolder that it is in, if it is in one.
    pub subfolder: Option<InstallationName>,
    pub bytes: u64,
}

impl KeptBackup {
    /// Its path within the folder of backups.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let name = self.name.to_string();
        self.subfolder.as_ref().map_or_else(|| PathBuf::from(&name), |folder| Path::new(folder.as_str()).join(&name))
    }
}

/// The folder as it was when it was last read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FolderContent {
    /// The backups in it, newest first.
    pub(super) kept: Vec<KeptBackup>,
    /// Why no backup can be made in it, if none can.
    pub(super) problem: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    installation: InstallationName,
    keep: usize,
}

impl Folder {
    pub(super) fn new(path: PathBuf, installation: InstallationName, keep: usize) -> Self {
        Self { path, installation, keep: keep.max(1) }
    }

    pub(super) fn installation(&self) -> &InstallationName {
        &self.installation
    }

    /// The subfolder of this installation.
    fn own(&self) -> PathBuf {
        self.path.join(self.installation.as_str())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn keep(&self) -> usize {
        self.keep
    }

    /// What is in the folder, and whether it can be used.
    pub(super) fn content(&self) -> FolderContent {
        FolderContent { kept: self.kept(), problem: self.check().err().map(|error| error.to_string()) }
    }

    /// Fails where no backup can be made. Changes nothing.
    fn check(&self) -> Result<(), BackupError> {
        [&self.path, &self.own()].into_iter().try_for_each(|folder| check_folder(folder))
    }

    /// Whether there is no such folder yet.
    pub(super) fn is_missing(&self) -> bool {
        fs::symlink_metadata(&self.path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
    }

    /// The path for a backup made now. Creates the folder and the installation's own in it where they are missing, and
    /// removes the partial files of killed processes.
    pub(super) fn next(&self, now: Timestamp) -> Result<PathBuf, BackupError> {
        let own = self.own();
        for folder in [&self.path, &own] {
            check_folder(folder)?;
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(OWNER_ONLY);
            builder.create(folder).map_err(|error| cannot_write(folder, error.to_string()))?;
            remove_leftovers(folder, |name| name.parse::<BackupName>().is_ok());
        }
        let mut names = (1..=NUMBER_MAX).map(|number| BackupName::new(&self.installation, now, number).to_string());
        let free = names.find(|name| !own.join(name).exists());
        free.map(|name| own.join(name))
            .ok_or_else(|| cannot_write(&own, "it is full of backups of this second".to_owned()))
    }

    /// The backups in the folder, newest first, those of other installations included. Files with other names are not
    /// listed.
    fn kept(&self) -> Vec<KeptBackup> {
        let mut kept = self.all();
        kept.sort_unstable_by(|one, other| other.name.cmp(&one.name));
        kept.truncate(LISTED_MAX);
        kept
    }

    fn all(&self) -> Vec<KeptBackup> {
        let mut found = backups_in(&self.path, None);
        let Ok(entries) = fs::read_dir(&self.path) else { return found };
        let subfolder = |entry: fs::DirEntry| {
            let name = InstallationName::parse(entry.file_name().to_str()?)?;
            entry.file_type().ok().filter(fs::FileType::is_dir).map(|_| name)
        };
        for name in entries.filter_map(Result::ok).filter_map(subfolder).take(SUBFOLDERS_MAX) {
            found.extend(backups_in(&self.path.join(name.as_str()), Some(&name)));
        }
        found
    }

    /// Deletes the oldest backups until the number to keep is left. Only files in `known`, which this installation
    /// made, are deleted, since another server may use the same folder. The backup that was just made is never deleted,
    /// whatever the clock shows. A backup from the future was made before the clock was corrected, so it counts as the
    /// oldest. Those that lie where they lay under an older version or another name of the installation count, too.
    pub(super) fn retire(&self, made: &Path, known: &HashSet<String>, now: Timestamp) {
        let mut own = self.all();
        own.retain(|backup| {
            let path = self.path.join(backup.path());
            path != made && known.contains(&path.display().to_string())
        });
        own.sort_unstable_by(|one, other| {
            let order = |backup: &KeptBackup| backup.name.made_at() <= now;
            order(one).cmp(&order(other)).then_with(|| one.name.cmp(&other.name))
        });
        let surplus = (own.len() + 1).saturating_sub(self.keep);
        for backup in own.into_iter().take(surplus) {
            let path = self.path.join(backup.path());
            match fs::remove_file(&path) {
                Ok(()) => {
                    tracing::info!(file = %path.display(), "deleted an old backup");
                    self.remove_if_empty(backup.subfolder.as_ref());
                }
                Err(error) => tracing::warn!(file = %path.display(), %error, "cannot delete an old backup"),
            }
        }
    }

    /// Removes the subfolder of an earlier name of the installation with its last backup.
    fn remove_if_empty(&self, subfolder: Option<&InstallationName>) {
        if let Some(name) = subfolder.filter(|name| **name != self.installation) {
            // Where something is in it, this fails as it should.
            let _ = fs::remove_dir(self.path.join(name.as_str()));
        }
    }
}

/// The backups that lie in a folder.
fn backups_in(folder: &Path, subfolder: Option<&InstallationName>) -> Vec<KeptBackup> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let backup = |entry: fs::DirEntry| {
        let name = entry.file_name().to_str()?.parse().ok()?;
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(KeptBackup { name, subfolder: subfolder.cloned(), bytes: metadata.size() })
    };
    entries.filter_map(Result::ok).filter_map(backup).collect()
}

fn check_folder(path: &Path) -> Result<(), BackupError> {
    folder_problem(path).map_or(Ok(()), |reason| Err(cannot_write(path, reason)))
}

fn cannot_write(path: &Path, reason: String) -> BackupError {
    BackupError::Destination { path: path.display().to_string(), reason }
}

/// Why no backup can be made in a folder, if none can, as far as that shows beforehand. One that is missing is created
/// with the first backup, so it must only be possible to create it. Changes nothing.
#[must_use]
pub fn folder_problem(path: &Path) -> Option<String> {
    match fs::metadata(path) {
        Ok(folder) if !folder.is_dir() => Some("it is a file, not a folder".to_owned()),
        Ok(folder) if folder.mode() & OTHERS_WRITE != 0 && folder.mode() & STICKY == 0 => Some(format!(
            "everybody on this machine may write in it (mode {:04o}), and so replace backups; run: chmod o-w {}",
            folder.mode() & 0o7777,
            path.display()
        )),
        Ok(_) => try_to_write(path).err().map(|error| error.to_string()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => why_not_created(path),
        Err(error) => Some(error.to_string()),
    }
}

/// Why a folder that is missing cannot be created.
fn why_not_created(path: &Path) -> Option<String> {
    if path.is_symlink() {
        return Some("it is a symbolic link that leads nowhere".to_owned());
    }
    // A relative path has an empty ancestor, which means the working directory.
    let above = path.ancestors().skip(1).map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above });
    let above = above.into_iter().find(|above| above.symlink_metadata().is_ok())?;
    if !above.is_dir() {
        let what = if above.is_file() { "is a file, not a folder" } else { "is no folder" };
        return Some(format!("{} {what}", above.display()));
    }
    let error = try_to_write(above).err()?;
    Some(format!("it is missing and cannot be created in {}: {error}", above.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder(path: PathBuf, keep: usize) -> Folder {
        Folder::new(path, InstallationName::parse("berlin").unwrap(), keep)
    }

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
        let backups = folder(dir.path().to_owned(), 3);
        backups.retire(&dir.path().join(ours(15)), &all_of(dir.path()), at("2026-11-15T08:00:01Z"));
        let names: Vec<String> = backups.content().kept.iter().map(|kept| kept.name.to_string()).collect();
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
        let backups = folder(dir.path().to_owned(), 2);
        backups.retire(&dir.path().join(names[2]), &all_of(dir.path()), at("2026-11-15T08:00:01Z"));
        let kept: Vec<String> = backups.content().kept.iter().map(|kept| kept.name.to_string()).collect();
        assert_eq!(kept, [names[2], names[1]]);
        // With a clock that was set back before all of them, the backup that was just made stays.
        let back = "muster-2020-01-01T00-00-00Z.db";
        fs::write(dir.path().join(back), "").unwrap();
        let backups = folder(dir.path().to_owned(), 1);
        backups.retire(&dir.path().join(back), &all_of(dir.path()), at("2020-01-01T00:00:01Z"));
        let kept: Vec<String> = backups.content().kept.iter().map(|kept| kept.name.to_string()).collect();
        assert_eq!(kept, [back]);
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_found_out_without_a_backup() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("file"), "").unwrap();
        symlink(path("loop"), path("loop")).unwrap();
        symlink(path("nowhere"), path("dangling")).unwrap();
        let check = |name: &str, expected: Option<&str>| {
            let backups = folder(path(name), 1);
            let problem = backups.content().problem;
            assert_eq!(problem.is_some(), expected.is_some(), "{name}: {problem:?}");
            assert!(expected.is_none_or(|text| problem.as_ref().unwrap().contains(text)), "{name}: {problem:?}");
            let next = backups.next(at("2026-11-15T08:00:01Z"));
            assert_eq!(next.err().map(|error| error.to_string()), problem, "{name}");
        };
        check("file", Some("it is a file, not a folder"));
        check("file/backups", Some("file is a file, not a folder"));
        check("loop", Some("levels of symbolic links"));
        check("dangling", Some("leads nowhere"));
        check("dangling/backups", Some("is no folder"));
        check(".", None);
        check("new/backups", None);
    }

    #[test]
    fn two_backups_of_the_same_second_get_distinct_names() {
        let dir = tempfile::tempdir().unwrap();
        let backups = folder(dir.path().join("new/backups"), 2);
        let first = backups.next(at("2026-11-15T08:00:01.2Z")).unwrap();
        fs::write(&first, "").unwrap();
        let second = backups.next(at("2026-11-15T08:00:01.9Z")).unwrap();
        let expected = dir.path().join("new/backups/berlin/muster-berlin-2026-11-15T08-00-01Z-2.db");
        assert_eq!(second, expected);
    }

    #[test]
    fn backups_under_old_names_and_of_other_installations_are_listed_and_only_own_ones_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let names = [
            "muster-2026-11-10T08-00-00Z.db",
            "bonn/muster-bonn-2026-11-11T08-00-00Z.db",
            "hamburg/muster-hamburg-2026-11-09T08-00-00Z.db",
            "berlin/muster-berlin-2026-11-12T08-00-00Z.db",
            "berlin/muster-berlin-2026-11-13T08-00-00Z.db",
        ];
        for name in names {
            fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
            fs::write(dir.path().join(name), name).unwrap();
        }
        // Berlin was called bonn once.
        let known = names.iter().filter(|name| !name.starts_with("hamburg"));
        let known: HashSet<String> = known.map(|name| dir.path().join(name).display().to_string()).collect();
        let backups = folder(dir.path().to_owned(), 2);
        let listed = |backups: &Folder| -> Vec<String> {
            backups.content().kept.iter().map(|kept| kept.path().display().to_string()).collect()
        };
        assert_eq!(listed(&backups), [names[4], names[3], names[1], names[0], names[2]]);
        backups.retire(&dir.path().join(names[4]), &known, at("2026-11-15T08:00:01Z"));
        assert_eq!(listed(&backups), [names[4], names[3], names[2]]);
        assert!(!dir.path().join("bonn").exists() && dir.path().join("hamburg").exists());
    }
}
