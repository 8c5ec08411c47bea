//! Web addresses that settings name: origins, and the address at which people reach the server.

use std::fmt;
use std::net::Ipv6Addr;

use toml::Value;

use super::value_parser::{TomlType, ValueParser};

/// An origin as browsers write it in a request's `Origin` header: scheme, host in lower case, and the port unless it is
/// the scheme's own (RFC 6454, section 6.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebOrigin(String);

impl WebOrigin {
    /// Takes `http://host`, `https://host`, either with a port, and with a slash at the end that people add.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (origin, path) = split_url(text)?;
        matches!(path, "" | "/").then_some(Self(origin))
    }

    /// The origin of an address with a path, a query or both.
    #[must_use]
    pub fn of_url(text: &str) -> Option<Self> {
        split_url(text).map(|(origin, _)| Self(origin))
    }

    /// Whether its pages come over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// The origin as a browser sends it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address at which people reach the server; a path may follow the origin, where a proxy puts the server below one:
/// the base path, or without one a path that the proxy takes away. It never ends with a slash, so that a path can be
/// appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Takes an `http` or `https` address without query or fragment.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (origin, path) = split_url(text)?;
        let path_valid = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&byte));
        path_valid.then(|| Self(format!("{origin}{}", path.trim_end_matches('/'))))
    }

    /// The origin of its pages.
    #[must_use]
    pub fn origin(&self) -> Option<WebOrigin> {
        WebOrigin::of_url(&self.0)
    }

    /// The path behind the origin, without a slash at its end; empty where there is none.
    #[must_use]
    pub fn path(&self) -> &str {
        split_url(&self.0).map_or("", |(_, path)| path)
    }

    /// The address, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The origin of an address in its comparable form, and the path behind it.
fn split_url(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let port_of_scheme = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(parse_port(port)?)),
        _ => (authority, None),
    };
    let host = parse_host(host)?;
    let port = port.filter(|port| *port != port_of_scheme).map(|port| format!(":{port}")).unwrap_or_default();
    Some((format!("{scheme}://{host}{port}"), path))
}

fn parse_port(text: &str) -> Option<u16> {
    let digits_only = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits_only && *port > 0)
}

fn parse_host(text: &str) -> Option<String> {
    if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().ok().map(|address| format!("[{address}]"));
    }
    let label_valid = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.split('.').all(label_valid).then(|| text.to_ascii_lowercase())
}

/// Reads an origin.
pub(super) struct WebOriginParser;

impl ValueParser for WebOriginParser {
    type Value = WebOrigin;
    const TOML: TomlType = TomlType::String;

    fn allowed(&self) -> String {
        "an origin such as https://intranet.example or http://10.0.0.7:3000, without a path".to_owned()
    }

    fn parse(&self, text: &str) -> Option<WebOrigin> {
        WebOrigin::parse(text)
    }

    fn show(&self, origin: &WebOrigin) -> Value {
        Value::String(origin.0.clone())
    }
}

/// Reads a public address.
pub(super) struct PublicUrlParser;

impl ValueParser for PublicUrlParser {
    type Value = PublicUrl;
    const TOML: TomlType = TomlType::String;

    fn allowed(&self) -> String {
        "an address such as https://muster.example, without a query".to_owned()
    }

    fn parse(&self, text: &str) -> Option<PublicUrl> {
        PublicUrl::parse(text)
    }

    fn show(&self, url: &PublicUrl) -> Value {
        Value::String(url.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(WebOrigin::parse(text).as_ref().map(WebOrigin::as_str), expected, "{text:?}");
        };
        check("https://intranet.example", Some("https://intranet.example"));
        check("HTTPS://Intranet.Example:443/", Some("https://intranet.example"));
        check("http://10.0.0.7:3000", Some("http://10.0.0.7:3000"));
        check("http://[0:0::1]:8080", Some("http://[::1]:8080"));
        check("http://[::1]", Some("http://[::1]"));
        check("http://localhost:443", Some("http://localhost:443"));
        check("https://a.example/path", None);
        check("https://a.example?q", None);
        check("ftp://a.example", None);
        check("a.example", None);
        check("*", None);
        check("null", None);
        check("https://", None);
        check("https://user@a.example", None);
        check("https://a..example", None);
        check("https://a.example:0", None);
        check("https://a.example:+80", None);
        check("https://a.example:", None);
        check("https://müller.example", None);
        check("https://a b.example", None);
        check("http://[::1", None);
    }

    #[test]
    fn public_urls_take_a_path() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(PublicUrl::parse(text).as_ref().map(PublicUrl::as_str), expected, "{text:?}");
        };
        check("https://muster.example/", Some("https://muster.example"));
        check("http://Proxy.example:8080/muster/", Some("http://proxy.example:8080/muster"));
        check("https://muster.example/?q=1", None);
        check("https://muster.example/a b", None);
        check("muster.example", None);
    }
}
