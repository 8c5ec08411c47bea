//! What one setting demands of another.

use super::error::ConfigError;
use super::layers::Sourced;
use super::settings::SettingValues;

/// Checks settings that depend on each other.
pub(super) fn check(settings: &SettingValues) -> Result<(), ConfigError> {
    check_public_url(settings)?;
    need_each_other(&settings.tls_cert, &settings.tls_key)
}

/// A path in the public URL is the base path, or without one a path that the proxy removes.
fn check_public_url(settings: &SettingValues) -> Result<(), ConfigError> {
    let Sourced { key, value: Some(url), origin } = &settings.public_url else { return Ok(()) };
    let Some(base) = &settings.base_path.value else { return Ok(()) };
    if url.path().is_empty() || url.path() == base.as_str() {
        return Ok(());
    }
    Err(ConfigError::Value {
        key,
        origin: origin.clone(),
        value: format!("\"{url}\""),
        allowed: format!("an address without a path, or with {base}, as {} says", settings.base_path.key),
    })
}

/// Two settings of which none means anything without the other.
fn need_each_other<T>(one: &Sourced<Option<T>>, other: &Sourced<Option<T>>) -> Result<(), ConfigError> {
    let alone = |setting: &Sourced<Option<T>>, missing: &Sourced<Option<T>>| {
        Err(ConfigError::Alone { key: setting.key, origin: setting.origin.clone(), missing: missing.key })
    };
    match (&one.value, &other.value) {
        (Some(_), None) => alone(one, other),
        (None, Some(_)) => alone(other, one),
        _ => Ok(()),
    }
}
