//! "Did you mean": the known name that a misspelt one is nearest to.

/// The candidate that is nearest to `name`, if it is near enough for a slip of the keyboard: at most a third of the
/// characters differ, or `name` is a candidate's beginning.
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let edits_max = name.chars().count() / 3;
    candidates
        .filter_map(|candidate| {
            let edits = if candidate.starts_with(name) { 1 } else { strsim::levenshtein(name, candidate) };
            (edits <= edits_max).then_some((edits, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_is_recognised() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(nearest(name, ["listen", "log-level", "public-url"].into_iter()), expected, "{name:?}");
        };
        check("lisen", Some("listen"));
        check("log_level", Some("log-level"));
        check("public", Some("public-url"));
        check("loglevel", Some("log-level"));
        check("colour", None);
        check("", None);
    }
}
