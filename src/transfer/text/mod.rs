//! The detection of a file's encoding, and the conversion of its bytes to UTF-8.
//!
//! UTF-16 is transcoded as a stream before anything else. The other encodings are supersets of ASCII, so records are split
//! first and decoded one by one: while a file has only ASCII, its encoding is undecided, and the first record with any other
//! byte decides between UTF-8 and Windows-1252.

mod source;

use std::fmt;

use encoding_rs::WINDOWS_1252;
use serde::Serialize;

pub(super) use self::source::TextSource;

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

/// The cells of one record as text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cells<'a> {
    text: &'a str,
    ends: &'a [usize],
}

impl<'a> Cells<'a> {
    /// The cell in a column; empty when the record has fewer.
    pub(super) fn get(&self, column: usize) -> &'a str {
        let Some(end) = self.ends.get(column) else { return "" };
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        &self.text[start..*end]
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'a str> {
        (0..self.ends.len()).map(move |column| self.get(column))
    }
}

/// The column of a cell that is not valid text in the file's encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotText {
    pub(super) column: usize,
}

/// Decodes record after record, and decides the encoding while it is undecided.
#[derive(Debug)]
pub(super) struct Decoder {
    encoding: TextEncoding,
    text: String,
    ends: Vec<usize>,
}

impl Decoder {
    pub(super) fn new(encoding: TextEncoding) -> Self {
        Self { encoding, text: String::new(), ends: Vec::new() }
    }

    /// The encoding as determined by the records decoded so far.
    pub(super) fn encoding(&self) -> TextEncoding {
        self.encoding
    }

    /// Decodes one record: `cells` are its cells one after the other, `ends` the end of each.
    pub(super) fn decode<'a>(&'a mut self, cells: &'a [u8], ends: &'a [usize]) -> Result<Cells<'a>, NotText> {
        // The fast path of most records: ASCII needs no check of the cell boundaries.
        if cells.is_ascii() {
            return utf8(cells, ends);
        }
        if self.encoding == TextEncoding::Ascii {
            let decided = utf8(cells, ends).is_ok();
            self.encoding = if decided { TextEncoding::Utf8 } else { TextEncoding::Windows1252 };
        }
        if self.encoding != TextEncoding::Windows1252 {
            return utf8(cells, ends);
        }
        self.text.clear();
        self.ends.clear();
        let mut start = 0;
        for end in ends {
            let (cell, _) = WINDOWS_1252.decode_without_bom_handling(&cells[start..*end]);
            self.text.push_str(&cell);
            self.ends.push(self.text.len());
            start = *end;
        }
        Ok(Cells { text: &self.text, ends: &self.ends })
    }
}

fn utf8<'a>(cells: &'a [u8], ends: &'a [usize]) -> Result<Cells<'a>, NotText> {
    let text = std::str::from_utf8(cells).ok();
    // A character split across two cells would be valid in the whole text, so the cell boundaries are checked as well.
    match text.filter(|text| ends.iter().all(|end| text.is_char_boundary(*end))) {
        Some(text) => Ok(Cells { text, ends }),
        None => Err(NotText { column: first_invalid(cells, ends) }),
    }
}

fn first_invalid(cells: &[u8], ends: &[usize]) -> usize {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let invalid = |(start, end): (usize, &usize)| std::str::from_utf8(&cells[start..*end]).is_err();
    starts.zip(ends).position(invalid).unwrap_or(0)
}

/// Encodes text for a file that is derived from one in `encoding`; for UTF-16 as UTF-8.
pub(super) fn encode(text: &str, encoding: TextEncoding) -> std::borrow::Cow<'_, [u8]> {
    match encoding {
        TextEncoding::Windows1252 => WINDOWS_1252.encode(text).0,
        _ => text.as_bytes().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(decoder: &mut Decoder, cells: &[&[u8]]) -> Result<Vec<String>, NotText> {
        let ends: Vec<usize> = cells
            .iter()
            .scan(0, |end, cell| {
                *end += cell.len();
                Some(*end)
            })
            .collect();
        let bytes = cells.concat();
        decoder.decode(&bytes, &ends).map(|cells| cells.iter().map(str::to_owned).collect())
    }

    #[test]
    fn the_first_non_ascii_record_decides_the_encoding() {
        let check = |records: &[&[&[u8]]], encoding: TextEncoding, last: Result<Vec<&str>, usize>| {
            let mut decoder = Decoder::new(TextEncoding::Ascii);
            let mut found = Ok(Vec::new());
            for record in records {
                found = decode(&mut decoder, record);
            }
            let last = last.map(|cells| cells.into_iter().map(str::to_owned).collect());
            assert_eq!((found, decoder.encoding()), (last.map_err(|column| NotText { column }), encoding));
        };
        check(&[&[b"a", b"", b"b"]], TextEncoding::Ascii, Ok(vec!["a", "", "b"]));
        check(&[&[b"a"], &["Müller".as_bytes(), b"x"]], TextEncoding::Utf8, Ok(vec!["Müller", "x"]));
        check(&[&[b"M\xfcller", b"\x80"]], TextEncoding::Windows1252, Ok(vec!["Müller", "€"]));
        check(&[&["ü".as_bytes()], &[b"a", b"M\xfcller"]], TextEncoding::Utf8, Err(1));
        check(&[&[b"\xfc"], &["ü".as_bytes()]], TextEncoding::Windows1252, Ok(vec!["Ã¼"]));
        // The two halves of an ü in two cells are not UTF-8.
        check(&[&[b"\xc3", b"\xbc"]], TextEncoding::Windows1252, Ok(vec!["Ã", "¼"]));
        check(&[&["ü".as_bytes()], &[b"\xc3", b"\xbc"]], TextEncoding::Utf8, Err(0));
    }
}
