//! The key under which contacts of one person are found.

use xxhash_rust::xxh3::xxh3_64;

/// A stable 64-bit hash of a contact's identity.
///
/// The function is named and versioned: XXH3 (64 bits, seed 0) over `muster-person-1`, a NUL, the kind of identity, a
/// NUL, and the identity in UTF-8. Keys are stored, so a change of any part of it is a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonKey(i64);

impl PersonKey {
    /// The key as the database keeps it.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The key of a contact with these normalised forms; folded name and company count only when both others are
    /// missing.
    #[must_use]
    pub fn of(email: Option<&str>, phone: Option<&str>, folded_name: &str, folded_company: &str) -> Self {
        match (email, phone) {
            (Some(email), _) => Self::hash("email", email),
            (None, Some(phone)) => Self::hash("phone", phone),
            (None, None) => Self::hash("name", &format!("{folded_name}\0{folded_company}")),
        }
    }

    fn hash(kind: &str, identity: &str) -> Self {
        let text = format!("muster-person-1\0{kind}\0{identity}");
        Self(xxh3_64(text.as_bytes()).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_prefers_email_then_phone_then_name_and_company() {
        let key = PersonKey::of;
        assert_eq!(key(Some("a@b"), Some("+1"), "x", "y"), key(Some("a@b"), None, "z", ""));
        assert_eq!(key(None, Some("+1"), "x", "y"), key(None, Some("+1"), "z", ""));
        assert_eq!(key(None, None, "x", "y"), key(None, None, "x", "y"));
        assert_ne!(key(None, None, "x", "y"), key(None, None, "x", "z"));
        assert_ne!(key(None, None, "xy", ""), key(None, None, "x", "y"));
        assert_ne!(key(Some("1"), None, "", ""), key(None, Some("1"), "", ""));
    }

    #[test]
    fn the_stored_key_never_changes_without_a_migration() {
        assert_eq!(PersonKey::of(Some("anita@contoso.com"), None, "", "").number(), PINNED_KEY);
    }

    const PINNED_KEY: i64 = -6_192_262_568_803_261_350;
}
