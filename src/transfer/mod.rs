//! Files of contacts to and from domain types, as streams.
//!
//! Synchronous, over [`std::io::Read`] and [`std::io::Write`]; it knows neither the database nor HTTP. What it holds in
//! memory does not grow with the file. In reading order:
//!
//! - [`text`]: which encoding a file is in, and its bytes as UTF-8.
//! - [`layout`]: which column of a header means what.
//! - [`csv`]: rows to contacts and back.
//! - [`report`]: what came of an import.

pub mod csv;
mod error;
pub mod layout;
pub mod report;
pub mod text;

pub use self::error::TransferError;
