//! Parameters of the diagnostic connector: a number and four bytes each.

use model::{AttributeKey, Fix, FixBatch, Known, Timestamp, Value};

use super::{CUT, first};
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::put::Put;

/// Type 0x07 of protocol 1: the time and parameters.
pub(super) fn read(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Result<(), DecodeError> {
    batch.push(Fix::nowhere(first::time(rest, now).ok_or(CUT)?));
    parameters(rest, batch);
    Ok(())
}

/// Parameters below 0x80 are those of SAE J1979, with what they have of bytes at the front; above are the device's own.
pub(super) fn parameters(rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    while let (Some(number), Some([a, b, c, d])) = (rest.u8(), rest.array()) {
        let word = u16::from_be_bytes([a, b]);
        let long = u32::from_be_bytes([a, b, c, d]);
        match number {
            0x04 => batch.put_float("engine_load_percent", f64::from(a) * 100.0 / 255.0),
            0x05 => batch.put_int("coolant_temperature_c", i64::from(a) - 40),
            0x0b => batch.put_int("air_pressure_kpa", a),
            0x0c => batch.put_float("rpm", f64::from(word) / 4.0),
            0x0d => batch.put_int("obd_speed_kmh", a),
            0x0f => batch.put_int("intake_temperature_c", i64::from(a) - 40),
            0x10 => batch.put_float("air_flow_gps", f64::from(word) / 100.0),
            0x11 => batch.put_float("throttle_percent", f64::from(a) * 100.0 / 255.0),
            0x1f => batch.put_int("engine_run_s", word),
            0x2f => batch.put_float("fuel_percent", f64::from(a) * 100.0 / 255.0),
            0x42 => batch.known_float(Known::ExternalVoltageV, f64::from(word) / 1000.0),
            0x89 => batch.put_int("fuel_consumption", long),
            0x8a => batch.known_int(Known::OdometerM, i64::from(long) * 1000),
            0x8b => batch.put_float("fuel", f64::from(long) / 10.0),
            _ => batch.attribute(AttributeKey::Number(u32::from(number)), Value::Int(i64::from(long))),
        }
    }
}
