//! Reading contacts.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::contact_answer::{ContactAnswer, ContactPath, ContactWithinPath, UserParams, reach_of_user};
use crate::domain::access::Reach;
use crate::domain::contacts::ContactView;
use crate::domain::ids::{ContactId, EmployeeId, EnterpriseId};
use crate::domain::page::{PageRequest, TimeCursor};
use crate::http::answer::{Answer, Paging};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, PageParams, PageQuery, PathIds, Query, UserId};
use crate::http::state::AppState;

/// A page of an employee's contacts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactPage {
    /// The employee.
    #[schema(value_type = String, example = "u1")]
    id: EmployeeId,
    /// The contacts, newest first.
    contact_list: Vec<ContactView>,
    #[serde(flatten)]
    paging: Paging,
}

/// List an employee's contacts
///
/// Newest first.
#[utoipa::path(
    get, path = "/Contacts/{userId}", tag = "contacts", operation_id = "listContacts", params(PageParams, UserParams),
    responses((status = 200, body = Answer<ContactPage>), (status = 409))
)]
pub async fn list(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(user): PathIds<UserId>,
    Query(UserParams { enterprise_id }): Query<UserParams>,
    PageQuery { page, .. }: PageQuery<TimeCursor>,
) -> Result<Json<Answer<ContactPage>>, ApiError> {
    list_of(&state, reach_of_user(&caller, enterprise_id.as_deref())?, user, page).await
}

/// List the contacts of an enterprise's employee
///
/// The same as `GET /Contacts/{userId}`, without doubt whose they are.
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/employees/{userId}/contacts",
    tag = "contacts", operation_id = "listContactsOfEmployee", params(PageParams),
    responses((status = 200, body = Answer<ContactPage>))
)]
pub async fn list_within(
    State(state): State<AppState>,
    caller: Caller,
    PathIds((enterprise, user)): PathIds<(EnterpriseId, UserId)>,
    PageQuery { page, .. }: PageQuery<TimeCursor>,
) -> Result<Json<Answer<ContactPage>>, ApiError> {
    list_of(&state, reach_of_user(&caller, Some(enterprise.as_str()))?, user, page).await
}

async fn list_of(
    state: &AppState,
    reach: Reach,
    UserId(id): UserId,
    page: PageRequest<TimeCursor>,
) -> Result<Json<Answer<ContactPage>>, ApiError> {
    let user = id.clone();
    let read = state.read_page(page, move |tx, page| tx.contacts_of_user(&reach, &user, page));
    let (contact_list, paging) = read.await?;
    Ok(state.success(ContactPage { id, contact_list, paging }))
}

/// One contact
#[utoipa::path(
    get, path = "/Contacts/{userId}/contact/{contactId}", tag = "contacts", operation_id = "getContact",
    params(UserParams),
    responses((status = 200, body = Answer<ContactAnswer>), (status = 409))
)]
pub async fn get(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(place): ContactPath,
    Query(UserParams { enterprise_id }): Query<UserParams>,
) -> Result<Json<Answer<ContactAnswer>>, ApiError> {
    get_of(&state, reach_of_user(&caller, enterprise_id.as_deref())?, place).await
}

/// One contact of an enterprise's employee
///
/// The same as `GET /Contacts/{userId}/contact/{contactId}`, without doubt whose it is.
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/employees/{userId}/contact/{contactId}",
    tag = "contacts", operation_id = "getContactOfEmployee",
    responses((status = 200, body = Answer<ContactAnswer>))
)]
pub async fn get_within(
    State(state): State<AppState>,
    caller: Caller,
    PathIds((enterprise, user, id)): ContactWithinPath,
) -> Result<Json<Answer<ContactAnswer>>, ApiError> {
    get_of(&state, reach_of_user(&caller, Some(enterprise.as_str()))?, (user, id)).await
}

async fn get_of(
    state: &AppState,
    reach: Reach,
    (UserId(user), id): (UserId, ContactId),
) -> Result<Json<Answer<ContactAnswer>>, ApiError> {
    let contact = state.store.read(move |tx| tx.contact(&reach, &user, id)).await?;
    Ok(state.success(ContactAnswer { message: None, contact: contact.into() }))
}
