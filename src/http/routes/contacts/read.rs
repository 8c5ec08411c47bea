//! Reading contacts.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::contact_answer::{ContactAnswer, ContactPath};
use crate::domain::contacts::ContactView;
use crate::domain::ids::EmployeeId;
use crate::domain::page::TimeCursor;
use crate::http::answer::{Answer, Paging};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, PageParams, PageQuery, PathIds, UserId};
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
    get, path = "/Contacts/{userId}", tag = "contacts", operation_id = "listContacts", params(PageParams),
    responses((status = 200, body = Answer<ContactPage>))
)]
pub async fn list(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(UserId(id)): PathIds<UserId>,
    PageQuery { page, .. }: PageQuery<TimeCursor>,
) -> Result<Json<Answer<ContactPage>>, ApiError> {
    let user = id.clone();
    let read = state.read_page(page, move |tx, page| tx.contacts_of_user(caller.reach(), &user, page));
    let (contact_list, paging) = read.await?;
    Ok(state.success(ContactPage { id, contact_list, paging }))
}

/// One contact
#[utoipa::path(
    get, path = "/Contacts/{userId}/contact/{contactId}", tag = "contacts", operation_id = "getContact",
    responses((status = 200, body = Answer<ContactAnswer>))
)]
pub async fn get(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(place): ContactPath,
) -> Result<Json<Answer<ContactAnswer>>, ApiError> {
    let (UserId(user), id) = place;
    let contact = state.store.read(move |tx| tx.contact(caller.reach(), &user, id)).await?;
    Ok(state.success(ContactAnswer { message: None, contact: contact.into() }))
}
