//! Which addresses are never connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Metadata services outside of the link-local range: Alibaba Cloud, Azure's host agent, Oracle Cloud's older network.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];

/// Metadata services at unique local addresses: two of AWS (instances, pods) and Google Cloud's.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Whether an address is link-local or a cloud's metadata service, in any of the forms in which IPv6 writes IPv4.
///
/// Private networks and this machine are allowed: a company's own identity provider or mail server is there.
pub(super) fn is_refused(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_refused_v4(address),
        IpAddr::V6(address) => {
            address.is_unicast_link_local()
                || METADATA_V6.contains(&address)
                || embedded_v4(address).is_some_and(is_refused_v4)
        }
    }
}

fn is_refused_v4(address: Ipv4Addr) -> bool {
    address.is_link_local() || METADATA_V4.contains(&address)
}

/// The IPv4 address to which packets for an IPv6 address are carried: mapped (`::ffff:0:0/96`) and compatible (`::/96`)
/// ones, NAT64 (`64:ff9b::/96`) and 6to4 (`2002::/16`).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(v4(high, low))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_and_metadata_addresses_are_refused_in_every_form() {
        let check = |text: &str, refused: bool| assert_eq!(is_refused(text.parse().unwrap()), refused, "{text}");
        check("169.254.169.254", true);
        check("169.254.0.0", true);
        check("169.254.255.255", true);
        check("100.100.100.200", true);
        check("168.63.129.16", true);
        check("fe80::1", true);
        check("febf:ffff::1", true);
        check("fd00:ec2::254", true);
        check("fd20:ce::254", true);
        check("::ffff:169.254.169.254", true);
        check("::169.254.169.254", true);
        check("64:ff9b::169.254.169.254", true);
        check("2002:a9fe:a9fe::1", true);
        check("::ffff:100.100.100.200", true);

        check("127.0.0.1", false);
        check("::1", false);
        check("10.0.0.7", false);
        check("192.168.1.10", false);
        check("169.253.255.255", false);
        check("169.255.0.0", false);
        check("fec0::1", false);
        check("fd12:3456::1", false);
        check("::ffff:10.0.0.7", false);
        check("2001:db8::1", false);
        check("64:ff9b::8.8.8.8", false);
    }
}
