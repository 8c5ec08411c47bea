//! Who tunes the cache, makes and revokes tokens and sessions, and knows what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::{Random, WireClient};

/// Tokens, and sessions, that are kept at once; then the oldest is revoked.
const KEPT_MAX: usize = 10;

/// Versions and acts that are compared one by one; of older ones their number is.
const COMPARED: usize = 100;

/// Somebody who changes the configuration, with another value each time.
pub struct Tuner {
    /// The size that each version has; version 1 is the first.
    versions: Vec<usize>,
    /// The size of a change that was never answered.
    open: Option<usize>,
    sent: usize,
}

impl Tuner {
    pub fn new() -> Self {
        Self { versions: Vec::new(), open: None, sent: 0 }
    }

    pub fn tune_on(&mut self, mut client: WireClient, acknowledged: &AtomicUsize) {
        loop {
            self.sent += 1;
            let size = 1_000 + self.sent;
            self.open = Some(size);
            let body = json!({ "maxCacheSize": size }).to_string();
            let Ok(reply) = client.try_send("PUT", "/cache/config", &[], body) else { return };
            let version = reply.expect(200).json()["version"].clone();
            self.versions.push(size);
            self.open = None;
            assert_eq!(version, self.versions.len());
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The newest version holds, the history has all of them in their order, and each has its entry in the audit log.
    pub fn assert_nothing_lost(&mut self, client: &mut WireClient) {
        let holds = client.get("/cache/config");
        if let Some(size) = self.open.take()
            && holds["version"] == self.versions.len() + 1
        {
            self.versions.push(size);
        }
        assert_eq!(holds["version"], self.versions.len());
        if let Some(newest) = self.versions.last() {
            assert_eq!(holds["configuration"]["maxCacheSize"], *newest, "{holds:#}");
        }
        let expected: Vec<(usize, usize)> =
            self.versions.iter().enumerate().rev().take(COMPARED).map(|(index, size)| (index + 1, *size)).collect();
        let history = client.get(&format!("/cache/config/history?limit={COMPARED}"));
        assert_eq!(history["totalCount"], self.versions.len());
        let size_of = |configuration: &Value| usize::try_from(configuration["maxCacheSize"].as_u64().unwrap()).unwrap();
        let told = history["history"].as_array().unwrap().iter();
        let told: Vec<(usize, usize)> = told
            .map(|one| (usize::try_from(one["version"].as_u64().unwrap()).unwrap(), size_of(&one["configuration"])))
            .collect();
        assert_eq!(told, expected);
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

/// What a [`Keyholder`] sends.
#[derive(Clone, Debug)]
enum Step {
    MakeToken(String),
    RevokeToken(String),
    SignIn,
    RevokeSession(String),
}

/// Somebody who makes tokens and sessions and revokes them. Nobody else does.
pub struct Keyholder {
    token: String,
    random: Random,
    /// Tokens that must work, with their secrets.
    tokens: BTreeMap<String, String>,
    sessions: BTreeSet<String>,
    gone: BTreeSet<String>,
    open: Option<Step>,
    sent: usize,
}

impl Keyholder {
    /// With the token that sessions are opened with.
    pub fn new(token: &str, seed: u64) -> Self {
        Self {
            token: token.to_owned(),
            random: Random::new(seed),
            tokens: BTreeMap::new(),
            sessions: BTreeSet::new(),
            gone: BTreeSet::new(),
            open: None,
            sent: 0,
        }
    }

    pub fn work_on(&mut self, mut client: WireClient, acknowledged: &AtomicUsize) {
        loop {
            let step = self.choose();
            self.open = Some(step.clone());
            if self.send(&step, &mut client).is_err() {
                return;
            }
            self.open = None;
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
                self.gone.insert(id.clone());
            }
            Step::SignIn => {
                let body = json!({"token": self.token}).to_string();
                let opened = client.try_send("POST", "/session", &[], body)?.expect(200).json();
                self.sessions.insert(text(&opened["session"]["id"]));
            }
            Step::RevokeSession(id) => {
                client.try_send("DELETE", &format!("/sessions/{id}"), &[], "")?.expect(200);
                self.sessions.remove(id);
                self.gone.insert(id.clone());
            }
        }
        Ok(())
    }

    /// What was made is there and works, what was revoked is not; of what was not answered either may be.
    pub fn assert_nothing_lost(&mut self, client: &mut WireClient) {
        let ids = |list: &Value| -> BTreeSet<String> {
            list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
        };
        let listed = client.get("/tokens")["tokens"].clone();
        let mut tokens = ids(&listed);
        // The administrator's own, by which all this is asked.
        let own = self.token.split('_').nth(1).unwrap();
        assert!(tokens.remove(own));
        let mut sessions = ids(&client.get("/sessions?limit=1000")["sessions"]);
        assert!(tokens.is_disjoint(&self.gone) && sessions.is_disjoint(&self.gone), "what was revoked is back");
        match self.open.take() {
            Some(Step::MakeToken(name)) => {
                // Its secret was never told: it is revoked, as whoever made it would.
                for one in listed.as_array().unwrap().iter().filter(|one| one["name"] == name.as_str()) {
                    let id = one["id"].as_str().unwrap().to_owned();
                    self.send(&Step::RevokeToken(id.clone()), client).unwrap();
                    tokens.remove(&id);
                }
            }
            Some(Step::RevokeToken(id)) if !tokens.contains(&id) => {
                self.tokens.remove(&id);
                self.gone.insert(id);
            }
            Some(Step::SignIn) => {
                let more: Vec<String> = sessions.difference(&self.sessions).cloned().collect();
                assert!(more.len() <= 1, "{more:?}");
                self.sessions.extend(more);
            }
            Some(Step::RevokeSession(id)) if !sessions.contains(&id) => {
                self.sessions.remove(&id);
                self.gone.insert(id);
            }
            Some(Step::RevokeToken(_) | Step::RevokeSession(_)) | None => {}
        }
        assert_eq!(tokens, self.tokens.keys().cloned().collect());
        sessions.retain(|id| !self.gone.contains(id));
        assert_eq!(sessions, self.sessions);
        if let Some(secret) = self.tokens.values().next() {
            client.with_token(secret).send("GET", "/enterprise", "").expect(200);
        }
        let written = client.get("/audit?limit=1000&action=token.revoke")["totalCount"].as_u64().unwrap();
        let revoked = client.get("/audit?limit=1&action=session.revoke")["totalCount"].as_u64().unwrap();
        assert_eq!(written + revoked, self.gone.len() as u64, "each revocation has its one entry");
    }
}
