//! Places of protocol 2: a mask says which of GPS, cells and access points there are.

use model::{Fix, FixBatch, Known, Timestamp, Value};

use super::first::{self, analogue_input, cell};
use super::{CUT, obd, package};
use crate::bytes::Bytes;
use crate::put::{Put, hex_value};
use crate::{DecodeError, units};

pub(super) const GPS: u8 = 0x01;
const SERVING_CELL: u8 = 0x02;
const NEIGHBOURS: [u8; 2] = [0x04, 0x08];
const ACCESS_POINTS: [u8; 3] = [0x10, 0x20, 0x40];
const NEWER_NETWORKS: u8 = 0x80;
/// Bits of the status: a fix, and a receiver that is on.
pub(super) const FIXED: u16 = 1;
pub(super) const RECEIVING: u16 = 1 << 10;
/// Most access points of newer networks.
const MAX_ACCESS_POINTS: usize = 15;

/// Types 0x12 and 0x14 to 0x19.
pub(super) fn read(kind: u8, rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Result<(), DecodeError> {
    position(rest, now, batch).ok_or(CUT)?;
    let event = match kind {
        package::WARNING | package::REPORT => Some(rest.u8().ok_or(CUT)?),
        _ => None,
    };
    if let Some(event) = event {
        batch.known_int(Known::Event, event);
    }
    if kind == package::WARNING {
        batch.known_bool(Known::Alarm, true);
    }
    match kind {
        package::LOCATION | package::WARNING | package::REPORT => {
            // Some devices leave the status out.
            if let Some(bits) = rest.u16() {
                status(bits, batch);
            }
            if kind == package::LOCATION {
                condition(rest, batch);
            }
        }
        package::MESSAGE => first::message(rest, batch),
        package::OBD_DATA => obd::parameters(rest, batch),
        package::OBD_BODY | package::OBD_FAULT if !rest.0.is_empty() => {
            let value = batch.bytes_value(rest.0);
            let key = batch.name("obd");
            batch.attribute(key, value);
        }
        _ => {}
    }
    Ok(())
}

fn position(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Option<()> {
    let time = first::time(rest, now)?;
    let mask = rest.u8()?;
    let mut fix = Fix::nowhere(time);
    if mask & GPS != 0 {
        fix.position = first::place(first::degrees(rest)?);
        fix.valid = fix.position.is_some();
        let altitude = f32::from(rest.i16()?);
        fix.altitude_m = fix.position.map(|_| altitude);
        fix.speed_mps = Some(units::kmh(f64::from(rest.u16()?)));
        fix.heading_deg = units::heading(f64::from(rest.u16()?));
        fix.satellites = Some(rest.u8()?.min(254));
    }
    batch.push(fix);
    if mask & SERVING_CELL != 0 {
        cell(rest.u16()?, rest.u16()?, rest.u16()?, rest.u32()?, batch);
        batch.known_int(Known::GsmSignal, rest.u8()?);
    }
    // Area, cell and level.
    for bit in NEIGHBOURS {
        if mask & bit != 0 {
            rest.skip(7)?;
        }
    }
    for (at, bit) in ACCESS_POINTS.into_iter().enumerate() {
        if mask & bit != 0 {
            access_point(at + 1, rest, batch)?;
        }
    }
    if mask & NEWER_NETWORKS != 0 { newer_networks(rest, batch) } else { Some(()) }
}

fn access_point(number: usize, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let (address, level): ([u8; 6], i8) = (rest.array()?, rest.i8()?);
    let key = batch.numbered("wifi_", number, "_id");
    let value = hex_value(batch, &address);
    batch.attribute(key, value);
    let key = batch.numbered("wifi_", number, "_rssi");
    batch.attribute(key, Value::Int(i64::from(level)));
    Some(())
}

/// Technology, counts of cells and access points, the serving cell with its neighbours, and the access points.
fn newer_networks(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    batch.put_int("radio_technology", rest.u8()?);
    let counts = rest.u8()?;
    let (cells, points) = (usize::from(counts & 0x07), usize::from(counts >> 3 & 0x0f));
    if cells > 0 {
        let (country, network, area) = (rest.u16()?, rest.u16()?, rest.u16()?);
        // Tracking area.
        rest.skip(2)?;
        cell(country, network, area, rest.u32()?, batch);
        // Timing advance, physical cell and channel.
        rest.skip(6)?;
        batch.known_int(Known::GsmSignal, rest.i8()?);
        rest.skip((cells - 1) * 5)?;
    }
    for number in 1..=points.min(MAX_ACCESS_POINTS) {
        access_point(number, rest, batch)?;
    }
    Some(())
}

/// The status of protocol 1, and in the bits that it has not: fix, movement, receiver and inputs.
fn status(bits: u16, batch: &mut FixBatch) {
    let is = |bit: u32| bits >> bit & 1 == 1;
    if let Some(fix) = batch.fixes.last_mut() {
        fix.valid = bits & FIXED != 0 && fix.position.is_some();
    }
    first::status(bits, batch);
    if is(3) {
        batch.known_bool(Known::Movement, is(9));
    }
    batch.put_bool("gps_running", bits & RECEIVING != 0);
    batch.known_int(Known::Inputs, bits >> 12);
}

/// What follows the status, as far as the device sends it.
fn condition(rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    let left = |rest: &Bytes<'_>, len: usize| rest.0.len() >= len;
    if let Some(battery) = rest.u16() {
        batch.known_float(Known::BatteryVoltageV, f64::from(battery) / 1000.0);
    }
    if left(rest, 4) {
        analogue_input(0, rest, batch);
        analogue_input(1, rest, batch);
    }
    if let Some(metres) = rest.u32() {
        batch.known_int(Known::OdometerM, metres);
    }
    // Counters of GSM and GPS; then steps and how long they took.
    if left(rest, 4) {
        let _ = rest.skip(4);
    }
    if let Some([high, low, _, _]) = rest.array() {
        batch.put_int("steps", u16::from_be_bytes([high, low]));
    }
    if left(rest, 12) {
        surroundings(rest, batch);
    }
    if let Some(sixteenths) = rest.i16() {
        batch.put_float("temperature_2_c", f64::from(sixteenths) / 16.0);
    }
    tags(rest, batch);
}

fn surroundings(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    batch.put_float("temperature_1_c", f64::from(rest.i16()?) / 256.0);
    batch.put_float("humidity_1", f64::from(rest.u16()?) / 10.0);
    batch.put_float("illuminance_lx", f64::from(rest.u32()?) / 256.0);
    batch.put_int("co2_ppm", rest.u32()?);
    Some(())
}

/// A count, the number of the first, and sensors of 16 bytes.
fn tags(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let [count, _] = rest.array()?;
    for number in 1..=usize::from(count) {
        let address: [u8; 6] = rest.array()?;
        let [signal, _, model, version] = rest.array()?;
        let (battery, degrees, data) = (rest.u16()?, rest.i16()?, rest.u16()?);
        let values = [
            ("_id", hex_value(batch, &address)),
            ("_signal", Value::Int(i64::from(signal))),
            ("_model", Value::Int(i64::from(model))),
            ("_version", Value::Int(i64::from(version))),
            ("_battery_v", Value::Float(f64::from(battery) / 1000.0)),
            ("_temperature_c", Value::Float(f64::from(degrees) / 256.0)),
            ("_data", Value::Int(i64::from(data))),
        ];
        for (name, value) in values {
            let key = batch.numbered("tag_", number, name);
            batch.attribute(key, value);
        }
    }
    Some(())
}
