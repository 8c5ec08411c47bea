//! Secrets: 256 random bits, of which only the SHA-256 is kept. That is enough for a secret that cannot be guessed.

use std::io;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::domain::made_ids::make_id;
use crate::domain::time::Timestamp;
use crate::store::StoreError;

/// Random bytes of a secret.
const SECRET_LEN: usize = 32;

/// How often an id and its secret are made before a write gives up: another process may have made the same id, in a case
/// in a million.
pub const IDS_MADE_MAX: usize = 4;

/// Whether a write failed because the id is taken.
#[must_use]
pub fn is_id_taken(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict(_))
}

/// A public id and a secret.
pub(super) fn mint_secret(now: Timestamp) -> io::Result<(String, String)> {
    let mut secret = [0; SECRET_LEN];
    getrandom::fill(&mut secret)?;
    Ok((make_id(now).to_string(), BASE64URL_NOPAD.encode(&secret)))
}

/// When what is made now ends after such a life.
pub(super) fn expires_at(now: Timestamp, life: Duration) -> Timestamp {
    Timestamp::from_millis(now.millis().saturating_add(i64::try_from(life.as_millis()).unwrap_or(i64::MAX)))
}

pub(super) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Compares two hashes in the same time wherever they differ.
pub(super) fn is_same(hash: &[u8; 32], expected: &[u8; 32]) -> bool {
    hash.ct_eq(expected).into()
}
