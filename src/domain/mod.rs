//! The words of the field as plain types: parsed once, valid from then on.
//!
//! Nothing here knows SQLite or HTTP. In reading order:
//!
//! - [`time`]: milliseconds and UTC days.
//! - [`text`]: folding, the one way in which Muster compares and orders text.
//! - [`ids`]: what enterprises, departments, employees and contacts are called.
//! - [`person`]: when two contacts are the same person.
//! - [`contact`]: a business contact and its limits; [`contact_view`]: how clients read one.
//! - [`directory`]: enterprises, departments and employees.
//! - [`access`]: token roles and what a token can reach.
//! - [`page`]: limits and cursors of lists.
//! - [`summary`]: the aggregates that Muster exists for; [`details`]: the contacts behind them, page by page.
//! - [`cache_configuration`]: what an administrator tunes while Muster runs.
//! - [`cache_sample`], [`duration_buckets`]: what the cache counted in a minute.
//! - [`trouble`]: what keeps the database from being written.
//! - [`backup`]: what a backup holds and what its file is called.

pub mod access;
pub mod backup;
pub mod cache_configuration;
pub mod cache_sample;
pub mod contact;
pub mod contact_view;
pub mod details;
pub mod directory;
pub mod duration_buckets;
pub mod ids;
pub mod page;
pub mod person;
pub mod summary;
pub mod text;
pub mod time;
pub mod trouble;

use serde::Serialize;

/// The whole number that a float is; `None` for one that is none, or that has lost the digits that would tell.
#[must_use]
pub fn whole_number(number: f64) -> Option<u64> {
    /// Up to here a float tells each whole number from the next: 2 to the power of 53.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let is_whole = (0.0..=EXACT_MAX).contains(&number) && number.fract() == 0.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and within the bounds")]
    is_whole.then_some(number as u64)
}

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
