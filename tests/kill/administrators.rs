//! Clients that configure the cache and that create and revoke tokens and sessions, and that record what was
//! acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::{Random, WireClient};

/// The largest number of tokens, and of sessions; beyond it the oldest is revoked.
const KEPT_MAX: usize = 10;

/// Versions and audit entries that are compared one by one; of older ones only the number is compared.
const COMPARED: usize = 100;

/// Changes the configuration, to another value each time.
pub struct CacheConfigurator {
    /// The cache size of each version; version 1 is the first.
    versions: Vec<usize>,
    /// The cache size of a change that was not answered.
    unanswered: Option<usize>,
    sent: usize,
}

impl CacheConfigurator {
    pub fn new() -> Self {
        Self { versions: Vec::new(), unanswered: None, sent: 0 }
    }

    pub fn configure_until_killed(&mut self, mut client: WireClient, acknowledged: &AtomicUsize) {
        loop {
            self.sent += 1;
            let size = 1_000 + self.sent;
            self.unanswered = Some(size);
            let body = json!({ "maxCacheSize": size }).to_string();
            let Ok(reply) = client.try_send("PUT", "/cache/config", &[], body) else { return };
            let version = reply.expect(200).json()["version"].clone();
            self.versions.push(size);
            self.unanswered = None;
            assert_eq!(version, self.versions.len());
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The newest version is in effect, the history lists all of them in order, and each has its entry in the audit
    /// log.
    pub fn assert_nothing_lost(&mut self, client: &mut WireClient) {
        let current = client.get("/cache/config");
        if let Some(size) = self.unanswered.take()
            && current["version"] == self.versions.len() + 1
        {
            self.versions.push(size);
        }
        assert_eq!(current["version"], self.versions.len());
        if let Some(newest) = self.versions.last() {
            assert_eq!(current["configuration"]["maxCacheSize"], *newest, "{current:#}");
        }
        let expected: Vec<(usize, usize)> =
            self.versions.iter().enumerate().rev().take(COMPARED).map(|(index, size)| (index + 1, *size)).collect();
        let history = client.get(&format!("/cache/config/history?limit={COMPARED}"));
        assert_eq!(history["totalCount"], self.versions.len());
        let size_of = |configuration: &Value| usize::try_from(configuration["maxCacheSize"].as_u64().unwrap()).unwrap();
        let listed_versions = history["history"].as_array().unwrap().iter();
        let listed_versions: Vec<(usize, usize)> = listed_versions
            .map(|one| (usize::try_from(one["version"].as_u64().unwrap()).unwrap(), size_of(&one["configuration"])))
            .collect();
        assert_eq!(listed_versions, expected);
        let audit = client.get(&format!("/audit?action=cache.configure&limit={COMPARED}"));
        assert_eq!(audit["totalCount"], self.versions.len());
        let written = audit["audit"].as_array().unwrap().iter();
        let written: Vec<(String, usize)> =
            written.map(|act| (act["target"].as_str().unwrap().to_owned(), size_of(&act["after"]))).collect();
        let expected: Vec<_> =
            expected.into_iter().map(|(version, size)| (format!("version {version}"), size)).collect();
        assert_eq!(written, expected);
    }
}

/// A request of a [`TokenAdministrator`].
#[derive(Clone, Debug)]
enum Step {
    MakeToken(String),
    RevokeToken(String),
    SignIn,
    RevokeSession(String),
}

/// Creates and revokes tokens and sessions. No other client does.
pub struct TokenAdministrator {
    token: String,
    random: Random,
    /// Valid tokens, with their secrets.
    tokens: BTreeMap<String, String>,
    sessions: BTreeSet<String>,
    revoked_ids: BTreeSet<String>,
    unanswered: Option<Step>,
    sent: usize,
}

impl TokenAdministrator {
    /// Opens its sessions with this token.
    pub fn new(token: &str, seed: u64) -> Self {
        Self {
            token: token.to_owned(),
            random: Random::new(seed),
            tokens: BTreeMap::new(),
            sessions: BTreeSet::new(),
            revoked_ids: BTreeSet::new(),
            unanswered: None,
            sent: 0,
        }
    }

    pub fn work_until_killed(&mut self, mut client: WireClient, acknowledged: &AtomicUsize) {
        loop {
            let step = self.choose();
            self.unanswered = Some(step.clone());
            if self.send(&step, &mut client).is_err() {
                return;
            }
            self.unanswered = None;
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn choose(&mut self) -> Step {
        self.sent += 1;
        let (tokens, sessions) = (self.tokens.len(), self.sessions.len());
        let oldest = |ids: &mut dyn Iterator<Item = &String>| ids.next().cloned().unwrap_or_default();
        match self.random.below(4) {
            0 if tokens > 0 => Step::RevokeToken(oldest(&mut self.tokens.keys())),
            1 if sessions > 0 => Step::RevokeSession(oldest(&mut self.sessions.iter())),
            _ if tokens >= KEPT_MAX => Step::RevokeToken(oldest(&mut self.tokens.keys())),
            _ if sessions >= KEPT_MAX => Step::RevokeSession(oldest(&mut self.sessions.iter())),
            0 | 2 => Step::MakeToken(format!("key {}", self.sent)),
            _ => Step::SignIn,
        }
    }

    fn send(&mut self, step: &Step, client: &mut WireClient) -> std::io::Result<()> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        match step {
            Step::MakeToken(name) => {
                let body = json!({"name": name, "role": "viewer"}).to_string();
                let made = client.try_send("POST", "/tokens", &[], body)?.expect(201).json();
                self.tokens.insert(text(&made["token"]["id"]), text(&made["secret"]));
            }
            Step::RevokeToken(id) => {
                client.try_send("DELETE", &format!("/tokens/{id}"), &[], "")?.expect(200);
                self.tokens.remove(id);
                self.revoked_ids.insert(id.clone());
            }
            Step::SignIn => {
                let body = json!({"token": self.token}).to_string();
                let opened = client.try_send("POST", "/session", &[], body)?.expect(200).json();
                self.sessions.insert(text(&opened["session"]["id"]));
            }
            Step::RevokeSession(id) => {
                client.try_send("DELETE", &format!("/sessions/{id}"), &[], "")?.expect(200);
                self.sessions.remove(id);
                self.revoked_ids.insert(id.clone());
            }
        }
        Ok(())
    }

    /// What was created exists and works, and what was revoked does not; of a request that was not answered either may
    /// hold.
    pub fn assert_nothing_lost(&mut self, client: &mut WireClient) {
        let ids = |list: &Value| -> BTreeSet<String> {
            list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
        };
        let listed = client.get("/tokens")["tokens"].clone();
        let mut tokens = ids(&listed);
        // The administrator's own token, which sends these requests.
        let own = self.token.split('_').nth(1).unwrap();
        assert!(tokens.remove(own));
        let mut sessions = ids(&client.get("/sessions?limit=1000")["sessions"]);
        assert!(
            tokens.is_disjoint(&self.revoked_ids) && sessions.is_disjoint(&self.revoked_ids),
            "what was revoked is back"
        );
        match self.unanswered.take() {
            Some(Step::MakeToken(name)) => {
                // Its secret was never returned, so it is revoked, as an administrator would do.
                for one in listed.as_array().unwrap().iter().filter(|one| one["name"] == name.as_str()) {
                    let id = one["id"].as_str().unwrap().to_owned();
                    self.send(&Step::RevokeToken(id.clone()), client).unwrap();
                    tokens.remove(&id);
                }
            }
            Some(Step::RevokeToken(id)) if !tokens.contains(&id) => {
                self.tokens.remove(&id);
                self.revoked_ids.insert(id);
            }
            Some(Step::SignIn) => {
                let more: Vec<String> = sessions.difference(&self.sessions).cloned().collect();
                assert!(more.len() <= 1, "{more:?}");
                self.sessions.extend(more);
            }
            Some(Step::RevokeSession(id)) if !sessions.contains(&id) => {
                self.sessions.remove(&id);
                self.revoked_ids.insert(id);
            }
            Some(Step::RevokeToken(_) | Step::RevokeSession(_)) | None => {}
        }
        assert_eq!(tokens, self.tokens.keys().cloned().collect());
        sessions.retain(|id| !self.revoked_ids.contains(id));
        assert_eq!(sessions, self.sessions);
        if let Some(secret) = self.tokens.values().next() {
            client.with_token(secret).send("GET", "/enterprise", "").expect(200);
        }
        let written = client.get("/audit?limit=1000&action=token.revoke")["totalCount"].as_u64().unwrap();
        let revoked = client.get("/audit?limit=1&action=session.revoke")["totalCount"].as_u64().unwrap();
        assert_eq!(written + revoked, self.revoked_ids.len() as u64, "each revocation has its one entry");
    }
}
