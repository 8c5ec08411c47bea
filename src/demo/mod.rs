//! Realistic generated data for demonstrations and benchmarks.
//!
//! The same seed, shape and time give the same data. Each contact is generated independently of the others, so that a
//! million of them need no memory. All data are fictitious: addresses end in reserved domains (RFC 2606), and phone
//! numbers are from ranges that regulators reserve for fiction.
//!
//! - `shape`: how much; `data`: all of it, contact by contact.
//! - `random`: random numbers and weighted draws, in independent streams by `topics`.
//! - `names`, `places`: names, cities and phone numbers.
//! - `people`: the people who become contacts, and variants of their spelling.
//! - `organisation`: the enterprises, departments and employees who collect contacts.
//! - `calendar`: the creation times.

mod calendar;
mod data;
mod names;
mod organisation;
mod people;
mod places;
mod random;
mod shape;
#[cfg(test)]
mod tests;
mod topics;

pub use self::data::{DemoContact, DemoData};
pub use self::organisation::{DemoDepartment, DemoEmployee, DemoEnterprise};
pub use self::shape::{InvalidShape, Shape};
