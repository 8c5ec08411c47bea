//! Invariants of the CSV reader and writers for arbitrary input.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

use muster::domain::contacts::{Contact, ContactInfo};
use muster::domain::ids::{ContactId, DepartmentId, EmployeeId, EnterpriseId};
use muster::domain::time::Timestamp;
use muster::transfer::csv::{
    ContactReader, ContactWriter, ImportedContact, RECORD_BYTES_MAX, RawRecord, RejectsWriter, RowError,
};

/// Each row is returned once, in order, with its line number and within the memory limit; the result does not depend on how
/// the bytes arrive; and what is exported or rejected is read again with the same content.
pub fn check(input: &[u8]) {
    let whole = read(input);
    assert_eq!(read(Pieces::of(input, 1)), whole, "byte by byte");
    assert_eq!(read(Pieces::of(input, seed(input))), whole, "in pieces of many sizes");
    let Ok(file) = whole else { return };
    check_line_numbers(input, &file);
    check_export(&file);
    check_rejects(input, &file);
}

/// Everything that the reader returns about a file.
#[derive(Debug, PartialEq)]
struct File {
    about: String,
    header: RawRecord,
    rows: Vec<Row>,
    bytes_read: u64,
}

#[derive(Debug, PartialEq)]
struct Row {
    number: u64,
    line: u64,
    content: Result<ImportedContact, RowError>,
    raw: RawRecord,
}

fn read(input: impl Read) -> Result<File, String> {
    let mut reader = ContactReader::open(input).map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row() {
        let row = row.map_err(|error| error.to_string())?;
        let held: usize = row.raw.cells().map(<[u8]>::len).sum();
        assert!(held <= RECORD_BYTES_MAX && row.raw.len() <= RECORD_BYTES_MAX + 1, "a row holds {held} bytes");
        rows.push(Row { number: row.number, line: row.line, content: row.content, raw: row.raw.clone() });
    }
    assert!(reader.next_row().is_none(), "there is something behind the end");
    let about = format!(
        "{:?} {:?} {:?} {:?} {}",
        reader.layout(),
        reader.encoding(),
        reader.delimiter(),
        reader.ignored_columns(),
        reader.names_owners()
    );
    Ok(File { about, header: reader.header().clone(), rows, bytes_read: reader.bytes_read() })
}

fn check_line_numbers(input: &[u8], file: &File) {
    assert_eq!(file.bytes_read, input.len() as u64, "not all was read");
    let count = |wanted: u8| input.split(|byte| *byte == wanted).count() as u64 - 1;
    let lines_max = 1 + count(b'\n').max(count(b'\r'));
    let mut before = 1;
    for (row, number) in file.rows.iter().zip(1..) {
        assert_eq!(row.number, number);
        assert!(row.line >= before && row.line <= lines_max, "row {number} is in line {}", row.line);
        // With both kinds of line ends, lines are counted by the more frequent kind, so two rows may share a line number.
        let one_kind = count(b'\r') == 0 || count(b'\n') == 0;
        assert!(!one_kind || row.line > before, "row {number} is in line {}, as is the one before", row.line);
        before = row.line;
    }
}

/// What was read can be exported, and the export has the same content.
fn check_export(file: &File) {
    let contacts: Vec<&ImportedContact> = file.rows.iter().filter_map(|row| row.content.as_ref().ok()).collect();
    let mut writer = ContactWriter::new(Vec::new()).expect("memory takes it");
    for imported in &contacts {
        let fields = imported.info.fields().clone();
        assert_eq!(ContactInfo::parse(fields.clone()).as_ref(), Ok(&imported.info), "a contact that is none");
        writer.write(&stored(imported), "").expect("memory takes it");
    }
    let export = writer.finish().expect("memory takes it");
    let again = read(export.as_slice()).expect("an export is a file of contacts");
    assert_eq!(again.rows.len(), contacts.len());
    for (row, imported) in again.rows.iter().zip(contacts) {
        let read = row.content.as_ref().expect("an exported contact is one");
        assert_eq!(read.info, imported.info);
        assert_eq!(read.created_at, Some(imported.created_at.unwrap_or(Timestamp::from_millis(0))));
    }
}

fn stored(imported: &ImportedContact) -> Contact {
    let created_at = imported.created_at.unwrap_or(Timestamp::from_millis(0));
    Contact {
        id: ContactId::from_number(7),
        enterprise_id: EnterpriseId::parse("acme").expect("an id"),
        department_id: DepartmentId::parse("sales").expect("an id"),
        employee_id: EmployeeId::parse("u1").expect("an id"),
        fields: imported.info.fields().clone(),
        source: "import".to_owned(),
        created_at,
        updated_at: created_at,
    }
}

/// The rejected rows make a file with the same cells behind two additional ones.
fn check_rejects(input: &[u8], file: &File) {
    let reader = ContactReader::open(input).expect("it was read before");
    let output = SharedBuffer::default();
    let opened = output.clone();
    let mut rejects = RejectsWriter::new(reader.header(), reader.delimiter(), Box::new(move || Ok(Box::new(opened))));
    let refused: Vec<&Row> = file.rows.iter().filter(|row| row.content.is_err()).collect();
    for row in &refused {
        let reason = row.content.as_ref().err().map(RowError::to_string).unwrap_or_default();
        rejects.write(row.number, &reason, &row.raw).expect("memory takes it");
    }
    assert_eq!(rejects.finish().expect("memory takes it"), !refused.is_empty());
    if refused.is_empty() {
        return;
    }
    let written = output.0.lock().expect("nobody panics").clone();
    let again = read(written.as_slice()).expect("a file of rejects is a file of contacts");
    assert_eq!(again.rows.len(), refused.len(), "{:?}", String::from_utf8_lossy(&written));
    // If the file is itself a file of rejects, its first two columns are replaced.
    let skipped = (2 + file.header.len()).saturating_sub(again.header.len());
    for (row, original) in again.rows.iter().zip(refused) {
        let cells: Vec<&[u8]> = row.raw.cells().skip(2).collect();
        let expected: Vec<&[u8]> = original.raw.cells().skip(skipped).collect();
        assert_eq!(cells, expected, "row {}", original.number);
    }
}

/// An output whose content can be read after the writer is gone.
#[derive(Clone, Default)]
struct SharedBuffer(Arc<Mutex<Vec<u8>>>);

impl Write for SharedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An input that returns pieces of pseudo-random sizes, with an `Interrupted` error before each.
struct Pieces<'a> {
    rest: &'a [u8],
    /// 1 returns single bytes.
    state: u64,
    interrupted: bool,
}

impl<'a> Pieces<'a> {
    fn of(input: &'a [u8], state: u64) -> Self {
        Self { rest: input, state, interrupted: false }
    }

    fn next_len(&mut self) -> usize {
        /// Knuth's multiplier for 64 bits.
        const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
        const PIECE_BYTES_MAX: u64 = 37;
        if self.state == 1 {
            return 1;
        }
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(1) | 2;
        usize::try_from(1 + (self.state >> 33) % PIECE_BYTES_MAX).unwrap_or(1)
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let len = self.next_len().min(buffer.len()).min(self.rest.len());
        let (piece, rest) = self.rest.split_at(len);
        buffer[..len].copy_from_slice(piece);
        self.rest = rest;
        Ok(len)
    }
}

/// A number above 1 that is derived from the input.
fn seed(input: &[u8]) -> u64 {
    input.iter().fold(2, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(*byte)) | 2)
}
