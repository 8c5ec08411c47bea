//! Text that people typed: folding, by which it is compared and ordered, and its limits.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};

use super::FieldError;

/// Folds text for comparison: NFKC, case-folded (Unicode's full, locale-independent folding), white space collapsed to
/// single spaces and trimmed.
///
/// Two spellings are the same name exactly when their folded forms are equal. The folded form is for comparing and
/// ordering only and is never shown.
///
/// Case folding can leave a text denormalised, so the text is normalised again after it (Unicode Standard, section 3.13,
/// definition D145, compatibility caseless matching).
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return collapse_white_space(&text.to_ascii_lowercase());
    }
    let normalizer = const { ComposingNormalizer::new_nfkc() };
    let normalised = normalizer.normalize(text);
    let folded: Cow<'_, str> = const { CaseMapper::new() }.fold_string(&normalised);
    let again = normalizer.normalize(&folded);
    collapse_white_space(&again)
}

/// Folded text whose letters have lost their marks: `ångström` becomes `angstrom`.
#[must_use]
pub fn fold_without_marks(text: &str) -> String {
    let folded = fold(text);
    let decomposed = const { DecomposingNormalizer::new_nfkd() }.normalize(&folded);
    decomposed.chars().filter(|character| !('\u{300}'..='\u{36f}').contains(character)).collect()
}

fn collapse_white_space(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(word);
    }
    collapsed
}

/// Adds to `errors` what is wrong with a text that somebody typed.
pub(super) fn check_text(errors: &mut Vec<FieldError>, field: &str, text: &str, len_max: usize) {
    // A byte is at least a quarter of a character, so most texts need no counting.
    if text.len() > len_max && text.chars().count() > len_max {
        errors.push(FieldError::new(field, format!("must be at most {len_max} characters")));
    }
    if text.contains('\0') {
        errors.push(FieldError::new(field, "must not contain a NUL character"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_ignores_case_width_and_white_space() {
        let check = |text: &str, folded: &str| assert_eq!(fold(text), folded, "{text:?}");
        check("  Contoso\t Ltd.\u{a0} ", "contoso ltd.");
        check("STRASSE", "strasse");
        check("Straße", "strasse");
        check("ＡＣＭＥ　①", "acme 1");
        check("Ångström", "ångström");
        check("A\u{30a}ngstro\u{308}m", "ångström");
        check("ΟΔΟΣ", "οδοσ");
        check("ﬁne", "fine");
        check("", "");
    }

    #[test]
    fn letters_lose_their_marks() {
        let check = |text: &str, bare: &str| assert_eq!(fold_without_marks(text), bare, "{text:?}");
        check("Äcme & Söhne", "acme & sohne");
        check("Cafe\u{301} Ελλάς", "cafe ελλασ");
        check("", "");
    }

    proptest::proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,40}") {
            let once = fold(&text);
            proptest::prop_assert_eq!(fold(&once), once);
        }
    }
}
