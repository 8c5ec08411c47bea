//! How many connections each address has.
//!
//! Without a limit, one address could take all connections, and no other client could connect.

use std::collections::HashMap;
use std::mem;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

/// Counts the open connections of each address and limits them.
#[derive(Debug)]
pub(super) struct ConnectionLimiter {
    per_address_max: usize,
    /// Guards counts only. An address without connections is not in it, so it is no larger than there are connections.
    addresses: Mutex<HashMap<IpAddr, AddressCount>>,
}

/// The connections of one address.
#[derive(Debug, Default)]
struct AddressCount {
    open: usize,
    /// Whether a connection was refused since the address had none.
    was_refused: bool,
}

/// An address has as many connections as it may.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LimitReached {
    /// Whether this is the first refusal since the address had no connection.
    pub(super) is_first: bool,
}

/// Counts as one connection of its address until it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    address: IpAddr,
}

impl ConnectionLimiter {
    pub(super) fn new(per_address_max: usize) -> Arc<Self> {
        Arc::new(Self { per_address_max, addresses: Mutex::default() })
    }

    /// A permit for one more connection from this address, unless it has as many as it may.
    pub(super) fn acquire(self: &Arc<Self>, address: IpAddr) -> Result<ConnectionPermit, LimitReached> {
        let address = client_network(address);
        let mut addresses = self.addresses.lock();
        let count = addresses.entry(address).or_default();
        if count.open >= self.per_address_max {
            return Err(LimitReached { is_first: !mem::replace(&mut count.was_refused, true) });
        }
        count.open += 1;
        Ok(ConnectionPermit { limiter: Arc::clone(self), address })
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut addresses = self.limiter.addresses.lock();
        if let Some(count) = addresses.get_mut(&self.address) {
            count.open -= 1;
            if count.open == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}

/// The addresses that one client is assumed to control: its IPv4 address, or the /64 network of its IPv6 address, which
/// is what a provider gives to each subscriber.
#[must_use]
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_as_many_permits_as_it_may_and_no_other_has_fewer_for_it() {
        let limiter = ConnectionLimiter::new(2);
        let acquire = |address: &str| limiter.acquire(address.parse().unwrap());
        let (first, _second) = (acquire("192.0.2.1").unwrap(), acquire("::ffff:192.0.2.1").unwrap());
        assert_eq!(acquire("192.0.2.1").unwrap_err(), LimitReached { is_first: true });
        assert_eq!(acquire("192.0.2.1").unwrap_err(), LimitReached { is_first: false });
        assert!(acquire("192.0.2.2").is_ok());
        let _network = [acquire("2001:db8::1").unwrap(), acquire("2001:db8::2").unwrap()];
        assert!(acquire("2001:db8::3").is_err());
        assert!(acquire("2001:db8:0:1::3").is_ok());
        drop(first);
        assert!(acquire("192.0.2.1").is_ok());
    }

    #[test]
    fn addresses_without_connections_are_forgotten() {
        let limiter = ConnectionLimiter::new(2);
        for number in 0..1_000_u32 {
            drop(limiter.acquire(IpAddr::from(number.to_be_bytes())));
        }
        assert!(limiter.addresses.lock().is_empty());
    }
}
