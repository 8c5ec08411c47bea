//! Changing a contact.

use axum::extract::State;
use serde::Deserialize;

use super::contact_answer::{ContactAnswer, ContactPath, ContactWithinPath, UserParams, reach_of_user};
use super::contact_input::{CONTACT_INFO, ContactInput};
use crate::domain::access::Reach;
use crate::domain::contacts::Contact;
use crate::domain::ids::ContactId;
use crate::http::answer::Answer;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, PathIds, Query, RawJson, UserId};
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
    params(UserParams),
    responses((status = 200, body = Answer<ContactAnswer>), (status = 409))
)]
pub async fn change(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(place): ContactPath,
    Query(UserParams { enterprise_id }): Query<UserParams>,
    body: RawJson,
) -> Result<Json<Answer<ContactAnswer>>, ApiError> {
    change_of(&state, reach_of_user(&caller, enterprise_id.as_deref())?, place, &body).await
}

/// Change a contact of an enterprise's employee
///
/// The same as `PATCH /Contacts/{userId}/contact/{contactId}`, without doubt whose it is.
#[utoipa::path(
    patch, path = "/enterprise/{enterpriseId}/employees/{userId}/contact/{contactId}",
    tag = "contacts", operation_id = "changeContactOfEmployee",
    request_body(content = ContactInput, example = json!({"company": "Contoso Ltd", "notes": null})),
    responses((status = 200, body = Answer<ContactAnswer>))
)]
pub async fn change_within(
    State(state): State<AppState>,
    caller: Caller,
    PathIds((enterprise, user, id)): ContactWithinPath,
    body: RawJson,
) -> Result<Json<Answer<ContactAnswer>>, ApiError> {
    change_of(&state, reach_of_user(&caller, Some(enterprise.as_str()))?, (user, id), &body).await
}

async fn change_of(
    state: &AppState,
    reach: Reach,
    (UserId(user), id): (UserId, ContactId),
    body: &RawJson,
) -> Result<Json<Answer<ContactAnswer>>, ApiError> {
    let (input, within) = match body.parse::<Wrapped>()?.contact_info {
        Some(input) => (input, CONTACT_INFO),
        None => (body.parse::<ContactInput>()?, ""),
    };
    let work = state.store.write(move |tx| -> Result<Contact, StoreError> {
        let before = tx.contact(&reach, &user, id)?;
        let info = input.change(before.fields, within).map_err(StoreError::Invalid)?;
        tx.change_contact(&reach, &user, id, &info)
    });
    let contact = work.await?.into();
    Ok(state.success(ContactAnswer { message: Some("Contact updated successfully"), contact }))
}
