//! The process's environment, as far as Muster looks at it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::CONFIG_VARIABLE;
use super::layers::ConfigError;
use super::settings::{SETTINGS, Setting, VARIABLE_PREFIX};
use super::suggest::nearest;

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

    /// A sentence for every variable that looks like Muster's and is not.
    pub(super) fn warnings(&self) -> Vec<String> {
        let known: Vec<String> = SETTINGS.iter().map(Setting::variable).chain([CONFIG_VARIABLE.to_owned()]).collect();
        self.0
            .keys()
            .map(|name| name.to_string_lossy())
            .filter(|name| !known.iter().any(|known| known == name))
            .filter_map(|name| {
                let own = name.strip_prefix(VARIABLE_PREFIX)?;
                // All share the prefix, so it must not make names look alike.
                let candidates = known.iter().filter_map(|known| known.strip_prefix(VARIABLE_PREFIX));
                let hint = nearest(own, candidates)
                    .map(|nearest| format!("; did you mean {VARIABLE_PREFIX}{nearest}?"))
                    .unwrap_or_default();
                Some(format!("the environment variable {name} is unknown and ignored{hint}"))
            })
            .collect()
    }
}
