//! Clients that collect contacts, and record what was acknowledged.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::support::{Random, WireClient};

/// A write of a client.
#[derive(Clone, Debug)]
pub enum Write {
    Add { key: String, name: String },
    Change { id: String, notes: String },
    Delete { id: String },
}

/// A client that records what was acknowledged. No other client writes to its employee.
pub struct Writer {
    pub user: String,
    random: Random,
    /// The notes of every contact that must exist, by id.
    pub contacts: BTreeMap<String, String>,
    /// A write that was sent and not answered.
    pub unanswered: Option<Write>,
    sent: usize,
}

impl Writer {
    pub fn new(user: String, seed: u64) -> Self {
        Self { user, random: Random::new(seed), contacts: BTreeMap::new(), unanswered: None, sent: 0 }
    }

    /// Writes until the server is killed.
    pub fn write_until_killed(&mut self, mut client: WireClient, acknowledged: &AtomicUsize) {
        while self.write(&mut client) {
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends one write; returns whether it was answered.
    pub fn write(&mut self, client: &mut WireClient) -> bool {
        let write = self.unanswered.take().unwrap_or_else(|| self.choose());
        if let Err(error) = self.send(&write, client) {
            assert_ne!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
            self.unanswered = Some(write);
        }
        self.unanswered.is_none()
    }

    fn choose(&mut self) -> Write {
        self.sent += 1;
        let chosen = (!self.contacts.is_empty()).then(|| self.random.below(self.contacts.len()));
        let chosen = chosen.and_then(|position| self.contacts.keys().nth(position).cloned());
        match (chosen, self.random.below(10)) {
            (Some(id), 0 | 1) => Write::Delete { id },
            (Some(id), 2 | 3) => Write::Change { id, notes: format!("changed by write {}", self.sent) },
            _ => Write::Add { key: format!("{}-{}", self.user, self.sent), name: format!("Person {}", self.sent) },
        }
    }

    /// Sends a write, and records its acknowledgement.
    fn send(&mut self, write: &Write, client: &mut WireClient) -> std::io::Result<()> {
        let path = |id: &str| format!("/Contacts/{}/contact/{id}", self.user);
        match write {
            Write::Add { key, name } => {
                let body =
                    json!({"userId": self.user, "contactInfo": {"name": name, "notes": key, "company": "Contoso"}});
                let headers = [("Idempotency-Key", key.as_str())];
                let reply = client.try_send("POST", "/saveContact", &headers, body.to_string())?.expect(200).json();
                let id = reply["contact"]["contactId"].as_str().unwrap().to_owned();
                self.contacts.insert(id, key.clone());
            }
            Write::Change { id, notes } => {
                client.try_send("PATCH", &path(id), &[], json!({"notes": notes}).to_string())?.expect(200);
                self.contacts.insert(id.clone(), notes.clone());
            }
            Write::Delete { id } => {
                let reply = client.try_send("DELETE", &path(id), &[], "")?;
                // It may have been executed before the server was killed.
                assert!(matches!(reply.status, 200 | 404), "{} {}", reply.status, reply.text());
                self.contacts.remove(id);
            }
        }
        Ok(())
    }

    /// The notes of every contact that the server has, by id.
    pub fn stored(&self, client: &mut WireClient) -> BTreeMap<String, String> {
        let mut stored = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let page = client.get(&format!("/Contacts/{}?limit=1000{cursor}", self.user));
            for contact in page["contactList"].as_array().unwrap() {
                let text = |field: &str| contact[field].as_str().unwrap().to_owned();
                assert!(stored.insert(text("contactId"), text("notes")).is_none(), "a contact is listed twice");
            }
            match page["pagination"]["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return stored,
            }
        }
    }

    /// Everything acknowledged must be stored as it was acknowledged, and besides it at most the write that was not
    /// answered, completely or not at all.
    pub fn assert_nothing_lost(&self, client: &mut WireClient) {
        let mut stored = self.stored(client);
        let mut expected = self.contacts.clone();
        match &self.unanswered {
            Some(Write::Add { key, .. }) => {
                let extra: Vec<_> = stored.extract_if(.., |id, _| !expected.contains_key(id)).collect();
                assert!(extra.len() <= 1 && extra.iter().all(|(_, notes)| notes == key), "{extra:?} of {key}");
            }
            Some(Write::Change { id, notes }) => {
                let found = stored.get(id);
                assert!(found == expected.get(id) || found == Some(notes), "{found:?} where {notes} was sent");
                expected.insert(id.clone(), found.unwrap().clone());
            }
            Some(Write::Delete { id }) if !stored.contains_key(id) => {
                expected.remove(id);
            }
            Some(Write::Delete { .. }) | None => {}
        }
        assert_eq!(stored, expected, "{}", self.user);
    }
}
