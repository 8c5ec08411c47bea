//! What a token allows: a role, and how far it reaches.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::EnterpriseId;
use super::time::Timestamp;

/// Shortest life of a token that expires.
pub const TOKEN_LIFE_MIN: Duration = Duration::from_mins(1);

/// Longest life of a token that expires: ten years.
pub const TOKEN_LIFE_MAX: Duration = Duration::from_hours(24 * 3_653);

/// What the holder of a token may do; each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
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
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Contributor, Self::Manager, Self::Admin];

    /// The role's name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Contributor => "contributor",
            Self::Manager => "manager",
            Self::Admin => "admin",
        }
    }

    /// Reads a role's name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// How far a token reaches. Whatever lies outside does not exist for its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every enterprise, and what belongs to none.
    Installation,
    /// One enterprise.
    Enterprise(EnterpriseId),
}

impl Reach {
    /// Whether an enterprise lies within.
    #[must_use]
    pub fn covers(&self, enterprise: &EnterpriseId) -> bool {
        match self {
            Self::Installation => true,
            Self::Enterprise(own) => own == enterprise,
        }
    }
}

/// What is known of a token; the token itself is known only to its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its public id, by which it is listed and revoked.
    pub id: String,
    /// What its maker called it.
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
}
