//! Tokens and sessions for tests, each called after what it allows.

use std::collections::HashMap;

use tempfile::TempDir;

use crate::access::sessions::mint_session;
use crate::access::{Access, mint};
use crate::clock::Clock;
use crate::domain::access::{Reach, Role};
use crate::domain::directory::Name;
use crate::domain::ids::EnterpriseId;
use crate::domain::time::Timestamp;
use crate::store::{Actor, Mode, Store, StoreOptions};

/// The tokens and sessions that memory knows: `role` or `role@enterprise`, and `old` for one that has expired.
const CACHED: [&str; 6] = ["viewer", "viewer@acme", "manager", "manager@other", "admin", "admin@acme"];

/// An `Access` on a store of its own. What it calls `new-…` only the database knows.
pub(crate) struct SampleAccess {
    pub(crate) access: Access,
    /// The store that `access` reads, which follows no other process.
    pub(crate) store: Store,
    tokens: HashMap<String, Credential>,
    sessions: HashMap<String, Credential>,
    _dir: TempDir,
}

struct Credential {
    id: String,
    secret: String,
}

impl SampleAccess {
    pub(crate) async fn new(clock: &Clock) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let open = |mode| Store::open(&StoreOptions::new(dir.path(), mode, "a test"), clock.clone()).unwrap();
        let server = open(Mode::Server);
        let enterprises = server.write(|tx| {
            for id in ["acme", "other"] {
                tx.create_enterprise(Some(EnterpriseId::parse(id).unwrap()), &Name::parse("name", id).unwrap())?;
            }
            Ok(())
        });
        enterprises.await.unwrap();
        let (mut tokens, mut sessions) = (HashMap::new(), HashMap::new());
        for name in CACHED {
            let token = create_token(&server, name).await;
            sessions.insert(name.to_owned(), create_session(&server, &token.id, None).await);
            tokens.insert(name.to_owned(), token);
        }
        let ended = create_session(&server, &tokens["viewer"].id, Some(Timestamp::from_millis(0))).await;
        sessions.insert("old".to_owned(), ended);
        tokens.insert("old".to_owned(), create_token(&server, "old").await);
        // Opened as by a command, it has no watcher: what is created from here on stays unknown to it.
        let store = open(Mode::Command);
        let access = Access::open(&store).unwrap();
        for name in ["new-viewer", "new-admin"] {
            let token = create_token(&server, name).await;
            sessions.insert(name.to_owned(), create_session(&server, &token.id, None).await);
            tokens.insert(name.to_owned(), token);
        }
        Self { access, store, tokens, sessions, _dir: dir }
    }

    /// What the holder of a token sends; of a name that is none of the samples, a token that does not exist.
    pub(crate) fn secret(&self, name: &str) -> String {
        self.tokens.get(name).map_or_else(|| format!("muster_{name}_guessed"), |token| token.secret.clone())
    }

    /// The value of a session's cookie.
    pub(crate) fn cookie(&self, name: &str) -> &str {
        &self.sessions[name].secret
    }

    pub(crate) fn token_id(&self, name: &str) -> &str {
        &self.tokens[name].id
    }

    pub(crate) fn session_id(&self, name: &str) -> &str {
        &self.sessions[name].id
    }
}

async fn create_token(store: &Store, name: &str) -> Credential {
    let (role, enterprise) = name.split_once('@').map_or((name, None), |(role, id)| (role, Some(id)));
    let (role, expires_at) = match role.strip_prefix("new-").unwrap_or(role) {
        "old" => (Role::Viewer, Some(Timestamp::from_millis(0))),
        role => (Role::parse(role).unwrap(), None),
    };
    let reach = match enterprise {
        Some(id) => Reach::Enterprise(EnterpriseId::parse(id).unwrap()),
        None => Reach::Installation,
    };
    let minted = mint(name.to_owned(), role, reach, store.clock().now(), expires_at).unwrap();
    let id = minted.stored.id.clone();
    store.write(move |tx| tx.create_token(&minted.stored, &Actor::named("a test", "127.0.0.1"))).await.unwrap();
    Credential { id, secret: minted.secret }
}

async fn create_session(store: &Store, token_id: &str, expires_at: Option<Timestamp>) -> Credential {
    let id = token_id.to_owned();
    let token = store.read(move |tx| tx.token(&id)).await.unwrap().unwrap().token;
    let mut minted = mint_session(Some(&token), "127.0.0.1".to_owned(), store.clock().now()).unwrap();
    minted.stored.expires_at = expires_at.unwrap_or(minted.stored.expires_at);
    let id = minted.stored.id.clone();
    store.write(move |tx| tx.create_session(&minted.stored)).await.unwrap();
    Credential { id, secret: minted.secret }
}

pub(crate) fn sample_clock() -> Clock {
    Clock::manual(Timestamp::from_millis(1_763_800_000_000))
}
