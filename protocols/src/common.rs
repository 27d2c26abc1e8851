//! The common attributes, for protocols in which the device names what it sends.

use model::{FixBatch, Known, Value, ValueRef};

/// The common attribute of that name, in whatever case.
pub(crate) fn by_name(name: &[u8]) -> Option<Known> {
    Known::ALL.into_iter().find(|key| name.eq_ignore_ascii_case(key.name().as_bytes()))
}

/// The value in the common attribute's type; `None` where it does not fit.
pub(crate) fn convert(key: Known, value: Value, batch: &FixBatch) -> Option<Value> {
    let numeric = match value {
        Value::Int(i) => Some(i as f64),
        Value::Float(f) => Some(f),
        Value::Bool(b) => Some(f64::from(u8::from(b))),
        Value::Text { .. } | Value::Bytes { .. } => match batch.value(value) {
            ValueRef::Text(t) if t.eq_ignore_ascii_case("true") || t.eq_ignore_ascii_case("on") => Some(1.0),
            ValueRef::Text(t) if t.eq_ignore_ascii_case("false") || t.eq_ignore_ascii_case("off") => Some(0.0),
            ValueRef::Text(t) => t.trim().parse().ok().filter(|n: &f64| n.is_finite()),
            _ => None,
        },
    };
    match key {
        Known::Ignition
        | Known::Movement
        | Known::Door1
        | Known::Door2
        | Known::Door3
        | Known::Door4
        | Known::Alarm
        | Known::Archive => numeric.map(|n| Value::Bool(n != 0.0)),
        Known::PassengersIn
        | Known::PassengersOut
        | Known::OdometerM
        | Known::GsmSignal
        | Known::Event
        | Known::Inputs
        | Known::Outputs
        | Known::Priority => {
            if let Value::Int(_) = value {
                Some(value)
            } else {
                numeric.and_then(int)
            }
        }
        Known::BatteryPercent => numeric.filter(|n| (0.0..=100.0).contains(n)).and_then(int),
        Known::ExternalVoltageV | Known::BatteryVoltageV | Known::ClockOffsetS | Known::Pdop => {
            numeric.map(Value::Float)
        }
        Known::DriverId => Some(value),
    }
}

/// A whole number within the range that a double holds exactly.
fn int(number: f64) -> Option<Value> {
    #[expect(clippy::cast_possible_truncation, reason = "within the range and whole")]
    (number.fract() == 0.0 && number.abs() < 9.0e15).then_some(Value::Int(number as i64))
}
