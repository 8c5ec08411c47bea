//! The encodings that a file's text may have.

use std::fmt;

use encoding_rs::WINDOWS_1252;
use serde::Serialize;

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
