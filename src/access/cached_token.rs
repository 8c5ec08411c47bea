//! A token in memory.

use std::sync::Arc;

use super::last_use::LastUse;
use crate::domain::access::Token;
use crate::store::StoredToken;

/// A token in memory.
pub(super) struct CachedToken {
    pub(super) token: Arc<Token>,
    pub(super) secret_hash: [u8; 32],
    pub(super) used: LastUse,
}

impl CachedToken {
    pub(super) fn new(stored: &StoredToken, before: Option<&Arc<Self>>) -> Self {
        Self {
            token: Arc::new(stored.token.clone()),
            secret_hash: stored.secret_hash,
            used: LastUse::new(stored.token.last_used_at, before.map(|known| &known.used)),
        }
    }
}
