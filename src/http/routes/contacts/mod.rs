//! Contacts, one by one: adding, reading, changing and deleting them.
//!
//! The handlers are in `add`, `read`, `change` and `remove`, each beside the body that it reads. `contact_input` has
//! the fields of a contact as clients send them.

mod add;
mod change;
mod contact_answer;
mod contact_input;
mod read;
mod remove;

pub use self::add::*;
pub use self::change::*;
pub use self::read::*;
pub use self::remove::*;
