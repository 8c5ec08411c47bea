//! The four layers in which a setting is looked up; the first that has it wins.

use toml::Value;

use super::environment::Environment;
use super::error::ConfigError;
use super::flags::Flags;
use super::origin::Origin;
use super::setting::variable;
use super::settings_file::SettingsFile;
use super::value_parser::{SettingType, TomlType};

/// A value that remembers where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Sourced<T> {
    /// The setting's key.
    pub(super) key: &'static str,
    /// The value.
    pub(super) value: T,
    /// Where it comes from.
    pub(super) origin: Origin,
}

/// The layers above the defaults.
pub(super) struct Layers<'a> {
    pub(super) flags: &'a Flags,
    pub(super) environment: &'a Environment,
    pub(super) file: Option<SettingsFile>,
}

impl Layers<'_> {
    /// The value of a setting in the first layer that has it.
    pub(super) fn resolve<T: SettingType>(
        &self,
        key: &'static str,
        default: &[&str],
        setting_type: &T,
    ) -> Result<Sourced<T::Value>, ConfigError> {
        let (texts, origin) = self.find(key, default, setting_type)?;
        match setting_type.read(&texts) {
            Ok(value) => Ok(Sourced { key, value, origin }),
            Err(text) => {
                let (value, allowed) = (format!("{text:?}"), setting_type.allowed());
                Err(ConfigError::Value { key, origin, value, allowed })
            }
        }
    }

    fn find<T: SettingType>(
        &self,
        key: &'static str,
        default: &[&str],
        setting_type: &T,
    ) -> Result<(Vec<String>, Origin), ConfigError> {
        if let Some(texts) = self.flags.texts(key) {
            return Ok((texts.to_vec(), Origin::Flag(format!("--{key}"))));
        }
        let variable = variable(key);
        if let Some(text) = self.environment.text(&variable)? {
            return Ok((vec![text], Origin::Environment(variable)));
        }
        if let Some((file, value)) = self.file.as_ref().and_then(|file| Some((file, file.value(key)?))) {
            let origin = Origin::File(file.path().to_owned());
            return match texts_of::<T>(value) {
                Some(texts) => Ok((texts, origin)),
                None => Err(ConfigError::Value {
                    key,
                    origin,
                    value: format!("the {} {value}", value.type_str()),
                    allowed: format!("{}{}", type_in_words::<T>(), setting_type.allowed()),
                }),
            };
        }
        Ok((default.iter().map(|&text| text.to_owned()).collect(), Origin::Default))
    }
}

/// The TOML type that the settings file must use, for the message about another one.
fn type_in_words<T: SettingType>() -> &'static str {
    match (T::IS_LIST, T::TOML) {
        (true, _) => "an array of strings, each ",
        (false, TomlType::String) => "a string: ",
        (false, TomlType::Integer) => "an integer: ",
        (false, TomlType::StringOrInteger) => "a string or an integer: ",
    }
}

/// The texts in a value of the settings file; `None` where it has a type that the setting does not take.
fn texts_of<T: SettingType>(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(values) if T::IS_LIST => values.iter().map(text_of::<T>).collect(),
        value => text_of::<T>(value).map(|text| vec![text]),
    }
}

fn text_of<T: SettingType>(value: &Value) -> Option<String> {
    match (value, T::TOML) {
        (Value::String(text), TomlType::String | TomlType::StringOrInteger) => Some(text.clone()),
        (Value::Integer(number), TomlType::Integer | TomlType::StringOrInteger) => Some(number.to_string()),
        _ => None,
    }
}
