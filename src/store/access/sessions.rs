//! Sessions and one-time sign-in links as they are stored: hashed, each with an expiry.

use std::time::Duration;

use rusqlite::params;

use super::access_list::{SESSION_SELECT, StoredSession, read_session};
use crate::domain::access::{SESSIONS_PER_TOKEN_MAX, Session};
use crate::domain::page::{Page, PageRequest, TimeCursor};
use crate::domain::time::Timestamp;
use crate::store::engine::error::{StoreError, Subject};
use crate::store::engine::row::timestamp;
use crate::store::engine::tx::{ReadTx, WriteTx};
use crate::store::upkeep::actor::Actor;
use crate::store::upkeep::audit::AuditEntry;
use crate::store::upkeep::audit_action::AuditAction;

/// How long a link is kept after its expiry, so that late attempts get the reason.
const SIGN_IN_LINK_KEPT: Duration = Duration::from_hours(24);

#[derive(Clone, Debug)]
pub struct NewSession {
    pub id: String,
    /// The token that opens it; none for a one-time link.
    pub token_id: Option<String>,
    pub created_at: Timestamp,
    /// Its expiry, the token's at the latest.
    pub expires_at: Timestamp,
    pub address: String,
    pub secret_hash: [u8; 32],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSignInLink {
    pub code_hash: [u8; 32],
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct NewSignInLink {
    pub id: String,
    pub expires_at: Timestamp,
    pub code_hash: [u8; 32],
}

impl ReadTx<'_> {
    pub fn session(&self, id: &str) -> Result<Option<StoredSession>, StoreError> {
        self.first(&format!("{SESSION_SELECT} WHERE s.id = ?1"), [id], read_session)
    }

    /// Sessions that have not expired, newest first.
    pub fn sessions(&self, request: &PageRequest<TimeCursor>) -> Result<Page<Session, TimeCursor>, StoreError> {
        let (before, offset) = request.seek(TimeCursor::NEWEST);
        let now = self.now().millis();
        let total = self.one("SELECT count(*) FROM session WHERE expires_at > ?1", [now], |row| row.get(0))?;
        let bound = params![now, before.created_at, before.row, request.rows_to_read(), offset];
        let rows = self.all(&newest_sql(), bound, |row| {
            let cursor = TimeCursor { created_at: row.get(1)?, row: row.get(6)? };
            Ok((read_session(row)?.session, cursor))
        })?;
        Ok(Page::of(rows, total, request, |(_, cursor)| *cursor).map(|(session, _)| session))
    }

    pub fn sign_in_link(&self, id: &str) -> Result<Option<StoredSignInLink>, StoreError> {
        const SQL: &str = "SELECT code_hash, expires_at, used_at FROM sign_in_link WHERE id = ?1";
        self.first(SQL, [id], |row| {
            Ok(StoredSignInLink {
                code_hash: row.get(0)?,
                expires_at: timestamp(row, 1)?,
                used_at: row.get::<_, Option<i64>>(2)?.map(Timestamp::from_millis),
            })
        })
    }

    /// Whether any credential could call the API: a token, or a session that has not expired.
    pub fn has_credentials(&self) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM token) OR EXISTS (SELECT 1 FROM session WHERE expires_at > ?1)";
        self.one(SQL, [self.now().millis()], |row| row.get(0))
    }
}

fn newest_sql() -> String {
    format!(
        "{SESSION_SELECT} WHERE s.expires_at > ?1 AND (s.created_at, s.rowid) < (?2, ?3)
         ORDER BY s.created_at DESC, s.rowid DESC LIMIT ?4 OFFSET ?5"
    )
}

impl WriteTx<'_> {
    /// Stores a session; its token must exist and be valid. Ends the oldest of the token's sessions where there would
    /// be too many.
    pub fn create_session(&self, session: &NewSession) -> Result<Session, StoreError> {
        const INSERT: &str = "INSERT INTO session (id, token_id, secret_hash, created_at, expires_at, address)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        const END_OLDEST: &str = "DELETE FROM session WHERE rowid IN
            (SELECT rowid FROM session WHERE token_id IS ?1 ORDER BY created_at DESC, rowid DESC LIMIT -1 OFFSET ?2)";
        let NewSession { id, token_id, created_at, expires_at, address, secret_hash } = session;
        if let Some(token_id) = token_id {
            let token = self.token(token_id)?.filter(|stored| stored.token.is_valid_at(self.now()));
            token.ok_or(StoreError::NotFound(Subject::Token))?;
        }
        let (created_at, expires_at) = (created_at.millis(), expires_at.millis());
        self.execute(INSERT, params![id, token_id, secret_hash, created_at, expires_at, address])?;
        self.execute(END_OLDEST, params![token_id, SESSIONS_PER_TOKEN_MAX])?;
        self.session(id)?.map(|stored| stored.session).ok_or(StoreError::NotFound(Subject::Session))
    }

    /// Deletes a session that its holder ended at this moment, and audits it.
    pub fn end_session(&self, id: &str, at: Timestamp, actor: &Actor) -> Result<(), StoreError> {
        let session = self.delete_session(id)?;
        self.audit_at(at, actor, &AuditEntry::of(AuditAction::SessionEnd, id).before(session.described()))
    }

    /// Deletes a session for an administrator, and audits it.
    pub fn revoke_session(&self, id: &str, actor: &Actor) -> Result<(), StoreError> {
        let session = self.delete_session(id)?;
        self.audit(actor, &AuditEntry::of(AuditAction::SessionRevoke, id).before(session.described()))
    }

    /// Deletes a session whose end is audited already, and returns what it was.
    pub fn delete_session(&self, id: &str) -> Result<Session, StoreError> {
        let stored = self.session(id)?.ok_or(StoreError::NotFound(Subject::Session))?;
        self.execute("DELETE FROM session WHERE id = ?1", [id])?;
        Ok(stored.session)
    }

    /// Records when sessions were last used; a later record stays.
    pub fn record_session_use(&self, uses: &[(String, Timestamp)]) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE session SET last_used_at = ?2
                            WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)";
        for (id, at) in uses {
            self.execute(SQL, params![id, at.millis()])?;
        }
        Ok(())
    }

    pub fn create_sign_in_link(&self, link: &NewSignInLink) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO sign_in_link (id, code_hash, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)";
        self.execute(SQL, params![link.id, link.code_hash, self.now().millis(), link.expires_at.millis()])?;
        Ok(())
    }

    /// Marks a link as used. False when it was used before or has expired; of concurrent attempts one succeeds.
    pub fn use_sign_in_link(&self, id: &str) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE sign_in_link SET used_at = ?2 WHERE id = ?1 AND used_at IS NULL AND expires_at > ?2";
        Ok(self.execute(SQL, params![id, self.now().millis()])? == 1)
    }

    /// Deletes expired sessions and long-expired links, at most `limit` of each. Returns the larger of the two counts.
    pub(in crate::store) fn delete_expired_sign_ins(&self, limit: u32) -> Result<usize, StoreError> {
        const SESSIONS: &str = "DELETE FROM session WHERE rowid IN
            (SELECT rowid FROM session WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
        const LINKS: &str = "DELETE FROM sign_in_link WHERE rowid IN
            (SELECT rowid FROM sign_in_link WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
        let now = self.now().millis();
        let kept = i64::try_from(SIGN_IN_LINK_KEPT.as_millis()).unwrap_or(i64::MAX);
        let sessions = self.execute(SESSIONS, params![now, limit])?;
        let links = self.execute(LINKS, params![now - kept, limit])?;
        Ok(sessions.max(links))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::engine::row::plan;
    use crate::store::{Mode, Store, StoreOptions};

    const COUNT: &str = "SELECT (SELECT count(*) FROM session), (SELECT count(*) FROM sign_in_link)";

    #[test]
    fn what_has_ended_is_forgotten() {
        // A command's store has no maintenance thread, so the test takes its steps.
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_millis(1_763_800_000_000));
        let options = StoreOptions { create: true, ..StoreOptions::new(dir.path(), Mode::Command, "a test") };
        let store = Store::open(&options, clock.clone()).unwrap();
        let after =
            |span: Duration| Timestamp::from_millis(clock.now().millis() + i64::try_from(span.as_millis()).unwrap());
        let (soon, later) = (after(Duration::from_mins(15)), after(Duration::from_hours(12)));
        let made = store.write_blocking(move |tx| {
            for (number, expires_at) in [("1", soon), ("2", later)] {
                let address = "127.0.0.1".to_owned();
                let id = number.to_owned();
                let (token_id, created_at, secret_hash) = (None, tx.now(), [7; 32]);
                tx.create_session(&NewSession { id, token_id, created_at, expires_at, address, secret_hash })?;
                tx.create_sign_in_link(&NewSignInLink { id: number.to_owned(), expires_at, code_hash: [7; 32] })?;
            }
            Ok(())
        });
        made.unwrap();
        let check = |advance: Duration, limit: u32, forgotten: usize, left: [i64; 2]| {
            clock.advance(advance);
            assert_eq!(store.write_blocking(move |tx| tx.delete_expired_sign_ins(limit)).unwrap(), forgotten);
            let counted: [i64; 2] =
                store.read_blocking(|tx| tx.one(COUNT, [], |row| Ok([row.get(0)?, row.get(1)?]))).unwrap();
            assert_eq!(counted, left);
        };
        check(Duration::from_mins(14), 10, 0, [2, 2]);
        check(Duration::from_mins(1), 10, 1, [1, 2]);
        check(Duration::from_hours(12), 10, 1, [0, 2]);
        check(Duration::from_hours(24), 1, 1, [0, 1]);
        check(Duration::ZERO, 1, 1, [0, 0]);
        check(Duration::ZERO, 1, 0, [0, 0]);
    }

    #[test]
    fn a_page_of_sessions_begins_with_a_seek() {
        let steps = plan(&newest_sql());
        assert!(steps[0].contains("USING INDEX session_by_creation") && !steps[0].contains("SCAN"), "{steps:?}");
        assert!(steps.iter().all(|step| !step.contains("TEMP B-TREE")), "{steps:?}");
    }
}
