//! The names of users and groups, as `/etc/passwd` and `/etc/group` have them: a static binary knows no other source.

use std::fs;
use std::path::Path;

const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

/// The names of users or groups with their numbers.
pub(super) struct Names(Vec<(String, u32)>);

impl Names {
    pub(super) fn of_users() -> Self {
        Self::read(Path::new(USERS))
    }

    pub(super) fn of_groups() -> Self {
        Self::read(Path::new(GROUPS))
    }

    /// Lines of fields with colons between them: the first is the name, the third the number.
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let entry = |line: &str| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|name| !name.is_empty())?;
            Some((name.to_owned(), fields.nth(1)?.parse().ok()?))
        };
        Self(text.lines().filter_map(entry).collect())
    }

    pub(super) fn name(&self, number: u32) -> Option<String> {
        self.0.iter().find(|(_, other)| *other == number).map(|(name, _)| name.clone())
    }

    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, number)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_found_and_lines_that_are_none_are_skipped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passwd");
        fs::write(&path, "root:x:0:0:root:/root:/bin/sh\n+::::\n\nmuster:x:998:997::/var/lib/muster:/bin/false")
            .unwrap();
        let names = Names::read(&path);
        assert_eq!((names.name(998).as_deref(), names.number("root")), (Some("muster"), Some(0)));
        assert_eq!((names.name(1), names.number("nobody")), (None, None));
        assert_eq!(Names::read(Path::new("/nowhere")).name(0), None);
    }
}
