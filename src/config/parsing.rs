//! How texts become values, and values texts again.

use toml::Value;

/// How the settings file writes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A string.
    Text,
    /// An integer.
    Integer,
    /// Either.
    TextOrInteger,
}

/// How one text becomes a value.
pub(super) trait Parser {
    /// What it becomes.
    type Item;
    /// How the settings file writes it.
    const FORM: Form;
    /// What is allowed, as what follows "must be".
    fn allowed(&self) -> String;
    /// The value of a text, where it is allowed.
    fn parse(&self, text: &str) -> Option<Self::Item>;
    /// The value as the settings file would say it, such that it parses to itself.
    fn show(item: &Self::Item) -> Value;
}

/// How the texts that a layer has for a setting become its value: one, at most one, or any number.
pub(super) trait Kind {
    /// What they become.
    type Value;
    /// How the settings file writes each of them.
    const FORM: Form;
    /// Whether there may be more than one.
    const MANY: bool;
    /// What is allowed, as what follows "must be".
    fn allowed(&self) -> String;
    /// The value, or the text that is refused.
    fn read(&self, texts: &[String]) -> Result<Self::Value, String>;
    /// The value as the settings file would say it; `None` where there is none.
    fn show(value: &Self::Value) -> Option<Value>;
}

impl<P: Parser> Kind for P {
    type Value = P::Item;
    const FORM: Form = P::FORM;
    const MANY: bool = false;

    fn allowed(&self) -> String {
        Parser::allowed(self)
    }

    fn read(&self, texts: &[String]) -> Result<P::Item, String> {
        let text = texts.last().map(String::as_str).unwrap_or_default();
        self.parse(text).ok_or_else(|| text.to_owned())
    }

    fn show(value: &P::Item) -> Option<Value> {
        Some(<P as Parser>::show(value))
    }
}

/// A setting that may have no value.
pub(super) struct Optional<P>(pub(super) P);

impl<P: Parser> Kind for Optional<P> {
    type Value = Option<P::Item>;
    const FORM: Form = P::FORM;
    const MANY: bool = false;

    fn allowed(&self) -> String {
        self.0.allowed()
    }

    fn read(&self, texts: &[String]) -> Result<Option<P::Item>, String> {
        texts.last().map(|text| self.0.parse(text).ok_or_else(|| text.clone())).transpose()
    }

    fn show(value: &Option<P::Item>) -> Option<Value> {
        value.as_ref().map(P::show)
    }
}

/// A setting that is a list; several values may share a text, with commas between them.
pub(super) struct Many<P>(pub(super) P);

impl<P: Parser> Kind for Many<P> {
    type Value = Vec<P::Item>;
    const FORM: Form = P::FORM;
    const MANY: bool = true;

    fn allowed(&self) -> String {
        self.0.allowed()
    }

    fn read(&self, texts: &[String]) -> Result<Vec<P::Item>, String> {
        let parts = texts.iter().flat_map(|text| text.split(','));
        parts.map(|part| self.0.parse(part.trim()).ok_or_else(|| part.trim().to_owned())).collect()
    }

    fn show(value: &Vec<P::Item>) -> Option<Value> {
        Some(Value::Array(value.iter().map(P::show).collect()))
    }
}
