//! The checks of what the bodies of enterprises and departments share: an id and a name.

use serde_json::json;

use crate::domain::FieldError;
use crate::domain::directory::Name;
use crate::domain::ids::InvalidId;
use crate::http::error::ApiError;
use crate::http::field_types::{DirectoryName, Id};
use crate::store::{Actor, AuditAction, AuditEntry, StoreError, WriteTx};

/// Checks what is to be created: its id, if there is one, and its name.
pub fn check_new<I>(id: Option<Id>, name: &DirectoryName) -> Result<(Option<I>, Name), ApiError>
where
    I: TryFrom<String, Error = InvalidId>,
{
    let id = checked_id("id", id);
    let name = Name::parse("name", name);
    match (id, name) {
        (Ok(id), Ok(name)) => Ok((id, name)),
        (id, name) => Err(ApiError::invalid(id.err().into_iter().chain(name.err()).collect())),
    }
}

/// Reads an id that a body may give.
pub fn checked_id<I: TryFrom<String, Error = InvalidId>>(
    field: &str,
    text: Option<impl Into<String>>,
) -> Result<Option<I>, FieldError> {
    text.map(|text| I::try_from(text.into())).transpose().map_err(|error| error.in_field(field))
}

/// Checks what is to change: the new name, if there is one. The id that is given must be `id`.
pub fn check_changes(given_id: Option<&Id>, name: Option<&DirectoryName>, id: &str) -> Result<Option<Name>, ApiError> {
    let changed_id = must_stay("id", given_id.map(|given| &**given), id);
    let name = name.map(|name| Name::parse("name", name)).transpose();
    match (changed_id, name) {
        (Ok(()), Ok(name)) => Ok(name),
        (id, name) => Err(ApiError::invalid(id.err().into_iter().chain(name.err()).collect())),
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
