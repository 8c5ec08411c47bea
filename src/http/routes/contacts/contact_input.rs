//! The fields of a contact as they are sent.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::FieldError;
use crate::domain::contacts::{ContactFields, ContactInfo, Location};
use crate::http::extract::nullable;
use crate::http::field_types::{ContactNotes, ContactTag, ContactText};

/// The field that holds a contact's fields where they do not stand in the body itself.
pub(super) const CONTACT_INFO: &str = "contactInfo";

/// The fields of a contact. Null is the same as absence in a new contact; in a change, a JSON merge patch (RFC 7396), it
/// clears the field.
// `Some(None)` is an explicit null.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ContactInfo)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in a merge patch")]
pub(super) struct ContactInput {
    /// Given name, or the whole name. At least one of name, surname, email and phone is needed.
    #[serde(default, deserialize_with = "nullable")]
    name: Option<Option<ContactText>>,
    /// Family name.
    #[serde(default, deserialize_with = "nullable")]
    surname: Option<Option<ContactText>>,
    /// E-mail address, not necessarily a valid one.
    #[serde(default, deserialize_with = "nullable")]
    email: Option<Option<ContactText>>,
    /// Phone number in any spelling.
    #[serde(default, deserialize_with = "nullable")]
    phone: Option<Option<ContactText>>,
    /// The company the person works for.
    #[serde(default, deserialize_with = "nullable")]
    company: Option<Option<ContactText>>,
    /// The person's position there.
    #[serde(default, deserialize_with = "nullable")]
    position: Option<Option<ContactText>>,
    /// Web address.
    #[serde(default, deserialize_with = "nullable")]
    website: Option<Option<ContactText>>,
    /// How the two met.
    #[serde(default, deserialize_with = "nullable")]
    how_we_met: Option<Option<ContactText>>,
    /// Free text.
    #[serde(default, deserialize_with = "nullable")]
    notes: Option<Option<ContactNotes>>,
    /// Free labels of at most 100 characters.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(max_items = 50)]
    tags: Option<Option<Vec<ContactTag>>>,
    /// Where they met.
    #[serde(default, deserialize_with = "nullable")]
    location: Option<Option<LocationInput>>,
}

/// What a body says of a location.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in a merge patch")]
pub(super) struct LocationInput {
    /// Degrees north.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(minimum = -90, maximum = 90)]
    latitude: Option<Option<f64>>,
    /// Degrees east.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(minimum = -180, maximum = 180)]
    longitude: Option<Option<f64>>,
    /// City name.
    #[serde(default, deserialize_with = "nullable")]
    city: Option<Option<ContactText>>,
    /// Country name.
    #[serde(default, deserialize_with = "nullable")]
    country: Option<Option<ContactText>>,
}

impl ContactInput {
    /// A new contact with these fields, which stood in the field `within` of the body, or in the body itself.
    pub(super) fn creation(self, within: &str) -> Result<ContactInfo, Vec<FieldError>> {
        self.change(ContactFields::default(), within)
    }

    /// A contact's fields after the change.
    pub(super) fn change(self, mut fields: ContactFields, within: &str) -> Result<ContactInfo, Vec<FieldError>> {
        set(&mut fields.name, self.name);
        set(&mut fields.surname, self.surname);
        set(&mut fields.email, self.email);
        set(&mut fields.phone, self.phone);
        set(&mut fields.company, self.company);
        set(&mut fields.position, self.position);
        set(&mut fields.website, self.website);
        set(&mut fields.how_we_met, self.how_we_met);
        set(&mut fields.notes, self.notes);
        set(&mut fields.tags, self.tags.map(|tags| tags.map(strings)));
        match self.location {
            None => {}
            Some(None) => fields.location = Location::default(),
            Some(Some(location)) => {
                set(&mut fields.location.latitude, location.latitude);
                set(&mut fields.location.longitude, location.longitude);
                set(&mut fields.location.city, location.city);
                set(&mut fields.location.country, location.country);
            }
        }
        ContactInfo::parse(fields).map_err(|errors| errors.into_iter().map(|error| placed(error, within)).collect())
    }
}

#[expect(clippy::option_option, reason = "absent, null and a value are three things in a merge patch")]
fn set<T: Default, G: Into<T>>(field: &mut T, given: Option<Option<G>>) {
    if let Some(value) = given {
        *field = value.map_or_else(T::default, Into::into);
    }
}

fn strings(tags: Vec<ContactTag>) -> Vec<String> {
    tags.into_iter().map(Into::into).collect()
}

/// Names a refused field by its place in the body.
fn placed(error: FieldError, within: &str) -> FieldError {
    if within.is_empty() { error } else { FieldError { field: format!("{within}.{}", error.field), ..error } }
}
