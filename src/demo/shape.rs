//! How much data to make.

/// How much data to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Contacts in all.
    pub contacts: u64,
    /// Enterprises, 1 to 4.
    pub enterprises: usize,
    /// Departments in all, at least one for each enterprise.
    pub departments: usize,
    /// Employees in all, at least one for each department.
    pub employees: usize,
}

impl Shape {
    /// Four enterprises whose size goes with the number of contacts.
    #[must_use]
    pub fn of_demo(contacts: u64) -> Self {
        let employees = usize::try_from(contacts / 300).unwrap_or(usize::MAX).clamp(24, 2_000);
        Self { contacts, enterprises: 4, departments: 24, employees }
    }
}

/// A shape that cannot be: no or too many enterprises, too few departments or employees, or more departments in one
/// enterprise than there are names for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such shape of demonstration data")]
pub struct InvalidShape;
