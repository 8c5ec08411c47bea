//! How much data to make.

/// The amount of data to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub contacts: u64,
    /// From 1 to 4.
    pub enterprises: usize,
    /// Departments of all enterprises, at least one for each.
    pub departments: usize,
    /// Employees of all departments, at least one for each.
    pub employees: usize,
}

impl Shape {
    /// Four enterprises whose size is proportional to the number of contacts.
    #[must_use]
    pub fn of_demo(contacts: u64) -> Self {
        let employees = usize::try_from(contacts / 300).unwrap_or(usize::MAX).clamp(24, 2_000);
        Self { contacts, enterprises: 4, departments: 24, employees }
    }
}

/// An impossible shape: no or too many enterprises, too few departments or employees, or more departments in one
/// enterprise than there are names for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such shape of demonstration data")]
pub struct InvalidShape;
