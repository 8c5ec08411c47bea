//! The path below which a server lives, where a proxy shares one host among several.

use std::fmt;

use toml::Value;

use super::value_parser::{TomlType, ValueParser};

/// Longest base path, in bytes: a tenth of what proxies take for a whole address.
const BASE_PATH_LEN_MAX: usize = 200;

/// What every path of a server begins with, such as `/muster`. It begins with a slash and ends with none, so that a
/// path can be appended; it needs no escaping in an address, a header, a cookie or a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasePath(String);

impl BasePath {
    /// Takes segments of unreserved characters (RFC 3986, section 2.3), each behind a slash.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_unreserved);
        let valid = text.len() <= BASE_PATH_LEN_MAX && text.strip_prefix('/')?.split('/').all(is_segment);
        valid.then(|| Self(text.to_owned()))
    }

    /// The path, with the slash at its beginning.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What of a path is behind it, beginning with a slash; `None` where the path does not lead below it.
    #[must_use]
    pub fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(&self.0).filter(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a base path.
pub(super) struct BasePathParser;

impl ValueParser for BasePathParser {
    type Value = BasePath;
    const TOML: TomlType = TomlType::String;

    fn allowed(&self) -> String {
        "a path such as /muster: a slash before each part and none at the end, of letters, digits and - . _ ~"
            .to_owned()
    }

    fn parse(&self, text: &str) -> Option<BasePath> {
        BasePath::parse(text)
    }

    fn show(&self, path: &BasePath) -> Value {
        Value::String(path.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_paths_need_no_escaping_and_no_resolving() {
        for text in ["/muster", "/a/b-c.d_e~1", "/...", "/api"] {
            assert_eq!(BasePath::parse(text).as_ref().map(BasePath::as_str), Some(text));
        }
        let long = format!("/{}", "a".repeat(BASE_PATH_LEN_MAX));
        for text in ["", "/", "muster", "/muster/", "//muster", "/a//b", "/a/../b", "/.", "/a b", "/%61", "/a?b", &long]
        {
            assert_eq!(BasePath::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_path_is_below_it_behind_a_slash_only() {
        let base = BasePath::parse("/muster").unwrap();
        let check = |path: &str, expected: Option<&str>| assert_eq!(base.strip(path), expected, "{path}");
        check("/muster/", Some("/"));
        check("/muster/api/healthz", Some("/api/healthz"));
        check("/muster//x", Some("//x"));
        check("/muster", None);
        check("/musters/x", None);
        check("/Muster/x", None);
        check("/", None);
    }
}
