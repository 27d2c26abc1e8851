//! What this process has lately committed of each device.
//!
//! Trackers send in the order of time, so a fix later than all of its device's is new and can
//! be copied straight into the table; and a device reports for the same vehicle all day long,
//! so that its line in the table of device days is written once. The memory only spares work:
//! whatever it does not know, or another process has changed since, the database decides.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::civil::Date;
use model::{DeviceId, VehicleId};

use crate::FixRow;
use crate::time::{micros, utc_day};

/// Most devices remembered; past that many, all are forgotten, which costs one slow batch.
const MAX_DEVICES: usize = 200_000;
const DAY_MICROS: i64 = 86_400_000_000;

/// What is known of one device.
#[derive(Debug)]
struct Device {
    /// The time of its newest fix, microseconds since 1970.
    newest: i64,
    /// Its line in the table of device days that is known to be there.
    vehicle: VehicleId,
    /// The day of that line, counted from 1970.
    day: i64,
}

/// The devices of this process.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<DeviceId, Device>);

/// What a batch's fixes need to get into the tables.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan<'r> {
    /// Not in the table, as far as this process knows, and none twice.
    pub new: Vec<&'r FixRow>,
    /// Sent again perhaps.
    pub doubtful: Vec<&'r FixRow>,
    /// Device days that may be missing: day, vehicle, device; may hold one more than once.
    pub days: Vec<(Date, &'r str, &'r str)>,
}

impl Known {
    /// Sorts a batch's fixes, and remembers them as committed: where they are not in the end,
    /// this memory must be thrown away.
    pub(super) fn plan<'r>(&mut self, fixes: &'r [FixRow]) -> Plan<'r> {
        if self.0.len() > MAX_DEVICES {
            self.0.clear();
        }
        let mut plan = Plan { new: Vec::with_capacity(fixes.len()), ..Plan::default() };
        for fix in fixes {
            let time = micros(fix.time);
            let day = time.div_euclid(DAY_MICROS);
            let line = || (utc_day(fix.time), fix.vehicle_id.as_str(), fix.device_id.as_str());
            let Some(device) = self.0.get_mut(&fix.device_id) else {
                let device = Device { newest: time, vehicle: fix.vehicle_id.clone(), day };
                self.0.insert(fix.device_id.clone(), device);
                plan.new.push(fix);
                plan.days.push(line());
                continue;
            };
            if time > device.newest {
                device.newest = time;
                plan.new.push(fix);
            } else {
                plan.doubtful.push(fix);
            }
            if day != device.day || fix.vehicle_id != device.vehicle {
                (device.day, device.vehicle) = (day, fix.vehicle_id.clone());
                plan.days.push(line());
            }
        }
        plan
    }
}

/// Hands the memory to one commit at a time. A commit that comes to nothing, however it ends,
/// does not hand it back, and the next one begins with an empty one.
#[derive(Debug, Default)]
pub(super) struct Keeper(Mutex<Known>);

impl Keeper {
    pub(super) fn take(&self) -> Known {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn keep(&self, known: Known) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

#[cfg(test)]
mod tests {
    use model::{DeviceId, FixBatch, Report, Timestamp, VehicleId};

    use super::*;

    fn row(device: &str, vehicle: &str, second: i64) -> FixRow {
        let mut batch = FixBatch::default();
        batch.push(model::Fix::nowhere(Timestamp::from_secs(second)));
        let report = Report {
            device: DeviceId::new(device).unwrap(),
            vehicle: VehicleId::new(vehicle).unwrap(),
            protocol: "test".into(),
            received_at: Timestamp::from_secs(second),
            batch,
        };
        FixRow::of(&report, &report.batch.fixes[0])
    }

    #[test]
    fn what_is_later_than_all_before_is_new_and_days_are_named_once() {
        let rows = [
            row("a", "1", 10),
            row("b", "2", 10),
            row("a", "1", 20),
            row("a", "1", 20),
            row("a", "1", 15),
            row("a", "3", 30),
            row("a", "3", 86_400),
            row("a", "3", 40),
        ];
        let mut known = Known::default();
        let plan = known.plan(&rows);
        assert_eq!(plan.new, [&rows[0], &rows[1], &rows[2], &rows[5], &rows[6]]);
        assert_eq!(plan.doubtful, [&rows[3], &rows[4], &rows[7]]);
        let days: Vec<_> = plan.days.iter().map(|(day, vehicle, device)| format!("{day} {vehicle} {device}")).collect();
        assert_eq!(
            days,
            ["1970-01-01 1 a", "1970-01-01 2 b", "1970-01-01 3 a", "1970-01-02 3 a", "1970-01-01 3 a"],
            "a change is named, even where it goes back"
        );
        let next = [row("b", "2", 11), row("b", "2", 10)];
        let plan = known.plan(&next);
        assert_eq!((plan.new, plan.doubtful, plan.days), (vec![&next[0]], vec![&next[1]], Vec::new()));
    }
}
