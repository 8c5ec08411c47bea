//! A CSV file as a stream of contacts.

use std::io::Read;

use super::dialect::Delimiter;
use super::limits::RECORD_BYTES_MAX;
use super::records::{Fault, RawRecord, RecordReader, RecordStatus};
use super::row::{self, ImportedContact, RowError};
use crate::transfer::TransferError;
use crate::transfer::layout::{Columns, Field, Layout};
use crate::transfer::text::{Decoder, NotText, TextEncoding, TextSource};

/// Reads contacts from CSV of any known layout, encoding and delimiter, one row at a time.
///
/// Blank lines are skipped. A row with fewer cells than the header is read as if the missing cells were empty; any
/// other error rejects only its row, and the next row is read.
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

/// One row of the file; its cells are valid until the next row is read.
#[derive(Debug)]
pub struct Row<'a> {
    /// The number of the row: 1 for the first one after the header; blank lines are not counted.
    pub number: u64,
    /// The line of the file in which it begins: 1 for the first.
    pub line: u64,
    /// The contact, or why the row is rejected.
    pub content: Result<ImportedContact, RowError>,
    /// Its cells as in the file, for a [`RejectsWriter`](super::RejectsWriter); clone it to keep it. A row longer than
    /// [`RECORD_BYTES_MAX`] has only the cells that ended before.
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
            Some(RecordStatus { fault: Some(Fault::TooLong), .. }) => return Err(TransferError::HeaderTooLong),
            Some(RecordStatus { fault: Some(Fault::OpenQuote), .. }) => return Err(TransferError::HeaderQuote),
            Some(RecordStatus { fault: None, .. }) => {}
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

    /// Reads the next row; `None` at the end of the file. The error is one of reading the input.
    pub fn next_row(&mut self) -> Option<Result<Row<'_>, TransferError>> {
        let status = match self.records.read(&mut self.record) {
            Ok(status) => status?,
            Err(error) => return Some(Err(error.into())),
        };
        self.rows += 1;
        let content = match status.fault {
            Some(fault) => Err(RowError::row(fault.message())),
            None => self.content(),
        };
        self.record.encoding = self.decoder.encoding();
        Some(Ok(Row { number: self.rows, line: status.line, content, raw: &self.record }))
    }

    /// The recognised layout of the header.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.columns.layout
    }

    /// The encoding as determined by the rows read so far.
    #[must_use]
    pub fn encoding(&self) -> TextEncoding {
        self.decoder.encoding()
    }

    #[must_use]
    pub fn delimiter(&self) -> Delimiter {
        self.delimiter
    }

    /// The cells of the header as in the file.
    #[must_use]
    pub fn header(&self) -> &RawRecord {
        &self.header
    }

    /// Unknown columns of a plain file, misspelt ones among them; empty for an export of another program.
    #[must_use]
    pub fn ignored_columns(&self) -> &[String] {
        self.columns.ignored()
    }

    /// Whether the file has a column that names each contact's owner.
    #[must_use]
    pub fn names_owners(&self) -> bool {
        [Field::Employee, Field::EmployeeEmail].into_iter().any(|field| !self.columns.of(field).is_empty())
    }

    /// Bytes of the file read so far, to show progress; at most one buffer ahead of the rows.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.records.source().bytes_read()
    }

    fn content(&mut self) -> Result<ImportedContact, RowError> {
        // Also a record with too many fields is decoded, because it may decide the encoding.
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
