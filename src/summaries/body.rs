//! The cached body of an answer: the exact bytes of a hit, plain and, after the first request for it, compressed.
//!
//! An answer consists of a head, which tells where it comes from, and a tail: the data, serialised once. The whole
//! bytes of a hit are cached; any other answer has another head before the same tail.
//!
//! The compressed form is gzip (RFC 1952) and is composed in the same way, so that each entry is compressed once: the
//! head is a *stored* block (RFC 1951, section 3.2.4), which ends at a byte boundary, followed by the blocks of the
//! tail, which were compressed separately and refer to nothing before them. The checksum is combined from those of the
//! two parts.

use std::io::Write;
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use super::entity_tag::SentTag;
use crate::cache::Body;
use crate::domain::time::Timestamp;

/// A gzip header without name, time or flags, for an unknown system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Bytes around a stored block: its header bits, its length and the length's complement.
const STORED_BLOCK_BYTES: usize = 5;

/// Bytes of the gzip trailer: checksum and length.
const GZIP_TRAILER_BYTES: usize = 8;

/// One answer in all its forms.
#[derive(Debug)]
pub struct SummaryBody {
    /// The exact bytes of a hit.
    hit: Bytes,
    /// The position of the tail in them.
    tail_at: usize,
    computed_at: Timestamp,
    etag: Bytes,
    gzip: OnceLock<Gzip>,
}

/// The compressed form.
#[derive(Debug)]
struct Gzip {
    /// The exact bytes of a hit.
    hit: Bytes,
    /// The checksum of the tail alone.
    tail_crc: Crc,
}

/// The head of an answer, which tells where the answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerHead {
    /// From the cache.
    Hit,
    /// By a load.
    Loaded,
    /// From an expired entry, because the load failed.
    Stale,
}

impl AnswerHead {
    fn write(self, computed_at: Timestamp) -> String {
        let (cached, stale) = match self {
            Self::Hit => (true, false),
            Self::Loaded => (false, false),
            Self::Stale => (true, true),
        };
        format!(r#"{{"success":true,"cached":{cached},"stale":{stale},"timestamp":"{computed_at}","data":"#)
    }
}

impl SummaryBody {
    /// An answer with this `data`, a JSON value, and this entity tag.
    #[must_use]
    pub fn new(data: &[u8], computed_at: Timestamp, etag: String) -> Self {
        let head = AnswerHead::Hit.write(computed_at);
        let mut hit = Vec::with_capacity(head.len() + data.len() + 1);
        hit.extend_from_slice(head.as_bytes());
        hit.extend_from_slice(data);
        hit.push(b'}');
        let tail_at = head.len();
        Self { hit: hit.into(), tail_at, computed_at, etag: etag.into(), gzip: OnceLock::new() }
    }

    /// The entity tag as a header value.
    #[must_use]
    pub fn etag(&self) -> &Bytes {
        &self.etag
    }

    /// When it was computed.
    #[must_use]
    pub fn computed_at(&self) -> Timestamp {
        self.computed_at
    }

    /// The data alone: a JSON value.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.hit[self.tail_at..self.hit.len() - 1]
    }

    /// The answer with this head.
    #[must_use]
    pub fn plain(&self, head: AnswerHead) -> Bytes {
        if head == AnswerHead::Hit {
            return self.hit.clone();
        }
        let mut answer = head.write(self.computed_at).into_bytes();
        answer.extend_from_slice(&self.hit[self.tail_at..]);
        answer.into()
    }

    /// Whether the compressed form exists.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.gzip.get().is_some()
    }

    /// The answer with this head, compressed. The first call compresses, which takes some milliseconds per megabyte.
    #[must_use]
    pub fn gzip(&self, head: AnswerHead) -> Bytes {
        let gzip = self.gzip.get_or_init(|| self.compress());
        if head == AnswerHead::Hit {
            return gzip.hit.clone();
        }
        let blocks_at = GZIP_HEADER.len() + STORED_BLOCK_BYTES + self.tail_at;
        let blocks = &gzip.hit[blocks_at..gzip.hit.len() - GZIP_TRAILER_BYTES];
        self.member(head, blocks, &gzip.tail_crc)
    }

    fn compress(&self) -> Gzip {
        let tail = &self.hit[self.tail_at..];
        let mut tail_crc = Crc::new();
        tail_crc.update(tail);
        let mut encoder = DeflateEncoder::new(Vec::with_capacity(tail.len() / 3), Compression::default());
        // Writing to memory cannot fail.
        let blocks = encoder.write_all(tail).and_then(|()| encoder.finish()).unwrap_or_default();
        Gzip { hit: self.member(AnswerHead::Hit, &blocks, &tail_crc), tail_crc }
    }

    /// Composes a gzip member: header, head as a stored block, the tail's blocks, trailer.
    fn member(&self, head: AnswerHead, blocks: &[u8], tail_crc: &Crc) -> Bytes {
        let head = head.write(self.computed_at);
        let mut crc = Crc::new();
        crc.update(head.as_bytes());
        crc.combine(tail_crc);
        // A head has about a hundred bytes, far below the limit of a stored block.
        let length = u16::try_from(head.len()).unwrap_or(u16::MAX);
        let framing = GZIP_HEADER.len() + STORED_BLOCK_BYTES + GZIP_TRAILER_BYTES;
        let mut member = Vec::with_capacity(framing + head.len() + blocks.len());
        member.extend_from_slice(&GZIP_HEADER);
        member.push(0);
        member.extend_from_slice(&length.to_le_bytes());
        member.extend_from_slice(&(!length).to_le_bytes());
        member.extend_from_slice(head.as_bytes());
        member.extend_from_slice(blocks);
        member.extend_from_slice(&crc.sum().to_le_bytes());
        member.extend_from_slice(&crc.amount().to_le_bytes());
        member.into()
    }
}

impl Body for SummaryBody {
    fn bytes(&self) -> usize {
        self.hit.len() + self.etag.len() + self.gzip.get().map_or(0, |gzip| gzip.hit.len())
    }

    /// How often its scope had changed.
    fn version(&self) -> i64 {
        SentTag::parse(&self.etag).map_or(0, |tag| tag.draws)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn every_form_of_an_answer_has_the_same_content() {
        let data = format!(r#"{{"words":"{}"}}"#, "contact ".repeat(10_000));
        let at = Timestamp::from_millis(1_795_000_000_000);
        let body = SummaryBody::new(data.as_bytes(), at, "W/\"e-1-2-3\"".to_owned());
        let plain_bytes = body.bytes();
        for head in [AnswerHead::Loaded, AnswerHead::Hit, AnswerHead::Stale] {
            let plain = body.plain(head);
            let mut unpacked = Vec::new();
            GzDecoder::new(&body.gzip(head)[..]).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, plain, "{head:?}");
            let json: serde_json::Value = serde_json::from_slice(&plain).unwrap();
            assert_eq!(
                (&json["cached"], &json["stale"]),
                (&(head != AnswerHead::Loaded).into(), &(head == AnswerHead::Stale).into())
            );
            assert_eq!(json["timestamp"], at.to_string());
            assert_eq!(json["data"].to_string(), data);
        }
        assert_eq!(body.data(), data.as_bytes());
        assert_eq!(body.bytes(), plain_bytes + body.gzip(AnswerHead::Hit).len(), "the size of both forms is counted");
        assert!(body.gzip(AnswerHead::Stale).len() < data.len() / 50, "the tail is compressed");
    }
}
