//! The bytes of a file, with UTF-16 transcoded to UTF-8 and the byte order mark removed.

use std::io::{self, Read};

use encoding_rs::{UTF_16BE, UTF_16LE};

use super::encoding::{self, TextEncoding};
use crate::transfer::TransferError;

/// The size of one read, and of the beginning from which encoding and format are detected: large enough for few system
/// calls and a complete header, small enough for a CPU cache.
const INPUT_BUFFER_BYTES: usize = 64 * 1024;

/// A buffered input that returns ASCII-compatible bytes.
#[derive(Debug)]
pub(crate) struct TextSource<R> {
    input: R,
    raw: Buffer,
    bytes_read: u64,
    at_end: bool,
    transcoder: Option<Transcoder>,
}

/// Bytes of which `start..end` are not yet consumed.
#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

struct Transcoder {
    decoder: encoding_rs::Decoder,
    text: Buffer,
    finished: bool,
}

impl std::fmt::Debug for Transcoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transcoder").field("text", &self.text).finish_non_exhaustive()
    }
}

impl<R: Read> TextSource<R> {
    /// Reads the start of a file and detects its encoding; [`TextEncoding::Ascii`] means that it is undecided.
    pub(crate) fn open(input: R) -> Result<(Self, TextEncoding), TransferError> {
        let raw = Buffer::new(INPUT_BUFFER_BYTES);
        let mut source = Self { input, raw, bytes_read: 0, at_end: false, transcoder: None };
        while !source.at_end && source.raw.end < INPUT_BUFFER_BYTES {
            source.read()?;
        }
        let (encoding, mark_len) = encoding::detect(source.raw.unread());
        source.raw.start = mark_len;
        source.transcoder = match encoding {
            TextEncoding::Utf16Le => Some(Transcoder::new(UTF_16LE)),
            TextEncoding::Utf16Be => Some(Transcoder::new(UTF_16BE)),
            _ => None,
        };
        let beginning = source.fill()?;
        if beginning.starts_with(b"PK\x03\x04") {
            return Err(TransferError::Archive);
        }
        if beginning.contains(&0) {
            return Err(TransferError::Binary);
        }
        Ok((source, encoding))
    }

    /// The bytes that are not yet consumed; reads more if there are none. Empty only at the end of the file.
    pub(crate) fn fill(&mut self) -> io::Result<&[u8]> {
        if self.transcoder.is_some() {
            self.transcode()?;
        } else if self.raw.is_empty() && !self.at_end {
            self.read()?;
        }
        Ok(self.transcoder.as_ref().map_or(&self.raw, |transcoder| &transcoder.text).unread())
    }

    /// Consumes the first `len` bytes that [`fill`](Self::fill) returned.
    pub(crate) fn consume(&mut self, len: usize) {
        let buffer = self.transcoder.as_mut().map_or(&mut self.raw, |transcoder| &mut transcoder.text);
        buffer.start = buffer.end.min(buffer.start + len);
    }

    /// Bytes of the file read so far, including those not yet consumed.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Reads once, and appends to the bytes that are not yet consumed.
    fn read(&mut self) -> io::Result<()> {
        if self.raw.is_empty() {
            self.raw.start = 0;
            self.raw.end = 0;
        }
        let len = loop {
            match self.input.read(&mut self.raw.bytes[self.raw.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.raw.end += len;
        self.bytes_read += len as u64;
        self.at_end = len == 0;
        Ok(())
    }

    fn transcode(&mut self) -> io::Result<()> {
        loop {
            match &self.transcoder {
                Some(transcoder) if transcoder.text.is_empty() && !transcoder.finished => {}
                _ => return Ok(()),
            }
            if self.raw.is_empty() && !self.at_end {
                self.read()?;
            }
            if let Some(transcoder) = &mut self.transcoder {
                let used = transcoder.run(self.raw.unread(), self.at_end);
                self.raw.start += used;
            }
        }
    }
}

impl Transcoder {
    fn new(encoding: &'static encoding_rs::Encoding) -> Self {
        let decoder = encoding.new_decoder_without_bom_handling();
        let text_len = decoder.max_utf8_buffer_length(INPUT_BUFFER_BYTES).unwrap_or(4 * INPUT_BUFFER_BYTES);
        Self { decoder, text: Buffer::new(text_len), finished: false }
    }

    /// Replaces the text with the transcoded `raw`; returns how many bytes it used. Half a surrogate pair becomes
    /// U+FFFD.
    fn run(&mut self, raw: &[u8], last: bool) -> usize {
        let (result, used, written, _) = self.decoder.decode_to_utf8(raw, &mut self.text.bytes, last);
        self.text.start = 0;
        self.text.end = written;
        self.finished = last && result == encoding_rs::CoderResult::InputEmpty;
        used
    }
}

impl Buffer {
    fn new(len: usize) -> Self {
        Self { bytes: vec![0; len], start: 0, end: 0 }
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An input that returns one byte at a time, with an `Interrupted` error before each.
    struct Trickle<'a>(&'a [u8], bool);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(&mut buffer[..1]) }
        }
    }

    fn read_all(input: &[u8]) -> Result<(String, TextEncoding), TransferError> {
        let (mut source, encoding) = TextSource::open(Trickle(input, false))?;
        let mut all = Vec::new();
        loop {
            let piece = source.fill()?;
            if piece.is_empty() {
                assert_eq!(source.bytes_read(), input.len() as u64);
                return Ok((String::from_utf8_lossy(&all).into_owned(), encoding));
            }
            // Consume only a part, so that the rest must be kept.
            let used = piece.len().div_ceil(2);
            all.extend_from_slice(&piece[..used]);
            source.consume(used);
        }
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn the_encoding_is_detected_from_the_beginning() {
        let check = |input: &[u8], text: &str, encoding: TextEncoding| {
            assert_eq!(read_all(input).unwrap(), (text.to_owned(), encoding));
        };
        check(b"", "", TextEncoding::Ascii);
        check(b"name,email", "name,email", TextEncoding::Ascii);
        check("\u{feff}name".as_bytes(), "name", TextEncoding::Utf8);
        let text = "name,\u{1f600} Müller\r\n".repeat(20_000);
        for (bytes, encoding) in
            [(u16::to_le_bytes as fn(u16) -> _, TextEncoding::Utf16Le), (u16::to_be_bytes, TextEncoding::Utf16Be)]
        {
            check(&utf16(&format!("\u{feff}{text}"), bytes), &text, encoding);
            check(&utf16(&text, bytes), &text, encoding);
        }
        check(b"\xff\xfen\0a\0m", "na\u{fffd}", TextEncoding::Utf16Le);
    }

    #[test]
    fn binary_files_are_refused() {
        let check = |input: &[u8], expected: &str| {
            let refusal = read_all(input).map_err(|error| format!("{error:?}"));
            assert_eq!(refusal, Err(expected.to_owned()), "{input:?}");
        };
        check(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "Binary");
        check(b"PK\x03\x04\x14\0\x06\0", "Archive");
        check(b"name,em\0ail\r\n", "Binary");
        check(b"\xff\xfe\0\0n\0\0\0a\0\0\0m\0\0\0", "Binary");
        check(b"\0\0\0\0", "Binary");
        check(b"n\0a\0m", "Binary");
    }
}
