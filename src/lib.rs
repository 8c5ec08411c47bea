//! Muster gathers the business contacts of small companies and answers, for a whole enterprise or one department: how
//! many contacts, how many distinct people, from which companies, collected by whom, growing how fast.
//!
//! # Layout
//!
//! In reading order; a module imports only from the layers above it in this list (see `docs/ARCHITECTURE.md`).
//!
//! Layer 0, plain values:
//! - [`domain`]: the words of the field as types that are valid once made.
//! - [`clock`]: time as a value that tests can set.
//!
//! Layer 1, mechanisms that do not know each other:
//! - [`store`]: SQLite: facts, rollups, revisions, the writer, the change feed.
//! - [`transfer`]: files of contacts to and from domain types, streaming.
//!
//! Layer 2, what the store means to others:
//! - [`access`]: API tokens in memory.
//! - [`summaries`]: summaries as they are served.
//!
//! Layer 3, the outside:
//! - [`http`]: the REST API and the pages; the only module that names axum.

pub mod access;
pub mod clock;
pub mod domain;
pub mod http;
pub mod store;
pub mod summaries;
pub mod transfer;
