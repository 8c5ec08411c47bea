//! Public ids of enterprises, departments, employees and contacts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use super::FieldError;
use super::text::fold_without_marks;
use super::time::Timestamp;

/// Longest id of an enterprise, department or employee, in characters.
pub const ID_LEN_MAX: usize = 64;

/// Bits of a [`TimeOrderedId`] below its milliseconds: a million ids per millisecond before ids run ahead of the clock.
pub(super) const SEQUENCE_BITS: u32 = 20;

macro_rules! public_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a text as an id: 1 to 64 characters of `A-Z a-z 0-9 . _ -`, case-sensitive, kept as given.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                if is_public_id(&text) { Ok(Self(text)) } else { Err(InvalidId) }
            }

            /// The id as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

public_id! {
    /// An enterprise's id, unique in the installation.
    EnterpriseId
}
public_id! {
    /// A department's id, unique within its enterprise.
    DepartmentId
}
public_id! {
    /// An employee's id, unique within the enterprise; the API also calls it `userId`.
    EmployeeId
}

fn is_public_id(text: &str) -> bool {
    (1..=ID_LEN_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// The error for a text that is not a valid id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 characters of A-Z a-z 0-9 . _ -")]
pub struct InvalidId;

impl InvalidId {
    /// The error for a field of a request.
    #[must_use]
    pub fn in_field(self, field: &str) -> FieldError {
        FieldError::new(field, self.to_string())
    }
}

/// An id derived from a name, for an enterprise or department created without one: folded, without marks, characters that
/// an id cannot hold replaced by single hyphens. `None` when nothing of the name is left.
#[must_use]
pub fn slug(name: &str) -> Option<String> {
    let mut slug = String::new();
    for character in fold_without_marks(name).chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == ID_LEN_MAX {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    (!slug.is_empty()).then(|| slug.to_owned())
}

/// A 63-bit id that grows with time: Unix milliseconds above 20 bits that distinguish ids of one
/// millisecond. Written as 13 digits of Crockford's base 32 in lower case, which sort as the numbers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct TimeOrderedId(i64);

impl TryFrom<String> for TimeOrderedId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text).ok_or(InvalidId)
    }
}

/// A contact's id.
pub type ContactId = TimeOrderedId;

const CROCKFORD_DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Characters of a [`TimeOrderedId`].
pub const TIME_ORDERED_ID_LEN: usize = 13;

impl TimeOrderedId {
    /// An id of a moment; `entropy` fills the low bits. Ids that must not clash are made by
    /// [`make_id`](super::made_ids::make_id).
    #[must_use]
    pub const fn at(moment: Timestamp, entropy: u32) -> Self {
        let sequence = (entropy as i64) & ((1 << SEQUENCE_BITS) - 1);
        Self(((moment.millis() << SEQUENCE_BITS) & i64::MAX) | sequence)
    }

    /// The id as the database keeps it.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// An id as read from the database.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The written form, as ASCII characters.
    #[must_use]
    pub fn digits(self) -> [u8; TIME_ORDERED_ID_LEN] {
        std::array::from_fn(|position| {
            let digit = (self.0 >> (5 * (TIME_ORDERED_ID_LEN - 1 - position))) & 31;
            // The mask above keeps the index below 32.
            CROCKFORD_DIGITS[usize::try_from(digit).unwrap_or(0)]
        })
    }

    /// Reads the written form; `None` for anything that this type would not have written.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != TIME_ORDERED_ID_LEN {
            return None;
        }
        let mut number: i64 = 0;
        for byte in text.bytes() {
            let digit = CROCKFORD_DIGITS.iter().position(|candidate| *candidate == byte)?;
            number = number.checked_mul(32)?.checked_add(i64::try_from(digit).ok()?)?;
        }
        Some(Self(number))
    }
}

impl fmt::Display for TimeOrderedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Digits are ASCII.
        f.write_str(str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl Serialize for TimeOrderedId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_hold_what_the_api_allows() {
        let check = |text: &str, valid: bool| assert_eq!(EnterpriseId::parse(text).is_ok(), valid, "{text:?}");
        check("acme", true);
        check("A.b_c-9", true);
        check(&"x".repeat(64), true);
        check("", false);
        check(&"x".repeat(65), false);
        check("a b", false);
        check("ä", false);
        check("a/b", false);
    }

    #[test]
    fn slugs_are_ids() {
        let check = |name: &str, expected: Option<&str>| assert_eq!(slug(name).as_deref(), expected, "{name:?}");
        check("Acme GmbH & Co. KG", Some("acme-gmbh-co-kg"));
        check("  R&D  ", Some("r-d"));
        check("Äcme & Söhne", Some("acme-sohne"));
        check("営業部", None);
        assert!(EnterpriseId::parse(slug(&"Long name ".repeat(30)).unwrap()).is_ok());
    }

    #[test]
    fn time_ordered_ids_sort_as_text_as_they_do_as_numbers() {
        let early = TimeOrderedId::at(Timestamp::from_millis(1_700_000_000_000), u32::MAX);
        let late = TimeOrderedId::at(Timestamp::from_millis(1_700_000_000_001), 0);
        assert!(early < late && early.to_string() < late.to_string());
        for id in [early, late, TimeOrderedId::from_number(i64::MAX), TimeOrderedId::from_number(0)] {
            assert_eq!(TimeOrderedId::parse(&id.to_string()), Some(id));
        }
        assert_eq!(TimeOrderedId::parse("zzzzzzzzzzzzz"), None);
        assert_eq!(TimeOrderedId::parse("u1"), None);
    }
}
