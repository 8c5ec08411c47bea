//! Writes the rejected rows to a file that can be corrected and imported again.

use std::io::{self, Write};

use super::dialect::Delimiter;
use super::records::RawRecord;
use crate::transfer::layout::key;
use crate::transfer::text::{TextEncoding, encode};

/// The first column of a rejects file: the number of the row in the original file.
pub const REJECT_ROW_COLUMN: &str = "muster_row";
/// The second column of a rejects file: the reason.
pub const REJECT_REASON_COLUMN: &str = "muster_reason";

/// Opens the output of a [`RejectsWriter`]; called when the first row is rejected.
pub type RejectsOutput = Box<dyn FnOnce() -> io::Result<Box<dyn Write + Send>> + Send>;

/// Writes rejected rows with their original cells, delimiter and encoding (UTF-8 for UTF-16).
///
/// Row number and reason are the first columns, where a row with too many cells cannot shift them. The reader ignores
/// both, so a corrected file can be imported as it is. No file is created before the first rejected row.
pub struct RejectsWriter {
    header: RawRecord,
    delimiter: Delimiter,
    /// Leading columns that are left out because the file is itself a rejects file.
    skipped: usize,
    output: Output,
}

enum Output {
    Unopened(RejectsOutput),
    Open(Box<csv::Writer<Box<dyn Write + Send>>>),
    Failed,
}

impl RejectsWriter {
    /// A writer for the rejects of a file with this header and delimiter.
    pub fn new(header: &RawRecord, delimiter: Delimiter, output: RejectsOutput) -> Self {
        let keys = header.cells().map(|cell| key(&String::from_utf8_lossy(cell)));
        let written = [REJECT_ROW_COLUMN, REJECT_REASON_COLUMN].map(key);
        let skipped = if keys.take(written.len()).eq(written.iter().cloned()) { written.len() } else { 0 };
        Self { header: header.clone(), delimiter, skipped, output: Output::Unopened(output) }
    }

    /// Writes one row with its number and the reason why it was rejected.
    pub fn write(&mut self, number: u64, reason: &str, row: &RawRecord) -> io::Result<()> {
        self.open(row.encoding())?;
        let Output::Open(writer) = &mut self.output else {
            return Err(io::Error::other("the file of rejected rows could not be opened"));
        };
        write_record(writer, number.to_string().as_bytes(), &encode(reason, row.encoding()), row, self.skipped)
    }

    /// Flushes the output; returns whether any row was rejected.
    pub fn finish(self) -> io::Result<bool> {
        match self.output {
            Output::Open(mut writer) => writer.flush().map(|()| true),
            Output::Unopened(_) | Output::Failed => Ok(false),
        }
    }

    fn open(&mut self, encoding: TextEncoding) -> io::Result<()> {
        let open = match std::mem::replace(&mut self.output, Output::Failed) {
            Output::Unopened(open) => open,
            other => {
                self.output = other;
                return Ok(());
            }
        };
        let mut output = open()?;
        // Without the byte order mark, a row that was rejected because it is not UTF-8 would make the new file
        // Windows-1252.
        if matches!(encoding, TextEncoding::Utf8 | TextEncoding::Utf16Le | TextEncoding::Utf16Be) {
            output.write_all("\u{feff}".as_bytes())?;
        }
        let header = self.header()?;
        if Delimiter::sniff(&header) != self.delimiter {
            // The original named its delimiter in a `sep=` line, so this file needs one as well.
            output.write_all(&[b"sep=", &[self.delimiter.byte()][..], b"\r\n"].concat())?;
        }
        output.write_all(&header)?;
        let writer = csv_writer(self.delimiter, output);
        self.output = Output::Open(Box::new(writer));
        Ok(())
    }

    fn header(&self) -> io::Result<Vec<u8>> {
        let mut writer = csv_writer(self.delimiter, Vec::new());
        let (row, reason) = (REJECT_ROW_COLUMN.as_bytes(), REJECT_REASON_COLUMN.as_bytes());
        write_record(&mut writer, row, reason, &self.header, self.skipped)?;
        writer.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

fn csv_writer<W: Write>(delimiter: Delimiter, output: W) -> csv::Writer<W> {
    csv::WriterBuilder::new()
        .delimiter(delimiter.byte())
        .terminator(csv::Terminator::CRLF)
        .flexible(true)
        .from_writer(output)
}

fn write_record<W: Write>(
    writer: &mut csv::Writer<W>,
    number: &[u8],
    reason: &[u8],
    record: &RawRecord,
    skipped: usize,
) -> io::Result<()> {
    let added = [number, reason].into_iter();
    writer.write_record(added.chain(record.cells().skip(skipped))).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::transfer::csv::ContactReader;

    /// An output whose content can be read after the writer is gone; `None` until it is opened.
    #[derive(Clone, Default)]
    struct SharedBuffer(Arc<Mutex<Option<Vec<u8>>>>);

    impl SharedBuffer {
        fn opener(&self) -> RejectsOutput {
            let shared = self.clone();
            Box::new(move || {
                *shared.0.lock().unwrap() = Some(Vec::new());
                Ok(Box::new(shared))
            })
        }
    }

    impl Write for SharedBuffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().as_mut().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The rejects file of an input; `None` without rejected rows.
    fn rejects(input: &[u8]) -> Option<Vec<u8>> {
        let shared = SharedBuffer::default();
        let mut reader = ContactReader::open(input).unwrap();
        let mut rejects = RejectsWriter::new(reader.header(), reader.delimiter(), shared.opener());
        while let Some(row) = reader.next_row() {
            let row = row.unwrap();
            if let Err(error) = row.content {
                rejects.write(row.number, &error.to_string(), row.raw).unwrap();
            }
        }
        let any = rejects.finish().unwrap();
        let written = shared.0.lock().unwrap().take();
        assert_eq!(any, written.is_some());
        written
    }

    #[test]
    fn rejected_rows_keep_their_cells_delimiter_and_encoding() {
        let check = |input: &[u8], expected: Option<&[u8]>| {
            let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
            assert_eq!(rejects(input).map(|bytes| text(&bytes)), expected.map(text), "{}", text(input));
        };
        check(b"name,email\nAnn,a\n", None);
        check(
            b"name;email\nAnn;a\n\nx;\"1\"\"\n;\";y;z\n",
            Some(b"muster_row;muster_reason;name;email\r\n2;has 4 fields, the header has 2;x;\"1\"\"\n;\";y;z\r\n"),
        );
        check(
            b"name,stra\xdfe,lat\nM\xfcller,\xfc,x\n",
            Some(
                b"muster_row,muster_reason,name,stra\xdfe,lat\r\n\
                1,lat: must be a number from -90 to 90,M\xfcller,\xfc,x\r\n",
            ),
        );
        check(
            "name,latitude\nMüller,x\n".as_bytes(),
            Some(
                "\u{feff}muster_row,muster_reason,name,latitude\r\n\
                1,latitude: must be a number from -90 to 90,Müller,x\r\n"
                    .as_bytes(),
            ),
        );
        check(
            b"sep=;\nname;a,b,c,d,e\n;x\n",
            Some(
                b"sep=;\r\nmuster_row;muster_reason;name;a,b,c,d,e\r\n\
                1;at least one of name, surname, email and phone is needed;;x\r\n",
            ),
        );
    }

    #[test]
    fn the_rejects_of_utf16_are_utf8() {
        let utf16: Vec<u8> = "name\tlat\nMüller\tx".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let written = String::from_utf8(rejects(&utf16).unwrap()).unwrap();
        assert!(
            written.starts_with("\u{feff}muster_row\tmuster_reason\tname\tlat\r\n") && written.contains("Müller\tx")
        );
    }

    #[test]
    fn a_corrected_rejects_file_is_imported_and_an_uncorrected_one_rejected_again() {
        let file = "name,email,latitude\nÄnne,a,x\nKemal,k,1\nb\u{e9},c,2,3\n".as_bytes();
        let first = rejects(file).unwrap();
        assert_eq!(rejects(&first).map(|bytes| bytes.len()), Some(first.len()));
        let mended = String::from_utf8(first).unwrap().replace(",x\r\n", ",56\r\n").replace("2,3\r\n", "2\r\n");
        assert_eq!(rejects(mended.as_bytes()), None);
    }

    #[test]
    fn an_output_that_cannot_be_opened_is_an_error_each_time() {
        let reader = ContactReader::open(&b"name\n"[..]).unwrap();
        let denied: RejectsOutput = Box::new(|| Err(io::ErrorKind::PermissionDenied.into()));
        let mut rejects = RejectsWriter::new(reader.header(), reader.delimiter(), denied);
        let first = rejects.write(1, "is wrong", reader.header()).unwrap_err();
        assert_eq!(first.kind(), io::ErrorKind::PermissionDenied);
        assert!(rejects.write(2, "is wrong", reader.header()).is_err());
        assert!(!rejects.finish().unwrap());
    }
}
