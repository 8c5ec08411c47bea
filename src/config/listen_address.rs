//! The address that a server listens on.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use toml::Value;

use super::value_parser::{TomlType, ValueParser};

/// The one name that is taken. It means the same on every machine and needs no resolver.
const LOCALHOST: &str = "localhost";

/// Where a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// One address of this machine, or all of them.
    Address(SocketAddr),
    /// `localhost`: the machine itself, by IPv4, or by IPv6 where it has no IPv4.
    Localhost { port: u16 },
}

impl ListenAddress {
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Address(address) => address.port(),
            Self::Localhost { port } => port,
        }
    }

    /// The addresses that it may come to, in the order in which they are tried.
    #[must_use]
    pub fn candidates(self) -> Vec<SocketAddr> {
        match self {
            Self::Address(address) => vec![address],
            Self::Localhost { port } => {
                let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
                loopback.map(|ip| SocketAddr::new(ip, port)).to_vec()
            }
        }
    }

    /// As it can be typed into a browser: the wildcard means this machine to a browser on it.
    #[must_use]
    pub fn reachable(self) -> Self {
        let Self::Address(address) = self else { return self };
        let loopback = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self::Address(SocketAddr::new(loopback, address.port()))
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Localhost { port } => write!(f, "{LOCALHOST}:{port}"),
        }
    }
}

/// An IP address or `localhost`, with a port.
pub(super) struct ListenAddressParser;

impl ValueParser for ListenAddressParser {
    type Value = ListenAddress;
    const TOML: TomlType = TomlType::String;

    fn allowed(&self) -> String {
        "an IP address or localhost, and a port, such as 127.0.0.1:8383, localhost:8383, 0.0.0.0:80 or [::1]:8383"
            .to_owned()
    }

    fn parse(&self, text: &str) -> Option<ListenAddress> {
        if let Ok(address) = text.parse() {
            return Some(ListenAddress::Address(address));
        }
        let (host, port) = text.split_once(':')?;
        let digits_only = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits_only)?;
        host.eq_ignore_ascii_case(LOCALHOST).then_some(ListenAddress::Localhost { port })
    }

    fn show(&self, address: &ListenAddress) -> Value {
        Value::String(address.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_localhost_is_taken_and_no_other_name() {
        let check = |text: &str, candidates: &[&str]| {
            let parsed = ListenAddressParser.parse(text).map(ListenAddress::candidates).unwrap_or_default();
            assert_eq!(parsed.iter().map(ToString::to_string).collect::<Vec<_>>(), candidates, "{text}");
        };
        check("127.0.0.1:8383", &["127.0.0.1:8383"]);
        check("[::]:80", &["[::]:80"]);
        check("localhost:8383", &["127.0.0.1:8383", "[::1]:8383"]);
        check("LocalHost:0", &["127.0.0.1:0", "[::1]:0"]);
        for refused in ["localhost", "localhost:", "localhost:+80", "localhost:65536", "example.org:80", ":80", "80"] {
            check(refused, &[]);
        }
        assert_eq!(ListenAddressParser.parse("LOCALHOST:80").unwrap().to_string(), "localhost:80");
    }

    #[test]
    fn the_wildcard_is_reached_by_loopback() {
        let check = |text: &str, expected: &str| {
            assert_eq!(ListenAddressParser.parse(text).unwrap().reachable().to_string(), expected);
        };
        check("0.0.0.0:80", "127.0.0.1:80");
        check("[::]:80", "[::1]:80");
        check("10.0.0.7:80", "10.0.0.7:80");
        check("localhost:80", "localhost:80");
    }
}
