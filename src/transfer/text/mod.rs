//! The detection of a file's encoding, and the conversion of its bytes to UTF-8.
//!
//! UTF-16 is transcoded as a stream before anything else. The other encodings are supersets of ASCII, so records are
//! split first and decoded one by one: while a file has only ASCII, its encoding is undecided, and the first record
//! with any other byte decides between UTF-8 and Windows-1252.

mod decoder;
mod encoding;
mod source;

pub use self::encoding::TextEncoding;

pub(super) use self::decoder::{Cells, Decoder, NotText};
pub(super) use self::encoding::encode;
pub(super) use self::source::TextSource;
