//! What is wrong with one field of a request or a row.

use serde::Serialize;

/// One refused field of a request or a row: which one, and why, in words for the person who sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// The field's name as the client wrote it, with dots between levels (`contactInfo.email`).
    pub field: String,
    /// What is wrong with it, as a sentence without the field's name.
    pub message: String,
}

impl FieldError {
    /// Names a field and what is wrong with it.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}
