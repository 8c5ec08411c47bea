//! Backups: row counts, sizes, and the time of a backup as file names have it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// How many rows of what people know a database holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RowCounts {
    /// Enterprises, archived ones included.
    #[schema(example = 2)]
    pub enterprises: u64,
    /// Departments, archived ones included.
    #[schema(example = 16)]
    pub departments: u64,
    /// Employees, archived ones included.
    #[schema(example = 312)]
    pub employees: u64,
    /// Contacts, archived ones included.
    #[schema(example = 2_494)]
    pub contacts: u64,
    /// Access tokens.
    #[schema(example = 3)]
    pub tokens: u64,
}

impl fmt::Display for RowCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { enterprises, departments, employees, contacts, tokens } = *self;
        let parts = [
            (enterprises, "enterprise"),
            (departments, "department"),
            (employees, "employee"),
            (contacts, "contact"),
            (tokens, "token"),
        ];
        for (position, (count, what)) in parts.into_iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}{count} {what}{}", if count == 1 { "" } else { "s" })?;
        }
        Ok(())
    }
}

/// A number of bytes in readable units: `31.5 MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
        let mut size = self.0 as f64;
        let mut unit = "bytes";
        for larger in UNITS {
            if size < 1_024.0 {
                break;
            }
            size /= 1_024.0;
            unit = larger;
        }
        if unit == "bytes" { write!(f, "{} bytes", self.0) } else { write!(f, "{size:.1} {unit}") }
    }
}

/// A timestamp for file names: `2026-11-22T14-30-00Z`. Without colons, which some file systems refuse.
#[must_use]
pub fn stamp(at: Timestamp) -> String {
    let text = at.to_string().replace(':', "-");
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_sizes_are_told_in_words() {
        let rows = RowCounts { enterprises: 1, departments: 2, employees: 0, contacts: 3, tokens: 1 };
        assert_eq!(rows.to_string(), "1 enterprise, 2 departments, 0 employees, 3 contacts, 1 token");
        for (bytes, text) in [(0, "0 bytes"), (1_023, "1023 bytes"), (1_536, "1.5 KiB"), (33_030_144, "31.5 MiB")] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }
}
