//! A CSV file as a stream of contacts.

use std::io::Read;

use super::dialect::Delimiter;
use super::limits::RECORD_BYTES_MAX;
use super::records::{Fault, RawRecord, RecordRead, RecordReader};
use super::row::{self, ImportedContact, RowError};
use crate::transfer::TransferError;
use crate::transfer::layout::{Columns, Field, Layout};
use crate::transfer::text::{Decoder, NotText, TextEncoding, TextSource};

/// Reads contacts from CSV of any known layout, encoding and delimiter, one row at a time.
///
/// Blank lines are skipped. A row with fewer cells than the header has its missing cells empty; what else is wrong with
/// a row is that row's own error, and the next one is read.
#[derive(Debug)]
pub struct ContactReader<R> {
    records: RecordReader<R>,
    columns: Columns,
    decoder: Decoder,
    delimiter: Delimiter,
    header: RawRecord,
    record: RawRecord,
    rows: u64,
}

/// One row of the file; its cells are only there until the next row is read.
#[derive(Debug)]
pub struct Row<'a> {
    /// Which row it is: 1 for the first one behind the header, blank lines not counted.
    pub number: u64,
    /// The line of the file that it begins in: 1 for the first.
    pub line: u64,
    /// The contact, or why there is none.
    pub content: Result<ImportedContact, RowError>,
    /// Its cells as the file has them, for a [`RejectsWriter`](super::RejectsWriter); clone it to keep it. Of a row
    /// that is longer than [`RECORD_BYTES_MAX`] only the cells that ended before.
    pub raw: &'a RawRecord,
}

impl<R: Read> ContactReader<R> {
    /// Reads the start of a file and recognises encoding, delimiter and layout.
    pub fn open(input: R) -> Result<Self, TransferError> {
        let (mut source, encoding) = TextSource::open(input)?;
        let named = Delimiter::named_by(source.fill()?);
        if let Some((_, line_len)) = named {
            source.consume(line_len);
        }
        let delimiter = match named {
            Some((delimiter, _)) => delimiter,
            None => Delimiter::sniff(source.fill()?),
        };
        let mut records = RecordReader::new(source, delimiter);
        let mut header = RawRecord::new(encoding);
        match records.read(&mut header)? {
            None => return Err(TransferError::Empty),
            Some(RecordRead { fault: Some(Fault::TooLong), .. }) => return Err(TransferError::HeaderTooLong),
            Some(RecordRead { fault: Some(Fault::OpenQuote), .. }) => return Err(TransferError::HeaderQuote),
            Some(RecordRead { fault: None, .. }) => {}
        }
        let mut decoder = Decoder::new(encoding);
        let columns = match decoder.decode(header.bytes(), header.ends()) {
            Ok(cells) => Columns::recognise(cells.iter())?,
            Err(NotText { .. }) => return Err(TransferError::HeaderNotText),
        };
        header.encoding = decoder.encoding();
        let record = RawRecord::new(decoder.encoding());
        Ok(Self { records, columns, decoder, delimiter, header, record, rows: 0 })
    }

    /// Reads the next row; `None` at the end of the file. An error is one of the input itself.
    pub fn next_row(&mut self) -> Option<Result<Row<'_>, TransferError>> {
        let found = match self.records.read(&mut self.record) {
            Ok(found) => found?,
            Err(error) => return Some(Err(error.into())),
        };
        self.rows += 1;
        let content = match found.fault {
            Some(fault) => Err(RowError::row(fault.message())),
            None => self.content(),
        };
        self.record.encoding = self.decoder.encoding();
        Some(Ok(Row { number: self.rows, line: found.line, content, raw: &self.record }))
    }

    /// The layout that the header was recognised as.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.columns.layout
    }

    /// What is known of the encoding after the rows so far.
    #[must_use]
    pub fn encoding(&self) -> TextEncoding {
        self.decoder.encoding()
    }

    /// The delimiter between cells.
    #[must_use]
    pub fn delimiter(&self) -> Delimiter {
        self.delimiter
    }

    /// The header's cells as the file has them.
    #[must_use]
    pub fn header(&self) -> &RawRecord {
        &self.header
    }

    /// Columns of a plain file that mean nothing to Muster, misspelt ones among them; none of an export.
    #[must_use]
    pub fn ignored_columns(&self) -> &[String] {
        self.columns.ignored()
    }

    /// Whether the file has a column that names each contact's owner.
    #[must_use]
    pub fn names_owners(&self) -> bool {
        [Field::Employee, Field::EmployeeEmail].into_iter().any(|field| !self.columns.of(field).is_empty())
    }

    /// Bytes of the file that were read so far, for showing progress; at most one buffer ahead of the rows.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.records.source().bytes_read()
    }

    fn content(&mut self) -> Result<ImportedContact, RowError> {
        // The record is decoded in any case, because it may decide the encoding.
        let cells = self.decoder.decode(self.record.bytes(), self.record.ends());
        let (count, expected) = (self.record.len(), self.columns.len());
        if count > expected {
            return Err(RowError::row(format!("has {count} fields, the header has {expected}")));
        }
        match cells {
            Ok(cells) => row::contact(&self.columns, cells),
            Err(NotText { column }) => Err(RowError::column(self.columns.name(column), "is not valid UTF-8 text")),
        }
    }
}

impl Fault {
    fn message(self) -> String {
        match self {
            Self::TooLong => {
                format!("is longer than {RECORD_BYTES_MAX} bytes; perhaps a quotation mark in it is never closed")
            }
            Self::OpenQuote => "opens a quotation mark that is never closed".to_owned(),
        }
    }
}
