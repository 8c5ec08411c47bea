//! The process's environment, as far as Muster looks at it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::error::ConfigError;

/// The environment variable that stands for `--config`.
pub const CONFIG_VARIABLE: &str = "MUSTER_CONFIG";

/// The process's environment as a value, so that tests can make one.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl Environment {
    /// A variable's text; `None` where it is missing or empty.
    pub fn text(&self, variable: &str) -> Result<Option<String>, ConfigError> {
        match self.0.get(OsStr::new(variable)).filter(|value| !value.is_empty()).map(|value| value.to_str()) {
            Some(Some(text)) => Ok(Some(text.to_owned())),
            Some(None) => Err(ConfigError::NotUnicode { variable: variable.to_owned() }),
            None => Ok(None),
        }
    }

    /// Whether a terminal may be given colours: unless `NO_COLOR` is there and not empty (<https://no-color.org>).
    #[must_use]
    pub fn colour_allowed(&self) -> bool {
        self.0.get(OsStr::new("NO_COLOR")).is_none_or(|value| value.is_empty())
    }

    /// The names of all variables.
    pub(super) fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.0.keys().map(|name| name.to_string_lossy())
    }
}
