//! JSON with the order of its fields kept, to format answers for the page and to compare answers with the page.

use std::fmt;

use muster::domain::time::Timestamp;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// The longest line before an object or array is broken into several.
const LINE_CHARS_MAX: usize = 100;

/// Fields whose value differs between runs: generated ids, secrets, entity tags, and what depends on speed or memory.
const VOLATILE: [&str; 43] = [
    "_nanoseconds",
    "_seconds",
    "actor",
    "age",
    "ageMillis",
    "ageSeconds",
    "avgCacheAge",
    "by",
    "bytes",
    "cacheBytes",
    "calculationTime",
    "commit",
    "contactId",
    "date",
    "duration",
    "durationMillis",
    "etag",
    "external",
    "file",
    "folder",
    "heapTotal",
    "heapUsed",
    "id",
    "lastCleanup",
    "max",
    "month",
    "nextCursor",
    "p50",
    "p90",
    "p99",
    "requestId",
    "retryAfter",
    "rss",
    "rssBytes",
    "savedMillis",
    "secret",
    "sessionId",
    "spanSeconds",
    "token",
    "tokenId",
    "ttlLeftMillis",
    "uptime",
    "value",
];

/// Fields that hold distributions of measurements: only their shape is the same in every run.
const DISTRIBUTIONS: [&str; 1] = ["buckets"];

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`, a boolean, a number or a string, as written.
    Scalar(String),
    Array(Vec<Self>),
    /// The fields in the order in which they were written.
    Object(Vec<(String, Self)>),
}

impl Json {
    pub fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The value as the page shows it: of a long array only the first element, since the others are alike, and no secrets.
    pub fn shortened(self) -> Self {
        match self {
            Self::Array(mut elements) => {
                if elements.len() > 2 {
                    elements.truncate(1);
                }
                Self::Array(elements.into_iter().map(Self::shortened).collect())
            }
            Self::Object(fields) => {
                let shorten = |(name, value): (String, Self)| {
                    let value =
                        if name == "secret" { Self::Scalar("\"muster_…\"".to_owned()) } else { value.shortened() };
                    (name, value)
                };
                Self::Object(fields.into_iter().map(shorten).collect())
            }
            scalar @ Self::Scalar(_) => scalar,
        }
    }

    /// The text at a path of fields.
    pub fn text(&self, path: &[&str]) -> Option<String> {
        match (self, path) {
            (Self::Object(fields), [name, rest @ ..]) => {
                fields.iter().find(|(field, _)| field == name).and_then(|(_, value)| value.text(rest))
            }
            (Self::Scalar(text), []) => serde_json::from_str(text).ok(),
            _ => None,
        }
    }

    /// The first difference of an answer from the one on the page, with its path.
    pub fn difference(&self, answer: &Self, at: &str) -> Option<String> {
        match (self, answer) {
            (Self::Object(shown), Self::Object(fields)) => {
                let names = |fields: &[(String, Self)]| fields.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
                if names(shown) != names(fields) {
                    return Some(format!("{at} has the fields {:?}, shown are {:?}", names(fields), names(shown)));
                }
                let mut pairs = shown.iter().zip(fields);
                pairs.find_map(|((name, shown), (_, value))| {
                    let at = format!("{at}.{name}");
                    let is_shape = DISTRIBUTIONS.contains(&&**name);
                    if is_shape { shown.kind_difference(value, &at) } else { shown.difference(value, &at) }
                })
            }
            (Self::Array(shown), Self::Array(elements)) if shown.is_empty() == elements.is_empty() => {
                let whole = shown.len() == elements.len();
                elements.iter().enumerate().find_map(|(index, element)| {
                    let at = format!("{at}[{index}]");
                    // Elements that are not shown have the shape of the first.
                    if whole { shown[index].difference(element, &at) } else { shown[0].kind_difference(element, &at) }
                })
            }
            (Self::Scalar(shown), Self::Scalar(value)) => {
                let name = at.rsplit('.').next().and_then(|field| field.split('[').next()).unwrap_or_default();
                let is_volatile = VOLATILE.contains(&name) || is_time(value);
                let same = shown == value || (is_same_kind(shown, value) && is_volatile);
                (!same).then(|| format!("{at} is {value}, shown is {shown}"))
            }
            _ => Some(format!("{at} is {answer}, shown is {self}")),
        }
    }

    /// The first difference of an element's shape from the one on the page: its fields and the kinds of its values.
    fn kind_difference(&self, element: &Self, at: &str) -> Option<String> {
        match (self, element) {
            (Self::Object(shown), Self::Object(fields)) => {
                let mut pairs = shown.iter().zip(fields);
                let missing = (shown.len() != fields.len()).then(|| format!("{at} has other fields than are shown"));
                missing.or_else(|| {
                    pairs.find_map(|((name, shown), (other, value))| {
                        let at = format!("{at}.{name}");
                        if name == other { shown.kind_difference(value, &at) } else { Some(format!("{at} is {other}")) }
                    })
                })
            }
            (Self::Array(_), Self::Array(_)) => None,
            (Self::Scalar(shown), Self::Scalar(value)) => {
                let alike = is_same_kind(shown, value) || shown == "null" || value == "null";
                (!alike).then(|| format!("{at} is {value}, shown is {shown}"))
            }
            _ => Some(format!("{at} is {element}, shown is {self}")),
        }
    }

    fn write(&self, out: &mut String, indent: usize) {
        let line = self.to_string();
        if indent + line.len() <= LINE_CHARS_MAX || matches!(self, Self::Scalar(_)) {
            out.push_str(&line);
            return;
        }
        let (open, close) = if matches!(self, Self::Array(_)) { ("[", "]") } else { ("{", "}") };
        let inner = indent + 2;
        let mut lines = Vec::new();
        match self {
            Self::Array(elements) => {
                for element in elements {
                    let mut text = String::new();
                    element.write(&mut text, inner);
                    lines.push(text);
                }
            }
            Self::Object(fields) => {
                for (name, value) in fields {
                    let mut text = format!("{}: ", serde_json::to_string(name).unwrap());
                    value.write(&mut text, inner);
                    // Short fields share a line.
                    match lines.last_mut() {
                        Some(last) if is_short(last, &text, inner) => *last = format!("{last}, {text}"),
                        _ => lines.push(text),
                    }
                }
            }
            Self::Scalar(_) => {}
        }
        let pad = " ".repeat(inner);
        let (lines, outer) = (lines.join(&format!(",\n{pad}")), " ".repeat(indent));
        out.extend([open, "\n", &pad, &lines, "\n", &outer, close]);
    }

    /// The value formatted with line breaks.
    pub fn pretty(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0);
        text
    }
}

fn is_short(last: &str, next: &str, indent: usize) -> bool {
    !last.contains('\n') && !next.contains('\n') && indent + last.len() + 2 + next.len() <= LINE_CHARS_MAX
}

/// Whether two scalars are of the same kind.
fn is_same_kind(one: &str, other: &str) -> bool {
    let kind = |text: &str| match text.as_bytes().first() {
        Some(b'"') => 't',
        Some(b't' | b'f') => 'b',
        Some(b'n') => '0',
        _ => '1',
    };
    kind(one) == kind(other)
}

fn is_time(scalar: &str) -> bool {
    Timestamp::parse(scalar.trim_matches('"')).is_some()
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(text) => f.write_str(text),
            Self::Array(elements) => {
                let elements: Vec<String> = elements.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", elements.join(", "))
            }
            Self::Object(fields) => {
                let field =
                    |(name, value): &(String, Self)| format!("{}: {value}", serde_json::to_string(name).unwrap());
                write!(f, "{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Scalar("null".to_owned()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Scalar(value.to_string()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(Json::Scalar(value.to_string()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(Json::Scalar(value.to_string()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
                Ok(Json::Scalar(format!("{value:?}")))
            }

            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(Json::Scalar(serde_json::to_string(value).unwrap()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
                let mut all = Vec::new();
                while let Some(element) = elements.next_element()? {
                    all.push(element);
                }
                Ok(Json::Array(all))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Json, A::Error> {
                let mut all = Vec::new();
                while let Some(field) = fields.next_entry()? {
                    all.push(field);
                }
                Ok(Json::Object(all))
            }
        }

        deserializer.deserialize_any(InOrder)
    }
}
