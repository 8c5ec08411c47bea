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
//! - [`config`]: flags, environment and settings file made into one validated set of settings.
//! - [`telemetry`]: the log, panics included.
//!
//! Layer 1:
//! - [`demo`]: believable data for demonstrations and benchmarks.
//!
//! Layer 5, what people start:
//! - [`cli`]: the command line, one file per command.

pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod domain;
pub mod telemetry;
