//! Sessions of which memory knows better than the database: opened or ended while it could not be written.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::cached_session::CachedSession;
use super::cached_token::CachedToken;
use crate::domain::time::Timestamp;

/// Sessions in memory alone that one token may have; the oldest ends when another is opened.
const UNSTORED_PER_TOKEN_MAX: usize = 10;

/// Sessions in memory alone, and sessions that wait to be deleted; more are refused.
pub(super) const UNSTORED_MAX: usize = 1_000;

/// What memory knows better than the database.
#[derive(Default)]
pub(super) struct UnstoredSessions {
    /// Open, and not stored yet.
    pub(super) opened: HashMap<String, Arc<CachedSession>>,
    /// Ended, and stored still.
    pub(super) ended: HashSet<String>,
}

impl UnstoredSessions {
    /// A session that is not stored.
    pub(super) fn opened(&self, id: &str) -> Option<&Arc<CachedSession>> {
        self.opened.get(id)
    }

    /// Whether a session has ended, whatever the database says.
    pub(super) fn has_ended(&self, id: &str) -> bool {
        self.ended.contains(id)
    }

    /// Keeps what still holds beside another list of what is stored.
    pub(super) fn carry_over(
        &mut self,
        tokens: &HashMap<String, Arc<CachedToken>>,
        stored: &mut HashMap<String, Arc<CachedSession>>,
    ) {
        self.opened.retain(|id, known| match known.token_id().and_then(|token| tokens.get(token)) {
            Some(token) if !stored.contains_key(id) => {
                *known = Arc::new(known.of_token(token));
                true
            }
            // It is stored by now, or its token was revoked.
            _ => false,
        });
        self.ended.retain(|id| stored.remove(id).is_some());
    }

    /// Whether another session of this token can be taken, in the place of its oldest perhaps.
    pub(super) fn has_room_for(&mut self, token: &str, now: Timestamp) -> bool {
        self.opened.retain(|_, known| known.is_valid_at(now));
        self.opened.len() < UNSTORED_MAX || self.sessions_of(token).count() >= UNSTORED_PER_TOKEN_MAX
    }

    /// Takes another session of a token.
    pub(super) fn open(&mut self, session: CachedSession, token: &str) {
        if self.sessions_of(token).count() >= UNSTORED_PER_TOKEN_MAX {
            let oldest = self.sessions_of(token).min_by_key(|known| known.session().created_at);
            if let Some(oldest) = oldest.map(|known| known.session().id.clone()) {
                self.opened.remove(&oldest);
            }
        }
        self.opened.insert(session.session().id.clone(), Arc::new(session));
    }

    fn sessions_of(&self, token: &str) -> impl Iterator<Item = &Arc<CachedSession>> {
        self.opened.values().filter(move |known| known.token_id() == Some(token))
    }
}
