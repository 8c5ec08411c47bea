//! Adding contacts.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::contact_answer::reach_of_user;
use super::contact_input::{CONTACT_INFO, ContactInput};
use crate::domain::FieldError;
use crate::domain::access::{Reach, Role};
use crate::domain::contacts::{Contact, ContactInfo, ContactView};
use crate::domain::ids::{ContactId, EmployeeId, EnterpriseId};
use crate::domain::page::{PageRequest, PageStart};
use crate::http::answer::Answer;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{PathId, UserId};
use crate::http::field_types::{ContactName, Id, add_schema, one_at_least};
use crate::http::routes::idempotent::{IdempotencyParams, IdempotentBody};
use crate::http::state::AppState;
use crate::store::{StoreError, Subject, WriteTx};

/// How many of an employee's newest contacts `AddContact` answers, as existing clients expect.
const CONTACTS_ANSWERED: u32 = 100;

/// What existing clients read as the number of contacts that may still be added.
const REMAINING_CONTACTS: &str = "unlimited";

/// A contact that is to be added, and to whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewContact {
    /// The employee who collected it.
    #[schema(value_type = String, min_length = 1)]
    user_id: Option<String>,
    /// The employee's enterprise; needed where several enterprises within reach have an employee with the id (409).
    #[schema(example = "acme")]
    enterprise_id: Option<Id>,
    /// Its fields; null counts as absent.
    #[schema(value_type = NewContactInfo)]
    contact_info: Option<NewContactInfo>,
}

impl NewContact {
    /// The reach to look for the employee in, their id, and the contact.
    fn check(self, caller: &Caller) -> Result<(Reach, EmployeeId, ContactInfo), ApiError> {
        let Self { user_id, enterprise_id, contact_info } = self;
        let (user, input) = match (user_id.filter(|id| !id.is_empty()), contact_info) {
            (Some(user), Some(NewContactInfo(input))) => (user, input),
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
        Ok((reach_of_user(caller, enterprise_id.as_deref())?, user, info))
    }
}

/// A contact's fields, of which one at least says who it is.
#[derive(Debug, Deserialize)]
pub struct NewContactInfo(ContactInput);

impl PartialSchema for NewContactInfo {
    fn schema() -> RefOr<Schema> {
        let fields = ["name", "surname", "email", "phone"];
        let description = "The fields of a contact: a name, an address or a number, too";
        one_at_least::<ContactInput, ContactName>(&fields, description)
    }
}

impl ToSchema for NewContactInfo {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        add_schema::<ContactInput>(schemas);
        add_schema::<ContactName>(schemas);
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

/// That a contact was added, for those who only add: nothing else is said.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactTaken {
    /// Always true.
    #[schema(example = true)]
    success: bool,
    /// The contact's id.
    #[schema(value_type = String, example = "01k5n8w3q7r2v")]
    contact_id: ContactId,
}

/// What the caller may know of an addition.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Addition<T> {
    /// To a token with the role `intake`.
    Taken(ContactTaken),
    /// To any other.
    Whole(Answer<T>),
}

/// Where a contact is that was added: what is kept for the repetition of the request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "they are the names on the wire")]
struct MadeContact {
    enterprise_id: EnterpriseId,
    user_id: EmployeeId,
    contact_id: ContactId,
}

impl MadeContact {
    fn of(contact: Contact) -> Self {
        Self { enterprise_id: contact.enterprise_id, user_id: contact.employee_id, contact_id: contact.id }
    }

    /// The caller's reach within the contact's enterprise, by which the contact is found without doubt.
    fn reach(&self, caller: &Caller) -> Result<Reach, StoreError> {
        caller.reach().narrowed_to(&self.enterprise_id).ok_or(StoreError::NotFound(Subject::User))
    }
}

/// Answers an addition as far as the caller may know of it.
fn addition<T>(
    tx: &WriteTx<'_>,
    caller: &Caller,
    made: &MadeContact,
    whole: impl FnOnce(&Reach, Contact) -> Result<T, StoreError>,
) -> Result<Addition<T>, StoreError> {
    if caller.role() == Role::Intake {
        return Ok(Addition::Taken(ContactTaken { success: true, contact_id: made.contact_id }));
    }
    let reach = made.reach(caller)?;
    let contact = tx.contact(&reach, &made.user_id, made.contact_id)?;
    Ok(Addition::Whole(Answer::new(whole(&reach, contact)?, tx.now())))
}

/// Add a contact
///
/// Answers the employee's newest 100 contacts with it; to a token with the role `intake` only its id.
#[utoipa::path(
    post, path = "/AddContact", tag = "contacts", operation_id = "addContact", params(IdempotencyParams),
    request_body(content = NewContact, example = json!({"userId": "u1", "contactInfo": {
        "name": "Grace", "surname": "Hopper", "email": "grace@contoso.example", "company": "Contoso",
        "tags": ["fair"], "location": {"city": "Berlin", "country": "Germany"}
    }})),
    responses((status = 201, body = Answer<ContactAdded>), (status = 404), (status = 409))
)]
pub async fn add(
    State(state): State<AppState>,
    caller: Caller,
    IdempotentBody { body, once }: IdempotentBody<NewContact>,
) -> Result<Response, ApiError> {
    let (reach, user, info) = body.check(&caller)?;
    let work = move |tx: &WriteTx<'_>| tx.add_contact(&reach, &user, &info, "AddContact").map(MadeContact::of);
    let answer = move |tx: &WriteTx<'_>, made: &MadeContact| {
        addition(tx, &caller, made, |reach, contact| {
            let newest = PageRequest { limit: CONTACTS_ANSWERED, start: PageStart::First };
            let page = tx.contacts_of_user(reach, &made.user_id, &newest)?;
            Ok(ContactAdded {
                message: "Contact added successfully",
                contact: contact.into(),
                contact_list: page.items.into_iter().map(Into::into).collect(),
                contacts_count: page.total,
                remaining_contacts: REMAINING_CONTACTS,
            })
        })
    };
    once.write(&state.store, StatusCode::CREATED, work, answer).await
}

/// Save a contact
///
/// The same as `POST /AddContact`, with a shorter answer.
#[utoipa::path(
    post, path = "/saveContact", tag = "contacts", operation_id = "saveContact", params(IdempotencyParams),
    request_body(content = NewContact, example = json!({"userId": "u1", "contactInfo": {
        "name": "Grace", "surname": "Hopper", "phone": "+1 555 0100", "howWeMet": "At the spring fair"
    }})),
    responses((status = 200, body = Answer<ContactSaved>), (status = 404), (status = 409))
)]
pub async fn save(
    State(state): State<AppState>,
    caller: Caller,
    IdempotentBody { body, once }: IdempotentBody<NewContact>,
) -> Result<Response, ApiError> {
    let (reach, user, info) = body.check(&caller)?;
    let work = move |tx: &WriteTx<'_>| tx.add_contact(&reach, &user, &info, "saveContact").map(MadeContact::of);
    let answer = move |tx: &WriteTx<'_>, made: &MadeContact| {
        addition(tx, &caller, made, |reach, contact| {
            let contact = ContactView::from(contact);
            Ok(ContactSaved {
                message: "Contact saved successfully",
                contact: contact.clone(),
                saved_contact: contact,
                contacts_count: tx.user(reach, &made.user_id)?.contact_count,
                remaining_contacts: REMAINING_CONTACTS,
                email_sent: false,
            })
        })
    };
    once.write(&state.store, StatusCode::OK, work, answer).await
}
