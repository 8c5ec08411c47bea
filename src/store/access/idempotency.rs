//! Idempotency keys: of a request with an `Idempotency-Key` the status of its answer and the ids of what it made are stored
//! in the transaction of its write. A body would let small requests grow the database without bound.

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
    /// Most answers that are kept for the token; the oldest give way.
    pub rows_max: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    pub status: u16,
    /// The ids of what was made, JSON.
    pub ids: String,
}

/// Most answers that one write deletes because the token has too many: after the bound was lowered there are many.
const ANSWERS_DELETED_MAX: u32 = 100;

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
        const SELECT: &str = "SELECT request_hash, status, ids FROM idempotency
                               WHERE token_id = ?1 AND key = ?2 AND created_at > ?3";
        const DELETE: &str = "DELETE FROM idempotency WHERE token_id = ?1 AND key = ?2";
        const NEWEST: &str = "SELECT coalesce(max(number), 0) FROM idempotency WHERE token_id = ?1";
        const INSERT: &str = "INSERT INTO idempotency (token_id, key, number, request_hash, status, ids, created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        const DELETE_OLDEST: &str = "DELETE FROM idempotency WHERE id IN
            (SELECT id FROM idempotency WHERE token_id = ?1 AND number <= ?2 ORDER BY number LIMIT ?3)";
        let kept: Option<([u8; 32], StoredAnswer)> =
            self.first(SELECT, params![request.token_id, request.key, self.oldest_kept_answer()], |row| {
                Ok((row.get(0)?, StoredAnswer { status: row.get(1)?, ids: row.get(2)? }))
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
        // One that has expired.
        self.execute(DELETE, params![request.token_id, request.key])?;
        let number: i64 = self.one(NEWEST, [&request.token_id], |row| row.get(0))?;
        let number = number + 1;
        self.execute(
            INSERT,
            params![request.token_id, request.key, number, request.request_hash, answer.status, answer.ids, now],
        )?;
        let oldest = number.saturating_sub(i64::try_from(request.rows_max).unwrap_or(i64::MAX));
        self.execute(DELETE_OLDEST, params![request.token_id, oldest, ANSWERS_DELETED_MAX])?;
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
