//! Changing a contact.

use axum::extract::State;
use serde::Deserialize;

use super::contact_answer::{ContactAnswer, ContactPath};
use super::contact_input::{CONTACT_INFO, ContactInput};
use crate::domain::contacts::Contact;
use crate::http::answer::Answer;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, PathIds, RawJson, UserId};
use crate::http::state::AppState;
use crate::store::StoreError;

/// What `PATCH` reads besides the bare fields.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Wrapped {
    contact_info: Option<ContactInput>,
}

/// Change a contact
///
/// A JSON merge patch (RFC 7396): what is absent stays as it is, null clears a field, tags are replaced as a whole. The
/// fields stand in the body itself or, as in `POST /AddContact`, in `contactInfo`; if that is there, only it is read.
/// `Content-Type: application/merge-patch+json` is taken, too.
#[utoipa::path(
    patch, path = "/Contacts/{userId}/contact/{contactId}", tag = "contacts", operation_id = "changeContact",
    request_body(content = ContactInput, example = json!({"company": "Contoso Ltd", "notes": null})),
    responses((status = 200, body = Answer<ContactAnswer>))
)]
pub async fn change(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(place): ContactPath,
    body: RawJson,
) -> Result<Json<Answer<ContactAnswer>>, ApiError> {
    let (UserId(user), id) = place;
    let (input, within) = match body.parse::<Wrapped>()?.contact_info {
        Some(input) => (input, CONTACT_INFO),
        None => (body.parse::<ContactInput>()?, ""),
    };
    let work = state.store.write(move |tx| -> Result<Contact, StoreError> {
        let before = tx.contact(caller.reach(), &user, id)?;
        let info = input.change(before.fields, within).map_err(StoreError::Invalid)?;
        tx.change_contact(caller.reach(), &user, id, &info)
    });
    let contact = work.await?.into();
    Ok(state.success(ContactAnswer { message: Some("Contact updated successfully"), contact }))
}
