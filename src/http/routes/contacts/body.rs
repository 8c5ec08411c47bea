//! Contacts as the API reads them.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::FieldError;
use crate::domain::contacts::{ContactFields, ContactInfo, Location};
use crate::http::extract::nullable;
use crate::http::schemas::{ContactNotes, ContactTag, ContactText};

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
    #[schema(value_type = Option<ContactText>)]
    name: Option<Option<String>>,
    /// Family name.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<ContactText>)]
    surname: Option<Option<String>>,
    /// E-mail address, not necessarily a valid one.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<ContactText>)]
    email: Option<Option<String>>,
    /// Phone number in any spelling.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<ContactText>)]
    phone: Option<Option<String>>,
    /// The company the person works for.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<ContactText>)]
    company: Option<Option<String>>,
    /// The person's position there.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<ContactText>)]
    position: Option<Option<String>>,
    /// Web address.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<ContactText>)]
    website: Option<Option<String>>,
    /// How the two met.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<ContactText>)]
    how_we_met: Option<Option<String>>,
    /// Free text.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<ContactNotes>)]
    notes: Option<Option<String>>,
    /// Free labels of at most 100 characters.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<ContactTag>>, max_items = 50)]
    tags: Option<Option<Vec<String>>>,
    /// Where they met.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<LocationInput>)]
    location: Option<Option<LocationInput>>,
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
    #[schema(value_type = Option<ContactText>)]
    city: Option<Option<String>>,
    /// Country name.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<ContactText>)]
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
            Some(Some(location)) => {
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
