//! How the store works, whatever it stores: opening, connections, transactions, and the way of a write.
//!
//! - `open`, `migrate`: the data directory, its lock, the connections; from any schema to today's;
//! - `tx`: what a transaction offers; `error`: why one failed;
//! - `queue`, `writer`, `touched`: the way to the writer, group commit, what a commit changed;
//! - `readers`: the read pool;
//! - `changes`: the feed of what was committed, by this process or another;
//! - `condition`: whether the database can be written; `later`: what is written when it can be again;
//! - `figures`: the store's numbers for the metrics.

pub(super) mod changes;
pub(super) mod condition;
pub(super) mod error;
pub(super) mod figures;
pub(super) mod later;
pub(super) mod migrate;
pub(super) mod open;
pub(super) mod queue;
pub(super) mod readers;
pub(super) mod touched;
pub(super) mod tx;
pub(super) mod writer;
