//! What a fleet leaves in the store: matched fixes in the order in which they come in.

use std::fmt::Write as _;

use model::{DeviceId, LatLon, Report, ServiceDate, Timestamp, VehicleId};
use store::{Batch, FixRow, LiveMatch, VisitRow};

use crate::bus::bus;

/// Vehicles under way.
const VEHICLES: u64 = 10_000;
/// Seconds between two fixes of a vehicle.
const EVERY_S: u64 = 10;
/// Elements of a record.
const ELEMENTS: usize = 12;
/// Fixes between two stop visits of a vehicle.
const FIXES_A_VISIT: u64 = 5;
const STOPS: u64 = 30;
/// When it begins: 2026-01-16T00:00:00Z.
const BEGINS_S: i64 = 1_768_521_600;

/// So many fixes of the fleet from a number on: all vehicles' first ones, then all second ones.
pub fn fixes(from: u64, count: u64) -> Vec<FixRow> {
    (from..from + count).map(fix).collect()
}

/// The same with the stop visits that go with them.
pub fn with_visits(from: u64, count: u64) -> Batch {
    let visits =
        (from..from + count).filter(|n| (n / VEHICLES + n % VEHICLES).is_multiple_of(FIXES_A_VISIT)).map(visit);
    Batch { fixes: fixes(from, count), visits: visits.collect(), ..Batch::default() }
}

/// When a fix was taken.
pub fn time(number: u64) -> Timestamp {
    let second = number / VEHICLES * EVERY_S;
    Timestamp::from_secs(BEGINS_S + second.cast_signed())
        .plus_seconds((number % VEHICLES) as f64 * EVERY_S as f64 / VEHICLES as f64)
}

fn fix(number: u64) -> FixRow {
    let (vehicle, step) = (number % VEHICLES, number / VEHICLES);
    let mut batch = bus(1, ELEMENTS);
    for fix in &mut batch.fixes {
        fix.time = time(number);
        let along = (step % 1_000) as f64;
        fix.position = LatLon::new(48.85 + along * 1e-5 + vehicle as f64 * 1e-6, 37.6 + along * 1.3e-5);
    }
    let report = Report {
        device: DeviceId::new(&format!("35209308{vehicle:07}")).unwrap(),
        vehicle: vehicle_id(vehicle),
        protocol: "teltonika".into(),
        received_at: time(number).plus_seconds(1.5),
        batch,
    };
    let live = LiveMatch {
        state: Some("in_service".into()),
        rejected: None,
        trip_id: Some(trip(vehicle, step).into()),
        service_date: ServiceDate::parse("2026-01-16"),
        route_id: Some(format!("{}", vehicle / 20).into()),
        direction_id: Some(u8::from(vehicle % 2 == 0)),
        shape_dist_m: Some(step as f64 * 83.7 % 14_000.0),
        cross_track_m: Some(3.5),
        delay_s: Some(42),
    };
    FixRow { live, ..FixRow::of(&report, &report.batch.fixes[0]) }
}

fn visit(number: u64) -> VisitRow {
    let (vehicle, step) = (number % VEHICLES, number / VEHICLES);
    VisitRow {
        service_date: ServiceDate::parse("2026-01-16").unwrap(),
        trip_id: trip(vehicle, step).into(),
        vehicle_id: vehicle_id(vehicle),
        run_offset_s: 0,
        stop_sequence: u32::try_from(step / FIXES_A_VISIT % STOPS).unwrap(),
        stop_id: format!("stop-{}", (vehicle / 20 * STOPS + step / FIXES_A_VISIT) % 6_000).into(),
        route_id: Some(format!("{}", vehicle / 20).into()),
        direction_id: Some(u8::from(vehicle % 2 == 0)),
        arrival: time(number).plus_seconds(-4.0),
        departure: Some(time(number)),
        interpolated: false,
        uncertainty_s: 5.0,
        delay_s: Some(42),
    }
}

fn vehicle_id(vehicle: u64) -> VehicleId {
    VehicleId::new(&format!("bus-{vehicle}")).unwrap()
}

/// A trip takes as many fixes as it has stops to be visited.
fn trip(vehicle: u64, step: u64) -> String {
    let mut name = String::with_capacity(32);
    write!(name, "{}-{}-weekday-{}", vehicle / 20, vehicle % 20, step / (FIXES_A_VISIT * STOPS)).unwrap();
    name
}
