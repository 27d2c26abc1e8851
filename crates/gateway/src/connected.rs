//! Which connection each device has: a second one takes the place of the first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::DeviceId;
use tokio_util::sync::CancellationToken;

/// The connections of all devices that have logged in; at most one a device, so as many as
/// there may be connections.
#[derive(Default)]
pub(crate) struct Connected {
    devices: Mutex<HashMap<DeviceId, (u64, CancellationToken)>>,
    next: AtomicU64,
}

impl Connected {
    /// Gives the device's place to a connection that ends when `end` is cancelled, and has the
    /// one that held it finish: a tracker that has come back has given up its old connection,
    /// which nobody would close for as long as the idle time-out.
    pub(crate) fn take(self: &Arc<Self>, device: &DeviceId, end: CancellationToken) -> Place {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let older = self.devices().insert(device.clone(), (number, end));
        if let Some((_, older)) = older {
            older.cancel();
        }
        Place { connected: Arc::clone(self), device: device.clone(), number }
    }

    fn devices(&self) -> MutexGuard<'_, HashMap<DeviceId, (u64, CancellationToken)>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's hold on its device; given back when dropped.
pub(crate) struct Place {
    connected: Arc<Connected>,
    pub device: DeviceId,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut devices = self.connected.devices();
        if devices.get(&self.device).is_some_and(|(number, _)| *number == self.number) {
            devices.remove(&self.device);
        }
    }
}
