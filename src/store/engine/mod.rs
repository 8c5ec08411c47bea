//! How the store works, whatever it stores: opening, connections, transactions, and the way of a write.
//!
//! - `options`, `open`, `store`: how to open a store, the sequence of opening, the handle of an open one;
//! - `data_dir`, `lock_file`, `usable_dir`: the data directory with its lock, what the lock's file says, whether this
//!   user can use it; `exposure`: its permissions; `connection`: connections with their settings and limits;
//! - `files_at_rest`, `home`, `identify`, `log_generation`, `open_files`: whether the files are of one database, and the same
//!   as before; `renewal`: a new history for one that came from elsewhere;
//! - `migrate`, `known_schema`: from any schema to today's, and what a schema may define;
//! - `tx`, `row`: what a transaction offers, and how rows are read; `error`: why one failed;
//! - `queue`, `writer`, `changed_rows`: the way to the writer, group commit, what a commit changed;
//! - `turns`: whose turn it is to read or write; `readers`: the read pool; `readable`: a database for who only reads;
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
pub(super) mod exposure;
pub(super) mod figures;
pub(super) mod files_at_rest;
pub(super) mod home;
pub(super) mod identify;
pub(super) mod known_schema;
pub(super) mod lock_file;
pub(super) mod log_generation;
pub(super) mod migrate;
pub(super) mod open;
pub(super) mod open_files;
pub(super) mod options;
pub(super) mod queue;
pub(super) mod readable;
pub(super) mod readers;
pub(super) mod renewal;
pub(super) mod row;
pub(super) mod store;
pub(super) mod turns;
pub(super) mod tx;
pub(super) mod usable_dir;
pub(super) mod watcher;
pub(super) mod writer;
