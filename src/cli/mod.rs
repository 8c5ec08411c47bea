//! The command line: what it takes, and one file per command that does it.
//!
//! Machine output goes to standard output, everything else to standard error. Exit codes: 0 done, 1 failed, 2 wrong
//! usage. Every command's `run` takes the [`Context`] first and its own arguments second.
//!
//! `command_line` has the commands and their flags, `program` runs the one that was named, `failure` is how a command
//! fails.

pub mod backup;
pub mod check;
pub mod completions;
pub mod config;
pub mod demo;
pub mod export;
pub mod health;
pub mod import;
pub mod man;
pub mod reload;
pub mod restore;
pub mod serve;
pub mod sign_in_link;
pub mod token;

mod command_line;
mod config_check;
mod context;
mod database;
mod failure;
mod file_limit;
mod flags;
mod memory_limit;
mod pipes;
mod program;
mod progress;
mod put_back;
mod server;
mod service_manager;
mod standard_output;
mod start;
mod temporary_folder;
#[cfg(test)]
mod tests;
mod traffic;

pub use command_line::{Cli, Command, parse};
pub use context::Context;
pub use failure::Failure;
pub use flags::{CommonFlags, ServingFlags};
pub use program::main;
pub use service_manager::ServiceManager;
