//! A Markdown reader for the checks: links, heading anchors, tables, code spans and fenced code.

use std::collections::{BTreeSet, HashMap};

/// Lines outside of fenced code, each with its number.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((index + 1, line))
    })
}

/// The lines of every fenced block in this language, each with its number.
pub fn fenced<'a>(text: &'a str, language: &str) -> Vec<(usize, &'a str)> {
    let mut inside = None;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), inside) {
            (Some(info), None) => inside = Some(info.trim() == language),
            (Some(_), Some(_)) => inside = None,
            (None, Some(true)) => found.push((index + 1, line)),
            (None, _) => {}
        }
    }
    found
}

/// The code spans of a line.
fn spans_of(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The code spans of all lines outside of fenced code, with the line numbers.
pub fn code_spans(text: &str) -> Vec<(usize, &str)> {
    prose(text).flat_map(|(number, line)| spans_of(line).map(move |span| (number, span))).collect()
}

/// The code spans of each row of a table whose first cell is code.
pub fn rows_of_code(text: &str) -> Vec<Vec<&str>> {
    prose(text).filter(|(_, line)| line.starts_with("| `")).map(|(_, line)| spans_of(line).collect()).collect()
}

/// The cells of each row of every table.
pub fn table_rows(text: &str) -> Vec<Vec<&str>> {
    let rows = prose(text).filter_map(|(_, line)| line.strip_prefix('|')?.trim_end().strip_suffix('|'));
    rows.map(|row| row.split('|').map(str::trim).collect()).collect()
}

/// The numbered steps below a heading of the second level, each as one text; none where there is no such heading.
pub fn steps(text: &str, heading: &str) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    let section =
        prose(text).map(|(_, line)| line).skip_while(|line| line.strip_prefix("## ") != Some(heading)).skip(1);
    for line in section.take_while(|line| !line.starts_with("## ")) {
        let is_begin = line.split_once(". ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
        match steps.last_mut() {
            Some(step) if !is_begin => {
                step.push('\n');
                step.push_str(line);
            }
            _ if is_begin => steps.push(line.to_owned()),
            _ => {}
        }
    }
    steps
}

/// The targets of inline links and of `[name]: target` lines, with the line numbers.
pub fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        // Brackets within code spans are not links.
        let line: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        let mut rest = line.as_str();
        while let Some((_, behind)) = rest.split_once("](") {
            let Some((target, behind)) = behind.split_once(')') else { break };
            links.push((number, target.split(' ').next().unwrap_or_default().to_owned()));
            rest = behind;
        }
        if let Some((_, target)) = line.strip_prefix('[').and_then(|line| line.split_once("]: ")) {
            links.push((number, target.trim().to_owned()));
        }
    }
    links
}

/// The anchors that GitHub gives to the headings.
pub fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let slug = kept.collect::<String>().to_lowercase().replace(' ', "-");
        let count = seen.entry(slug.clone()).or_default();
        anchors.insert(if *count == 0 { slug } else { format!("{slug}-{count}") });
        *count += 1;
    }
    anchors
}

#[test]
fn links_and_anchors_are_found() {
    let text = "# One `two`, three\n[a](b.md#c) and [`x](`](d \"title\")\n```\n[no](no)\n# No\n```\n`[no](no)`\n\
                # One two three\n[ref]: e.md\n";
    let links: Vec<String> = links(text).into_iter().map(|(_, target)| target).collect();
    assert_eq!(links, ["b.md#c", "d", "e.md"]);
    assert_eq!(anchors(text), ["one-two-three", "one-two-three-1"].map(str::to_owned).into());
    assert_eq!(code_spans("a `b` c\n`d`"), [(1, "b"), (2, "d")]);
    assert_eq!(fenced("```sh\na\n```\nb\n```\nc\n```\n```sh\nd\n```", "sh"), [(2, "a"), (9, "d")]);
    let guide = "## A\n1. no\n## B\n\nWords.\n1. one `x`\n   more\n2. two\n\n## C\n1. no\n";
    assert_eq!(steps(guide, "B"), ["1. one `x`\n   more", "2. two\n"]);
    assert_eq!(steps(guide, "D"), [""; 0]);
}
