//! When two spellings of an e-mail address are equal.

use crate::domain::text::fold;

/// Longest e-mail address that counts as one, in bytes (RFC 5321, section 4.5.3.1.3: a path of 256 with its brackets).
const EMAIL_LEN_MAX: usize = 254;

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
}
