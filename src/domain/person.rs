//! When two contacts are the same person.
//!
//! The identity of a contact is the first of these that it has: its normalised e-mail address, its normalised phone
//! number, its folded name and company. Two contacts are the same person when their identities are equal.

use xxhash_rust::xxh3::xxh3_64;

use super::text::fold;

/// Longest e-mail address that counts as one, in bytes (RFC 5321, section 4.5.3.1.3: a path of 256 with its brackets).
const EMAIL_LEN_MAX: usize = 254;

/// Fewest digits that make a phone number; below it, a text is an extension or a note.
const PHONE_DIGITS_MIN: usize = 5;

/// Most digits that make a phone number: 15 of ITU-T E.164 and room for a dialling prefix.
const PHONE_DIGITS_MAX: usize = 20;

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

/// The form in which two spellings of one e-mail address are equal; `None` when the text is not an address.
///
/// Takes `Name <address>` and `mailto:` forms. The whole address is folded: RFC 5321 lets a mail system tell the case of
/// local parts apart, but none that business cards come from does.
#[must_use]
pub fn normalise_email(text: &str) -> Option<String> {
    let text = text.trim();
    let text = match (text.rfind('<'), text.ends_with('>')) {
        (Some(open), true) => &text[open + 1..text.len() - 1],
        _ => text,
    };
    let folded = fold(text);
    let address = folded.strip_prefix("mailto:").unwrap_or(&folded);
    let (local, domain) = address.rsplit_once('@')?;
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '@' | '"');
    let labels_valid =
        domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    let valid = !local.is_empty()
        && address.len() <= EMAIL_LEN_MAX
        && !local.contains(forbidden)
        && !domain.contains(forbidden)
        && labels_valid;
    valid.then(|| address.to_owned())
}

/// The form in which two spellings of one phone number are equal; `None` when the text is not a number.
///
/// Keeps the digits, writes an international prefix `00` as `+`, and drops visual separators (RFC 3966, section 3), an
/// optional trunk zero `(0)` after a country code, and an extension. Without knowing a country it cannot equate a
/// national with an international spelling, and does not try.
#[must_use]
pub fn normalise_phone(text: &str) -> Option<String> {
    let folded = fold(text);
    let text = folded.strip_prefix("tel:").unwrap_or(&folded);
    let text = ["ext", "x", ";", "#", "durchwahl"]
        .iter()
        .filter_map(|mark| text.find(mark))
        .min()
        .map_or(text, |extension| &text[..extension]);
    let international = text.trim_start_matches(|c: char| !c.is_ascii_digit() && c != '+').starts_with(['+', '0'])
        && (text.contains('+') || digits(text).starts_with("00"));
    let text = if international { text.replacen("(0)", "", 1) } else { text.to_owned() };
    if text.chars().any(|c| c.is_alphabetic() || c == '@') {
        return None;
    }
    let digits = digits(&text);
    if !(PHONE_DIGITS_MIN..=PHONE_DIGITS_MAX).contains(&digits.len()) {
        return None;
    }
    if !international {
        return Some(digits);
    }
    let significant = if text.contains('+') { digits.as_str() } else { digits.trim_start_matches("00") };
    Some(format!("+{significant}"))
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_spellings_meet() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(normalise_email(text).as_deref(), expected, "{text:?}");
        };
        check("Anita@Contoso.com", Some("anita@contoso.com"));
        check("  mailto:anita@contoso.com ", Some("anita@contoso.com"));
        check("Anita Jorgensen <Anita@contoso.com>", Some("anita@contoso.com"));
        check("Jürgen@MÜLLER.de", Some("jürgen@müller.de"));
        check("root@localhost", Some("root@localhost"));
        check("anita", None);
        check("@contoso.com", None);
        check("a b@contoso.com", None);
        check("a@b@contoso.com", None);
        check("a@contoso..com", None);
        check("", None);
        check(&format!("{}@contoso.com", "a".repeat(300)), None);
    }

    #[test]
    fn phone_spellings_meet() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(normalise_phone(text).as_deref(), expected, "{text:?}");
        };
        check("+49 (0) 89 / 123-456", Some("+4989123456"));
        check("0049 89 123456", Some("+4989123456"));
        check("tel:+49-89-123456;ext=7", Some("+4989123456"));
        check("(555) 555-1212", Some("5555551212"));
        check("555.555.1212 x34", Some("5555551212"));
        check("555-555-1212 ext. 9", Some("5555551212"));
        check("＋４９ ８９ １２３４５６", Some("+4989123456"));
        check("089 123456", Some("089123456"));
        check("1234", None);
        check("call me maybe", None);
        check("", None);
        check(&"1".repeat(30), None);
    }

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
