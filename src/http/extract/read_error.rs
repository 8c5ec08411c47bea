//! Why a body or a query string cannot be read, as a value. The errors of serde's formats are sentences, in terms of
//! Rust types; this one has the field and the types, and is displayed in terms of JSON and URLs.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};
use serde_path_to_error::Path;

use crate::domain::FieldError;

/// Why a value cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReadError {
    /// The text breaks the rules of its format; with what the parser says, place included.
    Malformed(String),
    /// A field that is required is absent.
    Missing(&'static str),
    /// A field is given more than once.
    Duplicate(&'static str),
    /// A value of another type, or one that the field does not take.
    Mismatch {
        /// What the field takes.
        wanted: Wanted,
        /// The type of the value, where that is what is wrong.
        found: Option<JsonType>,
    },
    /// A whole number above what the field's type holds.
    TooLarge,
    /// A whole number below what the field's type holds.
    TooSmall,
    /// What a type that reads itself says of the value.
    Other(String),
}

/// What a field takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Object,
    Array,
    Text,
    Boolean,
    /// A boolean where values are texts.
    TrueOrFalse,
    Null,
    Number,
    WholeNumber,
    /// A whole number that is not negative.
    Count,
    OneOf(&'static [&'static str]),
    /// What a type that reads itself says that it takes.
    Described(String),
}

/// The type of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonType {
    Null,
    Boolean,
    Number,
    Text,
    Array,
    Object,
}

impl Wanted {
    /// Whether some value of this type can be what is wanted.
    pub(super) fn takes(&self, given: JsonType) -> bool {
        match self {
            Self::Object => given == JsonType::Object,
            Self::Array => given == JsonType::Array,
            Self::Text => given == JsonType::Text,
            Self::Boolean => given == JsonType::Boolean,
            Self::Null => given == JsonType::Null,
            Self::Number | Self::WholeNumber | Self::Count => given == JsonType::Number,
            // Serde also writes a choice as an object with one field.
            Self::OneOf(_) => matches!(given, JsonType::Text | JsonType::Object),
            Self::TrueOrFalse | Self::Described(_) => true,
        }
    }
}

impl ReadError {
    /// A value that is none of those that a field takes.
    pub(super) fn not(wanted: Wanted) -> Self {
        Self::Mismatch { wanted, found: None }
    }

    /// The same error, for a field that is known to take this.
    pub(super) fn wanting(self, known: Wanted) -> Self {
        match self {
            Self::Mismatch { wanted: Wanted::Described(_), found } => Self::Mismatch { wanted: known, found },
            error => error,
        }
    }

    /// The error of the field at this path; `whole` is what the outermost value is called.
    pub(super) fn in_field(self, path: &Path, whole: &str) -> FieldError {
        let is_outermost = path.iter().next().is_none();
        let field = match self {
            Self::Missing(field) | Self::Duplicate(field) if is_outermost => field.to_owned(),
            Self::Missing(field) | Self::Duplicate(field) => format!("{path}.{field}"),
            _ if is_outermost => whole.to_owned(),
            _ => path.to_string(),
        };
        FieldError::new(field, self.to_string())
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(reason) | Self::Other(reason) => f.write_str(reason),
            Self::Missing(_) => f.write_str("is required"),
            Self::Duplicate(_) => f.write_str("is given twice"),
            Self::Mismatch { wanted, found: None } => write!(f, "must be {wanted}"),
            Self::Mismatch { wanted, found: Some(found) } => write!(f, "must be {wanted}, not {found}"),
            Self::TooLarge => f.write_str("is too large"),
            Self::TooSmall => f.write_str("is too small"),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::Text => "a string",
            Self::Boolean => "a boolean",
            Self::TrueOrFalse => "true or false",
            Self::Null => "null",
            Self::Number => "a number",
            Self::WholeNumber => "a whole number",
            Self::Count => "a whole number, zero or more",
            Self::Described(words) => words,
            Self::OneOf(values) => return one_of(values, f),
        })
    }
}

/// `"a"`, `"a" or "b"`, `one of "a", "b", "c"`.
fn one_of(values: &[&str], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match values {
        [one, other] => write!(f, "\"{one}\" or \"{other}\""),
        values => {
            let quoted: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
            write!(f, "{}{}", if values.len() == 1 { "" } else { "one of " }, quoted.join(", "))
        }
    }
}

impl fmt::Display for JsonType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::Text => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        })
    }
}

/// The type of a value that serde did not expect; `None` for what JSON does not have.
fn type_of(value: Unexpected<'_>) -> Option<JsonType> {
    match value {
        Unexpected::Unit | Unexpected::Option => Some(JsonType::Null),
        Unexpected::Bool(_) => Some(JsonType::Boolean),
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => Some(JsonType::Number),
        Unexpected::Char(_) | Unexpected::Str(_) => Some(JsonType::Text),
        Unexpected::Seq => Some(JsonType::Array),
        Unexpected::Map => Some(JsonType::Object),
        _ => None,
    }
}

impl std::error::Error for ReadError {}

impl Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::Mismatch { wanted: Wanted::Described(wanted.to_string()), found: type_of(found) }
    }

    fn invalid_value(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::not(Wanted::Described(wanted.to_string()))
    }

    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Self {
        Self::not(Wanted::OneOf(variants))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::Duplicate(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_listed_as_people_list_them() {
        let check = |values: &'static [&'static str], expected: &str| {
            assert_eq!(ReadError::unknown_variant("x", values).to_string(), expected);
        };
        check(&["csv"], r#"must be "csv""#);
        check(&["asc", "desc"], r#"must be "asc" or "desc""#);
        check(&["a", "b", "c"], r#"must be one of "a", "b", "c""#);
    }
}
