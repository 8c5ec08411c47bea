//! A strict parser for the text of `/metrics`: whatever could break a scraper fails the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A complete exposition.
#[derive(Clone, Debug, Default)]
pub struct Exposition {
    families: BTreeMap<String, Family>,
    /// The values as written, by [`series`].
    values: BTreeMap<String, String>,
}

/// The metadata of a metric, shared by all of its series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    pub kind: String,
    pub help: String,
}

type Labels = BTreeMap<String, String>;

/// A series in its written form, with its labels sorted.
pub fn series(name: &str, labels: &[(&str, &str)]) -> String {
    written(name, &labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
}

fn written(name: &str, labels: &Labels) -> String {
    let mut text = name.to_owned();
    for (place, (key, value)) in labels.iter().enumerate() {
        write!(text, "{}{key}={value:?}", if place == 0 { '{' } else { ',' }).unwrap();
    }
    text + if labels.is_empty() { "" } else { "}" }
}

impl Exposition {
    /// Parses a text in the `OpenMetrics` format; a violation of its rules fails the test.
    #[track_caller]
    pub fn read(text: &str) -> Self {
        let mut read = Self::default();
        let body = text.strip_suffix("# EOF\n").expect("it ends with EOF");
        let mut open = None;
        let mut histograms: BTreeMap<String, Histogram> = BTreeMap::new();
        for line in body.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                read.describe(&mut open, comment);
                continue;
            }
            let (name, labels, value) = sample(line);
            let family = open.clone().unwrap_or_else(|| panic!("{line} is of no family"));
            let kind = &read.families[&family].kind;
            let suffix = name.strip_prefix(&family).unwrap_or_else(|| panic!("{line} stands under {family}"));
            let expected: &[&str] = match kind.as_str() {
                "counter" => &["_total"],
                "gauge" => &[""],
                "info" => &["_info"],
                "histogram" => &["_sum", "_count", "_bucket"],
                _ => panic!("{family} has no type"),
            };
            assert!(expected.contains(&suffix), "{line} is no sample of a {kind}");
            let number: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
            assert!(number >= 0.0 && number.is_finite(), "{line}");
            if kind == "histogram" {
                histograms.entry(family).or_default().add(suffix, &labels, &value);
            }
            let twice = read.values.insert(written(&name, &labels), value);
            assert_eq!(twice, None, "{line} is there twice");
        }
        for (family, histogram) in &histograms {
            histogram.check(family);
        }
        for (name, family) in &read.families {
            assert!(!family.help.is_empty() && !family.kind.is_empty(), "{name} has no help or no type");
        }
        read
    }

    /// Parses `HELP`, `TYPE` and `UNIT`, which come in this order and before any sample.
    fn describe(&mut self, open: &mut Option<String>, comment: &str) {
        let mut words = comment.splitn(3, ' ');
        let (what, name) = (words.next().unwrap(), words.next().unwrap().to_owned());
        let text = words.next().unwrap_or_else(|| panic!("{comment} says nothing")).to_owned();
        assert!(is_name(&name), "{comment}");
        if what == "HELP" {
            let family = Family { kind: String::new(), help: text };
            assert_eq!(self.families.insert(name.clone(), family), None, "{name} is there twice");
            *open = Some(name);
            return;
        }
        assert_eq!(open.as_deref(), Some(name.as_str()), "{comment} stands elsewhere");
        match what {
            "TYPE" => self.families.get_mut(&name).unwrap().kind = text,
            "UNIT" => assert!(name.ends_with(&format!("_{text}")), "{comment}"),
            _ => panic!("{comment}"),
        }
    }

    /// The families by name.
    pub fn families(&self) -> &BTreeMap<String, Family> {
        &self.families
    }

    /// Every series, as [`series`] writes it.
    pub fn series(&self) -> BTreeSet<&str> {
        self.values.keys().map(String::as_str).collect()
    }

    /// The series whose names start with `name`, with their counts.
    pub fn starting(&self, name: &str) -> BTreeMap<&str, u64> {
        let of_name = self.values.iter().filter(|(series, _)| series.starts_with(name));
        of_name.map(|(series, value)| (series.as_str(), value.parse().unwrap())).collect()
    }

    /// The value of a series, which must exist.
    #[track_caller]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.text(name, labels).parse().unwrap()
    }

    /// The value of a series, which must exist and be a whole number.
    #[track_caller]
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let text = self.text(name, labels);
        // A gauge or a sum of whole numbers may be written with a decimal point.
        text.strip_suffix(".0").unwrap_or(text).parse().unwrap_or_else(|_| panic!("{name} is {text}"))
    }

    #[track_caller]
    fn text(&self, name: &str, labels: &[(&str, &str)]) -> &str {
        let series = series(name, labels);
        self.values.get(&series).unwrap_or_else(|| panic!("there is no {series}"))
    }
}

/// The histograms of one family, by the labels that are not `le`.
#[derive(Default)]
struct Histogram(BTreeMap<Labels, Parts>);

#[derive(Default)]
struct Parts {
    buckets: Vec<(String, u64)>,
    count: Option<u64>,
    has_sum: bool,
}

impl Histogram {
    fn add(&mut self, suffix: &str, labels: &Labels, value: &str) {
        let mut labels = labels.clone();
        let end = labels.remove("le");
        let parts = self.0.entry(labels).or_default();
        match (suffix, end) {
            ("_bucket", Some(end)) => parts.buckets.push((end, value.parse().unwrap())),
            ("_count", None) => parts.count = Some(value.parse().unwrap()),
            ("_sum", None) => parts.has_sum = true,
            (suffix, end) => panic!("{suffix} with {end:?}"),
        }
    }

    fn check(&self, family: &str) {
        for (labels, parts) in &self.0 {
            let (last, all) = parts.buckets.last().unwrap_or_else(|| panic!("{family} {labels:?} has no buckets"));
            assert_eq!((last.as_str(), Some(*all)), ("+Inf", parts.count), "{family} {labels:?}");
            assert!(parts.has_sum, "{family} {labels:?} has no sum");
            for pair in parts.buckets.windows(2) {
                let ends = [&pair[0].0, &pair[1].0].map(|end| end.parse::<f64>().unwrap());
                assert!(ends[0] < ends[1] && pair[0].1 <= pair[1].1, "{family} {labels:?}: {pair:?}");
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// The parts of `name{label="value",other="…"} 1.5`.
fn sample(line: &str) -> (String, Labels, String) {
    let name_end = line.find(['{', ' ']).unwrap_or_else(|| panic!("{line}"));
    let (name, mut rest) = line.split_at(name_end);
    assert!(is_name(name), "{line}");
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (key, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            assert!(is_name(key), "{line}");
            let (value, after) = quoted(after).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(labels.insert(key.to_owned(), value), None, "{line}");
            match after.split_at(1) {
                (",", more) => rest = more,
                ("}", more) => {
                    rest = more;
                    break;
                }
                _ => panic!("{line}"),
            }
        }
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line}"));
    (name.to_owned(), labels, value.to_owned())
}

/// A label's value up to its closing quotation mark, and the text after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match rest.next()?.1 {
                'n' => value.push('\n'),
                escaped @ ('\\' | '"') => value.push(escaped),
                _ => return None,
            },
            plain => value.push(plain),
        }
    }
    None
}
