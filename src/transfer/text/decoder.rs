//! Records to text, and the decision which encoding a file is in.

use encoding_rs::WINDOWS_1252;

use super::encoding::TextEncoding;

/// The cells of one record as text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cells<'a> {
    text: &'a str,
    ends: &'a [usize],
}

impl<'a> Cells<'a> {
    /// The cell in a column; empty when the record has fewer.
    pub(crate) fn get(&self, column: usize) -> &'a str {
        let Some(end) = self.ends.get(column) else { return "" };
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        &self.text[start..*end]
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = &'a str> {
        (0..self.ends.len()).map(move |column| self.get(column))
    }
}

/// The column of a cell that is not valid text in the file's encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotText {
    pub(crate) column: usize,
}

/// Decodes record after record, and decides the encoding while it is undecided.
#[derive(Debug)]
pub(crate) struct Decoder {
    encoding: TextEncoding,
    text: String,
    ends: Vec<usize>,
}

impl Decoder {
    pub(crate) fn new(encoding: TextEncoding) -> Self {
        Self { encoding, text: String::new(), ends: Vec::new() }
    }

    /// The encoding as determined by the records decoded so far.
    pub(crate) fn encoding(&self) -> TextEncoding {
        self.encoding
    }

    /// Decodes one record: `cells` are its cells one after the other, `ends` the end of each.
    pub(crate) fn decode<'a>(&'a mut self, cells: &'a [u8], ends: &'a [usize]) -> Result<Cells<'a>, NotText> {
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
