//! What a token, or a session opened with one, allows: a role, and how far it reaches.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::time::Timestamp;

pub use super::reach::{REACH_IDS_MAX, Reach};

/// Shortest life of a token that expires.
pub const TOKEN_LIFE_MIN: Duration = Duration::from_mins(1);

/// Longest life of a token that expires: ten years.
pub const TOKEN_LIFE_MAX: Duration = Duration::from_hours(24 * 3_653);

/// How long a session lasts: a working day and the evening after it.
pub const SESSION_LIFE: Duration = Duration::from_hours(12);

/// How long a one-time link works: the time to copy it to another machine.
pub const SIGN_IN_LINK_LIFE: Duration = Duration::from_mins(15);

/// Sessions of one token, and sessions opened by links, at a time; opening another ends the oldest. Each is held in
/// memory, and more than these come from a script that signs in for every request.
pub const SESSIONS_PER_TOKEN_MAX: u32 = 100;

/// The name shown for sessions that a one-time link opened.
pub const SIGN_IN_LINK_NAME: &str = "sign-in link";

/// What the holder of a token may do. Each role may do what the ones before it may, but for `intake`, which adds contacts
/// and reads nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Adds contacts to the employees within reach, and gets their ids back and nothing else.
    Intake,
    /// Reads summaries, details and lists, and, when not limited to an enterprise, the cache's figures.
    Viewer,
    /// Adds and changes contacts.
    Contributor,
    /// Changes departments and employees, imports and exports.
    Manager,
    /// Everything: enterprises, cache changes, tokens, audit, backup.
    Admin,
}

impl Role {
    /// Every role, least powerful first.
    pub const ALL: [Self; 5] = [Self::Intake, Self::Viewer, Self::Contributor, Self::Manager, Self::Admin];

    /// The role's name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Viewer => "viewer",
            Self::Contributor => "contributor",
            Self::Manager => "manager",
            Self::Admin => "admin",
        }
    }

    /// Whether this role may use what takes the role `needed`. What takes `intake` is the adding of contacts, which those
    /// who only read may not do.
    #[must_use]
    pub fn may(self, needed: Self) -> bool {
        match (self, needed) {
            (Self::Viewer, Self::Intake) => false,
            (own, needed) => own >= needed,
        }
    }

    /// Reads a role's name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// An access token without its secret, which only its holder has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its public id, by which it is listed and revoked.
    pub id: String,
    /// The name given when it was made.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// How far it reaches.
    pub reach: Reach,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl Token {
    /// Whether it still works at this moment.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expiry| now < expiry)
    }

    /// The token as the API and the audit log show it.
    #[must_use]
    pub fn described(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "role": self.role,
            "enterpriseId": self.reach.enterprise(),
            "departmentIds": self.reach.departments(),
            "employeeIds": self.reach.employees(),
            "createdAt": self.created_at,
            "expiresAt": self.expires_at,
            "lastUsedAt": self.last_used_at,
        })
    }
}

/// A signed-in browser. It counts as the token that it was opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its public id, by which it is listed and revoked.
    pub id: String,
    /// The token that it was opened with; none where a one-time link opened it.
    pub token: Option<Token>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// The address that it was opened from.
    pub address: String,
}

impl Session {
    /// The token that the session acts as. A link can be made only with access to the machine itself, so a session opened
    /// by one acts as an administrator's token with the session's own id.
    #[must_use]
    pub fn counts_as(&self) -> Token {
        self.token.clone().unwrap_or_else(|| Token {
            id: self.id.clone(),
            name: SIGN_IN_LINK_NAME.to_owned(),
            role: Role::Admin,
            reach: Reach::Installation,
            created_at: self.created_at,
            expires_at: Some(self.expires_at),
            last_used_at: self.last_used_at,
        })
    }

    /// What may be told of it: everything but its secret.
    #[must_use]
    pub fn described(&self) -> Value {
        let Token { name, role, reach, .. } = self.counts_as();
        json!({
            "id": self.id,
            "name": name,
            "role": role,
            "enterpriseId": reach.enterprise(),
            "departmentIds": reach.departments(),
            "employeeIds": reach.employees(),
            "tokenId": self.token.as_ref().map(|token| &token.id),
            "createdAt": self.created_at,
            "expiresAt": self.expires_at,
            "address": self.address,
        })
    }

    /// Whether it, and the token behind it, still work at this moment.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        now < self.expires_at && self.token.as_ref().is_none_or(|token| token.is_valid_at(now))
    }
}
