//! Splits a stream of bytes into records, with memory for one record only.
//!
//! `csv::Reader` lets a record grow without bound, cannot continue after one that is too long, and does not report an
//! unclosed quotation mark at the end of a file. So this module drives `csv_core`, the state machine below it.

use std::io::{self, Read};

use csv_core::ReadRecordResult;

use super::dialect::Delimiter;
use super::limits::RECORD_BYTES_MAX;
use crate::transfer::text::{TextEncoding, TextSource};

/// The initial capacity for the bytes and the cells of a record; both grow by doubling.
const RECORD_CAPACITY: usize = 1024;
const CELLS_CAPACITY: usize = 128;

/// The cells of one record as in the file, unquoted but not decoded.
#[derive(Debug)]
pub struct RawRecord {
    /// The cells one after the other in the first `bytes_len` bytes; the rest is capacity.
    bytes: Vec<u8>,
    bytes_len: usize,
    /// Where each of the first `cells_len` cells ends.
    ends: Vec<usize>,
    cells_len: usize,
    pub(super) encoding: TextEncoding,
}

/// An error in the form of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is longer than [`RECORD_BYTES_MAX`]; the record holds the cells that ended before.
    TooLong,
    /// The file ended within quotes.
    OpenQuote,
}

/// The position of a record and whether it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordStatus {
    /// The line of the file in which it begins, from 1.
    pub(super) line: u64,
    pub(super) fault: Option<Fault>,
}

/// Splits a source into records.
#[derive(Debug)]
pub(super) struct RecordReader<R> {
    source: TextSource<R>,
    core: csv_core::Reader,
    lines: Lines,
}

/// Counts line ends of all three kinds: in a file with one kind, the larger count is the number of line ends.
#[derive(Debug, Default)]
struct Lines {
    line_feeds: u64,
    carriage_returns: u64,
}

impl<R: Read> RecordReader<R> {
    pub(super) fn new(source: TextSource<R>, delimiter: Delimiter) -> Self {
        let core = csv_core::ReaderBuilder::new().delimiter(delimiter.byte()).build();
        Self { source, core, lines: Lines::default() }
    }

    /// Reads the next record into `record`; `None` at the end. Blank lines are not records.
    pub(super) fn read(&mut self, record: &mut RawRecord) -> io::Result<Option<RecordStatus>> {
        record.bytes_len = 0;
        record.cells_len = 0;
        if !self.skip_line_ends()? {
            return Ok(None);
        }
        let line = self.lines.current();
        let mut taken = 0;
        loop {
            let input = self.source.fill()?;
            if input.is_empty() {
                return Ok(Some(RecordStatus { line, fault: self.end_record(record) }));
            }
            let input = &input[..input.len().min(RECORD_BYTES_MAX - taken)];
            let (result, used) = record.take(&mut self.core, input);
            self.lines.count(&input[..used]);
            self.source.consume(used);
            taken += used;
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => {
                    return Ok(Some(RecordStatus { line, fault: None }));
                }
                ReadRecordResult::OutputFull => record.bytes.resize(2 * record.bytes.len(), 0),
                ReadRecordResult::OutputEndsFull => record.ends.resize(2 * record.ends.len(), 0),
                ReadRecordResult::InputEmpty => {}
            }
            if taken == RECORD_BYTES_MAX {
                self.discard_rest()?;
                record.bytes_len = record.ends[..record.cells_len].last().copied().unwrap_or(0);
                return Ok(Some(RecordStatus { line, fault: Some(Fault::TooLong) }));
            }
        }
    }

    pub(super) fn source(&self) -> &TextSource<R> {
        &self.source
    }

    /// Advances to the first byte of the next record; `false` at the end of the file.
    fn skip_line_ends(&mut self) -> io::Result<bool> {
        loop {
            let input = self.source.fill()?;
            let skipped = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let (at_end, at_record) = (input.is_empty(), skipped < input.len());
            self.lines.count(&input[..skipped]);
            self.source.consume(skipped);
            if at_end || at_record {
                return Ok(at_record);
            }
        }
    }

    /// Ends a record at the end of the file. Adding a line end shows whether it is complete: within quotes the line end
    /// is text.
    fn end_record(&mut self, record: &mut RawRecord) -> Option<Fault> {
        record.grow_if_full();
        let text_len = record.bytes_len;
        if record.take(&mut self.core, b"\n").0 == ReadRecordResult::Record {
            return None;
        }
        record.grow_if_full();
        record.take(&mut self.core, b"");
        record.bytes_len = text_len;
        if let Some(end) = record.ends[..record.cells_len].last_mut() {
            *end = text_len;
        }
        Some(Fault::OpenQuote)
    }

    /// Reads to the end of a record without keeping its content.
    fn discard_rest(&mut self) -> io::Result<()> {
        let mut sink = RawRecord::new(TextEncoding::Ascii);
        loop {
            let input = self.source.fill()?;
            let at_end = input.is_empty();
            sink.bytes_len = 0;
            sink.cells_len = 0;
            let (result, used) = sink.take(&mut self.core, input);
            self.lines.count(&input[..used]);
            self.source.consume(used);
            if at_end || result == ReadRecordResult::Record {
                return Ok(());
            }
        }
    }
}

impl RawRecord {
    pub(super) fn new(encoding: TextEncoding) -> Self {
        Self { bytes: vec![0; RECORD_CAPACITY], bytes_len: 0, ends: vec![0; CELLS_CAPACITY], cells_len: 0, encoding }
    }

    /// The number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells_len
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells_len == 0
    }

    /// The bytes of each cell, in order.
    pub fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends().iter().copied());
        starts.zip(self.ends()).map(|(start, end)| &self.bytes[start..*end])
    }

    /// The encoding of the cells; UTF-16 is transcoded to UTF-8 here.
    #[must_use]
    pub fn encoding(&self) -> TextEncoding {
        self.encoding
    }

    /// The bytes of all cells, without separators.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.bytes_len]
    }

    /// The end of each cell in [`bytes`](Self::bytes).
    pub(super) fn ends(&self) -> &[usize] {
        &self.ends[..self.cells_len]
    }

    /// Reads cells from `input`; returns why it stopped and how many bytes it used.
    fn take(&mut self, core: &mut csv_core::Reader, input: &[u8]) -> (ReadRecordResult, usize) {
        let (bytes, ends) = (&mut self.bytes[self.bytes_len..], &mut self.ends[self.cells_len..]);
        let (result, used, bytes_len, cells_len) = core.read_record(input, bytes, ends);
        self.bytes_len += bytes_len;
        self.cells_len += cells_len;
        (result, used)
    }

    /// Grows the buffers so that one more byte and one more cell fit.
    fn grow_if_full(&mut self) {
        if self.bytes_len == self.bytes.len() {
            self.bytes.resize(2 * self.bytes.len(), 0);
        }
        if self.cells_len == self.ends.len() {
            self.ends.resize(2 * self.ends.len(), 0);
        }
    }
}

impl Clone for RawRecord {
    /// A copy without spare capacity, so that many copies can be kept.
    fn clone(&self) -> Self {
        Self {
            bytes: self.bytes().to_vec(),
            bytes_len: self.bytes_len,
            ends: self.ends().to_vec(),
            cells_len: self.cells_len,
            encoding: self.encoding,
        }
    }
}

impl PartialEq for RawRecord {
    fn eq(&self, other: &Self) -> bool {
        self.encoding == other.encoding && self.cells().eq(other.cells())
    }
}

impl Eq for RawRecord {}

impl Lines {
    fn count(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.line_feeds += u64::from(*byte == b'\n');
            self.carriage_returns += u64::from(*byte == b'\r');
        }
    }

    fn current(&self) -> u64 {
        1 + self.line_feeds.max(self.carriage_returns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All records, each as its line, its cells joined with `|`, and its fault.
    fn read(input: &[u8]) -> Vec<(u64, String, Option<Fault>)> {
        let (source, encoding) = TextSource::open(input).unwrap();
        let mut reader = RecordReader::new(source, Delimiter::Comma);
        let mut record = RawRecord::new(encoding);
        let mut all = Vec::new();
        while let Some(found) = reader.read(&mut record).unwrap() {
            let cells: Vec<_> = record.cells().map(String::from_utf8_lossy).collect();
            all.push((found.line, cells.join("|"), found.fault));
        }
        assert!(record.bytes.len() <= 2 * RECORD_BYTES_MAX, "a record held {} bytes", record.bytes.len());
        all
    }

    #[test]
    fn records_are_split_as_by_spreadsheets() {
        let check = |input: &str, expected: &[(u64, &str)]| {
            let found = read(input.as_bytes());
            assert!(found.iter().all(|(_, _, fault)| fault.is_none()), "{input:?}");
            let found: Vec<_> = found.iter().map(|(line, cells, _)| (*line, cells.as_str())).collect();
            assert_eq!(found, expected, "{input:?}");
        };
        check("", &[]);
        check("\r\n\r\n\n", &[]);
        check("a,b", &[(1, "a|b")]);
        for end in ["\n", "\r", "\r\n"] {
            let with_ends = |text: &str| text.replace('\n', end);
            check(&with_ends("a,b\n\n\nc,\n,d\n"), &[(1, "a|b"), (4, "c|"), (5, "|d")]);
            check(&with_ends("\na,\"b\n\nc\"\nd"), &[(2, &with_ends("a|b\n\nc")), (5, "d")]);
        }
        check("\"a \"\"b\"\"\",\"\",c\"d\n\"e\"", &[(1, "a \"b\"||c\"d"), (2, "e")]);
        check("a,\n", &[(1, "a|")]);
        check("a,", &[(1, "a|")]);
        check(&",".repeat(300), &[(1, &"|".repeat(300))]);
    }

    #[test]
    fn an_unclosed_quote_is_a_fault() {
        let check = |input: &str, expected: &str| {
            assert_eq!(read(input.as_bytes()), [(1, expected.to_owned(), Some(Fault::OpenQuote))], "{input:?}");
        };
        check("a,\"b", "a|b");
        check("a,\"b\nc,d\n", "a|b\nc,d\n");
        check("\"", "");
        check("\"\"\"", "\"");
        check(&format!("\"{}", "x".repeat(RECORD_CAPACITY)), &"x".repeat(RECORD_CAPACITY));
    }

    #[test]
    fn a_record_over_the_limit_is_truncated_and_the_next_one_read() {
        let long = "x".repeat(3 * RECORD_BYTES_MAX);
        let cut = |cells: &str| (1, cells.to_owned(), Some(Fault::TooLong));
        let next = (2, "c|d".to_owned(), None);
        assert_eq!(read(format!("a,b,{long}\nc,d\n").as_bytes()), [cut("a|b"), next.clone()]);
        assert_eq!(read(format!("{long}\nc,d\n").as_bytes()), [cut(""), next.clone()]);
        assert_eq!(read(format!("a,b,\"{long}").as_bytes()), [cut("a|b")]);
        assert_eq!(read(format!("a,\"{}", "\"\"\n".repeat(RECORD_BYTES_MAX)).as_bytes()), [cut("a")]);
        let most = &long[..RECORD_BYTES_MAX - 3];
        assert_eq!(read(format!("a,{most}\nc,d").as_bytes()), [(1, format!("a|{most}"), None), next]);
    }
}
