//! The directory: enterprises, their departments, and the employees who collect contacts.

mod department;
mod employee;
mod enterprise;
mod name;
mod scope;

pub use department::Department;
pub use employee::{Employee, EmployeeFields, EmployeeInfo, EmployeeRole};
pub use enterprise::Enterprise;
pub use name::{NAME_LEN_MAX, Name};
pub use scope::Scope;
