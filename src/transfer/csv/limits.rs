//! How large a record may be.

/// The longest record of a file, in bytes: several times the longest contact, and small enough to keep in memory when
/// an unclosed quotation mark makes one record of the rest of a file.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;
