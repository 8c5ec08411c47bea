//! The name of a backup's file: of which installation it is, and when it was made.

use std::fmt;
use std::str::FromStr;

use crate::config::InstallationName;
use crate::domain::backup::stamp;
use crate::domain::time::Timestamp;

/// The name of a file in the backup folder: `muster-berlin-2026-11-22T14-30-00Z.db`, or `…Z-2.db` for another one of
/// the same second. Up to version 0.2 names had no installation: `muster-2026-11-22T14-30-00Z.db`. Files with other
/// names are never deleted there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BackupName {
    made_at: Timestamp,
    number: u32,
    installation: Option<InstallationName>,
}

/// A text that is not the name of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a backup")]
pub struct NoBackupName;

const NAME_START: &str = "muster-";
const NAME_END: &str = ".db";

/// The characters of a day: `2026-11-22`.
const DAY_LEN: usize = 10;

impl BackupName {
    /// The name of a backup made at this moment; `number` is 1 unless one of the same second exists already.
    #[must_use]
    pub fn new(installation: &InstallationName, made_at: Timestamp, number: u32) -> Self {
        Self::of(Some(installation.clone()), made_at, number)
    }

    fn of(installation: Option<InstallationName>, made_at: Timestamp, number: u32) -> Self {
        let second = Timestamp::from_millis(made_at.millis().div_euclid(1_000) * 1_000);
        Self { made_at: second, number: number.max(1), installation }
    }

    /// When it was made, to the second.
    #[must_use]
    pub fn made_at(&self) -> Timestamp {
        self.made_at
    }

    /// Of which installation it is; old names do not tell.
    #[must_use]
    pub fn installation(&self) -> Option<&InstallationName> {
        self.installation.as_ref()
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME_START)?;
        if let Some(installation) = &self.installation {
            write!(f, "{installation}-")?;
        }
        f.write_str(&stamp(self.made_at))?;
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
        // The name of an installation has no capital letters.
        let (before, number) = bare.split_once('Z').ok_or(NoBackupName)?;
        let number = match number.strip_prefix('-') {
            Some(number) => number.parse().map_err(|_| NoBackupName)?,
            None => 1,
        };
        let (named_day, time) = before.split_once('T').ok_or(NoBackupName)?;
        let (name, day) =
            named_day.len().checked_sub(DAY_LEN).and_then(|at| named_day.split_at_checked(at)).ok_or(NoBackupName)?;
        let installation = match name.strip_suffix('-') {
            Some(name) => Some(InstallationName::parse(name).ok_or(NoBackupName)?),
            None => None,
        };
        let made_at = Timestamp::parse(&format!("{day}T{}Z", time.replace('-', ":"))).ok_or(NoBackupName)?;
        let name = Self::of(installation, made_at, number);
        // A name that parses but is spelt differently was not made by Muster.
        if name.to_string() == text { Ok(name) } else { Err(NoBackupName) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_and_when_and_reads_back_and_what_others_wrote_is_no_name_of_ours() {
        let at = Timestamp::parse("2026-11-22T14:30:00.789Z").unwrap();
        let berlin = InstallationName::parse("berlin-2").unwrap();
        for (installation, number, text) in [
            (Some(&berlin), 1, "muster-berlin-2-2026-11-22T14-30-00Z.db"),
            (Some(&berlin), 2, "muster-berlin-2-2026-11-22T14-30-00Z-2.db"),
            (None, 1, "muster-2026-11-22T14-30-00Z.db"),
            (None, 2, "muster-2026-11-22T14-30-00Z-2.db"),
        ] {
            let name = BackupName::of(installation.cloned(), at, number);
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
            "muster-replaced-2026-11-22T14-30-00Z.db",
            "muster-Berlin-2026-11-22T14-30-00Z.db",
            "muster-berlin2026-11-22T14-30-00Z.db",
            "muster--2026-11-22T14-30-00Z.db",
            "muster-ä026-11-22T14-30-00Z.db",
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
        assert!(name("muster-x-2026-11-22T14-30-00Z-9.db") < name("muster-a-2026-11-22T14-30-01Z.db"));
    }
}
