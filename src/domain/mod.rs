//! The words of the field as plain types: parsed once, valid from then on.
//!
//! Nothing here knows SQLite or HTTP. In reading order:
//!
//! - [`time`]: milliseconds and UTC days.
//! - [`text`]: folding, by which all text is compared and ordered; [`number`]: whole numbers on the wire.
//! - [`ids`]: ids of enterprises, departments, employees and contacts.
//! - [`FieldError`]: what is wrong with one field of a request or a row.
//! - [`identity`]: when two contacts are the same person.
//! - [`contacts`]: a business contact, its limits, and how clients read contacts.
//! - [`directory`]: enterprises, departments and employees.
//! - [`access`]: token roles and what a token can reach.
//! - [`page`]: limits and cursors of lists.
//! - [`summary`]: the aggregates that Muster exists for.
//! - [`cache_configuration`]: what an administrator tunes while Muster runs; [`cache`]: what the cache counts.
//! - [`trouble`]: what keeps the database from being written.
//! - [`backup`]: what a backup holds, and the time in its file name.

pub mod access;
pub mod backup;
pub mod cache;
pub mod cache_configuration;
pub mod contacts;
pub mod directory;
mod field_error;
pub mod identity;
pub mod ids;
pub mod made_ids;
pub mod number;
pub mod page;
pub mod reach;
pub mod sealed_position;
pub mod sharing;
pub mod summary;
pub mod text;
pub mod time;
pub mod trouble;

pub use field_error::FieldError;
