//! How much of the stream may be under way in a process.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room is given out in units of this many bytes.
const UNIT: usize = 256;

/// Room for messages that were read and are not done with, shared by all readers that have a
/// clone. Counts bytes as they are in the stream; decoded they take several times as much.
#[derive(Clone, Debug)]
pub struct Room {
    free: Arc<Semaphore>,
    units: u32,
}

/// Some of a [`Room`], given back when dropped.
#[derive(Debug)]
pub struct Held {
    _units: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// For so many bytes of messages; for a larger one all the same, when it is the only one.
    pub fn of(bytes: usize) -> Self {
        let units = u32::try_from((bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        Self { free: Arc::new(Semaphore::new(units as usize)), units }
    }

    /// Waits until there is room. Whoever holds some should not wait for more: two that do would
    /// wait for each other.
    pub(crate) async fn hold(&self, bytes: usize) -> Held {
        // Never closed.
        Held { _units: Arc::clone(&self.free).acquire_many_owned(self.units_of(bytes)).await.ok() }
    }

    /// Where there is room at once.
    pub(crate) fn try_hold(&self, bytes: usize) -> Option<Held> {
        let units = Arc::clone(&self.free).try_acquire_many_owned(self.units_of(bytes)).ok()?;
        Some(Held { _units: Some(units) })
    }

    fn units_of(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(self.units)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn no_more_is_under_way_than_there_is_room_for() {
        let room = Room::of(64 << 10);
        let mut held: Vec<_> = std::iter::from_fn(|| room.clone().try_hold(10_000)).collect();
        assert_eq!(held.len(), 6, "60 of 64 KiB");
        assert!(room.hold(10_000).now_or_never().is_none(), "the seventh waits");
        held.pop();
        assert!(room.hold(10_000).now_or_never().is_some(), "until one is done with");
    }

    #[test]
    fn a_message_larger_than_all_the_room_goes_alone() {
        let room = Room::of(64 << 10);
        let small = room.try_hold(1).unwrap();
        assert!(room.try_hold(1 << 20).is_none());
        drop(small);
        let large = room.try_hold(1 << 20).unwrap();
        assert!(room.try_hold(1).is_none());
        drop(large);
        assert!(room.try_hold(1).is_some());
    }
}
