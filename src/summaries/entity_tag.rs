//! The entity tag of a summary or a page of details (RFC 9110, section 8.8.3).
//!
//! A tag that is ahead of the database shows that the database is an older state of itself, such as a machine image that
//! was rolled back. Its counters would hand out the same tags again for other data, so a new history must begin
//! (`rollback.rs`). So that nobody can bring that about with an invented tag, each has a seal.

use sha2::{Digest, Sha256};

use crate::domain::directory::Scope;
use crate::domain::sealed_position;
use crate::domain::time::Day;
use crate::store::{ReadTx, ScopeRevision, StoreError};

/// The version of the answers' JSON. It must be raised with every change, so that an older answer is not taken for
/// current.
const FORMAT: u32 = 2;

/// Bytes of the seal: it takes four thousand million requests to guess one.
const SEAL_BYTES: usize = 4;

/// The entity tag of what a transaction shows of a scope: epoch of the database, version of the JSON, sealed revision, how
/// many the scope has drawn, day, seal. Weak, because answers with the same data differ in their head and their
/// calculation time.
pub(super) fn entity_tag(tx: &ReadTx<'_>, scope: &Scope) -> Result<String, StoreError> {
    Ok(sealed(&tx.epoch()?, tx.scope_revision(scope)?, tx.now().day(), &tx.tag_key()?))
}

fn sealed(epoch: &str, ScopeRevision { revision, draws }: ScopeRevision, day: Day, key: &str) -> String {
    let position = sealed_position::seal(revision, key);
    let content = format!("{epoch}-{FORMAT}-{position}-{draws}-{}", day.number());
    format!("W/\"{content}-{}\"", seal(&content, key))
}

fn seal(content: &str, key: &str) -> String {
    let hash = Sha256::new().chain_update(key).chain_update([0]).chain_update(content).finalize();
    let start = hash.first_chunk::<SEAL_BYTES>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    format!("{start:08x}")
}

/// A tag as a client sent it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SentTag<'a> {
    content: &'a str,
    pub(super) epoch: &'a str,
    position: &'a str,
    pub(super) draws: i64,
    seal: &'a str,
}

impl<'a> SentTag<'a> {
    /// None for what is no tag of this form.
    pub(super) fn parse(tag: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(tag).ok()?.trim();
        let text = text.strip_prefix("W/").unwrap_or(text).strip_prefix('"')?.strip_suffix('"')?;
        let (content, seal) = text.rsplit_once('-')?;
        let mut parts = content.split('-');
        let (epoch, _format, position, draws, _day) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        Some(Self { content, epoch, position, draws: draws.parse().ok()?, seal })
    }

    /// The revision of its scope, if a database with this key has handed it out.
    pub(super) fn revision(&self, key: &str) -> Option<i64> {
        if seal(self.content, key) == self.seal { sealed_position::open(self.position, key) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tag_with_its_seal_is_genuine() {
        let tag = sealed("e1", ScopeRevision { revision: 4711, draws: 39 }, Day::from_number(20_779), "key");
        assert!(!tag.contains("4711"), "{tag}");
        let sent = SentTag::parse(tag.as_bytes()).unwrap();
        assert_eq!((sent.epoch, sent.draws), ("e1", 39));
        assert_eq!((sent.revision("key"), sent.revision("other")), (Some(4711), None));
        let invented = tag.replace("-39-", "-40-");
        assert_eq!(SentTag::parse(invented.as_bytes()).unwrap().revision("key"), None);
        let strong = tag.trim_start_matches("W/");
        assert_eq!(SentTag::parse(strong.as_bytes()), Some(sent));
        for other in ["", "*", "W/", "\"x\"", "\"e-1-2-x-3-4\"", "\"e-1-2-3-4-5-6\"", "e-1-2-3-4-5"] {
            assert_eq!(SentTag::parse(other.as_bytes()), None, "{other}");
        }
    }
}
