//! Pages of fixes, put together vehicle by vehicle.
//!
//! No index holds all fixes in the order vehicle, time: it would cost every insert what
//! only the daily export needs. The small table of device days knows the vehicles of a
//! window, and the key's index has each device's fixes in order of time.

use async_trait::async_trait;
use model::{Timestamp, VehicleId};

use crate::{FixKey, FixRow, StoreError};

/// Vehicles asked for at once.
const VEHICLES: usize = 256;

/// The two questions that a database answers for a page.
#[async_trait]
pub(crate) trait Reader: Sync {
    /// At most `limit` vehicles that may have fixes in the window, from `from_vehicle` on, in order.
    async fn vehicles(&self, window: Window, from_vehicle: &str, limit: usize) -> Result<Vec<VehicleId>, StoreError>;

    /// At most `limit` of one vehicle's fixes in the window past `after`, in order.
    async fn fixes_of_vehicle(
        &self,
        window: Window,
        vehicle: &VehicleId,
        after: After<'_>,
        limit: usize,
    ) -> Result<Vec<FixRow>, StoreError>;
}

/// `from ≤ time < until`.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub from: Timestamp,
    pub until: Timestamp,
}

/// Time, content hash and device of the fix after which to go on. No device's id is empty,
/// so an empty one with the lowest hash stands before all of its time.
#[derive(Clone, Copy)]
pub(crate) struct After<'a> {
    pub time: Timestamp,
    pub content_hash: i64,
    pub device: &'a str,
}

/// One page.
pub(crate) async fn fixes(
    reader: &impl Reader,
    window: Window,
    after: Option<&FixKey>,
    limit: usize,
) -> Result<Vec<FixRow>, StoreError> {
    let start = After { time: window.from, content_hash: i64::MIN, device: "" };
    let mut page = Vec::new();
    let mut from_vehicle = after.map_or(String::new(), |key| key.vehicle_id.to_string());
    loop {
        let vehicles = reader.vehicles(window, &from_vehicle, VEHICLES).await?;
        for vehicle in &vehicles {
            let after = after.filter(|key| key.vehicle_id == *vehicle).map_or(start, |key| After {
                time: key.time,
                content_hash: key.content_hash,
                device: key.device_id.as_str(),
            });
            let room = limit - page.len();
            if room == 0 {
                return Ok(page);
            }
            page.extend(reader.fixes_of_vehicle(window, vehicle, after, room).await?);
        }
        match vehicles.last() {
            // The next chunk begins past this one's last: no id continues with this character.
            Some(last) if vehicles.len() == VEHICLES => from_vehicle = format!("{last}\u{1}"),
            _ => return Ok(page),
        }
    }
}
