//! Idempotency keys: the answer to a request with an `Idempotency-Key` is stored in the transaction of its write.

use std::time::Duration;

use rusqlite::params;

use crate::store::engine::error::StoreError;
use crate::store::engine::tx::WriteTx;

pub(super) const IDEMPOTENCY_KEPT: Duration = Duration::from_hours(24);

/// A request that may be sent again.
#[derive(Clone, Debug)]
pub struct IdempotentRequest {
    /// The token whose key it is: keys of different tokens are independent.
    pub token_id: String,
    pub key: String,
    /// A hash of route and body.
    pub request_hash: [u8; 32],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    pub status: u16,
    /// The body, JSON.
    pub body: String,
}

impl WriteTx<'_> {
    /// Does the work and stores its answer, or returns the answer stored for the same request. The same key with
    /// another request is a conflict. A refusal is not stored, so a retry is evaluated again.
    ///
    /// Runs on the writer, so a repeated answer, too, is sent only after its write was published.
    pub fn idempotent(
        &self,
        request: &IdempotentRequest,
        work: impl FnOnce(&Self) -> Result<StoredAnswer, StoreError>,
    ) -> Result<StoredAnswer, StoreError> {
        const SELECT: &str = "SELECT request_hash, status, body FROM idempotency
                               WHERE token_id = ?1 AND key = ?2 AND created_at > ?3";
        const REPLACE: &str = "INSERT INTO idempotency (token_id, key, request_hash, status, body, created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT DO UPDATE SET request_hash = excluded.request_hash, status = excluded.status,
                body = excluded.body, created_at = excluded.created_at";
        let kept: Option<([u8; 32], StoredAnswer)> =
            self.first(SELECT, params![request.token_id, request.key, self.oldest_kept_answer()], |row| {
                Ok((row.get(0)?, StoredAnswer { status: row.get(1)?, body: row.get(2)? }))
            })?;
        if let Some((request_hash, answer)) = kept {
            return if request_hash == request.request_hash {
                Ok(answer)
            } else {
                Err(StoreError::Conflict("this Idempotency-Key was used for another request".to_owned()))
            };
        }
        let answer = work(self)?;
        let now = self.now().millis();
        self.execute(
            REPLACE,
            params![request.token_id, request.key, request.request_hash, answer.status, answer.body, now],
        )?;
        Ok(answer)
    }

    /// Deletes answers that have expired, at most `limit`; returns how many.
    pub(in crate::store) fn delete_expired_answers(&self, limit: u32) -> Result<usize, StoreError> {
        const SQL: &str = "DELETE FROM idempotency WHERE id IN
            (SELECT id FROM idempotency WHERE created_at <= ?1 ORDER BY created_at LIMIT ?2)";
        self.execute(SQL, params![self.oldest_kept_answer(), limit])
    }

    fn oldest_kept_answer(&self) -> i64 {
        self.now().millis() - i64::try_from(IDEMPOTENCY_KEPT.as_millis()).unwrap_or(i64::MAX)
    }
}
