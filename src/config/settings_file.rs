//! The settings file: TOML with one flat table.

use std::io;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::error::ConfigError;
use super::small_file::read_small_file;

/// The settings file's name inside the data directory.
pub const FILE_NAME: &str = "muster.toml";

/// A settings file that was read. Its values are not checked yet.
pub(super) struct SettingsFile {
    path: PathBuf,
    table: Table,
}

impl SettingsFile {
    /// Reads a settings file that must exist.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        Self::parse(path, &read_text(path).map_err(unreadable)?)
    }

    /// Reads the settings file of a data directory, if it has one.
    pub(super) fn read_in(data_dir: &Path) -> Result<Option<Self>, ConfigError> {
        Self::read_optional(&data_dir.join(FILE_NAME))
    }

    /// Reads a settings file that need not exist.
    pub(super) fn read_optional(path: &Path) -> Result<Option<Self>, ConfigError> {
        match Self::read(path) {
            Err(ConfigError::Unreadable { source, .. }) if is_absence(&source) => Ok(None),
            result => result.map(Some),
        }
    }

    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let table: Table = toml::from_str(text).map_err(|error: toml::de::Error| ConfigError::Malformed {
            path: path.to_owned(),
            line: error.span().map_or(1, |span| 1 + text.bytes().take(span.start).filter(|b| *b == b'\n').count()),
            message: error.message().replace('\n', ", "),
        })?;
        Ok(Self { path: path.to_owned(), table })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The keys that it has a value for.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.table.keys().map(String::as_str)
    }

    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.table.get(key)
    }

    /// Forgets the value of a key; whether it had one.
    pub(super) fn remove(&mut self, key: &str) -> bool {
        self.table.remove(key).is_some()
    }
}

/// The text of a settings file, where there is one.
pub(super) fn read_optional(path: &Path) -> Result<Option<String>, ConfigError> {
    match read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(source) => Err(ConfigError::Unreadable { path: path.to_owned(), source }),
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read_small_file(path)?).map_err(|_| io::Error::other("it is not valid UTF-8"))
}

/// Whether there is no such file, rather than one that cannot be read. A data directory that is a file is reported when
/// the database in it is opened.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
