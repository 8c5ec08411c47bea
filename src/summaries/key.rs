//! The key of a cached answer.

use std::fmt;

use crate::cache::{EntryShare, Key};
use crate::domain::contacts::{DETAILS_LIMIT_MAX, DetailsRequest, DetailsView};
use crate::domain::directory::Scope;
use crate::domain::ids::{DepartmentId, EnterpriseId};
use crate::domain::page::{Cursor, TimeCursor};

/// The key of one cached answer: its scope, and the page if it is a page of contacts.
///
/// Its text is `enterprise:{id}:contacts` and `enterprise:{id}:department:{id}:contacts`; for a page of contacts
/// `:details:{view}:{limit}` follows, and `:{cursor}` unless it is the first. Ids and cursors have no colon, so every
/// key has a text of its own. A page has one key, however the request spells its parameters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SummaryKey {
    scope: Scope,
    details: Option<DetailsRequest>,
}

/// What kind of answer a key is of; TTLs are set by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SummaryKind {
    /// An enterprise's summary.
    Enterprise,
    /// A department's summary.
    Department,
    /// A page of the contacts of either.
    Details,
}

impl SummaryKind {
    /// The text of the kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enterprise => "enterprise",
            Self::Department => "department",
            Self::Details => "details",
        }
    }
}

impl SummaryKey {
    /// The key of a scope's summary.
    #[must_use]
    pub fn summary(scope: Scope) -> Self {
        Self { scope, details: None }
    }

    /// The key of a page of a scope's contacts.
    #[must_use]
    pub fn details(scope: Scope, request: DetailsRequest) -> Self {
        Self { scope, details: Some(request) }
    }

    /// Parses a key; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let enterprise = match (parts.next()?, parts.next()?) {
            ("enterprise", id) => EnterpriseId::parse(id).ok()?,
            _ => return None,
        };
        let rest: Vec<&str> = parts.collect();
        let (scope, page) = match rest.as_slice() {
            ["contacts", page @ ..] => (Scope::enterprise(enterprise), page),
            ["department", id, "contacts", page @ ..] => {
                (Scope::department(enterprise, DepartmentId::parse(*id).ok()?), page)
            }
            _ => return None,
        };
        let details = match page {
            [] => None,
            ["details", view, limit] => Some(read_details(view, limit, None)?),
            ["details", view, limit, cursor] => Some(read_details(view, limit, Some(cursor))?),
            _ => return None,
        };
        let key = Self { scope, details };
        // Limits and cursors have other spellings, which are no keys.
        (key.to_string() == text).then_some(key)
    }

    /// What kind of answer it is of.
    #[must_use]
    pub fn kind(&self) -> SummaryKind {
        match (self.details, &self.scope.department) {
            (Some(_), _) => SummaryKind::Details,
            (None, None) => SummaryKind::Enterprise,
            (None, Some(_)) => SummaryKind::Department,
        }
    }

    /// Which page of contacts it shows; `None` for a summary.
    #[must_use]
    pub fn page(&self) -> Option<&DetailsRequest> {
        self.details.as_ref()
    }

    /// The scope whose summary or contacts it shows.
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
        f.write_str(":contacts")?;
        if let Some(DetailsRequest { view, limit, after }) = &self.details {
            write!(f, ":details:{}:{limit}", view.as_str())?;
            if let Some(cursor) = after {
                write!(f, ":{}", cursor.encode())?;
            }
        }
        Ok(())
    }
}

fn read_details(view: &str, limit: &str, cursor: Option<&str>) -> Option<DetailsRequest> {
    let limit = limit.parse().ok().filter(|limit| (1..=DETAILS_LIMIT_MAX).contains(limit))?;
    let after = cursor.map(TimeCursor::decode).transpose().ok()?;
    Some(DetailsRequest { view: DetailsView::parse(view)?, limit, after })
}

impl Key for SummaryKey {
    type Scope = Scope;
    type Owner = EnterpriseId;

    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn share(&self) -> EntryShare<'_, EnterpriseId> {
        let owner = &self.scope.enterprise;
        if self.details.is_some() { EntryShare::Page(owner) } else { EntryShare::Other(owner) }
    }

    fn bytes(&self) -> usize {
        self.scope.enterprise.as_str().len() + self.scope.department.as_ref().map_or(0, |id| id.as_str().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_of_a_key_is_parsed_as_a_key() {
        let cursor = TimeCursor { created_at: 7, row: 8 }.encode();
        let page = format!("enterprise:acme:contacts:details:full:5000:{cursor}");
        let check = |text: &str, kind: SummaryKind| {
            let key = SummaryKey::parse(text);
            assert_eq!(key.map(|key| (key.to_string(), key.kind())), Some((text.to_owned(), kind)));
        };
        check("enterprise:acme:contacts", SummaryKind::Enterprise);
        check("enterprise:acme:department:sales:contacts", SummaryKind::Department);
        check("enterprise:acme:contacts:details:full:1000", SummaryKind::Details);
        check("enterprise:acme:department:sales:contacts:details:list:1", SummaryKind::Details);
        check(&page, SummaryKind::Details);
        for text in [
            "",
            "enterprise:acme",
            "enterprise::contacts",
            "department:acme:contacts",
            "enterprise:a b:contacts",
            "enterprise:acme:contacts:",
            "enterprise:acme:contacts:details",
            "enterprise:acme:contacts:details:map:1",
            "enterprise:acme:contacts:details:full:0",
            "enterprise:acme:contacts:details:full:5001",
            "enterprise:acme:contacts:details:full:01",
            "enterprise:acme:contacts:details:full:1:",
            "enterprise:acme:contacts:details:full:1:x",
            &format!("{page}:"),
            // Another spelling of the same cursor: {"r":8,"t":7}.
            "enterprise:acme:contacts:details:full:5000:eyJyIjo4LCJ0Ijo3fQ",
        ] {
            assert_eq!(SummaryKey::parse(text), None, "{text}");
        }
    }
}
