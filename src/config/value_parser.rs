//! How texts become the values of settings, and values texts again.

use toml::Value;

/// The TOML type of a value in the settings file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TomlType {
    /// A string.
    String,
    /// An integer.
    Integer,
    /// Either.
    StringOrInteger,
}

/// How one text becomes a value.
pub(super) trait ValueParser {
    /// The value.
    type Value;
    /// Its type in the settings file.
    const TOML: TomlType;
    /// What is allowed, as what follows "must be".
    fn allowed(&self) -> String;
    /// The value of a text, where it is allowed.
    fn parse(&self, text: &str) -> Option<Self::Value>;
    /// The value as the settings file would write it, such that it parses to itself.
    fn show(&self, value: &Self::Value) -> Value;
}

/// How the texts that a layer has for a setting become its value: one, at most one, or any number.
pub(super) trait SettingType {
    /// The setting's value.
    type Value;
    /// The type of each text in the settings file.
    const TOML: TomlType;
    /// Whether there may be more than one text.
    const IS_LIST: bool;
    /// What is allowed, as what follows "must be".
    fn allowed(&self) -> String;
    /// The value, or the text that is refused.
    fn read(&self, texts: &[String]) -> Result<Self::Value, String>;
    /// The value as the settings file would write it; `None` where there is none.
    fn show(&self, value: &Self::Value) -> Option<Value>;
}

/// Whether a setting of this type is a list.
pub(super) const fn is_list<T: SettingType>(_: &T) -> bool {
    T::IS_LIST
}

impl<P: ValueParser> SettingType for P {
    type Value = P::Value;
    const TOML: TomlType = P::TOML;
    const IS_LIST: bool = false;

    fn allowed(&self) -> String {
        ValueParser::allowed(self)
    }

    fn read(&self, texts: &[String]) -> Result<P::Value, String> {
        let text = texts.last().map(String::as_str).unwrap_or_default();
        self.parse(text).ok_or_else(|| text.to_owned())
    }

    fn show(&self, value: &P::Value) -> Option<Value> {
        Some(ValueParser::show(self, value))
    }
}

/// A setting that may have no value.
pub(super) struct Optional<P>(pub(super) P);

impl<P: ValueParser> SettingType for Optional<P> {
    type Value = Option<P::Value>;
    const TOML: TomlType = P::TOML;
    const IS_LIST: bool = false;

    fn allowed(&self) -> String {
        self.0.allowed()
    }

    fn read(&self, texts: &[String]) -> Result<Option<P::Value>, String> {
        texts.last().map(|text| self.0.parse(text).ok_or_else(|| text.clone())).transpose()
    }

    fn show(&self, value: &Option<P::Value>) -> Option<Value> {
        value.as_ref().map(|value| self.0.show(value))
    }
}

/// A setting that is a list; several values may share a text, with commas between them.
pub(super) struct List<P>(pub(super) P);

impl<P: ValueParser> SettingType for List<P> {
    type Value = Vec<P::Value>;
    const TOML: TomlType = P::TOML;
    const IS_LIST: bool = true;

    fn allowed(&self) -> String {
        self.0.allowed()
    }

    fn read(&self, texts: &[String]) -> Result<Vec<P::Value>, String> {
        let parts = texts.iter().flat_map(|text| text.split(','));
        parts.map(|part| self.0.parse(part.trim()).ok_or_else(|| part.trim().to_owned())).collect()
    }

    fn show(&self, value: &Vec<P::Value>) -> Option<Value> {
        Some(Value::Array(value.iter().map(|value| self.0.show(value)).collect()))
    }
}
