//! The address of a client, behind proxies too (`X-Forwarded-For`).
//!
//! A trusted proxy appends the address that it got the request from to `X-Forwarded-For`; what stands before it may be
//! made up by the client. So the header is read from its end, only where the other end of the connection is trusted,
//! and no further than to the first address that is not.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::HeaderName;

use crate::config::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client; in the extensions of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default)]
pub(super) struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// Trusts these networks only.
    pub(super) fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether this address is a trusted proxy's.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The client of a request that came over a connection from `peer`. An entry that cannot be read ends the way back,
    /// and the request counts as that of the last proxy before it: never of an address that an untrusted peer wrote.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut address = peer.to_canonical();
        if self.0.is_empty() {
            return ClientAddress(address);
        }
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let mut entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        while self.trusts(address) {
            match entries.next().and_then(address_in) {
                Some(before) => address = before,
                None => break,
            }
        }
        ClientAddress(address)
    }
}

/// The address in one entry: bare, or with a port that some proxies add.
fn address_in(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let bracketed = |text: &str| text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::from);
    let bare = text.parse().ok().or_else(|| bracketed(text));
    let address = bare.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    const PROXY: &str = "10.0.0.7";

    fn check(peer: &str, lines: &[&[u8]], expected: &str) {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| Network::parse(network).unwrap());
        let proxies = TrustedProxies::new(trusted.to_vec());
        let lines = lines.iter().map(|line| (X_FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap()));
        let headers: HeaderMap = lines.collect();
        let ClientAddress(address) = proxies.client(peer.parse().unwrap(), &headers);
        assert_eq!(address.to_string(), expected, "{peer} {headers:?}");
        let ClientAddress(address) = TrustedProxies::default().client(peer.parse().unwrap(), &headers);
        assert_eq!(address, peer.parse::<IpAddr>().unwrap().to_canonical(), "nobody is trusted: {headers:?}");
    }

    #[test]
    fn a_trusted_proxy_says_who_asked_it() {
        check(PROXY, &[b"203.0.113.9"], "203.0.113.9");
        check(PROXY, &[b" 203.0.113.9\t"], "203.0.113.9");
        check("fd00::1", &[b"2001:db8::9"], "2001:db8::9");
        check("::ffff:10.0.0.7", &[b"203.0.113.9"], "203.0.113.9");
        check(PROXY, &[], PROXY);
    }

    #[test]
    fn nobody_else_does() {
        check("203.0.113.1", &[b"198.51.100.1"], "203.0.113.1");
        check("203.0.113.1", &[b"10.0.0.7"], "203.0.113.1");
        check("::ffff:203.0.113.1", &[b"198.51.100.1"], "203.0.113.1");
    }

    #[test]
    fn what_a_client_made_up_stands_further_left_and_is_not_read() {
        check(PROXY, &[b"198.51.100.1, 203.0.113.9"], "203.0.113.9");
        check(PROXY, &[b"10.0.0.1, 203.0.113.9"], "203.0.113.9");
        check(PROXY, &[b"198.51.100.1", b"203.0.113.9"], "203.0.113.9");
        check(PROXY, &[b"198.51.100.1, 10.0.0.2", b"203.0.113.9"], "203.0.113.9");
        check(PROXY, &[b"garbage, 203.0.113.9"], "203.0.113.9");
    }

    #[test]
    fn the_way_goes_on_through_proxies_that_are_trusted() {
        check(PROXY, &[b"198.51.100.1, 203.0.113.9, 10.0.0.2, fd00::3"], "203.0.113.9");
        check(PROXY, &[b"198.51.100.1, 203.0.113.9", b"10.0.0.2"], "203.0.113.9");
        check(PROXY, &[b"203.0.113.9, ::ffff:10.0.0.2"], "203.0.113.9");
        check(PROXY, &[b"10.0.0.3, 10.0.0.2"], "10.0.0.3");
    }

    #[test]
    fn entries_may_have_ports() {
        check(PROXY, &[b"203.0.113.9:4711"], "203.0.113.9");
        check(PROXY, &[b"[2001:db8::9]:4711"], "2001:db8::9");
        check(PROXY, &[b"[2001:db8::9]"], "2001:db8::9");
        check(PROXY, &[b"203.0.113.9, 10.0.0.2:80"], "203.0.113.9");
    }

    #[test]
    fn an_entry_that_cannot_be_read_ends_the_way_at_the_last_proxy() {
        let unreadable: [&[u8]; 12] = [
            b"",
            b" ",
            b"unknown",
            b"_hidden",
            b"\xff\xfe",
            b"203.0.113.9.1",
            b"203.0.113.9:",
            b"203.0.113.9:99999",
            b"[2001:db8::9",
            b"fe80::1%eth0",
            b"\"203.0.113.9\"",
            b"for=203.0.113.9",
        ];
        for entry in unreadable {
            check(PROXY, &[entry], PROXY);
            check(PROXY, &[b"203.0.113.9", entry], PROXY);
            check(PROXY, &[&[b"198.51.100.1, ", entry, b", 10.0.0.2"].concat()], "10.0.0.2");
            check(PROXY, &[&[entry, b", 203.0.113.9"].concat()], "203.0.113.9");
        }
        check(PROXY, &[b"203.0.113.9,,10.0.0.2"], "10.0.0.2");
    }
}
