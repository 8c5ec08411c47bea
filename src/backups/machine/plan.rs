//! What a restore would write where.
//!
//! A backup may come from anywhere, so nothing that it says is believed: the settings go to the settings file that the
//! command line names, units to the files of the unit that it names, certificates to the paths that the kept settings
//! name and only as PEM, and everything is shown before it is written. Whatever else a backup wants to write refuses it
//! whole.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use super::owner::Names;
use super::unit::UnitPlace;
use crate::config::Config;
use crate::domain::time::Timestamp;
use crate::store::{KeptFile, KeptFiles, KeptKind};

/// The permissions that a file of each kind may have at most. Only its owner ever changes it, and others never read a
/// key.
const fn mode_max(kind: KeptKind) -> u32 {
    match kind {
        KeptKind::Key => 0o640,
        KeptKind::DataDir => 0o755,
        _ => 0o644,
    }
}

/// How the lines around a block of PEM begin and end.
const PEM_BEGIN: &str = "-----BEGIN ";
const PEM_END: &str = "-----END ";
const PEM_DASHES: &str = "-----";

/// Why the files that a backup keeps are not put back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PutBackError(pub(super) String);

/// Where files may be put back.
#[derive(Clone, Debug)]
pub struct Places {
    pub data_dir: PathBuf,
    /// The settings file, and whether it is the data directory's own.
    pub settings: PathBuf,
    pub is_own_settings: bool,
    pub unit: UnitPlace,
}

/// What is at the place of a file now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Nothing.
    New,
    /// A file with the same content, which stays.
    Unchanged,
    /// A file with another content.
    Replaces,
}

/// A file that is to be put back.
#[derive(Clone, PartialEq, Eq)]
pub struct PlannedFile {
    pub kind: KeptKind,
    pub path: PathBuf,
    pub state: FileState,
    /// Its permissions.
    pub mode: u32,
    /// The names of its owner and its group; none where it belongs to whoever restores.
    pub owner: Option<String>,
    pub group: Option<String>,
    pub modified_at: Timestamp,
    pub content: Vec<u8>,
}

/// What is to be put back.
pub struct PutBack {
    pub(super) files: Vec<PlannedFile>,
    /// The owner of a data directory that the restore makes.
    pub(super) data_dir_owner: Option<(String, Option<String>)>,
    notes: Vec<String>,
}

impl PutBack {
    /// Determines what would be written, and refuses a backup that wants to write elsewhere. Changes nothing.
    pub fn plan(kept: &KeptFiles, places: &Places) -> Result<Self, PutBackError> {
        let of_kind = |kind: KeptKind| kept.files.iter().filter(move |file| file.kind == kind);
        let mut planning = Planning { places, files: Vec::new(), notes: Vec::new() };
        let mut settings = None;
        for file in of_kind(KeptKind::Settings) {
            if settings.is_some() {
                return refuse("the backup keeps more than one settings file");
            }
            settings = Some(planning.settings(file)?);
        }
        for file in of_kind(KeptKind::Unit) {
            planning.unit(file)?;
        }
        for file in of_kind(KeptKind::Certificate).chain(of_kind(KeptKind::Key)) {
            planning.certificate(file, settings.as_ref())?;
        }
        if let Some(settings) = &settings {
            planning.note_missing(settings);
        }
        let Planning { files, notes, .. } = planning;
        let data_dir_owner = of_kind(KeptKind::DataDir).find_map(|dir| Some((dir.owner.clone()?, dir.group.clone())));
        Ok(Self { files, data_dir_owner, notes })
    }

    #[must_use]
    pub fn files(&self) -> &[PlannedFile] {
        &self.files
    }

    /// What an administrator should know before and after, a sentence each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The files whose content would be replaced.
    pub fn replaced(&self) -> impl Iterator<Item = &PlannedFile> {
        self.files.iter().filter(|file| file.state == FileState::Replaces)
    }
}

fn refuse<T>(reason: impl Into<String>) -> Result<T, PutBackError> {
    Err(PutBackError(reason.into()))
}

struct Planning<'a> {
    places: &'a Places,
    files: Vec<PlannedFile>,
    notes: Vec<String>,
}

impl Planning<'_> {
    /// The settings go to the file that the command line names, wherever they were. They must be settings that this
    /// Muster can use.
    fn settings(&mut self, file: &KeptFile) -> Result<Config, PutBackError> {
        let places = self.places;
        let unusable = |reason: String| PutBackError(format!("the kept settings cannot be used: {reason}"));
        let text = str::from_utf8(&file.content).map_err(|error| unusable(error.to_string()))?;
        let config = Config::of_text(text, Path::new(&file.path)).map_err(|error| unusable(error.to_string()))?;
        let mut content = text.to_owned();
        if places.is_own_settings {
            // Found by the data directory, it must not name it.
            content = Config::without_data_dir(&content);
        } else if let Some(named) = config.data_dir_of_file()
            && std::path::absolute(named).ok() != std::path::absolute(&places.data_dir).ok()
        {
            return refuse(format!(
                "the kept settings name the data directory {}, and the backup goes to {}: restore with --data-dir {0}, \
                 or without --config",
                named.display(),
                places.data_dir.display()
            ));
        }
        let path = std::path::absolute(&places.settings).map_err(|error| unusable(error.to_string()))?;
        self.add(file, path, content.into_bytes())?;
        Ok(config)
    }

    /// A unit's file goes to where it was, and that must be a file of the unit that the command line names.
    fn unit(&mut self, file: &KeptFile) -> Result<(), PutBackError> {
        let unit = &self.places.unit;
        let path = PathBuf::from(&file.path);
        if !unit.owns(&path) {
            return refuse(format!(
                "the backup keeps {:?}, which is no file of the unit {} in {}; name its own unit with --unit and \
                 --unit-dir, or restore without --with-settings",
                file.path,
                unit.name(),
                unit.folder().display()
            ));
        }
        require_no_link(&path, unit.folder())?;
        // What systemd runs belongs to whoever restores, not to whom the backup names.
        self.add(&KeptFile { owner: None, group: None, ..file.clone() }, path, file.content.clone())
    }

    /// A certificate goes to the path that the kept settings name for it, and is nothing but PEM.
    fn certificate(&mut self, file: &KeptFile, settings: Option<&Config>) -> Result<(), PutBackError> {
        let named = settings.and_then(|settings| match file.kind {
            KeptKind::Key => settings.server.tls_key.as_deref(),
            _ => settings.server.tls_cert.as_deref(),
        });
        let path = PathBuf::from(&file.path);
        let is_plain = path.is_absolute()
            && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
            && !file.path.contains('\0');
        if named != Some(path.as_path()) || !is_plain {
            let kind = file.kind.as_str();
            return refuse(format!("the backup keeps {:?} as {kind}, which its settings do not name", file.path));
        }
        if path.parent() == std::path::absolute(&self.places.data_dir).ok().as_deref()
            && path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"muster"))
        {
            return refuse(format!("the backup keeps {:?}, which is a file of Muster's own", file.path));
        }
        let Some(content) = pem_of(&file.content) else {
            return refuse(format!("the backup keeps {:?}, which holds no certificate or key in PEM", file.path));
        };
        require_no_link(&path, Path::new("/"))?;
        self.add(file, path, content)
    }

    fn add(&mut self, file: &KeptFile, path: PathBuf, content: Vec<u8>) -> Result<(), PutBackError> {
        if self.files.iter().any(|other| other.path == path) {
            return refuse(format!("the backup keeps {:?} twice", path.display()));
        }
        let shown = path.display();
        let state = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => FileState::New,
            Err(error) => return refuse(format!("{shown} cannot be written: {error}")),
            // What is there already is not touched, whatever leads to it.
            Ok(_)
                if fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() == content.len() as u64)
                    && fs::read(&path).is_ok_and(|there| there == content) =>
            {
                FileState::Unchanged
            }
            Ok(there) if there.is_symlink() => {
                return refuse(format!("{shown} is a symbolic link; remove it, or put the file back by hand"));
            }
            Ok(there) if !there.is_file() => return refuse(format!("{shown} is no regular file; move it away")),
            Ok(_) => FileState::Replaces,
        };
        let (users, groups) = (Names::of_users(), Names::of_groups());
        let known = |names: &Names, name: &Option<String>| name.clone().filter(|name| names.number(name).is_some());
        let owner = known(&users, &file.owner);
        if let Some(missing) = file.owner.as_deref().filter(|_| owner.is_none()) {
            self.notes
                .push(format!("{shown} belonged to {missing:?}, who is not on this machine: make that user first"));
        }
        self.files.push(PlannedFile {
            kind: file.kind,
            state,
            mode: file.mode & mode_max(file.kind),
            group: known(&groups, &file.group).filter(|_| owner.is_some()),
            owner,
            modified_at: file.modified_at,
            path,
            content,
        });
        Ok(())
    }

    /// Tells of what the settings name and nobody brings.
    fn note_missing(&mut self, settings: &Config) {
        let (certificate, key) = (&settings.server.tls_cert, &settings.server.tls_key);
        for path in [certificate, key].into_iter().flatten() {
            if !path.exists() && !self.files.iter().any(|file| file.path == *path) {
                self.notes.push(format!(
                    "the settings name {}, which is not here and not in the backup: the server does not start without \
                     it",
                    path.display()
                ));
            }
        }
    }
}

/// Refuses a path that a symbolic link below a folder would lead elsewhere.
fn require_no_link(path: &Path, below: &Path) -> Result<(), PutBackError> {
    let folders = path.ancestors().skip(1).take_while(|folder| *folder != below);
    for folder in folders {
        match fs::symlink_metadata(folder) {
            Ok(there) if there.is_symlink() => {
                return refuse(format!(
                    "{} leads through the symbolic link {}; put the file back by hand",
                    path.display(),
                    folder.display()
                ));
            }
            Ok(there) if !there.is_dir() => return refuse(format!("{} is no folder", folder.display())),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return refuse(format!("{} cannot be looked at: {error}", folder.display())),
        }
    }
    Ok(())
}

/// The blocks of PEM in a file without what stands around them; `None` where it has none. Nothing else than the lines
/// of Base64 and those around them remains, so that no other program finds anything of its own in it.
fn pem_of(content: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(content).ok()?;
    let label = |line: &str, start: &str| {
        let label = line.strip_prefix(start)?.strip_suffix(PEM_DASHES)?;
        let is_label = !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b' ');
        is_label.then(|| label.to_owned())
    };
    let is_base64 = |line: &str| {
        !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
    };
    let mut blocks = String::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines().map(str::trim_end) {
        match open.take() {
            None => open = label(line, PEM_BEGIN).map(|label| (label, format!("{line}\n"))),
            Some((name, block)) if label(line, PEM_END).as_ref() == Some(&name) => {
                blocks.push_str(&block);
                blocks.push_str(line);
                blocks.push('\n');
            }
            Some((name, block)) if is_base64(line) => open = Some((name, format!("{block}{line}\n"))),
            // Anything else in a block, an encryption header included, which no server reads without a password.
            Some(_) => return None,
        }
    }
    (open.is_none() && !blocks.is_empty()).then(|| blocks.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_blocks_of_pem_is_left_of_a_certificate() {
        let block = "-----BEGIN CERTIFICATE-----\nAAAA\nBB+/==\n-----END CERTIFICATE-----\n";
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(pem_of(text.as_bytes()).as_deref(), expected.map(str::as_bytes), "{text}");
        };
        check(block, Some(block));
        check(&format!("* * * * * root id\n{block}\nBag\r\n{block}tail"), Some(&format!("{block}{block}")));
        check(&block.replace('\n', "\r\n"), Some(block));
        check("", None);
        check("* * * * * root id", None);
        check("-----BEGIN CERTIFICATE-----\nAAAA\n", None);
        check("-----BEGIN CERTIFICATE-----\n* * * * * root id\n-----END CERTIFICATE-----\n", None);
        check("-----BEGIN A-----\nAAAA\n-----END B-----\n", None);
        assert_eq!(pem_of(&[0xff]), None);
    }
}
