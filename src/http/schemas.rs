//! Shapes that the OpenAPI document tells and no Rust type derives: texts with a pattern, and fields that depend on one
//! another. A handler's type names them with `#[schema(value_type = …)]`.
//!
//! `tests/schemathesis` sends what these allow and what they forbid, and so holds them against the server.

use std::borrow::Cow;

use utoipa::openapi::schema::{AllOfBuilder, AnyOfBuilder, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::contacts::{CONTACT_NOTES_LEN_MAX, CONTACT_TAG_LEN_MAX, CONTACT_TEXT_LEN_MAX};
use crate::domain::directory::NAME_LEN_MAX;
use crate::domain::ids::ID_LEN_MAX;
use crate::domain::page::CURSOR_LEN_MAX;
use crate::http::routes::contacts::body::ContactInput;
use crate::http::routes::employees::body::EmployeeInput;

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

/// Types that stand for a schema and nothing else.
macro_rules! shapes {
    ($($(#[doc = $doc:literal])+ $name:ident $(refers to $($part:ty),+)? = $schema:expr;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            #[allow(unused_variables, reason = "most refer to nothing")]
            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                $($(
                    schemas.push((<$part as ToSchema>::name().into_owned(), <$part as PartialSchema>::schema()));
                    <$part as ToSchema>::schemas(schemas);
                )+)?
            }
        }
    )+};
}

shapes! {
    /// The id of an enterprise, department or employee.
    Id = text("1 to 64 characters of `A-Z a-z 0-9 . _ -`", r"^[A-Za-z0-9._-]+$", ID_LEN_MAX).min_length(Some(1)).into();

    /// The name of an enterprise or department, or a part of a person's.
    DirectoryName = text("Not blank, no NUL", NOT_BLANK, NAME_LEN_MAX).into();

    /// A text in the directory, which may be blank.
    DirectoryText = text("No NUL", NO_NUL, NAME_LEN_MAX).into();

    /// An employee's e-mail address.
    DirectoryEmail = text("An e-mail address, or empty; letters of other scripts are taken, too", EMAIL, NAME_LEN_MAX).into();

    /// A text of a contact.
    ContactText = text("No NUL", NO_NUL, CONTACT_TEXT_LEN_MAX).into();

    /// A text of a contact that is not blank.
    ContactName = text("Not blank, no NUL", NOT_BLANK, CONTACT_TEXT_LEN_MAX).into();

    /// A contact's notes.
    ContactNotes = text("No NUL", NO_NUL, CONTACT_NOTES_LEN_MAX).into();

    /// A contact's tag.
    ContactTag = text("No NUL", NO_NUL, CONTACT_TAG_LEN_MAX).into();

    /// The place in a list.
    ListCursor = text("Opaque; as the page before gave it out", r"^[A-Za-z0-9_-]+$", CURSOR_LEN_MAX).into();

    /// A contact's fields, of which one at least says who it is.
    NewContactInfo refers to ContactInput, ContactName = {
        let fields = ["name", "surname", "email", "phone"];
        one_at_least::<ContactInput, ContactName>(&fields, "The fields of a contact: a name, an address or a number, too")
    };

    /// What is said of a new employee, of whom one name at least is known.
    NewEmployee refers to EmployeeInput, DirectoryName = {
        let fields = ["firstName", "name", "lastName", "surname"];
        one_at_least::<EmployeeInput, DirectoryName>(&fields, "What is said of a new employee: a name, too")
    };

    /// What somebody signs in with: a token or the code of a link.
    SignInSecret = {
        let [token, code] = [("token", "A token"), ("code", CODE)].map(|(field, description)| {
            let secret = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
            let other = if field == "token" { "code" } else { "token" };
            let none = ObjectBuilder::new().schema_type(Type::Null).description(Some("Absent"));
            ObjectBuilder::new().property(field, secret).required(field).property(other, none)
        });
        let either = OneOfBuilder::new().item(token).item(code);
        either.description(Some("What somebody signs in with: one of the two")).into()
    };
}

/// What a link's code is.
const CODE: &str = "The code of a one-time link, as `muster sign-in-link` prints it behind `#/sign-in/`";

/// The shape `All` in which at least one of these fields is there and a `One`.
fn one_at_least<All: ToSchema, One: ToSchema>(fields: &[&str], description: &str) -> RefOr<Schema> {
    let any = fields.iter().fold(AnyOfBuilder::new(), |any, field| {
        any.item(ObjectBuilder::new().property(*field, Ref::from_schema_name(One::name())).required(*field))
    });
    let all = AllOfBuilder::new().item(Ref::from_schema_name(All::name())).item(any);
    all.description(Some(description)).into()
}
