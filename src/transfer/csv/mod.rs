//! Contacts as CSV (RFC 4180 and the variants of Excel, Google, Outlook and Thunderbird).
//!
//! - [`ContactReader`]: the rows of a file as contacts, in any [`layout`](super::layout).
//! - [`ContactWriter`]: contacts in the plain layout, which the reader reads back unchanged.
//! - [`RejectsWriter`]: the rejected rows, to be corrected and imported again.

mod dialect;
mod limits;
mod reader;
mod records;
mod rejects;
mod row;
mod tags;
mod writer;

#[cfg(test)]
mod tests;

pub use self::dialect::Delimiter;
pub use self::limits::RECORD_BYTES_MAX;
pub use self::reader::{ContactReader, Row};
pub use self::records::RawRecord;
pub use self::rejects::{REJECT_REASON_COLUMN, REJECT_ROW_COLUMN, RejectsOutput, RejectsWriter};
pub use self::row::{ImportedContact, OwnerColumns, RowError};
pub use self::writer::{CONTACT_COLUMNS, ContactWriter};
