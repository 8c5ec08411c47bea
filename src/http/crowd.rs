//! How many connections each address has.
//!
//! Without a bound, one address could take all connections there are, and nobody else would get in.

use std::collections::HashMap;
use std::mem;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

/// The connections of all addresses.
#[derive(Debug)]
pub(super) struct Crowd {
    each_max: usize,
    /// Guards counts only. An address without connections is not in it, so it is no larger than there are connections.
    members: Mutex<HashMap<IpAddr, Member>>,
}

/// An address that has connections.
#[derive(Debug, Default)]
struct Member {
    count: usize,
    /// Whether one was refused since it came.
    was_refused: bool,
}

/// That an address has as many connections as it may.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// Whether this is the first since it had none.
    pub(super) first: bool,
}

/// The place of one connection, which is free again when this goes.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    address: IpAddr,
}

impl Crowd {
    pub(super) fn new(each_max: usize) -> Arc<Self> {
        Arc::new(Self { each_max, members: Mutex::default() })
    }

    /// A place for one more connection from this address, unless it has as many as it may.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Place, Refused> {
        let address = network_of(address);
        let mut members = self.members.lock();
        let member = members.entry(address).or_default();
        if member.count >= self.each_max {
            return Err(Refused { first: !mem::replace(&mut member.was_refused, true) });
        }
        member.count += 1;
        Ok(Place { crowd: Arc::clone(self), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut members = self.crowd.members.lock();
        if let Some(member) = members.get_mut(&self.address) {
            member.count -= 1;
            if member.count == 0 {
                members.remove(&self.address);
            }
        }
    }
}

/// What one subscriber holds: an IPv4 address, or the /64 of an IPv6 address, of which everyone has plenty.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_as_many_places_as_it_may_and_no_other_has_fewer_for_it() {
        let crowd = Crowd::new(2);
        let enter = |address: &str| crowd.enter(address.parse().unwrap());
        let (first, _second) = (enter("192.0.2.1").unwrap(), enter("::ffff:192.0.2.1").unwrap());
        assert_eq!(enter("192.0.2.1").unwrap_err(), Refused { first: true });
        assert_eq!(enter("192.0.2.1").unwrap_err(), Refused { first: false });
        assert!(enter("192.0.2.2").is_ok());
        let _network = [enter("2001:db8::1").unwrap(), enter("2001:db8::2").unwrap()];
        assert!(enter("2001:db8::3").is_err());
        assert!(enter("2001:db8:0:1::3").is_ok());
        drop(first);
        assert!(enter("192.0.2.1").is_ok());
    }

    #[test]
    fn addresses_without_connections_are_forgotten() {
        let crowd = Crowd::new(2);
        for number in 0..1_000_u32 {
            drop(crowd.enter(IpAddr::from(number.to_be_bytes())));
        }
        assert!(crowd.members.lock().is_empty());
    }
}
