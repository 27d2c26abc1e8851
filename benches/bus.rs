//! What trackers send in more than one benchmark.

use model::{AttributeKey, Fix, FixBatch, Known, LatLon, Timestamp, Value};

/// What a bus sends while it runs: so many elements a record, from 8 to 39.
pub fn bus(records: u32, elements: usize) -> FixBatch {
    let mut batch = FixBatch::default();
    for n in 0..records {
        let place = LatLon::new(48.85 + f64::from(n) * 1e-4, 37.6 - f64::from(n) * 1e-4).unwrap();
        batch.push(Fix {
            altitude_m: Some(74.0),
            speed_mps: Some(9.5),
            heading_deg: Some(270.0),
            satellites: Some(14),
            hdop: Some(0.7),
            ..Fix::at(Timestamp::from_secs(1_763_000_000 + i64::from(n)), place)
        });
        batch.known(Known::Ignition, Value::Bool(true));
        batch.known(Known::Movement, Value::Bool(n % 3 > 0));
        batch.known(Known::GsmSignal, Value::Int(4));
        batch.known(Known::Pdop, Value::Float(1.2));
        batch.known(Known::ExternalVoltageV, Value::Float(27.4));
        batch.known(Known::BatteryVoltageV, Value::Float(4.1));
        batch.known(Known::OdometerM, Value::Int(182_345_000 + i64::from(n) * 12));
        // Data mode, GNSS status, sleep mode; speed, cell, area, analog input; operator, trip.
        let usual = [
            (80, 1),
            (69, 1),
            (200, 0),
            (24, 34),
            (205, 40_017),
            (206, 2_013),
            (9, 1_204),
            (241, 25_501),
            (199, 120_512),
        ];
        // Of the CAN adapter: speed, pedal, consumption, fuel, revolutions, way and so on.
        let engine = (81..=103).filter(|id| *id != 90).map(|id| (id, i64::from(id) * 37));
        for (id, value) in usual.into_iter().chain(engine).take(elements - 8) {
            batch.attribute(AttributeKey::Number(id), Value::Int(value));
        }
    }
    batch
}
