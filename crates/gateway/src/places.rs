//! How many connections there may be: over all listeners, and from one address. A UDP port counts its
//! senders by address in the same way.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Leading bits that the addresses of one IPv6 customer share: a provider hands out no less.
const IPV6_PREFIX: u32 = 64;

/// The places that connections take, one each.
pub(crate) struct Places {
    free: Arc<Semaphore>,
    crowds: Arc<Crowds>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// There are as many connections as there may be.
    Full,
    /// There are as many from this address.
    Address,
}

/// Connections, or senders, by address; no more entries than there are of them.
pub(crate) struct Crowds {
    /// Most from one address; 0: they are not counted.
    most: u32,
    open: Mutex<HashMap<IpAddr, u32>>,
}

/// A connection's place, given back when dropped.
pub(crate) struct Held {
    _slot: OwnedSemaphorePermit,
    /// `None` where connections are not counted by address.
    _of_crowd: Option<OfCrowd>,
}

/// One of those from an address, counted until dropped.
pub(crate) struct OfCrowd {
    crowds: Arc<Crowds>,
    address: IpAddr,
}

impl Places {
    /// So many over all, and so many from one address where that is not 0.
    pub(crate) fn new(most: usize, most_per_address: u32) -> Self {
        let free = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self { free, crowds: Crowds::new(most_per_address) }
    }

    /// A place for a connection from this address.
    pub(crate) fn take(&self, from: IpAddr) -> Result<Held, NoPlace> {
        let slot = Arc::clone(&self.free).try_acquire_owned().map_err(|_| NoPlace::Full)?;
        let of_crowd = self.crowds.join(from)?;
        Ok(Held { _slot: slot, _of_crowd: of_crowd })
    }
}

impl Crowds {
    /// At most so many from one address; 0: they are not counted.
    pub(crate) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default() })
    }

    /// Counts one more from an address; `None` where they are not counted.
    pub(crate) fn join(self: &Arc<Self>, from: IpAddr) -> Result<Option<OfCrowd>, NoPlace> {
        if self.most == 0 {
            return Ok(None);
        }
        let address = crowd_of(from);
        let mut open = self.open();
        let count = open.entry(address).or_insert(0);
        if *count >= self.most {
            return Err(NoPlace::Address);
        }
        *count += 1;
        Ok(Some(OfCrowd { crowds: Arc::clone(self), address }))
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OfCrowd {
    fn drop(&mut self) {
        let mut open = self.crowds.open();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// The address that stands for all that one customer can connect from.
pub(crate) fn crowd_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> IPV6_PREFIX))),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_leaves_room_for_others_and_gets_its_places_back() {
        let places = Places::new(4, 2);
        let first = places.take(ip("192.0.2.1")).ok().unwrap();
        let _second = places.take(ip("::ffff:192.0.2.1")).ok().unwrap();
        assert_eq!(places.take(ip("192.0.2.1")).err(), Some(NoPlace::Address), "however the address is written");
        let _other = places.take(ip("192.0.2.2")).ok().unwrap();
        drop(first);
        let _again = places.take(ip("192.0.2.1")).ok().unwrap();
        let last = places.take(ip("192.0.2.3")).ok().unwrap();
        assert_eq!(places.take(ip("192.0.2.4")).err(), Some(NoPlace::Full), "a refused one has taken no place");
        drop(last);
        assert!(!places.crowds.open().contains_key(&ip("192.0.2.3")), "who has gone is forgotten");
    }

    #[test]
    fn a_customers_ipv6_network_is_one_address() {
        let places = Places::new(9, 1);
        let _first = places.take(ip("2001:db8:1:2::1")).ok().unwrap();
        assert_eq!(places.take(ip("2001:db8:1:2:ffff::9")).err(), Some(NoPlace::Address));
        assert!(places.take(ip("2001:db8:1:3::1")).is_ok());
    }

    #[test]
    fn without_a_limit_nobody_is_counted() {
        let places = Places::new(100, 0);
        let held: Vec<_> = (0..100).map(|_| places.take(ip("192.0.2.1"))).collect();
        assert!(held.iter().all(Result::is_ok));
        assert!(places.crowds.open().is_empty());
    }
}
