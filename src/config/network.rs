//! Networks that settings name, such as those of trusted proxies.
//!
//! `ipnet` knows prefixes and what lies in a network. What is accepted is stricter than its own parser and stays here.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use toml::Value;

use super::value_parser::{TomlType, ValueParser};

/// How many bits stand before an IPv4 address where it is written as an IPv6 one (RFC 4291, section 2.5.5.2).
const MAPPED_PREFIX_LEN: u8 = 96;

/// An address, or all addresses that begin with the same bits (RFC 4632, section 3.1). An IPv4 network that is written
/// as an IPv6 one counts as the IPv4 network that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Takes `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`. Bits behind the prefix must be zero: where they are not, the
    /// prefix may not be what was meant.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix_len) = match text.split_once('/') {
            None => (text, None),
            Some((address, len)) => (address, Some(parse_len(len)?)),
        };
        let written: IpAddr = address.parse().ok()?;
        let prefix_len = prefix_len.unwrap_or(IpNet::from(written).max_prefix_len());
        let network = match written {
            IpAddr::V6(address) if prefix_len >= MAPPED_PREFIX_LEN => match address.to_ipv4_mapped() {
                Some(address) => IpNet::new(address.into(), prefix_len - MAPPED_PREFIX_LEN),
                None => IpNet::new(written, prefix_len),
            },
            _ => IpNet::new(written, prefix_len),
        };
        network.ok().filter(|network| network.trunc() == *network).map(Self)
    }

    /// Whether an address lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

fn parse_len(text: &str) -> Option<u8> {
    let digits_only = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits_only)
}

/// Reads a network.
pub(super) struct NetworkParser;

impl ValueParser for NetworkParser {
    type Value = Network;
    const TOML: TomlType = TomlType::String;

    fn allowed(&self) -> String {
        "an IP address such as 10.0.0.7, or a network such as 10.0.0.0/8 or fd00::/8 with nothing but zeros behind the \
         prefix"
            .to_owned()
    }

    fn parse(&self, text: &str) -> Option<Network> {
        Network::parse(text)
    }

    fn show(&self, network: &Network) -> Value {
        Value::String(network.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_written_as_addresses_and_prefixes() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Network::parse(text).map(|network| network.to_string()).as_deref(), expected, "{text:?}");
        };
        check("192.0.2.7", Some("192.0.2.7"));
        check("192.0.2.7/32", Some("192.0.2.7"));
        check("10.0.0.0/8", Some("10.0.0.0/8"));
        check("0.0.0.0/0", Some("0.0.0.0/0"));
        check("::1", Some("::1"));
        check("2001:DB8:0::/32", Some("2001:db8::/32"));
        check("::/0", Some("::/0"));
        check("::ffff:10.0.0.0/104", Some("10.0.0.0/8"));
        check("::ffff:192.0.2.7", Some("192.0.2.7"));
        check("10.0.0.7/8", None);
        check("2001:db8::1/32", None);
        check("10.0.0.0/33", None);
        check("::/129", None);
        check("10.0.0.0/", None);
        check("10.0.0.0/+8", None);
        check("10.0.0.0/8/8", None);
        check("10.0.0/8", None);
        check("010.0.0.0/8", None);
        check("proxy.example", None);
        check("", None);
    }

    #[test]
    fn an_address_lies_in_a_network_however_it_is_written() {
        let check = |network: &str, address: &str, expected: bool| {
            let network = Network::parse(network).unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), expected, "{network} {address}");
        };
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.0", false);
        check("10.0.0.0/8", "::ffff:10.1.2.3", true);
        check("10.0.0.0/8", "::10.1.2.3", false);
        check("::ffff:10.0.0.0/104", "10.1.2.3", true);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.6", false);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "::1", false);
        check("::/0", "2001:db8::1", true);
        check("::/0", "203.0.113.9", false);
        check("2001:db8::/33", "2001:db8:7fff::1", true);
        check("2001:db8::/33", "2001:db8:8000::1", false);
    }
}
