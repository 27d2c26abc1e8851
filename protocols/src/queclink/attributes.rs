//! Adding what a report says to the fix pushed last.

use model::{FixBatch, Known, Value};

use crate::text::{hexadecimal, number, whole};

/// Metres in a kilometre.
const KM: f64 = 1000.0;
/// Volts are sent as millivolts.
const MILLI: f64 = 1000.0;

/// A whole number under a name of ours.
pub(super) fn int(batch: &mut FixBatch, name: &str, value: Option<i64>) {
    if let Some(value) = value {
        let key = batch.name(name);
        batch.attribute(key, Value::Int(value));
    }
}

/// A measurement under a name of ours.
pub(super) fn float(batch: &mut FixBatch, name: &str, value: Option<f64>) {
    if let Some(value) = value {
        let key = batch.name(name);
        batch.attribute(key, Value::Float(value));
    }
}

/// Yes or no under a name of ours.
pub(super) fn flag(batch: &mut FixBatch, name: &str, value: bool) {
    let key = batch.name(name);
    batch.attribute(key, Value::Bool(value));
}

/// Text under a name of ours, where there is any.
pub(super) fn text(batch: &mut FixBatch, name: &str, field: &[u8]) {
    if let Ok(field) = std::str::from_utf8(field)
        && !field.is_empty()
    {
        let key = batch.name(name);
        let value = batch.text_value(field);
        batch.attribute(key, value);
    }
}

/// The driver's card or key.
pub(super) fn driver(batch: &mut FixBatch, field: &[u8]) {
    if let Ok(field) = std::str::from_utf8(field)
        && !field.is_empty()
    {
        let value = batch.text_value(field);
        batch.known(Known::DriverId, value);
    }
}

/// Percent of the battery, where it is a percentage.
pub(super) fn battery(batch: &mut FixBatch, field: &[u8]) {
    if let Some(percent) = whole(field).filter(|p| (0..=100).contains(p)) {
        batch.known(Known::BatteryPercent, Value::Int(percent));
    }
}

/// Kilometres in metres.
pub(super) fn metres(km: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a float to integer cast saturates")]
    let metres = (km * KM).round() as i64;
    metres
}

/// Kilometres travelled, written with a decimal point.
pub(super) fn odometer(batch: &mut FixBatch, field: &[u8]) {
    if let Some(km) = number(field).filter(|km| *km >= 0.0) {
        batch.known(Known::OdometerM, Value::Int(metres(km)));
    }
}

/// Millivolts in volts.
pub(super) fn volts(field: &[u8]) -> Option<f64> {
    number(field).map(|mv| mv / MILLI)
}

/// Millivolts of the external supply.
pub(super) fn external(batch: &mut FixBatch, field: &[u8]) {
    if let Some(volts) = volts(field) {
        batch.known(Known::ExternalVoltageV, Value::Float(volts));
    }
}

/// Hours of the engine, `HHHHH:MM:SS`.
pub(super) fn hour_meter(batch: &mut FixBatch, field: &[u8]) {
    let mut seconds = 0;
    let mut unit = 3600;
    for part in field.split(|b| *b == b':').take(3) {
        let Some(count) = whole(part).filter(|n| (0..=9_999_999).contains(n)) else { return };
        seconds += count * unit;
        unit /= 60;
    }
    int(batch, "engine_hours_s", Some(seconds));
}

/// An analog input: millivolts, or percent of a fuel tank behind an `F`.
pub(super) fn analog(batch: &mut FixBatch, index: usize, field: &[u8]) {
    const VOLTS: [&str; 3] = ["adc_1_v", "adc_2_v", "adc_3_v"];
    const FUEL: [&str; 3] = ["fuel_1_percent", "fuel_2_percent", "fuel_3_percent"];
    match field {
        [b'F' | b'f', percent @ ..] if !percent.is_empty() => {
            if let (Some(name), Some(percent)) = (FUEL.get(index), whole(percent)) {
                int(batch, name, Some(percent));
            }
        }
        _ => {
            let is_whole = field.iter().all(u8::is_ascii_digit);
            if let Some(name) = VOLTS.get(index).filter(|_| is_whole) {
                float(batch, name, volts(field));
            }
        }
    }
}

/// State of ignition and motion as the manual numbers it in hex; whether it is one.
pub(super) fn is_state(state: u64) -> bool {
    matches!(state, 0x11 | 0x12 | 0x16 | 0x1a | 0x21 | 0x22 | 0x41 | 0x42)
}

/// Ignition and movement by the state; `4x` is that of devices without an ignition wire.
pub(super) fn state(batch: &mut FixBatch, state: u64) {
    match state {
        0x11 | 0x12 | 0x16 | 0x1a => batch.known(Known::Ignition, Value::Bool(false)),
        0x21 | 0x22 => batch.known(Known::Ignition, Value::Bool(true)),
        _ => {}
    }
    match state {
        0x11 | 0x21 | 0x41 => batch.known(Known::Movement, Value::Bool(false)),
        0x12 | 0x16 | 0x1a | 0x22 | 0x42 => batch.known(Known::Movement, Value::Bool(true)),
        _ => {}
    }
}

/// The device status: state, inputs and outputs of two digits each, or the state alone. What
/// longer ones say behind the state depends on the model.
pub(super) fn status(batch: &mut FixBatch, field: &[u8]) {
    let Some(value) = hexadecimal(field) else { return };
    if field.len() != 6 {
        state(batch, value >> (4 * field.len().saturating_sub(2)).min(63));
        return;
    }
    state(batch, value >> 16);
    batch.known(Known::Inputs, Value::Int(crate::units::int(value >> 8 & 0xff)));
    batch.known(Known::Outputs, Value::Int(crate::units::int(value & 0xff)));
}
