//! What an installation is called, in the names of its backups and of their folder.

use std::fmt;

use toml::Value;

use super::value_parser::{TomlType, ValueParser};

/// The most characters of a name, as of one label of a host name.
const LEN_MAX: usize = 63;

/// What it is called where the machine's name cannot be used.
const NAMELESS: &str = "muster";

/// What an installation is called: lower-case letters, digits, hyphens and dots, so that it can be a part of a file's
/// name on every file system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstallationName(String);

impl InstallationName {
    /// The name of a text, where it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let valid = text.len() <= LEN_MAX
            && text.bytes().all(|byte| is_alphanumeric(byte) || matches!(byte, b'-' | b'.'))
            && text.bytes().next().is_some_and(is_alphanumeric)
            && text.bytes().last().is_some_and(is_alphanumeric)
            && !is_reserved(text);
        valid.then(|| Self(text.to_owned()))
    }

    /// The name that follows from a machine's name.
    #[must_use]
    pub fn of_host(host: &str) -> Self {
        let is_allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.');
        let text: String =
            host.chars().map(|character| if is_allowed(character) { character } else { '-' }).take(LEN_MAX).collect();
        let text = text.to_ascii_lowercase();
        Self::parse(text.trim_matches(['-', '.'])).unwrap_or_else(|| Self(NAMELESS.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names of other files of Muster's begin like this: the backups before a migration, and replaced databases.
fn is_reserved(text: &str) -> bool {
    let is_version = |rest: &str| rest.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    text == "replaced" || text.strip_prefix("schema-v").is_some_and(is_version)
}

impl fmt::Display for InstallationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of an installation.
pub(super) struct InstallationNameParser;

impl ValueParser for InstallationNameParser {
    type Value = InstallationName;
    const TOML: TomlType = TomlType::String;

    fn allowed(&self) -> String {
        format!(
            "a name of lower-case letters, digits, hyphens and dots such as berlin or srv1.example, at most {LEN_MAX} \
             characters"
        )
    }

    fn parse(&self, text: &str) -> Option<InstallationName> {
        InstallationName::parse(text)
    }

    fn show(&self, name: &InstallationName) -> Value {
        Value::String(name.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_a_part_of_a_files_name_and_every_machine_has_one() {
        for text in ["berlin", "srv1.example", "a", "7", "schema-viewer", &"x".repeat(63)] {
            assert_eq!(InstallationName::parse(text).unwrap().as_str(), text);
        }
        let long = "x".repeat(64);
        for text in ["", "Berlin", "a b", "a/b", "../x", ".", "a.", "-a", "ä", "a_b", "replaced", "schema-v1", &long] {
            assert_eq!(InstallationName::parse(text), None, "{text}");
        }
        let check = |host: &str, expected: &str| assert_eq!(InstallationName::of_host(host).as_str(), expected);
        check("SRV1.Example.COM", "srv1.example.com");
        check("my_host", "my-host");
        check(".hidden-", "hidden");
        check("../../etc", "etc");
        check("", "muster");
        check("本社", "muster");
        check("replaced", "muster");
        check(&"y".repeat(70), &"y".repeat(63));
    }
}
