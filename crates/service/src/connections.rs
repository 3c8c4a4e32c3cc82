//! Who may be connected: so many in all, and of those a part from one address.
//!
//! A few places more are for this machine alone. Probes come from there, and whoever watches over the service starts it
//! anew when it does not answer them, which would help nobody against clients that hold all connections.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tradai_platform::settings::sections::HttpLimits;

/// Places that are kept for this machine.
const KEPT: usize = 16;

/// The places of a service.
pub(crate) struct Connections {
    places: Arc<Semaphore>,
    kept: Arc<Semaphore>,
    /// `None` where one address stands for many: that of a proxy.
    per_address: Option<usize>,
    held: Held,
}

type Held = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// The place of one connection: free again when dropped.
pub(crate) struct ConnectionPlace {
    _permit: OwnedSemaphorePermit,
    _address: Option<OfAddress>,
    /// Whether it is one of those that are kept for this machine: to be left after one reply.
    pub(crate) is_kept: bool,
}

impl Connections {
    pub(crate) fn new(limits: &HttpLimits) -> Self {
        let is_limited = limits.trusted_proxies == 0 && limits.connections_per_client > 0;
        Self {
            places: Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS))),
            kept: Arc::new(Semaphore::new(KEPT)),
            per_address: is_limited.then_some(limits.connections_per_client),
            held: Held::default(),
        }
    }

    /// Returns a place for a connection from there; `None` when there is none.
    pub(crate) fn place(&self, address: IpAddr) -> Option<ConnectionPlace> {
        if let Some(place) = self.common(address) {
            return Some(place);
        }
        let permit =
            self.kept.clone().try_acquire_owned().ok().filter(|_| address.to_canonical().is_loopback())?;
        Some(ConnectionPlace { _permit: permit, _address: None, is_kept: true })
    }

    fn common(&self, address: IpAddr) -> Option<ConnectionPlace> {
        let of_address = match self.per_address {
            Some(most) => Some(OfAddress::take(&self.held, network(address), most)?),
            None => None,
        };
        let permit = self.places.clone().try_acquire_owned().ok()?;
        Some(ConnectionPlace { _permit: permit, _address: of_address, is_kept: false })
    }
}

/// One of the places of an address.
struct OfAddress {
    held: Held,
    address: IpAddr,
}

impl OfAddress {
    fn take(held: &Held, address: IpAddr, most: usize) -> Option<Self> {
        let mut all = lock(held);
        let count = all.entry(address).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Self { held: held.clone(), address })
    }
}

impl Drop for OfAddress {
    fn drop(&mut self) {
        let mut all = lock(&self.held);
        if let Some(count) = all.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.address);
            }
        }
    }
}

fn lock(held: &Mutex<HashMap<IpAddr, usize>>) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns what one client may be taken to have: an address of version 4, or the 64 bits before the part of an address of
/// version 6 that each machine chooses by itself.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(all: usize, each: usize, proxies: usize) -> Connections {
        let mut limits = HttpLimits::default();
        (limits.connections, limits.connections_per_client, limits.trusted_proxies) = (all, each, proxies);
        Connections::new(&limits)
    }

    fn at(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn one_address_leaves_room_for_others_and_its_places_come_back() {
        let connections = connections(4, 2, 0);
        let places: Vec<_> = (0..3).map(|_| connections.place(at("10.0.0.1"))).collect();
        assert_eq!(places.iter().flatten().count(), 2);
        assert!(connections.place(at("10.0.0.2")).is_some());
        drop(places);
        assert!(connections.place(at("10.0.0.1")).is_some());
        assert!(lock(&connections.held).is_empty(), "addresses without connections are forgotten");
    }

    #[test]
    fn a_network_of_version_6_is_one_client() {
        let connections = connections(4, 1, 0);
        let _place = connections.place(at("2001:db8::1")).unwrap();
        assert!(connections.place(at("2001:db8::2")).is_none());
        assert!(connections.place(at("2001:db8:0:1::2")).is_some());
        assert_eq!(network(at("::ffff:10.0.0.1")), at("10.0.0.1"));
    }

    #[test]
    fn proxies_stand_for_many() {
        let connections = connections(3, 1, 1);
        let places: Vec<_> = (0..4).map(|_| connections.place(at("10.0.0.1"))).collect();
        assert_eq!(places.iter().flatten().count(), 3);
    }

    #[test]
    fn places_are_kept_for_this_machine() {
        let connections = connections(1, 5, 0);
        let _place = connections.place(at("10.0.0.1")).unwrap();
        assert!(connections.place(at("10.0.0.2")).is_none());
        let probe = connections.place(at("127.0.0.1")).unwrap();
        assert!(probe.is_kept);
        let more: Vec<_> = (0..KEPT).map(|_| connections.place(at("::1"))).collect();
        assert_eq!(more.iter().flatten().count(), KEPT - 1);
    }
}
