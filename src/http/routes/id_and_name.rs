//! The bodies that enterprises and departments share: an id and a name.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::domain::FieldError;
use crate::domain::directory::Name;
use crate::domain::ids::InvalidId;
use crate::http::error::ApiError;
use crate::http::extract::not_null;
use crate::http::field_types::{DirectoryName, Id};
use crate::store::{Actor, AuditAction, AuditEntry, StoreError, WriteTx};

/// An enterprise or department that is to be created.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewNamed {
    /// 1 to 64 characters of `A-Z a-z 0-9 . _ -`; without one the name gives it.
    id: Option<Id>,
    /// Not blank, at most 200 characters.
    name: DirectoryName,
}

impl NewNamed {
    /// The id, if there is one, and the name.
    pub fn check<I: TryFrom<String, Error = InvalidId>>(self) -> Result<(Option<I>, Name), ApiError> {
        let id = checked_id("id", self.id);
        let name = Name::parse("name", &self.name);
        match (id, name) {
            (Ok(id), Ok(name)) => Ok((id, name)),
            (id, name) => Err(ApiError::invalid(id.err().into_iter().chain(name.err()).collect())),
        }
    }
}

/// Reads an id that a body may give.
pub fn checked_id<I: TryFrom<String, Error = InvalidId>>(
    field: &str,
    text: Option<impl Into<String>>,
) -> Result<Option<I>, FieldError> {
    text.map(|text| I::try_from(text.into())).transpose().map_err(|error| error.in_field(field))
}

/// What is to change of an enterprise or department; what is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Renaming {
    /// Cannot be changed: if given, it must be the id in the path.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    id: Option<Id>,
    /// Not blank, at most 200 characters.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    name: Option<DirectoryName>,
}

impl Renaming {
    /// The new name, if there is one.
    pub fn check(self, id: &str) -> Result<Option<Name>, ApiError> {
        let changed_id = must_stay("id", self.id.as_deref(), id);
        let name = self.name.map(|name| Name::parse("name", &name)).transpose();
        match (changed_id, name) {
            (Ok(()), Ok(name)) => Ok(name),
            (id, name) => Err(ApiError::invalid(id.err().into_iter().chain(name.err()).collect())),
        }
    }
}

/// Records that something got another name; the same one is no act.
pub fn audit_renaming(
    tx: &WriteTx<'_>,
    actor: &Actor,
    action: AuditAction,
    target: String,
    [before, after]: [&str; 2],
) -> Result<(), StoreError> {
    if before == after {
        return Ok(());
    }
    let entry = AuditEntry::of(action, target).before(json!({"name": before})).after(json!({"name": after}));
    tx.audit(actor, &entry)
}

/// Refuses an id in a body that is not the one in the path: ids cannot be changed.
pub fn must_stay(field: &str, given: Option<&str>, id: &str) -> Result<(), FieldError> {
    match given {
        Some(given) if given != id => Err(FieldError::new(field, "cannot be changed")),
        _ => Ok(()),
    }
}
