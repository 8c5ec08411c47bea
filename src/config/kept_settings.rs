//! The settings as a settings file that reproduces them elsewhere: the file as it is, and in it what flags and
//! variables say.

use std::fmt::Write;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Value;
use toml::de::DeTable;

use super::error::ConfigError;
use super::installation_name::InstallationName;
use super::origin::Origin;
use super::setting::ReportLine;
use super::settings::SETTINGS;
use super::settings_file::{SettingsFile, read_optional};

/// The setting that must not stand in the data directory's own file.
const FOLDER_KEY: &str = "data-dir";

/// What a setting's value is called that is a path.
const PATH_NAMES: [&str; 2] = ["FILE", "DIR"];

/// What is needed to write the settings of a process as one file.
#[derive(Clone, Debug)]
pub struct KeptSettings {
    /// The settings file, whether it exists or not.
    path: PathBuf,
    folder: PathBuf,
    /// What the file does not say, or says otherwise, each with a comment that says where it comes from.
    values: Vec<(&'static str, Value, String)>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// The settings of a process, and the files that they name.
pub(super) struct InUse<'a> {
    pub(super) report: Vec<ReportLine>,
    /// The settings file, whether it exists or not, and whether it is the data directory's own.
    pub(super) path: &'a Path,
    pub(super) is_own: bool,
    /// The data directory.
    pub(super) folder: &'a Path,
    pub(super) certificate: Option<&'a Path>,
    pub(super) key: Option<&'a Path>,
}

impl KeptSettings {
    pub(super) fn new(used: InUse<'_>, with_flags: bool) -> Self {
        let mut values = Vec::new();
        for line in used.report {
            let is_path = SETTINGS.iter().any(|one| one.key == line.key && PATH_NAMES.contains(&one.value_name));
            let Some(value) = line.value.filter(|_| line.key != FOLDER_KEY || !used.is_own) else { continue };
            // Elsewhere a relative path starts at another folder.
            let absolute = match &value {
                Value::String(text) if is_path => Some(plain(Path::new(text))),
                _ => None,
            };
            let text = absolute.as_ref().and_then(|path| path.to_str()).map(|text| Value::String(text.to_owned()));
            match &line.origin {
                Origin::Flag(_) if !with_flags && line.key != FOLDER_KEY => {}
                Origin::Flag(_) | Origin::Environment(_) => {
                    values.push((line.key, text.unwrap_or(value), line.origin.to_string()));
                }
                Origin::File(_) => {
                    if let Some(text) = text.filter(|text| *text != value)
                        && absolute.is_some_and(|path| path.exists())
                    {
                        values.push((line.key, text, format!("{value} where it was kept")));
                    }
                }
                Origin::Default => {}
            }
        }
        Self {
            path: plain(used.path),
            folder: plain(used.folder),
            values,
            certificate: used.certificate.map(plain),
            key: used.key.map(plain),
        }
    }

    /// The settings file, whether it exists or not.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.folder
    }

    /// The certificate and the private key that the settings name.
    #[must_use]
    pub fn certificate(&self) -> (Option<&Path>, Option<&Path>) {
        (self.certificate.as_deref(), self.key.as_deref())
    }

    /// A settings file that reproduces the settings; the installation keeps its name on another machine.
    pub fn text(&self, installation: &InstallationName) -> Result<String, ConfigError> {
        let text = read_optional(&self.path)?.unwrap_or_default();
        let file = SettingsFile::parse(&self.path, &text)?;
        let mut values: Vec<(&str, Value, String)> =
            self.values.iter().map(|(key, value, origin)| (*key, value.clone(), origin.clone())).collect();
        let is_named = |key: &str| file.keys().chain(values.iter().map(|(key, ..)| *key)).any(|named| named == key);
        if !is_named("installation-name") {
            let name = Value::String(installation.to_string());
            values.push(("installation-name", name, "the name when it was kept".to_owned()));
        }
        Ok(with_values(&text, &values))
    }
}

/// The text of a settings file without a key, where it has it.
pub(super) fn without(text: &str, key: &str) -> String {
    let mut changed = text.to_owned();
    let found = spans(text).into_iter().find(|(found, ..)| found == key);
    if let Some((_, key, value)) = found {
        changed.replace_range(key.start..value.end, "");
    }
    changed
}

/// The text of a settings file in which keys have these values: replaced where they stand, or added at the top, before
/// any table.
fn with_values(text: &str, values: &[(&str, Value, String)]) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let found = spans(text);
    let mut replaced: Vec<(Range<usize>, String)> = Vec::new();
    let mut added = String::new();
    for (key, value, origin) in values {
        match found.iter().find(|(name, ..)| name == key) {
            Some((_, _, span)) => replaced.push((span.clone(), value.to_string())),
            None => writeln!(added, "{key} = {value}  # {origin}").expect("a text takes any text"),
        }
    }
    replaced.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut changed = text.to_owned();
    for (span, value) in replaced {
        changed.replace_range(span, &value);
    }
    added + &changed
}

/// The keys of a settings file, each with where it and its value stand.
fn spans(text: &str) -> Vec<(String, Range<usize>, Range<usize>)> {
    let Ok(table) = DeTable::parse(text) else { return Vec::new() };
    table.get_ref().iter().map(|(key, value)| (key.get_ref().to_string(), key.span(), value.span())).collect()
}

/// An absolute path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let is_plain = !absolute.components().any(|part| part == std::path::Component::ParentDir);
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) if !is_plain => {
            fs::canonicalize(parent).map_or_else(|_| absolute.clone(), |parent| parent.join(name))
        }
        _ => absolute.components().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    #[test]
    fn values_are_replaced_where_they_stand_and_added_before_any_table() {
        let check = |text: &str, expected: &str| {
            let values = [("listen", value("b:2"), "--listen".to_owned()), ("log", value("json"), "X".to_owned())];
            assert_eq!(with_values(text, &values), expected);
        };
        check("", "listen = \"b:2\"  # --listen\nlog = \"json\"  # X\n");
        check("# mine\nlisten = 'a:1' # here\n", "log = \"json\"  # X\n# mine\nlisten = \"b:2\" # here\n");
        check(
            "log = \"\"\"\ntext\"\"\"\n\"listen\" = [\n 'a', # one\n]\n[t]\nlog = 'text'\n",
            "log = \"json\"\n\"listen\" = \"b:2\"\n[t]\nlog = 'text'\n",
        );
        check("\u{feff}[t]\nlisten = 1", "listen = \"b:2\"  # --listen\nlog = \"json\"  # X\n[t]\nlisten = 1");
    }

    #[test]
    fn a_key_is_removed_with_its_value_and_nothing_else() {
        assert_eq!(without("a = 1\ndata-dir = '/x' # y\nb = 2\n", "data-dir"), "a = 1\n # y\nb = 2\n");
        assert_eq!(without("a = 1\n", "data-dir"), "a = 1\n");
    }
}
