//! When two contacts are the same person.
//!
//! The identity of a contact is the first of these that it has: its normalised e-mail address, its normalised phone
//! number, its folded name and company. Two contacts are the same person when their identities are equal.

mod email_address;
mod person_key;
mod phone_number;

pub use email_address::normalise_email;
pub use person_key::PersonKey;
pub use phone_number::normalise_phone;
