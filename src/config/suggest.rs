//! "Did you mean": the known name that a misspelt one is nearest to.

/// The candidate that is nearest to `name`, if it is near enough for a slip of the keyboard: at most a third of the
/// characters differ, or `name` is a candidate's beginning.
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let edits_max = name.chars().count() / 3;
    candidates
        .filter_map(|candidate| {
            let edits = if candidate.starts_with(name) { 1 } else { edit_distance(name, candidate) };
            (edits <= edits_max).then_some((edits, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many characters must be inserted, removed or replaced to make one text the other (Levenshtein's distance).
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (row_number, from_char) in from.chars().enumerate() {
        let mut diagonal = row_number;
        row[0] = row_number + 1;
        for (column, to_char) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(from_char != *to_char);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
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

    #[test]
    fn distance_counts_single_edits() {
        let check = |from: &str, to: &str, edits: usize| assert_eq!(edit_distance(from, to), edits, "{from} {to}");
        check("", "", 0);
        check("abc", "", 3);
        check("kitten", "sitting", 3);
        check("ähnlich", "aehnlich", 2);
    }
}
