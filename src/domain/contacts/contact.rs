//! A business contact: what people typed, its limits, and what is derived from it.

use xxhash_rust::xxh3::Xxh3;

use crate::domain::FieldError;
use crate::domain::identity::{PersonKey, normalise_email, normalise_phone};
use crate::domain::ids::{ContactId, DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::text::{check_text, fold};
use crate::domain::time::Timestamp;

/// Longest text field of a contact except its notes, in characters.
pub const CONTACT_TEXT_LEN_MAX: usize = 1_000;
/// Longest notes of a contact, in characters.
pub const CONTACT_NOTES_LEN_MAX: usize = 20_000;
/// Most tags of one contact.
pub const CONTACT_TAGS_MAX: usize = 50;
/// Longest tag, in characters.
pub const CONTACT_TAG_LEN_MAX: usize = 100;

/// The fields of a contact as somebody typed them; an absent text is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContactFields {
    /// Given name, or the whole name.
    pub name: String,
    /// Family name.
    pub surname: String,
    /// E-mail address, not necessarily a valid one.
    pub email: String,
    /// Phone number in any spelling.
    pub phone: String,
    /// The company the person works for.
    pub company: String,
    /// The person's position there.
    pub position: String,
    /// Web address.
    pub website: String,
    /// How the two met.
    pub how_we_met: String,
    /// Free text.
    pub notes: String,
    /// Free labels, in the order given.
    pub tags: Vec<String>,
    /// Where they met.
    pub location: Location,
}

/// Where a contact was made; every part may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Location {
    /// Degrees north, -90 to 90.
    pub latitude: Option<f64>,
    /// Degrees east, -180 to 180.
    pub longitude: Option<f64>,
    /// City name.
    pub city: String,
    /// Country name.
    pub country: String,
}

impl Location {
    /// Whether nothing of it is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Contact fields that keep every limit, with what is derived from them.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactInfo {
    fields: ContactFields,
    identity: Identity,
}

/// What Muster derives from a contact's fields; stored beside them, never shown instead of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The e-mail address in its comparable form, if it is one.
    pub email: Option<String>,
    /// The phone number in its comparable form, if it is one.
    pub phone: Option<String>,
    /// The folded company name, if there is one.
    pub company: Option<String>,
    /// The key of the person.
    pub person: PersonKey,
    /// A stable 64-bit hash (XXH3) of every field as typed: two contacts of one person with equal content are copies.
    pub content: i64,
}

impl ContactInfo {
    /// Checks every limit; names every field that breaks one. At least one of name, surname, email and phone is needed.
    pub fn parse(fields: ContactFields) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        for (field, text) in fields.texts() {
            check_text(&mut errors, field, text, CONTACT_TEXT_LEN_MAX);
        }
        check_text(&mut errors, "notes", &fields.notes, CONTACT_NOTES_LEN_MAX);
        if fields.tags.len() > CONTACT_TAGS_MAX {
            errors.push(FieldError::new("tags", format!("must be at most {CONTACT_TAGS_MAX} tags")));
        }
        for (position, tag) in fields.tags.iter().enumerate() {
            check_text(&mut errors, &format!("tags[{position}]"), tag, CONTACT_TAG_LEN_MAX);
        }
        check_degrees(&mut errors, "location.latitude", fields.location.latitude, 90.0);
        check_degrees(&mut errors, "location.longitude", fields.location.longitude, 180.0);
        let named = [&fields.name, &fields.surname, &fields.email, &fields.phone];
        if named.iter().all(|text| text.trim().is_empty()) {
            errors.push(FieldError::new("name", "at least one of name, surname, email and phone is needed"));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let identity = Identity::of(&fields);
        Ok(Self { fields, identity })
    }

    /// The fields as typed.
    #[must_use]
    pub fn fields(&self) -> &ContactFields {
        &self.fields
    }

    /// What is derived from them.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

impl ContactFields {
    /// The total length of all its texts, in bytes.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        let texts = self.texts().into_iter().map(|(_, text)| text);
        texts.chain([&*self.notes]).chain(self.tags.iter().map(String::as_str)).map(str::len).sum()
    }

    /// The short text fields with their names in the API.
    fn texts(&self) -> [(&'static str, &str); 10] {
        [
            ("name", &self.name),
            ("surname", &self.surname),
            ("email", &self.email),
            ("phone", &self.phone),
            ("company", &self.company),
            ("position", &self.position),
            ("website", &self.website),
            ("howWeMet", &self.how_we_met),
            ("location.city", &self.location.city),
            ("location.country", &self.location.country),
        ]
    }
}

impl Identity {
    fn of(fields: &ContactFields) -> Self {
        let email = normalise_email(&fields.email);
        let phone = normalise_phone(&fields.phone);
        let company = Some(fold(&fields.company)).filter(|company| !company.is_empty());
        let person = if email.is_some() || phone.is_some() {
            PersonKey::of(email.as_deref(), phone.as_deref(), "", "")
        } else {
            // Without a valid address or number and without a name, the text typed in those fields still distinguishes
            // people.
            let name = fold(&format!("{} {}", fields.name, fields.surname));
            let name = if name.is_empty() { fold(&format!("{} {}", fields.email, fields.phone)) } else { name };
            PersonKey::of(None, None, &name, company.as_deref().unwrap_or_default())
        };
        Self { email, phone, company, person, content: content_key(fields) }
    }
}

fn content_key(fields: &ContactFields) -> i64 {
    // Each text is preceded by its length, so that two different contacts never hash the same bytes.
    let mut hash = Xxh3::new();
    let mut feed = |text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    for (_, text) in fields.texts() {
        feed(text);
    }
    feed(&fields.notes);
    for tag in &fields.tags {
        feed(tag);
    }
    for degrees in [fields.location.latitude, fields.location.longitude] {
        feed(&degrees.map(|degrees| degrees.to_string()).unwrap_or_default());
    }
    hash.digest().cast_signed()
}

fn check_degrees(errors: &mut Vec<FieldError>, field: &str, degrees: Option<f64>, bound: f64) {
    if degrees.is_some_and(|degrees| !(-bound..=bound).contains(&degrees)) {
        errors.push(FieldError::new(field, format!("must be a number from -{bound} to {bound}")));
    }
}

/// A contact as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// The enterprise of the employee who collected it.
    pub enterprise_id: EnterpriseId,
    /// The department of that employee.
    pub department_id: DepartmentId,
    /// The employee who collected it.
    pub employee_id: EmployeeId,
    /// What was typed.
    pub fields: ContactFields,
    /// The way it came in: `AddContact`, `saveContact`, `import`, …
    pub source: String,
    /// When it was collected.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(change: impl FnOnce(&mut ContactFields)) -> ContactFields {
        let mut fields = ContactFields { name: "Anita".into(), ..ContactFields::default() };
        change(&mut fields);
        fields
    }

    #[test]
    fn broken_limits_are_named_field_by_field() {
        let check = |change: fn(&mut ContactFields), broken: &[&str]| {
            let errors = ContactInfo::parse(fields(change)).err().unwrap_or_default();
            let named: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!(named, broken);
        };
        check(|_| {}, &[]);
        check(|f| f.name = " ".into(), &["name"]);
        check(|f| f.company = "é".repeat(CONTACT_TEXT_LEN_MAX), &[]);
        check(|f| f.company = "é".repeat(CONTACT_TEXT_LEN_MAX + 1), &["company"]);
        check(|f| f.email = "a\0b".into(), &["email"]);
        check(|f| f.location.latitude = Some(90.5), &["location.latitude"]);
        check(|f| f.location.longitude = Some(f64::NAN), &["location.longitude"]);
        check(|f| f.tags = vec![String::new(); CONTACT_TAGS_MAX + 1], &["tags"]);
        check(|f| f.tags = vec!["x".into(), "y".repeat(CONTACT_TAG_LEN_MAX + 1)], &["tags[1]"]);
    }

    #[test]
    fn the_same_content_has_the_same_key_and_any_change_another() {
        let content = |change: fn(&mut ContactFields)| ContactInfo::parse(fields(change)).unwrap().identity().content;
        let plain = content(|_| {});
        assert_eq!(plain, content(|_| {}));
        assert_ne!(plain, content(|f| f.name = "anita".into()));
        assert_ne!(content(|f| f.email = "x".into()), content(|f| f.phone = "x".into()));
        assert_ne!(content(|f| f.location.latitude = Some(1.0)), content(|f| f.location.longitude = Some(1.0)));
    }
}
