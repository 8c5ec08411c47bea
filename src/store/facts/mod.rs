//! The facts: enterprises, their departments and employees, and the contacts that those have collected.
//!
//! - `enterprises`, `departments`, `employees`: the directory, by which contacts are owned;
//! - `contacts`: one at a time; `details`: pages of contacts with their owners;
//! - `import`: many contacts in one transaction; `import_owner`: whose they are; `new_owners`: how many of
//!   these may be created;
//! - `reach_filter`: conditions that leave out what lies beyond a caller's reach.

pub(super) mod contacts;
pub(super) mod departments;
pub(super) mod details;
pub(super) mod employees;
pub(super) mod enterprises;
pub(super) mod import;
pub(super) mod import_owner;
pub(super) mod new_owners;
pub(super) mod reach_filter;
