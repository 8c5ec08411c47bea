//! Which encoding a file is in, and its bytes as UTF-8.
//!
//! UTF-16 is transcoded as a stream before anything looks at it. The other encodings share ASCII's bytes, so records
//! are split first and decoded one by one: as long as a file has held ASCII only, its encoding stays open, and the
//! first record with any other byte decides between UTF-8 and Windows-1252.

mod decoder;
mod encoding;
mod source;

pub use self::encoding::TextEncoding;

pub(super) use self::decoder::{Cells, Decoder, NotText};
pub(super) use self::encoding::encode;
pub(super) use self::source::TextSource;
