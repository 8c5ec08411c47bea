//! The encodings that a file's text may have, and their detection.

use std::fmt;

use encoding_rs::WINDOWS_1252;
use serde::Serialize;

/// UTF-16 without a byte order mark is detected from this number of code units at the start, the length of the shortest
/// known column name (`name`).
const UTF16_UNITS_DETECTING: usize = 4;

/// The encoding of a file's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub enum TextEncoding {
    /// ASCII only so far, so every other encoding but UTF-16 is still possible.
    #[serde(rename = "us-ascii")]
    Ascii,
    /// UTF-8, with or without a byte order mark.
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16, low byte first.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, high byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// Windows code page 1252, as Outlook and older programs write it.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

impl fmt::Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ascii => "ASCII",
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16 (little-endian)",
            Self::Utf16Be => "UTF-16 (big-endian)",
            Self::Windows1252 => "Windows-1252",
        })
    }
}

/// Encodes text for a file that is derived from one in `encoding`; for UTF-16 as UTF-8.
pub(crate) fn encode(text: &str, encoding: TextEncoding) -> std::borrow::Cow<'_, [u8]> {
    match encoding {
        TextEncoding::Windows1252 => WINDOWS_1252.encode(text).0,
        _ => text.as_bytes().into(),
    }
}

/// The encoding of a file as detected from its beginning, and the length of its byte order mark.
pub(super) fn detect(beginning: &[u8]) -> (TextEncoding, usize) {
    let utf16_ascii = |low: usize| {
        let units = beginning.get(..2 * UTF16_UNITS_DETECTING).unwrap_or_default();
        let ascii =
            |unit: &[u8]| unit[1 - low] == 0 && (unit[low].is_ascii_graphic() || unit[low].is_ascii_whitespace());
        !units.is_empty() && units.chunks_exact(2).all(ascii)
    };
    match beginning {
        [0xef, 0xbb, 0xbf, ..] => (TextEncoding::Utf8, 3),
        [0xff, 0xfe, ..] => (TextEncoding::Utf16Le, 2),
        [0xfe, 0xff, ..] => (TextEncoding::Utf16Be, 2),
        _ if utf16_ascii(0) => (TextEncoding::Utf16Le, 0),
        _ if utf16_ascii(1) => (TextEncoding::Utf16Be, 0),
        _ => (TextEncoding::Ascii, 0),
    }
}
