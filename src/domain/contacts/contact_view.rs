//! A contact as clients read it, the same in every answer.

use serde::Serialize;
use utoipa::ToSchema;

use super::contact::{Contact, Location};
use crate::domain::ids::{ContactId, DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::time::Timestamp;

/// A contact. A text that nobody gave is empty.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Contact)]
pub struct ContactView {
    /// Everything else.
    #[serde(flatten)]
    pub data: ContactData,
    /// When it was collected.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// Everything of a contact but its times, one of which not every answer writes in the same way.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactData {
    /// Its id.
    #[schema(value_type = String, example = "01k5n8w3q7r2v")]
    pub id: ContactId,
    /// The same.
    #[schema(value_type = String, example = "01k5n8w3q7r2v")]
    pub contact_id: ContactId,
    /// The employee who collected it.
    #[schema(value_type = String, example = "u1")]
    pub user_id: EmployeeId,
    /// That employee's enterprise.
    #[schema(value_type = String, example = "acme")]
    pub enterprise_id: EnterpriseId,
    /// That employee's department.
    #[schema(value_type = String, example = "sales")]
    pub department_id: DepartmentId,
    /// Given name, or the whole name.
    #[schema(example = "Grace")]
    pub name: String,
    /// Family name.
    #[schema(example = "Hopper")]
    pub surname: String,
    /// E-mail address as it was typed.
    #[schema(example = "grace@contoso.example")]
    pub email: String,
    /// Phone number as it was typed.
    #[schema(example = "+1 555 0100")]
    pub phone: String,
    /// The company the person works for.
    #[schema(example = "Contoso")]
    pub company: String,
    /// The person's position there.
    #[schema(example = "CTO")]
    pub position: String,
    /// Web address.
    pub website: String,
    /// How the two met.
    #[schema(example = "At the spring fair")]
    pub how_we_met: String,
    /// Free text.
    pub notes: String,
    /// Free labels, in the order given.
    pub tags: Vec<String>,
    /// Where they met; null when nothing is known of it.
    #[schema(required)]
    pub location: Option<LocationView>,
    /// The way it came in: `AddContact`, `saveContact`, `import`.
    #[schema(example = "AddContact")]
    pub source: String,
}

/// Where a contact was made.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Location)]
pub struct LocationView {
    /// Degrees north.
    #[schema(required, example = 52.52)]
    pub latitude: Option<f64>,
    /// Degrees east.
    #[schema(required, example = 13.405)]
    pub longitude: Option<f64>,
    /// City name; empty when unknown.
    #[schema(example = "Berlin")]
    pub city: String,
    /// Country name; empty when unknown.
    #[schema(example = "Germany")]
    pub country: String,
}

impl From<Contact> for ContactView {
    fn from(contact: Contact) -> Self {
        let fields = contact.fields;
        let data = ContactData {
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
            location: LocationView::of(fields.location),
            source: contact.source,
        };
        Self { data, created_at: contact.created_at, updated_at: contact.updated_at }
    }
}

impl LocationView {
    /// `None` when nothing is known of it.
    fn of(location: Location) -> Option<Self> {
        let is_somewhere = !location.is_empty();
        let Location { latitude, longitude, city, country } = location;
        is_somewhere.then_some(Self { latitude, longitude, city, country })
    }
}
