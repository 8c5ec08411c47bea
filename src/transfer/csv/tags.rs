//! The tags of a contact as one cell: `vip; speaker; "with; semicolon"`.
//!
//! Tags are separated by semicolons. White space around a tag is ignored, and so are empty tags. A tag in quotation
//! marks (doubled within) is taken literally, also if it is empty, so that every list of tags can be written.

const SEPARATOR: char = ';';

/// Writes tags so that [`split`] returns the same tags.
pub(super) fn join(tags: &[String]) -> String {
    let mut cell = String::new();
    for (position, tag) in tags.iter().enumerate() {
        if position > 0 {
            cell.push(SEPARATOR);
        }
        let plain = !tag.is_empty() && tag.trim() == tag && !tag.starts_with('"') && !tag.contains(SEPARATOR);
        if plain {
            cell.push_str(tag);
        } else {
            cell.push('"');
            cell.push_str(&tag.replace('"', "\"\""));
            cell.push('"');
        }
    }
    cell
}

/// Reads tags that were written by [`join`] or by hand.
pub(super) fn split(cell: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = cell.trim_start();
    while !rest.is_empty() {
        if let Some((tag, behind)) = quoted(rest) {
            tags.push(tag);
            rest = behind;
        } else {
            let (tag, behind) = rest.split_once(SEPARATOR).unwrap_or((rest, ""));
            if !tag.trim().is_empty() {
                tags.push(tag.trim().to_owned());
            }
            rest = behind;
        }
        rest = rest.trim_start();
    }
    tags
}

/// Reads the labels of a Google export, which are separated by ` ::: `; those of Google itself begin with a star and
/// are left out.
pub(super) fn split_google(cell: &str) -> Vec<String> {
    let labels = cell.split(GOOGLE_SEPARATOR.trim()).map(str::trim);
    labels.filter(|label| !label.is_empty() && !label.starts_with("* ")).map(str::to_owned).collect()
}

/// The separator between several values of one cell in a Google export.
pub(super) const GOOGLE_SEPARATOR: &str = " ::: ";

/// A tag in quotation marks that ends the cell or is followed by a separator, and the rest of the cell. `None` for a
/// tag that merely begins with a quotation mark.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut tag = String::new();
    let mut rest = text.strip_prefix('"')?;
    loop {
        let (piece, behind) = rest.split_once('"')?;
        tag.push_str(piece);
        match behind.strip_prefix('"') {
            Some(behind) => {
                tag.push('"');
                rest = behind;
            }
            None if behind.trim_start().is_empty() => return Some((tag, "")),
            None => return behind.trim_start().strip_prefix(SEPARATOR).map(|behind| (tag, behind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_written_tags_are_parsed() {
        let check = |cell: &str, tags: &[&str]| assert_eq!(split(cell), tags, "{cell:?}");
        check("", &[]);
        check(" ; ;", &[]);
        check("vip", &["vip"]);
        check(" vip ;speaker, panel; ", &["vip", "speaker, panel"]);
        check("\"a;b\" ; c", &["a;b", "c"]);
        check("\"a\" b;c", &["\"a\" b", "c"]);
        check("\"open;c", &["\"open", "c"]);
        check("5\" disk", &["5\" disk"]);
        check("\"\"", &[""]);
    }

    #[test]
    fn the_labels_of_google_itself_are_no_tags() {
        let check = |cell: &str, tags: &[&str]| assert_eq!(split_google(cell), tags, "{cell:?}");
        check("* myContacts", &[]);
        check("Fair 2026 ::: * myContacts ::: * starred", &["Fair 2026"]);
        check("a; b ::: *c", &["a; b", "*c"]);
        check("", &[]);
    }

    proptest::proptest! {
        #[test]
        fn tags_round_trip(tags in proptest::collection::vec("[a;\" \u{a0}\n,é]{0,5}", 0..5)) {
            proptest::prop_assert_eq!(split(&join(&tags)), tags);
        }
    }
}
