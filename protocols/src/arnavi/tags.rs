//! Data packets: tags of one byte with values of four.

use model::{AttributeKey, Fix, FixBatch, Known, LatLon, Timestamp, Value};

use crate::DecodeError;
use crate::put::Put;
use crate::units::{heading, knots, single};

const MILLI: f64 = 1000.0;
const HUNDREDTH: f64 = 100.0;
const TENTH: f64 = 10.0;
/// Engine hours come in hundredths of an hour.
const HOUR_S: f64 = 36.0;
/// Mileage comes in hundredths of a kilometre.
const MILEAGE_M: i64 = 10;
/// The supply in the device's status comes in steps of 150 mV.
const STEP_V: f64 = 0.15;
/// What takes the place of the satellites where the place is that of cells or of WiFi.
pub(super) const OF_CELLS: u8 = 0xfe;
const OF_WIFI: u8 = 0xff;
/// A sensor that is not connected.
const NOTHING: u16 = 0xffff;

/// Tags of a place.
pub(super) const LATITUDE: u8 = 3;
pub(super) const LONGITUDE: u8 = 4;
pub(super) const NAVIGATION: u8 = 5;
pub(super) const HDOP: u8 = 151;

/// What of a record must wait for its end.
#[derive(Default)]
struct Record {
    latitude: Option<f32>,
    longitude: Option<f32>,
    is_of_network: bool,
    inputs: Option<u16>,
    supply: Option<u8>,
    mileage: Option<i64>,
}

/// Reads the tags of a data packet as one fix; nothing where there are none.
pub(super) fn read(time: Timestamp, data: &[u8], batch: &mut FixBatch) -> Result<(), DecodeError> {
    let (tags, rest) = data.as_chunks::<5>();
    if !tags.is_empty() {
        batch.push(Fix::nowhere(time));
        let mut record = Record::default();
        for [tag, value @ ..] in tags {
            one(*tag, *value, &mut record, batch);
        }
        finish(&record, batch);
    }
    if rest.is_empty() { Ok(()) } else { Err(DecodeError::Format("data packet ends within a tag")) }
}

fn one(tag: u8, value: [u8; 4], record: &mut Record, batch: &mut FixBatch) {
    let [a, b, c, d] = value;
    let (low, high) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
    let whole = i64::from(u32::from_le_bytes(value));
    match tag {
        1 => {
            volts(Known::BatteryVoltageV, low, batch);
            volts(Known::ExternalVoltageV, high, batch);
        }
        LATITUDE => record.latitude = Some(f32::from_le_bytes(value)),
        LONGITUDE => record.longitude = Some(f32::from_le_bytes(value)),
        NAVIGATION => navigation(value, record, batch),
        6 => input(value, record, batch),
        7 => {
            batch.put("cell_id", Value::Int(i64::from(low)));
            batch.put("lac", Value::Int(i64::from(high)));
        }
        8 => {
            batch.put("mnc", Value::Int(i64::from(a)));
            batch.put("mcc", Value::Int(i64::from(u16::from_le_bytes([b, c]))));
            batch.known(Known::GsmSignal, Value::Int(i64::from(d)));
        }
        9 => status(u32::from_le_bytes(value), record, batch),
        20..=29 => counted("frequency_", tag - 20, "", Value::Int(whole), batch),
        30..=39 => counted("adc_", tag - 30, "_v", Value::Float(whole as f64 / MILLI), batch),
        51..=64 | 69 => can(tag, value, batch),
        // LLS sensors, each with its temperature.
        70..=80 => {
            let number = if tag == 80 { d } else { tag - 70 };
            level("lls_", number, low, batch);
            if low != NOTHING {
                let celsius = Value::Int(i64::from(i8::from_le_bytes([c])));
                counted("lls_temperature_", number, "_c", celsius, batch);
            }
        }
        91..=96 => {
            level("fuel_", tag - 91, low, batch);
            if low != NOTHING && high != NOTHING {
                let celsius = Value::Float((f64::from(high) - 100.0) / TENTH);
                counted("temperature_", tag - 91, "_c", celsius, batch);
            }
        }
        150 => record.mileage = Some(whole * MILEAGE_M),
        HDOP => {
            if let Some(fix) = batch.fixes.last_mut() {
                fix.hdop = (low > 0).then(|| single(f64::from(low) / HUNDREDTH));
            }
        }
        _ => batch.attribute(AttributeKey::Number(u32::from(tag)), Value::Int(whole)),
    }
}

/// Course in steps of two degrees, height in tens of metres, satellites of GPS and GLONASS in
/// four bits each, speed in knots.
fn navigation([course, height, satellites, speed]: [u8; 4], record: &mut Record, batch: &mut FixBatch) {
    record.is_of_network = matches!(satellites, OF_CELLS | OF_WIFI);
    if record.is_of_network {
        return;
    }
    if let Some(fix) = batch.fixes.last_mut() {
        fix.heading_deg = heading(f64::from(course) * 2.0);
        fix.altitude_m = Some(f32::from(height) * 10.0);
        fix.satellites = Some((satellites & 0xf) + (satellites >> 4));
        fix.speed_mps = Some(knots(f64::from(speed)));
    }
}

/// An input by its mode: 1 all of them as bits, with the virtual ones of ignition and call
/// button, 6 pulses, 7 frequency, 8 millivolts.
fn input([mode, number, low, high]: [u8; 4], record: &mut Record, batch: &mut FixBatch) {
    let value = u16::from_le_bytes([low, high]);
    let whole = Value::Int(i64::from(value));
    match mode {
        1 => {
            ignition(number & 1 == 1, batch);
            batch.put("call_button", Value::Bool(number & 2 != 0));
            record.inputs = Some(value);
        }
        6 => counted("pulses_", number, "", whole, batch),
        7 => counted("frequency_", number, "", whole, batch),
        8 => counted("adc_", number, "_v", Value::Float(f64::from(value) / MILLI), batch),
        _ => {
            let raw = i64::from(u32::from_le_bytes([mode, number, low, high]));
            batch.attribute(AttributeKey::Number(6), Value::Int(raw));
        }
    }
}

/// Inputs, outputs, movement, alarm and supply; and the whole word.
fn status(bits: u32, record: &mut Record, batch: &mut FixBatch) {
    batch.known(Known::Inputs, Value::Int(i64::from(bits & 0xff)));
    batch.known(Known::Outputs, Value::Int(i64::from(bits >> 8 & 0xf)));
    batch.known(Known::Movement, Value::Bool(bits >> 16 & 1 == 1));
    batch.known(Known::Alarm, Value::Bool(bits >> 20 & 1 == 1));
    batch.attribute(AttributeKey::Number(9), Value::Int(i64::from(bits)));
    let [.., supply] = bits.to_le_bytes();
    record.supply = Some(supply);
}

/// What the vehicle's bus says.
fn can(tag: u8, value: [u8; 4], batch: &mut FixBatch) {
    let [a, b, ..] = value;
    let low = u16::from_le_bytes([a, b]);
    let bits = u32::from_le_bytes(value);
    let whole = i64::from(bits);
    match tag {
        51 => {
            batch.known(Known::Door1, Value::Bool(bits >> 8 & 1 == 1));
            batch.known(Known::Door2, Value::Bool(bits >> 9 & 1 == 1));
            ignition(bits >> 16 & 1 == 1, batch);
            batch.attribute(AttributeKey::Number(51), Value::Int(whole));
        }
        52 => batch.put("engine_hours_s", Value::Float(whole as f64 * HOUR_S)),
        53 => batch.known(Known::OdometerM, Value::Int(whole * MILEAGE_M)),
        54 => batch.put("fuel_used_l", Value::Float(whole as f64 / TENTH)),
        55 => batch.put("fuel_level_percent", Value::Float(f64::from(low) / TENTH)),
        57 => batch.put("rpm", Value::Int(i64::from(low))),
        58 => batch.put("engine_temperature_c", Value::Int(i64::from(i32::from_le_bytes(value)))),
        59 => batch.put("can_speed_kmh", Value::Int(whole)),
        60..=64 => counted("axle_load_", tag - 59, "", Value::Int(whole), batch),
        69 => {
            batch.put("throttle_percent", Value::Int(i64::from(a)));
            batch.put("engine_load_percent", Value::Int(i64::from(b)));
        }
        _ => batch.attribute(AttributeKey::Number(u32::from(tag)), Value::Int(whole)),
    }
}

/// Puts together what came in parts, and fills from the second source what the first had not.
fn finish(record: &Record, batch: &mut FixBatch) {
    if let Some(fix) = batch.fixes.last_mut() {
        let place = record.latitude.zip(record.longitude);
        let position = place.and_then(|(lat, lon)| LatLon::new(f64::from(lat), f64::from(lon)));
        fix.position = position.filter(|p| !p.is_null_island());
        fix.valid = fix.position.is_some() && !record.is_of_network && fix.satellites != Some(0);
    }
    if let Some(inputs) = record.inputs
        && !has(Known::Inputs, batch)
    {
        batch.known(Known::Inputs, Value::Int(i64::from(inputs)));
    }
    if let Some(supply @ 1..) = record.supply
        && !has(Known::ExternalVoltageV, batch)
    {
        batch.known(Known::ExternalVoltageV, Value::Float(f64::from(supply) * STEP_V));
    }
    if let Some(mileage) = record.mileage {
        if has(Known::OdometerM, batch) {
            batch.put("gnss_odometer_m", Value::Int(mileage));
        } else {
            batch.known(Known::OdometerM, Value::Int(mileage));
        }
    }
}

/// Ignition by the first tag that says so.
fn ignition(is_on: bool, batch: &mut FixBatch) {
    if !has(Known::Ignition, batch) {
        batch.known(Known::Ignition, Value::Bool(is_on));
    }
}

fn has(key: Known, batch: &FixBatch) -> bool {
    batch.fixes.last().is_some_and(|fix| batch.get(fix, key).is_some())
}

/// Millivolts; 0 and 65,535 are no measurement.
fn volts(key: Known, millivolts: u16, batch: &mut FixBatch) {
    if !matches!(millivolts, 0 | NOTHING) {
        batch.known(key, Value::Float(f64::from(millivolts) / MILLI));
    }
}

fn level(name: &str, number: u8, level: u16, batch: &mut FixBatch) {
    if level != NOTHING {
        counted(name, number, "", Value::Int(i64::from(level)), batch);
    }
}

fn counted(before: &str, number: u8, after: &str, value: Value, batch: &mut FixBatch) {
    let key = batch.numbered(before, usize::from(number), after);
    batch.attribute(key, value);
}
