//! The four layers in which a setting is looked for, and where a value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::FILE_NAME;
use super::environment::Environment;
use super::parsing::{Form, Kind};
use super::settings::{SETTINGS, variable};
use super::suggest::nearest;

/// Largest settings file that is read, in bytes: a thousand times what all settings need.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line; names the flag.
    Flag(String),
    /// The environment; names the variable.
    Environment(String),
    /// A settings file.
    File(PathBuf),
    /// Nobody set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Environment(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value that remembers where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Sourced<T> {
    /// The value.
    pub(super) value: T,
    /// Where it comes from.
    pub(super) origin: Origin,
}

/// Why the settings cannot be used: one sentence that names origin, key, value and what is allowed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value that the setting cannot have.
    #[error("{key} in {origin} is {value}, but must be {allowed}")]
    Value {
        /// The setting's key.
        key: &'static str,
        /// Where the value comes from.
        origin: Origin,
        /// The value, in quotes where it is a text.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A setting that means nothing without another one.
    #[error("{key} in {origin} needs {missing}, too")]
    Alone {
        /// The setting's key.
        key: &'static str,
        /// Where its value comes from.
        origin: Origin,
        /// The key of the other one.
        missing: &'static str,
    },
    /// A value that is not even text.
    #[error("{variable} in the environment is not valid UTF-8")]
    NotUnicode {
        /// The variable's name.
        variable: String,
    },
    /// A settings file that cannot be read.
    #[error("the settings file {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A settings file that is not TOML.
    #[error("line {line} of the settings file {} is not valid TOML: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
}

/// What the command line says: the texts of every setting that it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags(BTreeMap<&'static str, Vec<String>>);

impl Flags {
    /// Notes what was given for a setting; replaces what was noted before.
    pub fn set(&mut self, key: &'static str, texts: Vec<String>) {
        self.0.insert(key, texts);
    }

    /// Takes over what `other` says; it wins where both say something.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The settings that are named.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}

/// The layers above the defaults.
pub(super) struct Layers<'a> {
    flags: &'a Flags,
    environment: &'a Environment,
    file: Option<SettingsFile>,
}

struct SettingsFile {
    path: PathBuf,
    table: Table,
    warnings: Vec<String>,
}

impl<'a> Layers<'a> {
    /// The command line and the environment; a file may follow.
    pub(super) fn new(flags: &'a Flags, environment: &'a Environment) -> Self {
        Self { flags, environment, file: None }
    }

    /// Adds a settings file that must exist.
    pub(super) fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        self.file = Some(SettingsFile::parse(path, &read_text(path).map_err(unreadable)?)?);
        Ok(())
    }

    /// Adds the settings file of a data directory, if it has one.
    pub(super) fn read_file_of_data_dir(&mut self, data_dir: &Path) -> Result<(), ConfigError> {
        let path = data_dir.join(FILE_NAME);
        match self.read_file(&path) {
            Err(ConfigError::Unreadable { source, .. }) if is_absence(&source) => return Ok(()),
            result => result?,
        }
        if let Some(file) = &mut self.file
            && file.table.remove("data-dir").is_some()
        {
            file.warnings.push(format!(
                "data-dir in {} is ignored, because the file was found by it: use --data-dir, MUSTER_DATA_DIR or --config",
                path.display()
            ));
        }
        Ok(())
    }

    /// A sentence for everything that was ignored.
    pub(super) fn warnings(&self) -> Vec<String> {
        let of_file = self.file.iter().flat_map(|file| file.warnings.iter().cloned());
        self.environment.warnings().into_iter().chain(of_file).collect()
    }

    /// The value of a setting in the first layer that has it.
    pub(super) fn resolve<K: Kind>(
        &self,
        key: &'static str,
        default: &[&str],
        kind: &K,
    ) -> Result<Sourced<K::Value>, ConfigError> {
        let (texts, origin) = self.find::<K>(key, default, kind)?;
        match kind.read(&texts) {
            Ok(value) => Ok(Sourced { value, origin }),
            Err(text) => Err(ConfigError::Value { key, origin, value: format!("{text:?}"), allowed: kind.allowed() }),
        }
    }

    fn find<K: Kind>(
        &self,
        key: &'static str,
        default: &[&str],
        kind: &K,
    ) -> Result<(Vec<String>, Origin), ConfigError> {
        if let Some(texts) = self.flags.0.get(key) {
            return Ok((texts.clone(), Origin::Flag(format!("--{key}"))));
        }
        let variable = variable(key);
        if let Some(text) = self.environment.text(&variable)? {
            return Ok((vec![text], Origin::Environment(variable)));
        }
        if let Some((file, value)) = self.file.as_ref().and_then(|file| Some((file, file.table.get(key)?))) {
            let origin = Origin::File(file.path.clone());
            return match texts_of::<K>(value) {
                Some(texts) => Ok((texts, origin)),
                None => Err(ConfigError::Value {
                    key,
                    origin,
                    value: format!("the {} {value}", value.type_str()),
                    allowed: format!("{}{}", form_of::<K>(), kind.allowed()),
                }),
            };
        }
        Ok((default.iter().map(|&text| text.to_owned()).collect(), Origin::Default))
    }
}

/// How the settings file must write a value, for whoever wrote it in another type.
fn form_of<K: Kind>() -> &'static str {
    match (K::MANY, K::FORM) {
        (true, _) => "an array of strings, each ",
        (false, Form::Text) => "a string: ",
        (false, Form::Integer) => "an integer: ",
        (false, Form::TextOrInteger) => "a string or an integer: ",
    }
}

/// The texts in a value of the settings file; `None` where it has a type that the setting does not take.
fn texts_of<K: Kind>(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(values) if K::MANY => values.iter().map(text_of::<K>).collect(),
        value => text_of::<K>(value).map(|text| vec![text]),
    }
}

fn text_of<K: Kind>(value: &Value) -> Option<String> {
    match (value, K::FORM) {
        (Value::String(text), Form::Text | Form::TextOrInteger) => Some(text.clone()),
        (Value::Integer(number), Form::Integer | Form::TextOrInteger) => Some(number.to_string()),
        _ => None,
    }
}

impl SettingsFile {
    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let table: Table = toml::from_str(text).map_err(|error: toml::de::Error| ConfigError::Malformed {
            path: path.to_owned(),
            line: error.span().map_or(1, |span| 1 + text.bytes().take(span.start).filter(|b| *b == b'\n').count()),
            message: error.message().replace('\n', ", "),
        })?;
        let known = || SETTINGS.iter().map(|setting| setting.key);
        let warnings = table
            .keys()
            .filter(|key| !known().any(|known| known == *key))
            .map(|key| {
                let hint =
                    nearest(key, known()).map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
                format!("the key {key} in {} is unknown and ignored{hint}", path.display())
            })
            .collect();
        Ok(Self { path: path.to_owned(), table, warnings })
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// Whether there is no such file, rather than one that cannot be read. A data directory that is a file is reported by
/// whoever opens the database in it.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
