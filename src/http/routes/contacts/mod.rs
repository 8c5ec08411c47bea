//! Contacts: adding them, and reading, changing and deleting them one by one.

pub mod body;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::body::ContactInput;
use super::idempotent::{IdempotencyParams, IdempotentBody};
use crate::domain::FieldError;
use crate::domain::contacts::ContactView;
use crate::domain::contacts::{Contact, ContactInfo};
use crate::domain::ids::{ContactId, EmployeeId};
use crate::domain::page::{PageRequest, PageStart, TimeCursor};
use crate::http::answer::{Answer, Paging};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, PageParams, PageQuery, PathId, PathIds, RawJson, UserId};
use crate::http::schemas::NewContactInfo;
use crate::http::state::AppState;
use crate::store::{StoreError, WriteTx};

/// How many of an employee's newest contacts `AddContact` answers, as existing clients expect.
const CONTACTS_ANSWERED: u32 = 100;

/// What existing clients read as the number of contacts that may still be added.
const REMAINING_CONTACTS: &str = "unlimited";

/// The field that holds a contact's fields.
const CONTACT_INFO: &str = "contactInfo";

/// A contact that is to be added, and to whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewContact {
    /// The employee who collected it.
    #[schema(value_type = String, min_length = 1)]
    user_id: Option<String>,
    /// Its fields; null counts as absent.
    #[schema(value_type = NewContactInfo)]
    contact_info: Option<ContactInput>,
}

impl NewContact {
    fn check(self) -> Result<(EmployeeId, ContactInfo), ApiError> {
        let Self { user_id, contact_info } = self;
        let (user, input) = match (user_id.filter(|id| !id.is_empty()), contact_info) {
            (Some(user), Some(input)) => (user, input),
            (user, input) => {
                let missing = [("userId", user.is_none()), (CONTACT_INFO, input.is_none())];
                let missing = missing.into_iter().filter(|(_, is_missing)| *is_missing);
                let errors = missing.map(|(field, _)| FieldError::new(field, "is required")).collect();
                return Err(ApiError::invalid_saying("User ID and contact info are required", errors));
            }
        };
        let info = input.creation(CONTACT_INFO).map_err(ApiError::invalid)?;
        // A text that cannot be an id names no employee.
        let user = EmployeeId::parse(user).map_err(|_| ApiError::not_found(UserId::WHAT))?;
        Ok((user, info))
    }
}

/// That a contact was added.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactAdded {
    /// What happened.
    #[schema(example = "Contact added successfully")]
    message: &'static str,
    /// The contact.
    contact: ContactView,
    /// The employee's newest contacts, at most 100.
    contact_list: Vec<ContactView>,
    /// How many contacts the employee has now.
    #[schema(example = 12)]
    contacts_count: u64,
    /// Always `unlimited`.
    #[schema(example = "unlimited")]
    remaining_contacts: &'static str,
}

/// That a contact was saved.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactSaved {
    /// What happened.
    #[schema(example = "Contact saved successfully")]
    message: &'static str,
    /// The contact.
    contact: ContactView,
    /// The same.
    saved_contact: ContactView,
    /// How many contacts the employee has now.
    #[schema(example = 12)]
    contacts_count: u64,
    /// Always `unlimited`.
    #[schema(example = "unlimited")]
    remaining_contacts: &'static str,
    /// Always false: Muster sends no mail.
    #[schema(example = false)]
    email_sent: bool,
}

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

/// One contact.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContactAnswer {
    /// What happened, where something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "Contact updated successfully")]
    message: Option<&'static str>,
    /// The contact as it is now.
    contact: ContactView,
}

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

/// A contact's place: the employee who collected it and its id.
type ContactPath = PathIds<(UserId, ContactId)>;

/// Add a contact
///
/// Answers the employee's newest 100 contacts with it.
#[utoipa::path(
    post, path = "/AddContact", tag = "contacts", operation_id = "addContact", params(IdempotencyParams),
    request_body(content = NewContact, example = json!({"userId": "u1", "contactInfo": {
        "name": "Grace", "surname": "Hopper", "email": "grace@contoso.example", "company": "Contoso",
        "tags": ["fair"], "location": {"city": "Berlin", "country": "Germany"}
    }})),
    responses((status = 201, body = Answer<ContactAdded>), (status = 404))
)]
pub async fn add(
    State(state): State<AppState>,
    caller: Caller,
    IdempotentBody { body, once }: IdempotentBody<NewContact>,
) -> Result<Response, ApiError> {
    let (user, info) = body.check()?;
    let work = move |tx: &WriteTx<'_>| {
        let contact = tx.add_contact(caller.reach(), &user, &info, "AddContact")?;
        let newest = PageRequest { limit: CONTACTS_ANSWERED, start: PageStart::First };
        let page = tx.contacts_of_user(caller.reach(), &user, &newest)?;
        Ok(ContactAdded {
            message: "Contact added successfully",
            contact: contact.into(),
            contact_list: page.items.into_iter().map(Into::into).collect(),
            contacts_count: page.total,
            remaining_contacts: REMAINING_CONTACTS,
        })
    };
    once.write(&state.store, StatusCode::CREATED, work).await
}

/// Save a contact
///
/// The same as `POST /AddContact`, with a shorter answer.
#[utoipa::path(
    post, path = "/saveContact", tag = "contacts", operation_id = "saveContact", params(IdempotencyParams),
    request_body(content = NewContact, example = json!({"userId": "u1", "contactInfo": {
        "name": "Grace", "surname": "Hopper", "phone": "+1 555 0100", "howWeMet": "At the spring fair"
    }})),
    responses((status = 200, body = Answer<ContactSaved>), (status = 404))
)]
pub async fn save(
    State(state): State<AppState>,
    caller: Caller,
    IdempotentBody { body, once }: IdempotentBody<NewContact>,
) -> Result<Response, ApiError> {
    let (user, info) = body.check()?;
    let work = move |tx: &WriteTx<'_>| {
        let contact: ContactView = tx.add_contact(caller.reach(), &user, &info, "saveContact")?.into();
        Ok(ContactSaved {
            message: "Contact saved successfully",
            contact: contact.clone(),
            saved_contact: contact,
            contacts_count: tx.user(caller.reach(), &user)?.contact_count,
            remaining_contacts: REMAINING_CONTACTS,
            email_sent: false,
        })
    };
    once.write(&state.store, StatusCode::OK, work).await
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
#[utoipa::path(
    patch, path = "/Contacts/{userId}/contact/{contactId}", tag = "contacts", operation_id = "changeContact",
    request_body(
        content(
            (ContactInput = "application/merge-patch+json", example = json!({"company": "Contoso Ltd", "notes": null})),
            (ContactInput = "application/json", example = json!({"company": "Contoso Ltd", "notes": null}))
        )
    ),
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

/// Delete a contact
///
/// It is destroyed, and cannot be restored.
#[utoipa::path(
    delete, path = "/Contacts/{userId}/contact/{contactId}", tag = "contacts", operation_id = "deleteContact",
    responses((status = 200, body = Answer<ContactDeleted>))
)]
pub async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(place): ContactPath,
) -> Result<Json<Answer<ContactDeleted>>, ApiError> {
    let (UserId(user), id) = place;
    let contacts_count = state.store.write(move |tx| tx.delete_contact(caller.reach(), &user, id)).await?;
    Ok(state.success(ContactDeleted { message: "Contact deleted successfully", contact_id: id, contacts_count }))
}
