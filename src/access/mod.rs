//! Who may do what: API tokens and sessions in memory, kept current by the store's change feed.
//!
//! This file has the tokens, [`sessions`] the browsers that are signed in, `unwritten` those that cannot be stored, and
//! [`links`] the one-time links that sign one in.
//!
//! A token reads `muster_<id>_<secret>`: a public id by which it is listed and revoked, and 256 random bits in base64url.
//! The database and this memory hold only the SHA-256 of the secret, which is enough for a secret that nobody can guess.

mod failed_sign_in_audit;
pub mod links;
pub mod sessions;
mod unwritten;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use self::failed_sign_in_audit::FailedSignInAudit;
use self::sessions::KnownSession;
use self::unwritten::Unwritten;
use crate::clock::Clock;
use crate::domain::access::{Reach, Role, Token};
use crate::domain::ids::TimeOrderedId;
use crate::domain::time::Timestamp;
use crate::store::{AuditEntry, NewToken, Publication, Store, StoreError, StoredToken, Subscriber, TokenList};

/// What every token begins with, so that people and secret scanners recognise one.
pub const TOKEN_PREFIX: &str = "muster_";

/// Random bytes of a secret.
const SECRET_LEN: usize = 32;

/// How exact the record of a token's last use is.
const USE_RECORDED_MILLIS: i64 = 60_000;

/// The tokens and sessions of one store.
#[derive(Clone)]
pub struct Access {
    store: Store,
    clock: Clock,
    memory: Arc<Memory>,
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
        let memory = Arc::new(Memory::default());
        let subscriber: Arc<dyn Subscriber> = memory.clone();
        store.subscribe(&subscriber)?;
        let failed_sign_ins = Arc::new(FailedSignInAudit::new(store.clock()));
        Ok(Self { store: store.clone(), clock: store.clock().clone(), memory, failed_sign_ins })
    }

    /// Judges a text from memory alone.
    #[must_use]
    pub fn recognise(&self, text: &str) -> Recognition {
        let Some((id, secret)) = split(text) else { return Recognition::Invalid };
        let (hash, now) = (hash(secret), self.clock.now());
        let table = self.memory.table.read();
        let Some(known) = table.by_id.get(id) else { return Recognition::Unknown };
        if !is_same(&hash, &known.secret_hash) {
            return Recognition::Invalid;
        }
        if !known.token.is_valid_at(now) {
            return Recognition::Expired(Arc::clone(&known.token));
        }
        known.used.note(now);
        Recognition::Valid(Arc::clone(&known.token))
    }

    /// Judges a text that memory does not know, from the database. Whoever calls this limits how often.
    pub async fn look_up(&self, text: &str) -> Result<Option<Arc<Token>>, StoreError> {
        let Some((id, secret)) = split(text) else { return Ok(None) };
        let id = id.to_owned();
        let Some(stored) = self.store.read(move |tx| tx.token(&id)).await? else { return Ok(None) };
        let valid = is_same(&hash(secret), &stored.secret_hash) && stored.token.is_valid_at(self.clock.now());
        Ok(valid.then(|| Arc::new(stored.token)))
    }

    /// Whether a token, or a session, that was recognised still grants access, for what goes on for longer than a request.
    /// One that memory has not heard of yet is looked up; when that cannot be done, it does not.
    pub async fn holds(&self, id: &str) -> bool {
        let now = self.clock.now();
        if let Some(holds) = self.memory.holds(id, now) {
            return holds;
        }
        let id = id.to_owned();
        let stored = self.store.read(move |tx| {
            let token = tx.token(&id)?.is_some_and(|stored| stored.token.is_valid_at(now));
            Ok(token || tx.session(&id)?.is_some_and(|stored| stored.session.is_valid_at(now)))
        });
        stored.await.unwrap_or(false)
    }

    /// Writes down that an address has failed to sign in as often as it may in a minute.
    pub fn note_failed_sign_ins(&self, address: String, failures: u32) {
        self.failed_sign_ins.note(&self.store, address, failures);
    }

    /// Writes down when tokens and sessions were last used, where that changed since the last call.
    pub async fn record_uses(&self) -> Result<(), StoreError> {
        let (tokens, sessions) = self.memory.unrecorded_uses();
        if tokens.is_empty() && sessions.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = tokens.iter().chain(&sessions).map(|(id, _)| id.clone()).collect();
        let work = self.store.write(move |tx| {
            tx.record_token_use(&tokens)?;
            tx.record_session_use(&sessions)
        });
        work.await.inspect_err(|_| self.memory.unrecord_uses(&ids))
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
) -> std::io::Result<MintedToken> {
    let (id, secret) = mint_secret(now)?;
    let stored = NewToken { id, name, role, reach, expires_at, secret_hash: hash(&secret) };
    Ok(MintedToken { secret: format!("{TOKEN_PREFIX}{}_{secret}", stored.id), stored })
}

/// A public id and a secret.
fn mint_secret(now: Timestamp) -> std::io::Result<(String, String)> {
    let mut secret = [0; SECRET_LEN];
    getrandom::fill(&mut secret)?;
    Ok((TimeOrderedId::at(now, getrandom::u32()?).to_string(), BASE64URL_NOPAD.encode(&secret)))
}

/// The audit log's entry for a token that was made.
#[must_use]
pub fn audit_of_creation(token: &Token) -> AuditEntry {
    AuditEntry { action: "token.create", target: token.id.clone(), before: None, after: Some(token.described()) }
}

/// The audit log's entry for a token that was revoked.
#[must_use]
pub fn audit_of_revocation(token: &Token) -> AuditEntry {
    AuditEntry { action: "token.revoke", target: token.id.clone(), before: Some(token.described()), after: None }
}

fn split(text: &str) -> Option<(&str, &str)> {
    // The id holds no underscore; the secret may.
    text.strip_prefix(TOKEN_PREFIX)?.split_once('_')
}

fn after(now: Timestamp, span: Duration) -> Timestamp {
    Timestamp::from_millis(now.millis().saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Compares two hashes in the same time wherever they differ.
fn is_same(hash: &[u8; 32], expected: &[u8; 32]) -> bool {
    hash.ct_eq(expected).into()
}

#[derive(Default)]
struct Memory {
    /// Read by every request for as long as a look-up and a comparison take, written when tokens change. Nothing is hashed
    /// or waited for under it, and what is found is not shared out first: counting references is what threads contend for.
    table: RwLock<Table>,
}

#[derive(Default)]
struct Table {
    version: i64,
    by_id: HashMap<String, Arc<Known>>,
    sessions: HashMap<String, Arc<KnownSession>>,
    unwritten: Unwritten,
}

struct Known {
    token: Arc<Token>,
    secret_hash: [u8; 32],
    used: LastUse,
}

impl Known {
    fn new(stored: &StoredToken, before: Option<&Arc<Self>>) -> Self {
        Self {
            token: Arc::new(stored.token.clone()),
            secret_hash: stored.secret_hash,
            used: LastUse::new(stored.token.last_used_at, before.map(|known| &known.used)),
        }
    }
}

/// When something was last used, here and as the database has it: Unix milliseconds, to the minute; 0 for never.
struct LastUse {
    used_at: AtomicI64,
    recorded_at: AtomicI64,
}

impl LastUse {
    /// Goes on from what the database says, and from what was known before.
    fn new(recorded: Option<Timestamp>, before: Option<&Self>) -> Self {
        let recorded = recorded.map_or(0, Timestamp::millis);
        let used = before.map_or(0, |before| before.used_at.load(Ordering::Relaxed));
        Self { used_at: AtomicI64::new(used.max(recorded)), recorded_at: AtomicI64::new(recorded) }
    }

    fn note(&self, now: Timestamp) {
        let minute = now.millis() - now.millis().rem_euclid(USE_RECORDED_MILLIS);
        // A plain load first: the line stays shared between cores for all but one request a minute.
        if self.used_at.load(Ordering::Relaxed) < minute {
            self.used_at.fetch_max(minute, Ordering::Relaxed);
        }
    }

    /// The last use, if the database has not got it; it is taken for recorded from then on.
    fn take_unrecorded(&self) -> Option<Timestamp> {
        let used = self.used_at.load(Ordering::Relaxed);
        (self.recorded_at.swap(used, Ordering::Relaxed) < used).then(|| Timestamp::from_millis(used))
    }

    /// Takes nothing for recorded, since that failed.
    fn unrecord(&self) {
        self.recorded_at.store(0, Ordering::Relaxed);
    }
}

/// Ids, each with its last use.
type Uses = Vec<(String, Timestamp)>;

impl Memory {
    /// The tokens and the sessions whose last use the database has not got.
    fn unrecorded_uses(&self) -> (Uses, Uses) {
        let table = self.table.read();
        let tokens = table.by_id.iter().filter_map(|(id, known)| Some((id.clone(), known.used.take_unrecorded()?)));
        let sessions =
            table.sessions.iter().filter_map(|(id, known)| Some((id.clone(), known.used.take_unrecorded()?)));
        (tokens.collect(), sessions.collect())
    }

    /// Has the last uses of these taken once more.
    fn unrecord_uses(&self, ids: &[String]) {
        let table = self.table.read();
        for id in ids {
            if let Some(known) = table.by_id.get(id) {
                known.used.unrecord();
            }
            if let Some(known) = table.sessions.get(id) {
                known.used.unrecord();
            }
        }
    }

    /// Whether the token or session with this id works; `None` for one that is not known.
    fn holds(&self, id: &str, now: Timestamp) -> Option<bool> {
        let table = self.table.read();
        if table.unwritten.has_ended(id) {
            return Some(false);
        }
        let token = table.by_id.get(id).map(|known| known.token.is_valid_at(now));
        let session = || table.sessions.get(id).or_else(|| table.unwritten.opened(id));
        token.or_else(|| session().map(|known| known.is_valid_at(now)))
    }
}

impl Subscriber for Memory {
    fn published(&self, _publication: &Publication) {}

    fn doubted(&self, _revision: i64) {}

    // Tokens are looked up in the database before one is refused, and a revoked one is told of as soon as that can be read.
    fn unreadable(&self) {}

    fn access_changed(&self, tokens: &Arc<TokenList>) {
        let mut table = self.table.write();
        // The writer and the watcher tell of the same changes; the later word must not be undone by the earlier.
        if tokens.version < table.version {
            return;
        }
        let by_id = tokens.tokens.iter().map(|stored| {
            let known = Known::new(stored, table.by_id.get(&stored.token.id));
            (stored.token.id.clone(), Arc::new(known))
        });
        let by_id = by_id.collect();
        let mut sessions = sessions::remember(tokens, &by_id, &table.sessions);
        let mut unwritten = std::mem::take(&mut table.unwritten);
        unwritten.go_on(&by_id, &mut sessions);
        *table = Table { version: tokens.version, by_id, sessions, unwritten };
    }
}
