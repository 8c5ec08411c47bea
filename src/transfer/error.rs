//! Why a file of contacts cannot be read.

use std::io;

use super::csv::RECORD_BYTES_MAX;

/// Why a file cannot be read; the error of a single row is a `csv::RowError`.
///
/// The texts are for the person who sent the file, and continue a line with its name and a colon.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// Reading the input failed.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It has no bytes, or only blank lines.
    #[error("it is empty; a CSV file begins with a line that names its columns")]
    Empty,
    /// It holds NUL bytes and is not UTF-16.
    #[error("it is not a text file; save it as CSV and import that")]
    Binary,
    /// It is a zip archive, such as a workbook of a spreadsheet program.
    #[error("it is a workbook or another zip archive, not a CSV file; save it as CSV and import that")]
    Archive,
    /// No known layout has such columns.
    #[error(
        "its first line names {found}, which fits no known layout; needed is at least one of the columns name, surname, \
         email and phone, or the header of a Google Contacts, Outlook or Thunderbird export"
    )]
    UnknownHeader {
        /// The names of the columns, shortened.
        found: String,
    },
    /// The header is longer than the longest record.
    #[error("its first line is longer than {RECORD_BYTES_MAX} bytes, so it cannot be a line of column names")]
    HeaderTooLong,
    /// The header is not valid text in the encoding of its byte order mark.
    #[error("its first line, the column names, is not valid UTF-8, though the file is marked as such")]
    HeaderNotText,
    /// The header has an opening quotation mark without a closing one.
    #[error("its first line, the column names, opens a quotation mark that is never closed")]
    HeaderQuote,
}
