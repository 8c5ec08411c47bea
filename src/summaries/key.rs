//! What cached answers are found by.

use std::fmt;

use crate::cache::Key;
use crate::domain::directory::Scope;
use crate::domain::ids::{DepartmentId, EnterpriseId};

/// The key of one cached answer: whose figures it shows.
///
/// Written `enterprise:{id}:contacts` and `enterprise:{id}:department:{id}:contacts`; ids have no colon, so nothing is
/// written like anything else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SummaryKey {
    scope: Scope,
}

/// What kind of answer a key is of; TTLs are set by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An enterprise's summary.
    Enterprise,
    /// A department's summary.
    Department,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Enterprise, Self::Department];

    /// The kind as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enterprise => "enterprise",
            Self::Department => "department",
        }
    }

    /// Reads a kind; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl SummaryKey {
    /// The key of a scope's summary.
    #[must_use]
    pub fn summary(scope: Scope) -> Self {
        Self { scope }
    }

    /// Reads a key as it is written; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let enterprise = match (parts.next()?, parts.next()?) {
            ("enterprise", id) => EnterpriseId::parse(id).ok()?,
            _ => return None,
        };
        let rest: Vec<&str> = parts.collect();
        let scope = match rest.as_slice() {
            ["contacts"] => Scope::enterprise(enterprise),
            ["department", id, "contacts"] => Scope::department(enterprise, DepartmentId::parse(*id).ok()?),
            _ => return None,
        };
        Some(Self { scope })
    }

    /// What kind of answer it is of.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.scope.department {
            None => Kind::Enterprise,
            Some(_) => Kind::Department,
        }
    }

    /// Whose figures it shows.
    #[must_use]
    pub fn of(&self) -> &Scope {
        &self.scope
    }
}

impl fmt::Display for SummaryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "enterprise:{}", self.scope.enterprise)?;
        if let Some(department) = &self.scope.department {
            write!(f, ":department:{department}")?;
        }
        f.write_str(":contacts")
    }
}

impl Key for SummaryKey {
    type Scope = Scope;

    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn bytes(&self) -> usize {
        self.scope.enterprise.as_str().len() + self.scope.department.as_ref().map_or(0, |id| id.as_str().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for text in ["enterprise:acme:contacts", "enterprise:acme:department:sales:contacts"] {
            assert_eq!(SummaryKey::parse(text).map(|key| key.to_string()).as_deref(), Some(text));
        }
        for text in
            ["", "enterprise:acme", "enterprise::contacts", "department:acme:contacts", "enterprise:a b:contacts"]
        {
            assert_eq!(SummaryKey::parse(text), None, "{text}");
        }
    }
}
