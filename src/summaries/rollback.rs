//! A client's entity tag that is ahead of the database: the machine's image was rolled back.

use super::entity_tag::SentTag;
use super::read_through::Summaries;

/// Greater positions were never handed out: numbers up to here are exact in JavaScript, and leave room to go on.
const POSITION_MAX: i64 = 1 << 52;

impl Summaries {
    /// Begins a new history if one of these tags shows that clients have seen a later state of this database; returns
    /// whether it did. `served` is the tag of the current answer, of the same scope.
    pub async fn renew_if_rolled_back<'a>(&self, served: &[u8], tags: impl Iterator<Item = &'a [u8]>) -> bool {
        let Some(current) = SentTag::parse(served) else { return false };
        // Of one scope no client has seen more draws than there are, unless one has just been made.
        let ahead = tags.filter_map(SentTag::parse).find(|tag| tag.epoch == current.epoch && tag.draws > current.draws);
        let Some(tag) = ahead else { return false };
        // The database decides: what is served may be behind it for a moment.
        let Ok((key, counter)) = self.store.read_internal(|tx| Ok((tx.tag_key()?, tx.revision()?))).await else {
            return false;
        };
        match tag.revision(&key) {
            Some(revision) if (counter + 1..=POSITION_MAX).contains(&revision) => {
                self.renew(tag.epoch.to_owned(), revision).await
            }
            _ => false,
        }
    }

    /// The same for a position of the event stream. Positions have no seal, so only those of administrators count, who
    /// could do worse.
    pub async fn renew_if_position_ahead(&self, seen: i64) -> bool {
        let Ok((epoch, counter)) = self.store.read_internal(|tx| Ok((tx.epoch()?, tx.revision()?))).await else {
            return false;
        };
        if !(counter..=POSITION_MAX).contains(&seen) || seen == counter {
            return false;
        }
        self.renew(epoch, seen).await
    }

    async fn renew(&self, epoch: String, revision: i64) -> bool {
        match self.store.write(move |tx| tx.renew_if_behind(&epoch, revision)).await {
            Ok(renewed) => renewed,
            Err(error) => {
                tracing::error!(%error, "the database is an older state of itself, and no new history can begin");
                false
            }
        }
    }
}
