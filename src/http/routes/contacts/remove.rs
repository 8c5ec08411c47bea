//! Deleting a contact.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::contact_answer::{ContactPath, ContactWithinPath, UserParams, reach_of_user};
use crate::domain::access::Reach;
use crate::domain::ids::ContactId;
use crate::http::answer::Answer;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, PathIds, Query, UserId};
use crate::http::state::AppState;

/// That a contact was deleted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactDeleted {
    /// What happened.
    #[schema(example = "Contact deleted successfully")]
    message: &'static str,
    /// The contact that is gone.
    #[schema(value_type = String, example = "01k5n8w3q7r2v")]
    contact_id: ContactId,
    /// How many contacts the employee has left.
    #[schema(example = 11)]
    contacts_count: u64,
}

/// Delete a contact
///
/// It is destroyed, and cannot be restored.
#[utoipa::path(
    delete, path = "/Contacts/{userId}/contact/{contactId}", tag = "contacts", operation_id = "deleteContact",
    params(UserParams),
    responses((status = 200, body = Answer<ContactDeleted>), (status = 409))
)]
pub async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(place): ContactPath,
    Query(UserParams { enterprise_id }): Query<UserParams>,
) -> Result<Json<Answer<ContactDeleted>>, ApiError> {
    remove_of(&state, reach_of_user(&caller, enterprise_id.as_deref())?, place).await
}

/// Delete a contact of an enterprise's employee
///
/// The same as `DELETE /Contacts/{userId}/contact/{contactId}`, without doubt whose it is.
#[utoipa::path(
    delete, path = "/enterprise/{enterpriseId}/employees/{userId}/contact/{contactId}",
    tag = "contacts", operation_id = "deleteContactOfEmployee",
    responses((status = 200, body = Answer<ContactDeleted>))
)]
pub async fn remove_within(
    State(state): State<AppState>,
    caller: Caller,
    PathIds((enterprise, user, id)): ContactWithinPath,
) -> Result<Json<Answer<ContactDeleted>>, ApiError> {
    remove_of(&state, reach_of_user(&caller, Some(enterprise.as_str()))?, (user, id)).await
}

async fn remove_of(
    state: &AppState,
    reach: Reach,
    (UserId(user), id): (UserId, ContactId),
) -> Result<Json<Answer<ContactDeleted>>, ApiError> {
    let contacts_count = state.store.write(move |tx| tx.delete_contact(&reach, &user, id)).await?;
    Ok(state.success(ContactDeleted { message: "Contact deleted successfully", contact_id: id, contacts_count }))
}
