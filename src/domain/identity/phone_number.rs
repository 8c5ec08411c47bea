//! When two spellings of a phone number are equal.

use crate::domain::text::fold;

/// Fewest digits that make a phone number; below it, a text is an extension or a note.
const PHONE_DIGITS_MIN: usize = 5;

/// Most digits that make a phone number: 15 of ITU-T E.164 and room for a dialling prefix.
const PHONE_DIGITS_MAX: usize = 20;

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
}
