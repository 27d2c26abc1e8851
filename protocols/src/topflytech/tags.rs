//! Bluetooth tags: tyres, buttons, drivers, temperatures, doors, relays and fuel.

use model::{Fix, FixBatch, Known, Timestamp, Value};

use super::gps::{self, digits};
use super::{CUT, Owed};
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::put::{Put, hex_value};

/// Kilopascals in a step of a tyre's pressure.
const PRESSURE_STEP_KPA: f64 = 1.572 * 2.0;
/// Sent for what is not known, in a byte and in two.
const UNKNOWN: u8 = 0xff;
const UNKNOWN_WORD: u16 = 0xffff;

/// Type 0x10: time, ignition, and tags of one kind.
pub(super) fn first(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Result<Owed, DecodeError> {
    let time = gps::time(rest, now)?;
    let ignition = rest.u8().ok_or(CUT)?;
    // Buttons and drivers have a place of their own.
    let place = match rest.0 {
        [0, 2 | 3, _, _, _, _, _, _, _, _, status, place @ ..] => place.first_chunk().map(|block| (*status, block)),
        _ => None,
    };
    match place {
        Some((status, block)) => gps::push(status, time, block, batch),
        None => batch.push(Fix::nowhere(time)),
    }
    batch.known_bool(Known::Ignition, ignition & 1 != 0);
    tags(rest, batch);
    Ok(Owed::Head)
}

/// Type 0x12: the same with a place before the tags.
pub(super) fn second(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Result<Owed, DecodeError> {
    let time = gps::time(rest, now)?;
    let [ignition, status] = rest.array().ok_or(CUT)?;
    gps::push(status, time, &rest.array().ok_or(CUT)?, batch);
    batch.known_bool(Known::Ignition, ignition & 1 != 0);
    tags(rest, batch);
    Ok(Owed::Head)
}

/// Two bytes for the kind of all tags, then each of them as its kind has it.
fn tags(rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    let Some(kind) = rest.u16() else { return };
    let read = match kind {
        1 => tyre,
        2 | 3 => button,
        4 => temperature,
        5 | 6 => switch,
        7 => fuel,
        _ => return,
    };
    let mut number = 1;
    while !rest.0.is_empty() && read(&mut Tag { kind, number, batch }, rest).is_some() {
        number += 1;
    }
}

/// The tag that is being read.
struct Tag<'a> {
    kind: u16,
    number: usize,
    batch: &'a mut FixBatch,
}

impl Tag<'_> {
    fn put(&mut self, name: &str, value: Value) {
        let key = self.batch.numbered("tag_", self.number, name);
        self.batch.attribute(key, value);
    }

    fn id(&mut self, address: [u8; 6]) {
        // Older sensors have four bytes of address.
        let address = address.strip_prefix(&[0, 0]).unwrap_or(&address);
        let value = hex_value(self.batch, address);
        self.put("_id", value);
    }

    /// Hundredths of a volt above an offset in hundredths.
    fn battery(&mut self, byte: u8, offset: u16) {
        if byte != UNKNOWN {
            self.put("_battery_v", Value::Float(f64::from(u16::from(byte) + offset) / 100.0));
        }
    }

    fn int(&mut self, name: &str, byte: u8, offset: i64) {
        if byte != UNKNOWN {
            self.put(name, Value::Int(i64::from(byte) - offset));
        }
    }

    /// Hundredths of a degree with a sign bit.
    fn temperature(&mut self, word: u16) {
        if word != UNKNOWN_WORD {
            let size = f64::from(word & 0x7fff) / 100.0;
            self.put("_temperature_c", Value::Float(if word >> 15 == 1 { -size } else { size }));
        }
    }
}

fn tyre(tag: &mut Tag<'_>, rest: &mut Bytes<'_>) -> Option<()> {
    let (address, [battery, pressure, degrees, status]) = (rest.array()?, rest.array()?);
    tag.id(address);
    tag.battery(battery, 122);
    if pressure != UNKNOWN {
        tag.put("_pressure_kpa", Value::Float(f64::from(pressure) * PRESSURE_STEP_KPA));
    }
    tag.int("_temperature_c", degrees, 55);
    tag.int("_status", status, 0);
    Some(())
}

/// A panic button, or a driver who shows himself.
fn button(tag: &mut Tag<'_>, rest: &mut Bytes<'_>) -> Option<()> {
    let address: [u8; 6] = rest.array()?;
    let [battery, alert, _status] = rest.array()?;
    rest.skip(16)?;
    if tag.kind == 3 {
        tag.batch.known_hex(Known::DriverId, &address);
    } else {
        tag.id(address);
    }
    if let Some(tenths) = digits(battery) {
        tag.put("_battery_v", Value::Float(f64::from(tenths) / 10.0));
    }
    tag.batch.known_int(Known::Event, alert);
    if tag.kind == 2 || alert == 1 {
        tag.batch.known_bool(Known::Alarm, true);
    }
    Some(())
}

fn temperature(tag: &mut Tag<'_>, rest: &mut Bytes<'_>) -> Option<()> {
    let (address, [battery, charge]) = (rest.array()?, rest.array()?);
    let (degrees, humidity, light, level) = (rest.u16()?, rest.u16()?, rest.u16()?, rest.u8()?);
    tag.id(address);
    tag.battery(battery, 200);
    tag.int("_battery_percent", charge, 0);
    tag.temperature(degrees);
    if humidity != UNKNOWN_WORD {
        tag.put("_humidity", Value::Float(f64::from(humidity) / 100.0));
    }
    if light != UNKNOWN_WORD {
        tag.put("_light", Value::Int(i64::from(light)));
    }
    tag.int("_rssi", level, 128);
    Some(())
}

/// A door or a relay.
fn switch(tag: &mut Tag<'_>, rest: &mut Bytes<'_>) -> Option<()> {
    let (address, [battery, charge]) = (rest.array()?, rest.array()?);
    let (degrees, [state, level]) = (rest.u16()?, rest.array()?);
    tag.id(address);
    tag.battery(battery, 200);
    tag.int("_battery_percent", charge, 0);
    tag.temperature(degrees);
    if state != UNKNOWN {
        tag.put(if tag.kind == 5 { "_door" } else { "_output" }, Value::Bool(state > 0));
    }
    tag.int("_rssi", level, 128);
    Some(())
}

fn fuel(tag: &mut Tag<'_>, rest: &mut Bytes<'_>) -> Option<()> {
    let (address, battery) = (rest.array()?, rest.u8()?);
    let (level, degrees) = (rest.u16()?, rest.u16()?);
    let [_, _, status, signal] = rest.array()?;
    tag.id(address);
    tag.battery(battery, 200);
    if level != UNKNOWN_WORD {
        tag.put("_fuel", Value::Int(i64::from(level)));
    }
    tag.temperature(degrees);
    tag.int("_status", status, 0);
    tag.int("_rssi", signal, 128);
    Some(())
}
