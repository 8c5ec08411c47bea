//! Warnings about names that are no settings: most are misspelt.

use super::environment::{CONFIG_VARIABLE, Environment};
use super::setting::{Setting, VARIABLE_PREFIX};
use super::settings::SETTINGS;
use super::settings_file::SettingsFile;
use super::suggest::nearest;

/// A sentence for every variable that looks like Muster's and is not.
pub(super) fn of_environment(environment: &Environment) -> Vec<String> {
    let known: Vec<String> = SETTINGS.iter().map(Setting::variable).chain([CONFIG_VARIABLE.to_owned()]).collect();
    let unknown = environment.names().filter(|name| !known.iter().any(|known| known == name));
    unknown
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

/// A sentence for every key of a settings file that is no setting.
pub(super) fn of_file(file: &SettingsFile) -> Vec<String> {
    let known = || SETTINGS.iter().map(|setting| setting.key);
    let unknown = file.keys().filter(|key| !known().any(|known| known == *key));
    unknown
        .map(|key| {
            let hint = nearest(key, known()).map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
            format!("the key {key} in {} is unknown and ignored{hint}", file.path().display())
        })
        .collect()
}
