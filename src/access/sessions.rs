//! Signed-in browsers: a session is opened with a token or a one-time link, and counts as that token, or as an
//! administrator.
//!
//! What the browser sends reads `<id>.<secret>`, with 256 random bits in base64url as a token has them.

use std::io;
use std::sync::Arc;

use serde_json::json;

use super::cached_session::OpenSession;
use super::links::LinkId;
use super::secret::{expires_at, hash, is_same, mint_secret};
use super::tokens::Access;
use crate::domain::access::{SESSION_LIFE, Session, Token};
use crate::domain::time::Timestamp;
use crate::store::{Actor, AuditAction, AuditEntry, NewSession, StoreError, Subject, WriteTx};

/// What memory says of a text that claims to be a session.
#[derive(Clone, Debug)]
pub enum RecognisedSession {
    /// It is one, or was: its time may be over.
    Known(Arc<OpenSession>),
    /// It is none: malformed, or the secret is wrong.
    Invalid,
    /// Memory does not know its id; the database may.
    Unknown,
}

/// A session that has just been made: the text for its browser, and what is to be stored.
#[must_use]
pub struct MintedSession {
    /// What the browser sends.
    pub secret: String,
    /// What [`Access::sign_in`] takes.
    pub stored: NewSession,
}

/// Makes a session for a token, or for the holder of a one-time link. Fails only when the operating system has no
/// random numbers.
pub fn mint_session(token: Option<&Token>, address: String, now: Timestamp) -> io::Result<MintedSession> {
    let (id, secret) = mint_secret(now)?;
    let end = expires_at(now, SESSION_LIFE);
    // A session never outlives its token; its cookie should not claim to.
    let expires_at = token.and_then(|token| token.expires_at).map_or(end, |expiry| expiry.min(end));
    let token_id = token.map(|token| token.id.clone());
    let text = format!("{id}.{secret}");
    Ok(MintedSession {
        secret: text,
        stored: NewSession { id, token_id, created_at: now, expires_at, address, secret_hash: hash(&secret) },
    })
}

impl Access {
    /// Judges a text from memory alone.
    #[must_use]
    pub fn recognise_session(&self, text: &str) -> RecognisedSession {
        let Some((id, secret)) = text.split_once('.') else { return RecognisedSession::Invalid };
        let known = {
            let table = self.cache.table.read();
            if table.unstored.has_ended(id) {
                return RecognisedSession::Invalid;
            }
            table.sessions.get(id).or_else(|| table.unstored.opened(id)).cloned()
        };
        let Some(known) = known else { return RecognisedSession::Unknown };
        if !is_same(&hash(secret), &known.secret_hash) {
            return RecognisedSession::Invalid;
        }
        let now = self.clock.now();
        if known.open.session.is_valid_at(now) {
            known.note_use(now);
        }
        RecognisedSession::Known(Arc::clone(&known.open))
    }

    /// Judges a text that memory does not know, from the database. The caller limits how often.
    pub async fn look_up_session(&self, text: &str) -> Result<Option<Arc<OpenSession>>, StoreError> {
        let Some((id, secret)) = text.split_once('.') else { return Ok(None) };
        let id = id.to_owned();
        let Some(stored) = self.store.read(move |tx| tx.session(&id)).await? else { return Ok(None) };
        let is_right = is_same(&hash(secret), &stored.secret_hash);
        Ok(is_right.then(|| Arc::new(OpenSession::new(stored.session))))
    }

    /// Opens a session in one transaction: uses the link up, if it is a link that opens it, and ends the session that
    /// the browser had before. `None` when the link or the token works no longer, which another may have caused
    /// meanwhile.
    ///
    /// While the database cannot be written, a token's session is held in memory; a link is refused and stays unused.
    pub async fn sign_in(
        &self,
        session: NewSession,
        link: Option<LinkId>,
        before: Option<String>,
        actor: Actor,
    ) -> Result<Option<OpenSession>, StoreError> {
        let opening = Opening { session, link, before, actor };
        let stored = opening.clone();
        match self.store.write(move |tx| stored.write(tx)).await {
            Err(error) if error.trouble().is_some() && opening.link.is_none() => {
                let Opening { session, before, actor, .. } = opening;
                let opened = self.open_unstored(&session, before.as_deref(), &actor).ok_or(error)?;
                Ok(Some(OpenSession::new(opened)))
            }
            outcome => outcome,
        }
    }

    /// Ends a session because its holder signs out. While the database cannot be written, it is refused from memory.
    pub async fn sign_out(&self, id: String, actor: Actor) -> Result<(), StoreError> {
        let was_in_memory = self.close_unstored(&id, &actor).is_some();
        let (target, who) = (id.clone(), actor.clone());
        let work = self.store.write(move |tx| {
            if was_in_memory { tx.delete_session(&target).map(drop) } else { tx.end_session(&target, tx.now(), &who) }
        });
        match work.await {
            Err(StoreError::NotFound(_)) if was_in_memory => Ok(()),
            Err(error) if error.trouble().is_some() && (was_in_memory || self.end_unstored(&id, &actor)) => Ok(()),
            outcome => outcome,
        }
    }

    /// Ends a session because an administrator wants it to.
    pub async fn revoke_session(&self, id: String, actor: Actor) -> Result<(), StoreError> {
        let was_in_memory = self.close_unstored(&id, &actor).is_some();
        let work = self.store.write(move |tx| tx.revoke_session(&id, &actor));
        match work.await {
            Err(error) if was_in_memory && (error.trouble().is_some() || matches!(error, StoreError::NotFound(_))) => {
                Ok(())
            }
            outcome => outcome,
        }
    }
}

/// A session that is to be opened.
#[derive(Clone)]
struct Opening {
    session: NewSession,
    link: Option<LinkId>,
    before: Option<String>,
    actor: Actor,
}

impl Opening {
    fn write(&self, tx: &WriteTx<'_>) -> Result<Option<OpenSession>, StoreError> {
        let Self { session, link, before, actor } = self;
        if let Some(LinkId(link)) = link {
            if !tx.use_sign_in_link(link)? {
                return Ok(None);
            }
            tx.audit(actor, &AuditEntry::of(AuditAction::LinkUse, link).after(json!({ "sessionId": session.id })))?;
        }
        let opened = match tx.create_session(session) {
            Err(StoreError::NotFound(Subject::Token)) => return Ok(None),
            opened => opened?,
        };
        tx.audit(actor, &audit_of_opening(&opened, link.as_ref()))?;
        if let Some(before) = before {
            match tx.end_session(before, tx.now(), actor) {
                Ok(()) | Err(StoreError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(OpenSession::new(opened)))
    }
}

/// The audit log's entry for a session that was opened.
pub(super) fn audit_of_opening(session: &Session, link: Option<&LinkId>) -> AuditEntry {
    let mut after = session.described();
    if let Some(LinkId(link)) = link {
        after["linkId"] = json!(link);
    }
    AuditEntry::of(AuditAction::SessionCreate, &session.id).after(after)
}

/// The audit log's entry for a session that its holder ended.
pub(super) fn audit_of_end(session: &Session) -> AuditEntry {
    AuditEntry::of(AuditAction::SessionEnd, &session.id).before(session.described())
}
