//! Backups: row counts, sizes, and the file name with the time of the backup.

use std::fmt;
use std::str::FromStr;

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

/// The name of a file in the backup folder: `muster-2026-11-22T14-30-00Z.db`, or `…Z-2.db` for another one of the same
/// second. Files with other names are never deleted there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BackupName {
    made_at: Timestamp,
    number: u32,
}

/// A text that is not the name of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a backup")]
pub struct NoBackupName;

const NAME_START: &str = "muster-";
const NAME_END: &str = ".db";

impl BackupName {
    /// The name of a backup made at this moment; `number` is 1 unless one of the same second exists already.
    #[must_use]
    pub fn new(made_at: Timestamp, number: u32) -> Self {
        let second = Timestamp::from_millis(made_at.millis().div_euclid(1_000) * 1_000);
        Self { made_at: second, number: number.max(1) }
    }

    /// When it was made, to the second.
    #[must_use]
    pub fn made_at(&self) -> Timestamp {
        self.made_at
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME_START}{}", stamp(self.made_at))?;
        if self.number > 1 {
            write!(f, "-{}", self.number)?;
        }
        f.write_str(NAME_END)
    }
}

impl FromStr for BackupName {
    type Err = NoBackupName;

    fn from_str(text: &str) -> Result<Self, NoBackupName> {
        let bare = text.strip_prefix(NAME_START).and_then(|rest| rest.strip_suffix(NAME_END)).ok_or(NoBackupName)?;
        let (stamp, number) = bare.split_once('Z').ok_or(NoBackupName)?;
        let number = match number.strip_prefix('-') {
            Some(number) => number.parse().map_err(|_| NoBackupName)?,
            None => 1,
        };
        let (day, time) = stamp.split_once('T').ok_or(NoBackupName)?;
        let made_at = Timestamp::parse(&format!("{day}T{}Z", time.replace('-', ":"))).ok_or(NoBackupName)?;
        let name = Self::new(made_at, number);
        // A name that parses but is spelt differently was not made by Muster.
        if name.to_string() == text { Ok(name) } else { Err(NoBackupName) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_and_reads_back_and_what_others_wrote_is_no_name_of_ours() {
        let at = Timestamp::parse("2026-11-22T14:30:00.789Z").unwrap();
        for (number, text) in [(1, "muster-2026-11-22T14-30-00Z.db"), (2, "muster-2026-11-22T14-30-00Z-2.db")] {
            let name = BackupName::new(at, number);
            assert_eq!(name.to_string(), text);
            assert_eq!(text.parse(), Ok(name));
        }
        for text in [
            "muster-2026-11-22.db",
            "muster-2026-11-22T14:30:00Z.db",
            "muster-2026-11-22T14-30-00Z-1.db",
            "muster-2026-11-22T14-30-00Z-x.db",
            "muster-2026-11-22T14-30-00Z.db.partial",
            "muster-2026-11-22T14-30-00.5Z.db",
            "muster-2026-13-22T14-30-00Z.db",
            "before-muster-2026-11-22T14-30-00Z.db",
            "muster-schema-v1-2026-11-22T14-30-00Z.db",
            "muster.db",
        ] {
            assert_eq!(text.parse::<BackupName>(), Err(NoBackupName), "{text}");
        }
    }

    #[test]
    fn later_ones_are_greater() {
        let name = |text: &str| text.parse::<BackupName>().unwrap();
        let first = name("muster-2026-11-22T14-30-00Z.db");
        assert!(first < name("muster-2026-11-22T14-30-00Z-2.db"));
        assert!(name("muster-2026-11-22T14-30-00Z-10.db") > name("muster-2026-11-22T14-30-00Z-9.db"));
        assert!(name("muster-2026-11-22T14-30-00Z-9.db") < name("muster-2026-11-22T14-30-01Z.db"));
    }

    #[test]
    fn counts_and_sizes_are_told_in_words() {
        let rows = RowCounts { enterprises: 1, departments: 2, employees: 0, contacts: 3, tokens: 1 };
        assert_eq!(rows.to_string(), "1 enterprise, 2 departments, 0 employees, 3 contacts, 1 token");
        for (bytes, text) in [(0, "0 bytes"), (1_023, "1023 bytes"), (1_536, "1.5 KiB"), (33_030_144, "31.5 MiB")] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }
}
