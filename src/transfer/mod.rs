//! Converts files of contacts to and from domain types, as streams.
//!
//! Synchronous, over [`std::io::Read`] and [`std::io::Write`]; it depends neither on the database nor on HTTP. Its
//! memory does not grow with the file. In reading order:
//!
//! - [`text`]: the encoding of a file, and its bytes as UTF-8.
//! - [`layout`]: which column of a header holds which field.
//! - [`csv`]: rows to contacts and back.
//! - [`report`]: the result of an import.

pub mod csv;
mod error;
pub mod layout;
pub mod report;
pub mod text;

pub use self::error::TransferError;
