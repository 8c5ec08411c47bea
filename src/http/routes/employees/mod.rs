//! Employees.
//!
//! The handlers are in `create`, `read`, `change` and `archive`, each beside the body that it reads. `employee_answer`
//! is an employee in responses, `second_names` reads fields that have several names, `audited` is what the audit log
//! keeps.

mod archive;
mod audited;
mod change;
mod create;
mod employee_answer;
mod read;
mod second_names;

pub use self::archive::*;
pub use self::change::*;
pub use self::create::*;
pub use self::read::*;
