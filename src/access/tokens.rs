//! API tokens: made, recognised from memory or looked up, and their last use recorded.

use std::io;
use std::sync::Arc;

use super::credential_cache::CredentialCache;
use super::failed_sign_in_audit::FailedSignInAudit;
use super::secret::{hash, is_same, mint_secret};
use crate::clock::Clock;
use crate::domain::access::{Reach, Role, Token};
use crate::domain::time::Timestamp;
use crate::store::{NewToken, Store, StoreError, Subscriber};

/// What every token begins with, so that people and secret scanners recognise one.
pub const TOKEN_PREFIX: &str = "muster_";

/// The tokens and sessions of one store.
#[derive(Clone)]
pub struct Access {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) cache: Arc<CredentialCache>,
    failed_sign_ins: Arc<FailedSignInAudit>,
}

/// What memory says of a text that claims to be a token.
#[derive(Clone, Debug)]
pub enum Recognition {
    /// It is one.
    Valid(Arc<Token>),
    /// It was one, and its time is over.
    Expired(Arc<Token>),
    /// It is none: malformed, or the secret is wrong.
    Invalid,
    /// Memory does not know its id; the database may, for one that another process has just made.
    Unknown,
}

impl Access {
    /// Loads the tokens and sessions of a store and follows their changes.
    pub fn open(store: &Store) -> Result<Self, StoreError> {
        let cache = Arc::new(CredentialCache::default());
        let subscriber: Arc<dyn Subscriber> = cache.clone();
        store.subscribe(&subscriber)?;
        let failed_sign_ins = Arc::new(FailedSignInAudit::new(store.clock()));
        Ok(Self { store: store.clone(), clock: store.clock().clone(), cache, failed_sign_ins })
    }

    /// Judges a text from memory alone.
    #[must_use]
    pub fn recognise(&self, text: &str) -> Recognition {
        let Some((id, secret)) = split(text) else { return Recognition::Invalid };
        let (hash, now) = (hash(secret), self.clock.now());
        let table = self.cache.table.read();
        let Some(known) = table.tokens.get(id) else { return Recognition::Unknown };
        if !is_same(&hash, &known.secret_hash) {
            return Recognition::Invalid;
        }
        if !known.token.is_valid_at(now) {
            return Recognition::Expired(Arc::clone(&known.token));
        }
        known.used.note(now);
        Recognition::Valid(Arc::clone(&known.token))
    }

    /// Judges a text that memory does not know, from the database. The caller limits how often.
    pub async fn look_up(&self, text: &str) -> Result<Option<Arc<Token>>, StoreError> {
        let Some((id, secret)) = split(text) else { return Ok(None) };
        let id = id.to_owned();
        let Some(stored) = self.store.read(move |tx| tx.token(&id)).await? else { return Ok(None) };
        let valid = is_same(&hash(secret), &stored.secret_hash) && stored.token.is_valid_at(self.clock.now());
        Ok(valid.then(|| Arc::new(stored.token)))
    }

    /// Whether a token, or a session, that was recognised still grants access, for what goes on for longer than a
    /// request. One that is not cached is looked up; when that cannot be done, it does not.
    pub async fn holds(&self, id: &str) -> bool {
        let now = self.clock.now();
        if let Some(holds) = self.cache.holds(id, now) {
            return holds;
        }
        let id = id.to_owned();
        let stored = self.store.read(move |tx| {
            let token = tx.token(&id)?.is_some_and(|stored| stored.token.is_valid_at(now));
            Ok(token || tx.session(&id)?.is_some_and(|stored| stored.session.is_valid_at(now)))
        });
        stored.await.unwrap_or(false)
    }

    /// What a token reads: for one that is limited to employees what their enterprise shares with them, which only the
    /// database knows; for any other its own reach, without a look there.
    pub async fn reading_reach(&self, token: &Arc<Token>) -> Result<Reach, StoreError> {
        match &token.reach {
            Reach::Installation | Reach::Enterprise(_) | Reach::Departments(..) => Ok(token.reach.clone()),
            Reach::Employees(..) => {
                let token = Arc::clone(token);
                self.store.read(move |tx| tx.reading_reach(token.role, &token.reach)).await
            }
        }
    }

    /// Writes down that an address has failed to sign in as often as it may in a minute.
    pub fn note_failed_sign_ins(&self, address: String, failures: u32) {
        self.failed_sign_ins.note(&self.store, address, failures);
    }

    /// Records when tokens and sessions were last used, where that changed since the last call.
    pub async fn record_uses(&self) -> Result<(), StoreError> {
        let (tokens, sessions) = self.cache.unrecorded_uses();
        if tokens.is_empty() && sessions.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = tokens.iter().chain(&sessions).map(|(id, _)| id.clone()).collect();
        let work = self.store.write(move |tx| {
            tx.record_token_use(&tokens)?;
            tx.record_session_use(&sessions)
        });
        work.await.inspect_err(|_| self.cache.unrecord_uses(&ids))
    }
}

/// A token that has just been made: the text for its holder, shown this once, and what is to be stored.
#[must_use]
pub struct MintedToken {
    /// What the holder sends.
    pub secret: String,
    /// What [`crate::store::WriteTx::create_token`] takes.
    pub stored: NewToken,
}

/// Makes a token. Fails only when the operating system has no random numbers.
pub fn mint(
    name: String,
    role: Role,
    reach: Reach,
    now: Timestamp,
    expires_at: Option<Timestamp>,
) -> io::Result<MintedToken> {
    let (id, secret) = mint_secret(now)?;
    let stored = NewToken { id, name, role, reach, expires_at, secret_hash: hash(&secret) };
    Ok(MintedToken { secret: format!("{TOKEN_PREFIX}{}_{secret}", stored.id), stored })
}

fn split(text: &str) -> Option<(&str, &str)> {
    // The id holds no underscore; the secret may.
    text.strip_prefix(TOKEN_PREFIX)?.split_once('_')
}
