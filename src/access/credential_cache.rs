//! The tokens and sessions in memory, kept current by the store's change feed.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use super::cached_session::{CachedSession, cached_sessions};
use super::cached_token::CachedToken;
use super::unstored_sessions::{UNSTORED_MAX, UnstoredSessions};
use crate::domain::time::Timestamp;
use crate::store::{AccessList, Publication, Subscriber};

/// The tokens and sessions in memory.
#[derive(Default)]
pub(super) struct CredentialCache {
    /// Read by every request for as long as a look-up and a comparison take, written when tokens change. Nothing is
    /// hashed or waited for under it, and what is found is not shared out first: counting references is what threads
    /// contend for.
    pub(super) table: RwLock<CredentialTable>,
}

#[derive(Default)]
pub(super) struct CredentialTable {
    version: i64,
    pub(super) tokens: HashMap<String, Arc<CachedToken>>,
    pub(super) sessions: HashMap<String, Arc<CachedSession>>,
    pub(super) unstored: UnstoredSessions,
}

/// Ids, each with its last use.
pub(super) type Uses = Vec<(String, Timestamp)>;

impl CredentialCache {
    /// The tokens and the sessions whose last use the database has not got.
    pub(super) fn unrecorded_uses(&self) -> (Uses, Uses) {
        let table = self.table.read();
        let tokens = table.tokens.iter().filter_map(|(id, known)| Some((id.clone(), known.used.take_unrecorded()?)));
        let sessions =
            table.sessions.iter().filter_map(|(id, known)| Some((id.clone(), known.used.take_unrecorded()?)));
        (tokens.collect(), sessions.collect())
    }

    /// Marks the last uses of these as not recorded.
    pub(super) fn unrecord_uses(&self, ids: &[String]) {
        let table = self.table.read();
        for id in ids {
            if let Some(known) = table.tokens.get(id) {
                known.used.unrecord();
            }
            if let Some(known) = table.sessions.get(id) {
                known.used.unrecord();
            }
        }
    }

    /// Whether the token or session with this id works; `None` for one that is not known.
    pub(super) fn holds(&self, id: &str, now: Timestamp) -> Option<bool> {
        let table = self.table.read();
        if table.unstored.has_ended(id) {
            return Some(false);
        }
        let token = table.tokens.get(id).map(|known| known.token.is_valid_at(now));
        let session = || table.sessions.get(id).or_else(|| table.unstored.opened(id));
        token.or_else(|| session().map(|known| known.is_valid_at(now)))
    }

    /// Forgets a session that is in memory alone, and gives it back if there was one.
    pub(super) fn close(&self, id: &str) -> Option<Arc<CachedSession>> {
        self.table.write().unstored.opened.remove(id)
    }

    pub(super) fn is_open(&self, id: &str) -> bool {
        self.table.read().unstored.opened.contains_key(id)
    }

    /// Refuses a stored session from now on, if that can be written down later; false when too many wait already.
    pub(super) fn end(&self, id: &str, leave: impl FnOnce() -> bool) -> bool {
        let mut table = self.table.write();
        if table.unstored.ended.len() >= UNSTORED_MAX || !leave() {
            return false;
        }
        table.sessions.remove(id);
        table.unstored.ended.insert(id.to_owned());
        true
    }
}

impl Subscriber for CredentialCache {
    fn published(&self, _publication: &Publication) {}

    fn reset_to(&self, _revision: i64) {}

    // Tokens are looked up in the database before one is refused, and a revoked one is published as soon as that can be read.
    fn suspend(&self) {}

    fn access_changed(&self, list: &Arc<AccessList>) {
        let mut table = self.table.write();
        // The writer and the watcher publish the same changes; the later list must not be replaced by the earlier.
        if list.version < table.version {
            return;
        }
        let cached = list.tokens.iter().map(|stored| {
            let cached = CachedToken::new(stored, table.tokens.get(&stored.token.id));
            (stored.token.id.clone(), Arc::new(cached))
        });
        let tokens = cached.collect();
        let mut sessions = cached_sessions(list, &tokens, &table.sessions);
        let mut unstored = std::mem::take(&mut table.unstored);
        unstored.carry_over(&tokens, &mut sessions);
        *table = CredentialTable { version: list.version, tokens, sessions, unstored };
    }
}
