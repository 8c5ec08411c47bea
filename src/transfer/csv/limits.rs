//! How large a record may be.

/// Longest record of a file, in bytes: several times the longest contact, and little enough to hold while a quotation
/// mark that is never closed makes one record of the rest of a file.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;
