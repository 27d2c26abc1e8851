//! Reports for tests.
#![allow(dead_code, reason = "not every test file uses all of it")]

use model::{DeviceId, Fix, FixBatch, LatLon, Report, Timestamp, VehicleId};

/// A report whose received time and one fix tell its number.
pub fn report(number: u64) -> Report {
    report_of(number, 1)
}

/// A report of several fixes.
pub fn report_of(number: u64, fixes: usize) -> Report {
    let second = i64::try_from(number).unwrap();
    let mut batch = FixBatch::default();
    for _ in 0..fixes {
        batch.push(Fix::at(Timestamp::from_secs(second), LatLon::new(48.85, 37.6).unwrap()));
    }
    Report {
        device: DeviceId::new(&format!("device-{number}")).unwrap(),
        vehicle: VehicleId::new("12").unwrap(),
        protocol: "test".into(),
        received_at: Timestamp::from_secs(second),
        batch,
    }
}

/// The number that [`report`] was given.
pub fn number(report: &Report) -> u64 {
    report.device.as_str().strip_prefix("device-").unwrap().parse().unwrap()
}
