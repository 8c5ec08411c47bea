//! The settings that the command line names.

use std::collections::BTreeMap;

/// The texts of every setting that the command line names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags(BTreeMap<&'static str, Vec<String>>);

impl Flags {
    /// Keeps the texts that were given for a setting; replaces those that were kept before.
    pub fn set(&mut self, key: &'static str, texts: Vec<String>) {
        self.0.insert(key, texts);
    }

    /// Takes over the texts of `other`, which wins where both have some.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The texts of a setting, if it is named.
    pub(super) fn texts(&self, key: &str) -> Option<&[String]> {
        self.0.get(key).map(Vec::as_slice)
    }

    /// The settings that are named.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}
