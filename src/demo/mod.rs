//! Believable data for demonstrations and benchmarks, made from a seed alone.
//!
//! The same seed, shape and moment give the same data. Every contact is made on its own, so that a
//! million of them need no memory. All of it is made up: addresses end in names that are reserved (RFC 2606), and
//! telephone numbers are among those that regulators keep for fiction.
//!
//! - `shape`: how much; `data`: all of it, contact by contact.
//! - `random`: numbers and draws by weight, in streams by `topics`.
//! - `names`, `places`: words, cities and numbers.
//! - `people`: who can be met, and how others spell them.
//! - `organisation`: who collects.
//! - `calendar`: when.

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
