//! Signing in and out while the database cannot be written: in memory, until it can.
//!
//! An administrator who looks into why nothing can be stored must be able to sign in, and a browser that signs out must
//! be signed out. So a session that a token opens is held in memory alone, and is stored as soon as there is room; one
//! that is stored and ends is refused from memory, and deleted then. If the server ends before, the first has to be
//! opened again, and the second is there again until its time is over. One-time links are not taken meanwhile: after
//! such an end one could be used twice.

use std::sync::Arc;

use super::cached_session::CachedSession;
use super::sessions::{audit_of_end, audit_of_opening};
use super::tokens::Access;
use crate::domain::access::Session;
use crate::store::{Actor, NewSession, StoreError};

impl Access {
    /// The sessions that are not stored, newest first.
    #[must_use]
    pub fn unstored_sessions(&self) -> Vec<Session> {
        let table = self.cache.table.read();
        let now = self.clock.now();
        let opened = table.unstored.opened.values().filter(|known| known.is_valid_at(now));
        let mut sessions: Vec<Session> = opened.map(|known| known.session().clone()).collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.created_at));
        sessions
    }

    /// Opens a session in memory, since it cannot be stored; `None` when it cannot be opened in this way either, or
    /// what is to be written down of it later finds no place.
    pub(super) fn open_unstored(&self, new: &NewSession, before: Option<&str>, actor: &Actor) -> Option<Session> {
        let (now, token_id) = (self.clock.now(), new.token_id.as_deref()?);
        let session = {
            let mut table = self.cache.table.write();
            let known = CachedSession::unstored(new, &Arc::clone(table.tokens.get(token_id)?));
            let session = known.session().clone();
            // The write asks memory, which is held here: it cannot be done before the session is open.
            if !session.is_valid_at(now)
                || !table.unstored.has_room_for(token_id, now)
                || !self.leave_opening(new, &session, actor)
            {
                return None;
            }
            table.unstored.open(known, token_id);
            session
        };
        tracing::warn!(session = session.id, "a session is held in memory alone, since it cannot be stored");
        if let Some(before) = before
            && self.close_unstored(before, actor).is_none()
        {
            self.end_unstored(before, actor);
        }
        Some(session)
    }

    /// Leaves for later what is to be written down of a session that opens in memory.
    fn leave_opening(&self, new: &NewSession, session: &Session, actor: &Actor) -> bool {
        let (cache, stored, actor_of, entry) =
            (Arc::clone(&self.cache), new.clone(), actor.clone(), audit_of_opening(session, None));
        self.store.defer_write(actor, move |tx| {
            tx.audit_at(stored.created_at, &actor_of, &entry)?;
            if !cache.is_open(&stored.id) {
                return Ok(());
            }
            match tx.create_session(&stored) {
                // Its token has been revoked meanwhile.
                Err(StoreError::NotFound(_)) => Ok(()),
                created => created.map(drop),
            }
        })
    }

    /// Ends a session that is in memory alone, if there is one. What is written down of it later says so; if that finds
    /// no place, the log does, since a browser that signs out must be signed out.
    pub(super) fn close_unstored(&self, id: &str, actor: &Actor) -> Option<Session> {
        let session = self.cache.close(id)?.session().clone();
        let (at, actor_of, entry) = (self.clock.now(), actor.clone(), audit_of_end(&session));
        if !self.store.defer_write(actor, move |tx| tx.audit_at(at, &actor_of, &entry)) {
            tracing::warn!(session = id, %actor, "a session has ended, which is not in the audit log");
        }
        Some(session)
    }

    /// Ends a stored session in memory, since it cannot be deleted; false when that is too much.
    pub(super) fn end_unstored(&self, id: &str, actor: &Actor) -> bool {
        let (at, id_of, actor_of) = (self.clock.now(), id.to_owned(), actor.clone());
        let leave = || {
            self.store.defer_write(actor, move |tx| match tx.end_session(&id_of, at, &actor_of) {
                Err(StoreError::NotFound(_)) => Ok(()),
                ended => ended,
            })
        };
        let has_ended = self.cache.end(id, leave);
        if has_ended {
            tracing::warn!(session = id, "a session has ended in memory alone, since it cannot be deleted");
        }
        has_ended
    }
}
