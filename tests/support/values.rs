//! Short constructors for the values that tests use.

use muster::domain::contacts::{ContactFields, ContactInfo};
use muster::domain::directory::{EmployeeFields, EmployeeInfo, Name, Scope};
use muster::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use muster::domain::page::{PageRequest, PageStart};
use muster::domain::time::Timestamp;

pub fn enterprise(id: &str) -> EnterpriseId {
    EnterpriseId::parse(id).unwrap()
}

pub fn department(id: &str) -> DepartmentId {
    DepartmentId::parse(id).unwrap()
}

pub fn employee(id: &str) -> EmployeeId {
    EmployeeId::parse(id).unwrap()
}

pub fn name(text: &str) -> Name {
    Name::parse("name", text).unwrap()
}

/// An employee with nothing but a first name.
pub fn staff(first_name: &str) -> EmployeeInfo {
    EmployeeInfo::parse(EmployeeFields { first_name: first_name.to_owned(), ..EmployeeFields::default() }).unwrap()
}

/// A contact with nothing but a name and a company.
pub fn contact(name: &str, company: &str) -> ContactInfo {
    let fields = ContactFields { name: name.to_owned(), company: company.to_owned(), ..ContactFields::default() };
    ContactInfo::parse(fields).unwrap()
}

/// The scope of an enterprise (`acme`) or of a department (`acme/sales`).
pub fn scope(text: &str) -> Scope {
    match text.split_once('/') {
        None => Scope::enterprise(enterprise(text)),
        Some((owner, id)) => Scope::department(enterprise(owner), department(id)),
    }
}

/// The first page of a list, large enough for every list of the tests.
pub fn first_page<C>() -> PageRequest<C> {
    PageRequest { limit: 100_000, start: PageStart::First }
}

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}
