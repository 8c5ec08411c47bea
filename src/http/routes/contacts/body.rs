//! Contacts as the API reads and writes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::FieldError;
use crate::domain::contact::{Contact, ContactFields, ContactInfo, Location};
use crate::domain::ids::{ContactId, DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::time::Timestamp;
use crate::http::extract::{Object, nullable};

/// A contact. A text that nobody gave is empty.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Contact)]
pub struct ContactBody {
    /// Its id.
    #[schema(value_type = String, example = "01k5n8w3q7r2v")]
    id: ContactId,
    /// The same.
    #[schema(value_type = String, example = "01k5n8w3q7r2v")]
    contact_id: ContactId,
    /// The employee who collected it.
    #[schema(value_type = String, example = "u1")]
    user_id: EmployeeId,
    /// That employee's enterprise.
    #[schema(value_type = String, example = "acme")]
    enterprise_id: EnterpriseId,
    /// That employee's department.
    #[schema(value_type = String, example = "sales")]
    department_id: DepartmentId,
    /// Given name, or the whole name.
    #[schema(example = "Grace")]
    name: String,
    /// Family name.
    #[schema(example = "Hopper")]
    surname: String,
    /// E-mail address as it was typed.
    #[schema(example = "grace@contoso.example")]
    email: String,
    /// Phone number as it was typed.
    #[schema(example = "+1 555 0100")]
    phone: String,
    /// The company the person works for.
    #[schema(example = "Contoso")]
    company: String,
    /// The person's position there.
    #[schema(example = "CTO")]
    position: String,
    /// Web address.
    website: String,
    /// How the two met.
    #[schema(example = "At the spring fair")]
    how_we_met: String,
    /// Free text.
    notes: String,
    /// Free labels, in the order given.
    tags: Vec<String>,
    /// Where they met; null when nothing is known of it.
    #[schema(required)]
    location: Option<LocationBody>,
    /// The way it came in: `AddContact`, `saveContact`, `import`.
    #[schema(example = "AddContact")]
    source: String,
    /// When it was collected.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// Where a contact was made.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Location)]
pub struct LocationBody {
    /// Degrees north.
    #[schema(required, example = 52.52)]
    latitude: Option<f64>,
    /// Degrees east.
    #[schema(required, example = 13.405)]
    longitude: Option<f64>,
    /// City name; empty when unknown.
    #[schema(example = "Berlin")]
    city: String,
    /// Country name; empty when unknown.
    #[schema(example = "Germany")]
    country: String,
}

impl From<Contact> for ContactBody {
    fn from(contact: Contact) -> Self {
        let fields = contact.fields;
        let is_somewhere = !fields.location.is_empty();
        let Location { latitude, longitude, city, country } = fields.location;
        Self {
            id: contact.id,
            contact_id: contact.id,
            user_id: contact.employee_id,
            enterprise_id: contact.enterprise_id,
            department_id: contact.department_id,
            name: fields.name,
            surname: fields.surname,
            email: fields.email,
            phone: fields.phone,
            company: fields.company,
            position: fields.position,
            website: fields.website,
            how_we_met: fields.how_we_met,
            notes: fields.notes,
            tags: fields.tags,
            location: is_somewhere.then_some(LocationBody { latitude, longitude, city, country }),
            source: contact.source,
            created_at: contact.created_at,
            updated_at: contact.updated_at,
        }
    }
}

/// The fields of a contact. Null is the same as absence in a new contact; in a change, a JSON merge patch (RFC 7396), it
/// clears the field.
// `Some(None)` is an explicit null.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ContactInfo)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in a merge patch")]
pub struct ContactInput {
    /// Given name, or the whole name. At least one of name, surname, email and phone is needed.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    name: Option<Option<String>>,
    /// Family name.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    surname: Option<Option<String>>,
    /// E-mail address, not necessarily a valid one.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    email: Option<Option<String>>,
    /// Phone number in any spelling.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    phone: Option<Option<String>>,
    /// The company the person works for.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    company: Option<Option<String>>,
    /// The person's position there.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    position: Option<Option<String>>,
    /// Web address.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    website: Option<Option<String>>,
    /// How the two met.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    how_we_met: Option<Option<String>>,
    /// Free text.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 20_000)]
    notes: Option<Option<String>>,
    /// Free labels of at most 100 characters.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    tags: Option<Option<Vec<String>>>,
    /// Where they met.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<LocationInput>)]
    location: Option<Option<Object<LocationInput>>>,
}

/// What a body says of a location.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in a merge patch")]
pub struct LocationInput {
    /// Degrees north.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<f64>, minimum = -90, maximum = 90)]
    latitude: Option<Option<f64>>,
    /// Degrees east.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<f64>, minimum = -180, maximum = 180)]
    longitude: Option<Option<f64>>,
    /// City name.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    city: Option<Option<String>>,
    /// Country name.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    country: Option<Option<String>>,
}

impl ContactInput {
    /// A new contact with these fields, which stood in the field `within` of the body, or in the body itself.
    pub fn creation(self, within: &str) -> Result<ContactInfo, Vec<FieldError>> {
        self.change(ContactFields::default(), within)
    }

    /// A contact's fields after the change.
    pub fn change(self, mut fields: ContactFields, within: &str) -> Result<ContactInfo, Vec<FieldError>> {
        set(&mut fields.name, self.name);
        set(&mut fields.surname, self.surname);
        set(&mut fields.email, self.email);
        set(&mut fields.phone, self.phone);
        set(&mut fields.company, self.company);
        set(&mut fields.position, self.position);
        set(&mut fields.website, self.website);
        set(&mut fields.how_we_met, self.how_we_met);
        set(&mut fields.notes, self.notes);
        set(&mut fields.tags, self.tags);
        match self.location {
            None => {}
            Some(None) => fields.location = Location::default(),
            Some(Some(Object(location))) => {
                set(&mut fields.location.latitude, location.latitude.map(Some));
                set(&mut fields.location.longitude, location.longitude.map(Some));
                set(&mut fields.location.city, location.city);
                set(&mut fields.location.country, location.country);
            }
        }
        ContactInfo::parse(fields).map_err(|errors| errors.into_iter().map(|error| placed(error, within)).collect())
    }
}

#[expect(clippy::option_option, reason = "absent, null and a value are three things in a merge patch")]
fn set<T: Default>(field: &mut T, given: Option<Option<T>>) {
    if let Some(value) = given {
        *field = value.unwrap_or_default();
    }
}

/// Names a refused field by its place in the body.
fn placed(error: FieldError, within: &str) -> FieldError {
    if within.is_empty() { error } else { FieldError { field: format!("{within}.{}", error.field), ..error } }
}
