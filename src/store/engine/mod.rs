//! How the store works, whatever it stores: opening, connections, transactions, and the way of a write.
//!
//! - `options`, `open`, `store`: how to open a store, the sequence of opening, the handle of an open one;
//! - `data_dir`, `connection`: the data directory with its lock; connections with their settings and limits;
//! - `migrate`: from any schema to today's;
//! - `tx`, `row`: what a transaction offers, and how rows are read; `error`: why one failed;
//! - `queue`, `writer`, `changed_rows`: the way to the writer, group commit, what a commit changed;
//! - `readers`: the read pool;
//! - `changes`, `watcher`: the feed of what was committed, by this process or another;
//! - `condition`: whether the database can be written; `deferred_writes`: what is
//!   written when it can be again;
//! - `figures`: the store's numbers for the metrics.

pub(super) mod changed_rows;
pub(super) mod changes;
pub(super) mod condition;
pub(super) mod connection;
pub(super) mod data_dir;
pub(super) mod deferred_writes;
pub(super) mod error;
pub(super) mod figures;
pub(super) mod migrate;
pub(super) mod open;
pub(super) mod options;
pub(super) mod queue;
pub(super) mod readers;
pub(super) mod row;
pub(super) mod store;
pub(super) mod tx;
pub(super) mod watcher;
pub(super) mod writer;
