//! Muster gathers the business contacts of small companies and answers, for a whole enterprise or one department: how
//! many contacts, how many distinct people, from which companies, collected by whom, growing how fast.
//!
//! # Layout
//!
//! In reading order; a module imports only from layers below its own (see `docs/ARCHITECTURE.md`).
//!
//! Layer 0, plain values:
//! - [`domain`]: the words of the field as types that are valid once made.
//! - [`clock`]: time as a value that tests can set.
//! - [`config`]: flags, environment and settings file made into one validated set of settings.
//! - [`telemetry`]: the log, panics included, and the memory that the process takes.
//!
//! Layer 1, mechanisms that do not know each other:
//! - [`cache`]: a revision-checked LRU and TTL cache with single-flight, generic over key and body.
//! - [`what_if`]: a sampled access history, and the hit ratio that other cache settings would have had.
//! - [`store`]: SQLite: facts, rollups, revisions, the writer, the change feed.
//! - [`server`]: connections: accepting them, TLS, their limits and time limits.
//! - [`outbound`]: the only place that connects to other machines; nothing does unless a setting names it.
//! - [`transfer`]: files of contacts to and from domain types, streaming.
//! - [`demo`]: believable data for demonstrations and benchmarks.
//!
//! Layer 2, what the store means to others:
//! - [`access`]: API tokens and sessions in memory.
//! - [`summaries`]: summaries as they are served.
//! - [`backups`]: the server's backups: when they are made, which are kept, how they stand.
//! - [`intake`]: whole files of contacts into the store and out of it.
//!
//! Layer 3, the outside:
//! - [`http`]: the REST API and the pages; the only module that names axum.
//!
//! Layer 4, the composition root:
//! - [`app`]: builds everything, starts it, and stops it in order.
//!
//! Layer 5, what people start:
//! - [`cli`]: the command line, one file per command.

#![forbid(unsafe_code)]

pub mod access;
pub mod app;
pub mod backups;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod domain;
pub mod http;
pub mod intake;
pub mod outbound;
pub mod server;
pub mod store;
pub mod summaries;
pub mod telemetry;
pub mod transfer;
pub mod what_if;
