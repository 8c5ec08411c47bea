//! A session in memory.

use std::collections::HashMap;
use std::sync::Arc;

use super::cached_token::CachedToken;
use super::last_use::LastUse;
use crate::domain::access::{Session, Token};
use crate::domain::time::Timestamp;
use crate::store::{AccessList, NewSession, StoredSession};

/// A session as requests meet it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// What is known of it.
    pub session: Session,
    /// The token that it counts as.
    pub counts_as: Arc<Token>,
}

impl OpenSession {
    pub(super) fn new(session: Session) -> Self {
        Self { counts_as: Arc::new(session.counts_as()), session }
    }
}

/// A session in memory.
pub(super) struct CachedSession {
    pub(super) open: Arc<OpenSession>,
    pub(super) secret_hash: [u8; 32],
    pub(super) used: LastUse,
    /// Its token, which is in use when the session is.
    token: Option<Arc<CachedToken>>,
}

impl CachedSession {
    fn new(stored: &StoredSession, token: Option<&Arc<CachedToken>>, before: Option<&LastUse>) -> Self {
        Self {
            open: Arc::new(OpenSession::new(stored.session.clone())),
            secret_hash: stored.secret_hash,
            used: LastUse::new(stored.session.last_used_at, before),
            token: token.cloned(),
        }
    }

    /// A session of this token that is not stored.
    pub(super) fn unstored(new: &NewSession, token: &Arc<CachedToken>) -> Self {
        let session = Session {
            id: new.id.clone(),
            token: Some(Token::clone(&token.token)),
            created_at: new.created_at,
            expires_at: new.expires_at,
            last_used_at: None,
            address: new.address.clone(),
        };
        Self::new(&StoredSession { session, secret_hash: new.secret_hash }, Some(token), None)
    }

    /// The same, of its token as it is known now.
    pub(super) fn of_token(&self, token: &Arc<CachedToken>) -> Self {
        let session = Session { token: Some(Token::clone(&token.token)), ..self.open.session.clone() };
        Self::new(&StoredSession { session, secret_hash: self.secret_hash }, Some(token), Some(&self.used))
    }

    pub(super) fn session(&self) -> &Session {
        &self.open.session
    }

    pub(super) fn token_id(&self) -> Option<&str> {
        self.open.session.token.as_ref().map(|token| token.id.as_str())
    }

    pub(super) fn is_valid_at(&self, now: Timestamp) -> bool {
        self.open.session.is_valid_at(now)
    }

    pub(super) fn note_use(&self, now: Timestamp) {
        self.used.note(now);
        if let Some(token) = &self.token {
            token.used.note(now);
        }
    }
}

/// The sessions of a list, which go on from what was known of them `before`.
pub(super) fn cached_sessions(
    list: &AccessList,
    tokens: &HashMap<String, Arc<CachedToken>>,
    before: &HashMap<String, Arc<CachedSession>>,
) -> HashMap<String, Arc<CachedSession>> {
    let cached = |stored: &StoredSession| {
        let session = &stored.session;
        let used = before.get(&session.id).map(|known| &known.used);
        let token = session.token.as_ref().and_then(|token| tokens.get(&token.id));
        (session.id.clone(), Arc::new(CachedSession::new(stored, token, used)))
    };
    list.sessions.iter().map(cached).collect()
}
