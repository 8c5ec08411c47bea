//! Signing in and out while the database cannot be written: in memory, until it can.
//!
//! Whoever comes to see why nothing can be stored must be let in, and whoever leaves must be out. So a session that a token
//! opens is held in memory alone, and is stored as soon as there is room; one that is stored and ends is refused from memory,
//! and deleted then. If the server ends before, the first has to be opened again, and the second is there again until its
//! time is over. One-time links are not taken meanwhile: after such an end one could be used twice.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::sessions::{KnownSession, audit_of_end, audit_of_opening};
use super::{Access, Known, Memory};
use crate::domain::access::Session;
use crate::domain::time::Timestamp;
use crate::store::{Actor, NewSession, StoreError};

/// Sessions in memory alone that one token may have; the oldest ends when another is opened.
const UNWRITTEN_PER_TOKEN_MAX: usize = 10;

/// Sessions in memory alone, and sessions that wait to be deleted; more are refused.
const UNWRITTEN_MAX: usize = 1_000;

/// What memory knows better than the database.
#[derive(Default)]
pub(super) struct Unwritten {
    /// Open, and not stored yet.
    opened: HashMap<String, Arc<KnownSession>>,
    /// Ended, and stored still.
    ended: HashSet<String>,
}

impl Unwritten {
    /// A session that is not stored.
    pub(super) fn opened(&self, id: &str) -> Option<&Arc<KnownSession>> {
        self.opened.get(id)
    }

    /// Whether a session has ended, whatever the database says.
    pub(super) fn has_ended(&self, id: &str) -> bool {
        self.ended.contains(id)
    }

    /// Goes on beside another list of what is stored.
    pub(super) fn go_on(
        &mut self,
        tokens: &HashMap<String, Arc<Known>>,
        stored: &mut HashMap<String, Arc<KnownSession>>,
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
    fn has_room_for(&mut self, token: &str, now: Timestamp) -> bool {
        self.opened.retain(|_, known| known.is_valid_at(now));
        self.opened.len() < UNWRITTEN_MAX || self.sessions_of(token).count() >= UNWRITTEN_PER_TOKEN_MAX
    }

    /// Takes another session of a token.
    fn open(&mut self, session: KnownSession, token: &str) {
        if self.sessions_of(token).count() >= UNWRITTEN_PER_TOKEN_MAX {
            let oldest = self.sessions_of(token).min_by_key(|known| known.session().created_at);
            if let Some(oldest) = oldest.map(|known| known.session().id.clone()) {
                self.opened.remove(&oldest);
            }
        }
        self.opened.insert(session.session().id.clone(), Arc::new(session));
    }

    fn sessions_of(&self, token: &str) -> impl Iterator<Item = &Arc<KnownSession>> {
        self.opened.values().filter(move |known| known.token_id() == Some(token))
    }
}

impl Memory {
    /// Forgets a session that is in memory alone, and gives it back if there was one.
    fn close(&self, id: &str) -> Option<Arc<KnownSession>> {
        self.table.write().unwritten.opened.remove(id)
    }

    fn is_open(&self, id: &str) -> bool {
        self.table.read().unwritten.opened.contains_key(id)
    }

    /// Refuses a stored session from now on, if that can be written down later; false when too many wait already.
    fn end(&self, id: &str, leave: impl FnOnce() -> bool) -> bool {
        let mut table = self.table.write();
        if table.unwritten.ended.len() >= UNWRITTEN_MAX || !leave() {
            return false;
        }
        table.sessions.remove(id);
        table.unwritten.ended.insert(id.to_owned());
        true
    }
}

impl Access {
    /// The sessions that are not stored, newest first.
    #[must_use]
    pub fn unwritten_sessions(&self) -> Vec<Session> {
        let table = self.memory.table.read();
        let now = self.clock.now();
        let opened = table.unwritten.opened.values().filter(|known| known.is_valid_at(now));
        let mut sessions: Vec<Session> = opened.map(|known| known.session().clone()).collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.created_at));
        sessions
    }

    /// Opens a session in memory, since it cannot be stored; `None` when it cannot be opened in this way either, or what is
    /// to be written down of it later finds no place.
    pub(super) fn open_unwritten(&self, new: &NewSession, before: Option<&str>, actor: &Actor) -> Option<Session> {
        let (now, token_id) = (self.clock.now(), new.token_id.as_deref()?);
        let session = {
            let mut table = self.memory.table.write();
            let known = KnownSession::unwritten(new, &Arc::clone(table.by_id.get(token_id)?));
            let session = known.session().clone();
            // The write asks memory, which is held here: it cannot be done before the session is open.
            if !session.is_valid_at(now)
                || !table.unwritten.has_room_for(token_id, now)
                || !self.leave_opening(new, &session, actor)
            {
                return None;
            }
            table.unwritten.open(known, token_id);
            session
        };
        tracing::warn!(session = session.id, "a session is held in memory alone, since it cannot be stored");
        if let Some(before) = before
            && self.close_unwritten(before, actor).is_none()
        {
            self.end_unwritten(before, actor);
        }
        Some(session)
    }

    /// Leaves for later what is to be written down of a session that opens in memory.
    fn leave_opening(&self, new: &NewSession, session: &Session, actor: &Actor) -> bool {
        let (memory, stored, actor_of, entry) =
            (Arc::clone(&self.memory), new.clone(), actor.clone(), audit_of_opening(session, None));
        self.store.defer_write(actor, move |tx| {
            tx.audit_at(stored.created_at, &actor_of, &entry)?;
            if !memory.is_open(&stored.id) {
                return Ok(());
            }
            match tx.create_session(&stored) {
                // Its token has been revoked meanwhile.
                Err(StoreError::NotFound(_)) => Ok(()),
                created => created.map(drop),
            }
        })
    }

    /// Ends a session that is in memory alone, if there is one. What is written down of it later says so; if that finds no
    /// place, the log does, since whoever leaves must be out.
    pub(super) fn close_unwritten(&self, id: &str, actor: &Actor) -> Option<Session> {
        let session = self.memory.close(id)?.session().clone();
        let (at, actor_of, entry) = (self.clock.now(), actor.clone(), audit_of_end(&session));
        if !self.store.defer_write(actor, move |tx| tx.audit_at(at, &actor_of, &entry)) {
            tracing::warn!(session = id, %actor, "a session has ended, which is not in the audit log");
        }
        Some(session)
    }

    /// Ends a stored session in memory, since it cannot be deleted; false when that is too much.
    pub(super) fn end_unwritten(&self, id: &str, actor: &Actor) -> bool {
        let (at, id_of, actor_of) = (self.clock.now(), id.to_owned(), actor.clone());
        let leave = || {
            self.store.defer_write(actor, move |tx| match tx.end_session(&id_of, at, &actor_of) {
                Err(StoreError::NotFound(_)) => Ok(()),
                ended => ended,
            })
        };
        let has_ended = self.memory.end(id, leave);
        if has_ended {
            tracing::warn!(session = id, "a session has ended in memory alone, since it cannot be deleted");
        }
        has_ended
    }
}
