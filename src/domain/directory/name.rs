//! Names of enterprises and departments.

use crate::domain::FieldError;
use crate::domain::text::{check_text, fold};

/// Longest name of an enterprise, department or employee part, in characters.
pub const NAME_LEN_MAX: usize = 200;

/// The name of an enterprise or department: not blank, at most [`NAME_LEN_MAX`] characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Takes a text as a name, white space around it removed; `field` is named in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(FieldError::new(field, "must not be empty"));
        }
        let mut errors = Vec::new();
        check_text(&mut errors, field, text, NAME_LEN_MAX);
        errors.pop().map_or_else(|| Ok(Self(text.to_owned())), Err)
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that orders it.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}
