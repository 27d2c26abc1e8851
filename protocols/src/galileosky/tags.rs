//! The tags of packets: how long their values are and what they mean.

use model::{AttributeKey, Known, LatLon, Value};

use super::records::Records;
use crate::Likeness;
use crate::bytes::Bytes;
use crate::put::Put;
use crate::units::{heading, kmh, single};

pub(super) const HARDWARE: u8 = 0x01;
pub(super) const FIRMWARE: u8 = 0x02;
pub(super) const IMEI: u8 = 0x03;
pub(super) const IDENTIFIER: u8 = 0x04;
pub(super) const RECORD_NUMBER: u8 = 0x10;
pub(super) const ARCHIVE_NUMBER: u8 = 0x11;
pub(super) const TIME: u8 = 0x20;
pub(super) const MILLISECONDS: u8 = 0x21;
pub(super) const COORDINATES: u8 = 0x30;
pub(super) const MOTION: u8 = 0x33;
pub(super) const ALTITUDE: u8 = 0x34;
pub(super) const HDOP: u8 = 0x35;
pub(super) const COMMAND_NUMBER: u8 = 0xe0;
pub(super) const COMMAND_TEXT: u8 = 0xe1;
pub(super) const EXTENDED: u8 = 0xfe;

pub(super) const MICRODEGREE: f64 = 1e6;
const MILLI: f64 = 1000.0;
pub(super) const TENTH: f64 = 10.0;
/// Digits of an IMEI.
pub(super) const IMEI_LEN: usize = 15;
/// A 1-Wire thermometer that is not connected has this number and this temperature.
const NO_THERMOMETER: [u8; 2] = [127, 0x80];
/// Coolant temperature of CAN_A1 begins at -40 degrees.
const COOLANT_ZERO: i64 = 40;

/// How long the value of a tag is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    Fixed(usize),
    /// A byte before the value says so.
    Byte,
    /// Two bytes before it, the lower first.
    Word,
}

/// The table of the manual; `None` for tags that are not in it.
pub(super) const fn size(tag: u8) -> Option<Size> {
    Some(match tag {
        0x01 | 0x02 | 0x35 | 0x36 | 0x43 | 0x49 | 0x88..=0x8c | 0xa0..=0xaf | 0xc4..=0xd2 | 0xd5 => Size::Fixed(1),
        0x04
        | 0x10
        | 0x21
        | 0x34
        | 0x38
        | 0x39
        | 0x40..=0x42
        | 0x45
        | 0x46
        | 0x48
        | 0x50..=0x59
        | 0x60..=0x62
        | 0x70..=0x7d
        | 0xb0..=0xb9
        | 0xd6..=0xda => Size::Fixed(2),
        0x5d | 0x63..=0x6f | 0x80..=0x87 | 0xfa => Size::Fixed(3),
        0x11
        | 0x20
        | 0x33
        | 0x44
        | 0x47
        | 0x5a
        | 0x90
        | 0xc0..=0xc3
        | 0xd3
        | 0xd4
        | 0xdb..=0xe0
        | 0xe2..=0xe9
        | 0xf0..=0xf9 => Size::Fixed(4),
        0x5b => Size::Fixed(7),
        0xfd => Size::Fixed(8),
        0x30 => Size::Fixed(9),
        IMEI => Size::Fixed(IMEI_LEN),
        0x5c => Size::Fixed(68),
        0xe1 | 0xea => Size::Byte,
        0xfe => Size::Word,
        _ => return None,
    })
}

/// The value of a tag off the front of `rest`: `Err(true)` where the tag is not known, and
/// `Err(false)` where the value is cut off.
pub(super) fn value<'a>(tag: u8, rest: &mut Bytes<'a>) -> Result<&'a [u8], bool> {
    let len = match size(tag).ok_or(true)? {
        Size::Fixed(len) => len,
        Size::Byte => usize::from(rest.u8().ok_or(false)?),
        Size::Word => usize::from(rest.u16_le().ok_or(false)?),
    };
    rest.take(len).ok_or(false)
}

/// Adds what a tag says to the record that is open.
pub(super) fn read(tag: u8, value: &[u8], records: &mut Records<'_>) {
    let raw = unsigned(value);
    let whole = i64::try_from(raw).unwrap_or(i64::MAX);
    match (tag, value) {
        // Of the head of a packet; read where the packet is taken apart.
        (IMEI | COMMAND_TEXT, _) => {}
        (TIME, _) => records.record.seconds = Some(whole),
        (MILLISECONDS, _) => records.record.millis = whole.min(999),
        (COORDINATES, _) => coordinates(value, records),
        (MOTION, &[s0, s1, d0, d1]) => {
            let direction = f64::from(u16::from_le_bytes([d0, d1])) / TENTH;
            records.fix(|fix| {
                fix.speed_mps = Some(kmh(f64::from(u16::from_le_bytes([s0, s1])) / TENTH));
                fix.heading_deg = heading(direction);
            });
        }
        (ALTITUDE, _) => records.fix(|fix| fix.altitude_m = Some(single(signed(value) as f64))),
        (HDOP, &[precision]) => records.record.precision = Some(precision),
        (0x36, _) => records.known(Known::Pdop, Value::Float(raw as f64 / TENTH)),
        (0x40, _) => status(raw, records),
        (0x41, _) => records.known(Known::ExternalVoltageV, Value::Float(raw as f64 / MILLI)),
        (0x42, _) => records.known(Known::BatteryVoltageV, Value::Float(raw as f64 / MILLI)),
        (0x43, _) => records.named("device_temperature_c", Value::Int(signed(value))),
        (0x45, _) => records.known(Known::Outputs, Value::Int(whole)),
        (0x46, _) => records.known(Known::Inputs, Value::Int(whole)),
        (0x88 | 0x89, _) => records.number(u32::from(tag), Value::Int(signed(value))),
        (0x60..=0x6f | 0x8a..=0x8c, _) => fuel(tag, value, records),
        (0x70..=0x77 | 0x80..=0x87, _) => climate(tag, value, records),
        (0x90, _) => {
            if raw != 0 {
                let key = records.decimal(raw);
                records.driver(key);
            }
        }
        (0xc0, _) => records.named("fuel_used_l", Value::Float(raw as f64 / 2.0)),
        (0xc1, &[level, coolant, low, high]) if raw != 0 => {
            records.named("fuel_level_percent", Value::Float(f64::from(level) / 2.5));
            records.named("coolant_temperature_c", Value::Int(i64::from(coolant) - COOLANT_ZERO));
            records.named("rpm", Value::Float(f64::from(u16::from_le_bytes([low, high])) * 0.125));
        }
        (0xc1, _) => {}
        (0xd4, _) => records.known(Known::OdometerM, Value::Int(whole)),
        (EXTENDED, _) => super::extended::read(value, records),
        (_, [_, _, _, _, _, ..] | []) | (0xea, _) => {
            let bytes = records.batch.bytes_value(value);
            records.number(u32::from(tag), bytes);
        }
        _ => records.number(u32::from(tag), Value::Int(whole)),
    }
}

/// Satellites, correctness, latitude and longitude.
fn coordinates(value: &[u8], records: &mut Records<'_>) {
    let mut rest = Bytes(value);
    let (Some(head), Some(lat), Some(lon)) = (rest.u8(), rest.i32_le(), rest.i32_le()) else { return };
    let (satellites, correctness) = (head & 0xf, head >> 4);
    let position = LatLon::new(f64::from(lat) / MICRODEGREE, f64::from(lon) / MICRODEGREE)
        .filter(|p| !p.is_null_island() || (satellites > 0 && correctness == 0));
    records.record.is_of_cells = correctness == 2;
    records.fix(|fix| {
        fix.position = position;
        fix.valid = correctness == 0 && position.is_some();
        fix.satellites = Some(satellites);
    });
}

/// The bits of the device's status that have a common name, and all of them as a number.
fn status(bits: u64, records: &mut Records<'_>) {
    let bit = |n: u32| Value::Bool(bits >> n & 1 == 1);
    records.known(Known::Movement, bit(0));
    records.known(Known::Ignition, bit(9));
    records.known(Known::Alarm, bit(15));
    records.known(Known::GsmSignal, Value::Int(i64::try_from(bits >> 12 & 3).unwrap_or(0)));
    records.number(0x40, Value::Int(i64::try_from(bits).unwrap_or(0)));
}

/// Fuel sensors on RS-485: level, from address 3 on with the temperature, which for the first
/// three has tags of its own.
fn fuel(tag: u8, value: &[u8], records: &mut Records<'_>) {
    let address = u32::from(tag & 0xf);
    if tag >= 0x8a {
        let key = records.batch.numbered("fuel_temperature_", address - 0xa, "_c");
        records.attribute(key, Value::Int(signed(value)));
        return;
    }
    let Some((level, temperature)) = value.split_first_chunk::<2>() else { return };
    let key = records.batch.numbered("fuel_", address, "");
    records.attribute(key, Value::Int(i64::from(u16::from_le_bytes(*level))));
    if !temperature.is_empty() {
        let key = records.batch.numbered("fuel_temperature_", address, "_c");
        records.attribute(key, Value::Int(signed(temperature)));
    }
}

/// 1-Wire thermometers, and DS1923 which also measure humidity.
fn climate(tag: u8, value: &[u8], records: &mut Records<'_>) {
    let (&[id, temperature, ..], sensor) = (value, u32::from(tag & 7)) else { return };
    if [id, temperature] == NO_THERMOMETER {
        return;
    }
    let before = if tag >= 0x80 { "ds1923_temperature_" } else { "temperature_" };
    let key = records.batch.numbered(before, sensor, "_c");
    records.attribute(key, Value::Int(signed(&[temperature])));
    if let [_, _, humidity] = value {
        let key = records.batch.numbered("humidity_", sensor, "");
        records.attribute(key, Value::Float(f64::from(*humidity) * 100.0 / 255.0));
    }
}

/// A number, the lowest byte first; of longer values the first eight bytes.
pub(super) fn unsigned(value: &[u8]) -> u64 {
    value.iter().take(8).rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// The same in two's complement.
pub(super) fn signed(value: &[u8]) -> i64 {
    let unused = 64 - 8 * value.len().clamp(1, 8);
    i64::from_ne_bytes((unsigned(value) << unused).to_ne_bytes()) >> unused
}

/// A key's own number.
pub(super) const fn key(number: u32) -> AttributeKey {
    AttributeKey::Number(number)
}

/// Whether the bytes after the length are tags: packets begin with one of few.
pub(super) fn likeness(content: &[u8]) -> Likeness {
    let mut rest = Bytes(content);
    let mut count = 0;
    while let Some(tag) = rest.u8() {
        let is_first =
            matches!(tag, HARDWARE..=IDENTIFIER | RECORD_NUMBER | ARCHIVE_NUMBER | TIME | COORDINATES | 0x40);
        if count == 0 && !is_first {
            return Likeness::No;
        }
        if tag == IMEI && !rest.0.iter().take(IMEI_LEN).all(u8::is_ascii_digit) {
            return Likeness::No;
        }
        match value(tag, &mut rest) {
            Ok(_) if tag == IMEI => return Likeness::Certain,
            Ok(_) => count += 1,
            // What follows may be the checksum.
            Err(_) => break,
        }
    }
    if count >= 3 { Likeness::Likely } else { Likeness::Possible }
}
