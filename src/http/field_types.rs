//! Types of fields that several bodies and parameters have. Each reads any text and has its schema, with pattern and
//! greatest length, for the OpenAPI document. The domain validates the text, so that a response names every wrong
//! field.
//!
//! The schemas are built by hand because a derive takes no constants: the lengths are those of the domain.
//! `tests/schemathesis` sends what they allow and what they forbid.

use std::ops::Deref;

use serde::Deserialize;
use utoipa::openapi::schema::{AllOfBuilder, AnyOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::contacts::{CONTACT_NOTES_LEN_MAX, CONTACT_TAG_LEN_MAX, CONTACT_TEXT_LEN_MAX};
use crate::domain::directory::NAME_LEN_MAX;
use crate::domain::ids::ID_LEN_MAX;
use crate::domain::page::CURSOR_LEN_MAX;

/// Any text without NUL.
const NO_NUL: &str = r"^[^\u0000]*$";

/// A text without NUL in which something is not white space; the class is Unicode's property `White_Space`.
const NOT_BLANK: &str = concat!(
    r"^[^\u0000]*[^\u0000\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]",
    r"[^\u0000]*$"
);

/// An e-mail address of the usual characters, or nothing.
const EMAIL: &str = r"^([A-Za-z0-9._%+-]+@[A-Za-z0-9]+([.-][A-Za-z0-9]+)*)?$";

fn text(description: &str, pattern: &str, len_max: usize) -> ObjectBuilder {
    let text = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    text.pattern(Some(pattern)).max_length(Some(len_max))
}

/// Texts with a schema of their own.
macro_rules! texts {
    ($($(#[doc = $doc:literal])+ $name:ident: $schema:expr;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        pub struct $name(String);

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $name {}

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    )+};
}

texts! {
    /// The id of an enterprise, department or employee.
    Id: text("1 to 64 characters of `A-Z a-z 0-9 . _ -`", r"^[A-Za-z0-9._-]+$", ID_LEN_MAX).min_length(Some(1));

    /// The name of an enterprise or department, or a part of a person's.
    DirectoryName: text("Not blank, no NUL", NOT_BLANK, NAME_LEN_MAX);

    /// A text in the directory, which may be blank.
    DirectoryText: text("No NUL", NO_NUL, NAME_LEN_MAX);

    /// An employee's e-mail address.
    DirectoryEmail: text("An e-mail address, or empty; letters of other scripts are taken, too", EMAIL, NAME_LEN_MAX);

    /// A text of a contact.
    ContactText: text("No NUL", NO_NUL, CONTACT_TEXT_LEN_MAX);

    /// A text of a contact that is not blank.
    ContactName: text("Not blank, no NUL", NOT_BLANK, CONTACT_TEXT_LEN_MAX);

    /// A contact's notes.
    ContactNotes: text("No NUL", NO_NUL, CONTACT_NOTES_LEN_MAX);

    /// A contact's tag.
    ContactTag: text("No NUL", NO_NUL, CONTACT_TAG_LEN_MAX);

    /// A position in a list.
    ListCursor: text("Opaque; as the page before gave it out", r"^[A-Za-z0-9_-]+$", CURSOR_LEN_MAX);
}

/// The schema of an `All` in which at least one of these fields is there and a `One`. No derive says that.
#[must_use]
pub fn one_at_least<All: ToSchema, One: ToSchema>(fields: &[&str], description: &str) -> RefOr<Schema> {
    let any = fields.iter().fold(AnyOfBuilder::new(), |any, field| {
        any.item(ObjectBuilder::new().property(*field, Ref::from_schema_name(One::name())).required(*field))
    });
    let all = AllOfBuilder::new().item(Ref::from_schema_name(All::name())).item(any);
    all.description(Some(description)).into()
}

/// Adds a type and what it refers to, for a [`ToSchema::schemas`] that is written by hand.
pub fn add_schema<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}
