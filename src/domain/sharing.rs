//! What the token of an employee reads of colleagues.

use serde::{Deserialize, Serialize};

use super::access::Role;

/// What those whose token is limited to employees read of colleagues: a choice of their enterprise.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Sharing {
    /// Nothing: their own contacts alone.
    Own,
    /// All of the departments that they belong to.
    #[default]
    Department,
    /// All of the enterprise.
    Enterprise,
}

impl Sharing {
    /// Every choice, the narrowest first.
    pub const ALL: [Self; 3] = [Self::Own, Self::Department, Self::Enterprise];

    /// Its name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Department => "department",
            Self::Enterprise => "enterprise",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sharing| sharing.as_str() == text)
    }

    /// What a role reads at this choice: managers read their departments and administrators the enterprise whatever it
    /// is.
    #[must_use]
    pub fn for_role(self, role: Role) -> Self {
        match role {
            Role::Intake => Self::Own,
            Role::Viewer | Role::Contributor => self,
            Role::Manager => self.max(Self::Department),
            Role::Admin => Self::Enterprise,
        }
    }
}
