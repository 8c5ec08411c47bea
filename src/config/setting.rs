//! What there is to know of a setting besides its value.

use super::origin::Origin;

/// What the names of all of Muster's environment variables begin with.
pub(super) const VARIABLE_PREFIX: &str = "MUSTER_";

/// A setting as help texts and documents show it.
#[derive(Debug)]
pub struct Setting {
    /// Its name in the settings file; flag and environment variable follow from it.
    pub key: &'static str,
    /// The field that holds its value in the struct of the module that uses it.
    pub field: &'static str,
    /// What stands for its value in help texts.
    pub value_name: &'static str,
    /// What it does, a sentence or two.
    pub help: &'static str,
    /// What it does, in the table of the README.
    pub readme: &'static str,
    /// Its value where no layer sets it, as it would be written there; empty for none.
    pub default: &'static [&'static str],
    /// What holds where it has no value, as the README says it; empty where nothing needs to be said.
    pub unset: &'static str,
    /// Which commands it is for.
    pub usage: Usage,
    /// Whether it is a list: its flag may be given several times.
    pub repeatable: bool,
}

/// Which commands a setting is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Every command.
    Everywhere,
    /// Commands that run a server.
    Serving,
}

impl Setting {
    /// Its flag, with the two hyphens.
    #[must_use]
    pub fn flag(&self) -> String {
        format!("--{}", self.key)
    }

    /// Its environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        variable(self.key)
    }
}

/// The environment variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.replace('-', "_").to_ascii_uppercase())
}

/// One setting as `muster config` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportLine {
    /// The setting's key.
    pub key: &'static str,
    /// Its value as the settings file would write it; `None` where it has none.
    pub value: Option<toml::Value>,
    /// Where the value comes from.
    pub origin: Origin,
}
