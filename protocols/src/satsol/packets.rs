//! Packets of the older form: a common header with a place, and data of many types.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use crate::DecodeError;
use crate::bytes::Bytes;
use crate::crc::crc16_ccitt_false;
use crate::put::Put;
use crate::units::{heading, kmh, satellites, single};

/// A packet's bytes after the checksum, without its data.
const HEADER: usize = 19;
/// A coordinate that is not known.
const NOWHERE: u32 = u32::MAX;
/// Bits of the flags.
const ARCHIVE: u8 = 1;
const SOUTH: u8 = 1 << 6;
const WEST: u8 = 1 << 7;

/// Types of packets.
const SENSORS: u16 = 0x01;
const GPS: u16 = 0x03;
const ALARM: u16 = 0x0a;
const GPS_INFO: u16 = 0x40;
const SENSOR_LINE: u16 = 0x42;
const GPS_BRIEF: u16 = 0x45;
const EMPTY: u16 = 0xffff;

const CUT: DecodeError = DecodeError::Format("packet ends after its container");

/// Reads all packets; one that cannot be read does not lose the others.
pub(super) fn read(rest: &mut Bytes<'_>, batch: &mut FixBatch, fallback: Timestamp) -> Result<(), DecodeError> {
    let mut result = Ok(());
    while !rest.0.is_empty() {
        let stated = rest.u16_le().ok_or(CUT)?;
        let len = Bytes(rest.0.get(8..).unwrap_or_default()).u16_le().ok_or(CUT)?;
        let packet = rest.take(HEADER + usize::from(len)).ok_or(CUT)?;
        let computed = crc16_ccitt_false(packet);
        if stated != computed {
            result = Err(DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) });
        } else if self::packet(&mut Bytes(packet), batch, fallback).is_none() {
            result = Err(DecodeError::Format("packet ends before the fields of its type do"));
        }
    }
    result
}

fn packet(rest: &mut Bytes<'_>, batch: &mut FixBatch, fallback: Timestamp) -> Option<()> {
    let (serial, seconds, kind, _len) = (rest.u16_le()?, rest.u32_le()?, rest.u16_le()?, rest.u16_le()?);
    let (lat, lon, flags) = (rest.u32_le()?, rest.u32_le()?, rest.u8()?);
    if kind == EMPTY {
        return Some(());
    }
    let position = place(lat, lon, flags);
    let time = if seconds == 0 { fallback } else { Timestamp::from_secs(i64::from(seconds)) };
    batch.push(Fix { position, valid: position.is_some(), ..Fix::nowhere(time) });
    if flags & ARCHIVE != 0 {
        batch.known(Known::Archive, Value::Bool(true));
    }
    whole(batch, "serial", i64::from(serial));
    whole(batch, "packet_type", i64::from(kind));
    match kind {
        SENSORS => sensors(rest, batch),
        GPS => gps(rest, batch),
        ALARM => {
            let (speed, course, _lat, _lon, alarm) =
                (rest.u16_le()?, rest.u16_le()?, rest.u32_le()?, rest.u32_le()?, rest.u8()?);
            motion(f64::from(speed), f64::from(course), batch);
            batch.known(Known::Alarm, Value::Bool(alarm != 0));
            Some(())
        }
        GPS_INFO => info(rest, batch),
        SENSOR_LINE => line(rest, batch),
        GPS_BRIEF => {
            let ([antenna, fix_type, seen], speed, course) = (rest.array()?, rest.u16_le()?, rest.u16_le()?);
            receiver(antenna, fix_type, seen, batch);
            motion(f64::from(speed) / 100.0, f64::from(course), batch);
            Some(())
        }
        _ => {
            if !rest.0.is_empty() {
                let (key, value) = (batch.name("data"), batch.bytes_value(rest.0));
                batch.attribute(key, value);
            }
            Some(())
        }
    }
}

/// Parts of 90 and 180 degrees without their signs, which the flags have.
fn place(lat: u32, lon: u32, flags: u8) -> Option<LatLon> {
    if lat == NOWHERE || lon == NOWHERE {
        return None;
    }
    let part = |raw: u32| f64::from(raw) / f64::from(u32::MAX);
    let sign = |bit: u8| if flags & bit == 0 { 1.0 } else { -1.0 };
    LatLon::new(part(lat) * 90.0 * sign(SOUTH), part(lon) * 180.0 * sign(WEST)).filter(|p| !p.is_null_island())
}

fn whole(batch: &mut FixBatch, name: &str, value: i64) {
    let key = batch.name(name);
    batch.attribute(key, Value::Int(value));
}

/// Hundredths, such as volts and degrees.
fn hundredths(batch: &mut FixBatch, before: &str, number: u32, after: &str, value: i32) {
    let key = batch.numbered(before, number, after);
    batch.attribute(key, Value::Float(f64::from(value) / 100.0));
}

fn volts(batch: &mut FixBatch, key: Known, value: u16) {
    batch.known(key, Value::Float(f64::from(value) / 100.0));
}

fn motion(kilometres: f64, degrees: f64, batch: &mut FixBatch) {
    if let Some(fix) = batch.fixes.last_mut() {
        fix.speed_mps = fix.position.map(|_| kmh(kilometres));
        fix.heading_deg = fix.position.and(heading(degrees));
    }
}

fn receiver(antenna: u8, fix_type: u8, seen: u8, batch: &mut FixBatch) {
    whole(batch, "antenna", i64::from(antenna));
    whole(batch, "fix_type", i64::from(fix_type));
    if let Some(fix) = batch.fixes.last_mut() {
        fix.satellites = Some(satellites(u64::from(seen)));
    }
}

fn altitude(metres: i16, batch: &mut FixBatch) {
    if let Some(fix) = batch.fixes.last_mut() {
        fix.altitude_m = fix.position.map(|_| f32::from(metres));
    }
}

fn sensors(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    batch.known(Known::Event, Value::Int(i64::from(rest.u16_le()?)));
    batch.known(Known::Inputs, Value::Int(i64::from(rest.u16_le()?)));
    volts(batch, Known::BatteryVoltageV, rest.u16_le()?);
    volts(batch, Known::ExternalVoltageV, rest.u16_le()?);
    // The supplies of 5 V and of 12 to 24 V, and their state.
    rest.skip(6)?;
    for axis in ["acceleration_x", "acceleration_y", "acceleration_z"] {
        whole(batch, axis, i64::from(rest.u16_le()?));
    }
    let [analogue, discrete, thermometers, keys] = rest.array()?;
    for number in 1..=u32::from(analogue) {
        hundredths(batch, "adc_", number, "_v", i32::from(rest.u16_le()?));
    }
    for number in 1..=u32::from(discrete) {
        let key = batch.numbered("frequency_", number, "");
        batch.attribute(key, Value::Int(i64::from(rest.u32_le()?)));
        let key = batch.numbered("counter_", number, "");
        batch.attribute(key, Value::Int(i64::from(rest.u32_le()?)));
    }
    for number in 1..=u32::from(thermometers) {
        hundredths(batch, "temperature_", number, "_c", i32::from(rest.i16_le()?));
    }
    for _ in 0..keys {
        let (key, _time) = (rest.take(8)?, rest.u32_le()?);
        driver(key, batch);
    }
    Some(())
}

/// A key at the reader, in hex; zeros are none.
fn driver(key: &[u8], batch: &mut FixBatch) {
    let mut digits = [0; 16];
    if key.iter().any(|b| *b != 0)
        && hex::encode_to_slice(key, &mut digits).is_ok()
        && let Ok(text) = std::str::from_utf8(&digits)
    {
        let value = batch.text_value(text);
        batch.known(Known::DriverId, value);
    }
}

fn gps(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    volts(batch, Known::ExternalVoltageV, rest.u16_le()?);
    volts(batch, Known::BatteryVoltageV, rest.u16_le()?);
    whole(batch, "fuel_1", i64::from(rest.u16_le()?));
    let [states, inputs, fix_type, seen] = rest.array()?;
    let (stopped, ignition) = (states & 0x0f, states >> 4);
    batch.known(Known::Movement, Value::Bool(stopped == 0));
    batch.known(Known::Ignition, Value::Bool(ignition != 0));
    batch.known(Known::Inputs, Value::Int(i64::from(inputs)));
    let (hdop, metres, _geoid) = (rest.u16_le()?, rest.i16_le()?, rest.u16_le()?);
    let (speed, course) = (rest.u16_le()?, rest.u16_le()?);
    let (_lat, _lon, antenna) = (rest.u32_le()?, rest.u32_le()?, rest.u8()?);
    receiver(antenna, fix_type, seen, batch);
    motion(f64::from(speed) / 100.0, f64::from(course) / 100.0, batch);
    altitude(metres, batch);
    if let Some(fix) = batch.fixes.last_mut() {
        fix.hdop = Some(single(f64::from(hdop) / 100.0));
    }
    Some(())
}

fn info(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    volts(batch, Known::ExternalVoltageV, rest.u16_le()?);
    volts(batch, Known::BatteryVoltageV, rest.u16_le()?);
    whole(batch, "fuel_1", i64::from(rest.u16_le()?));
    let [stopped, ignition, inputs] = rest.array()?;
    batch.known(Known::Movement, Value::Bool(stopped == 0));
    batch.known(Known::Ignition, Value::Bool(ignition != 0));
    batch.known(Known::Inputs, Value::Int(i64::from(inputs)));
    for number in 1..=2 {
        let key = batch.numbered("frequency_", number, "");
        batch.attribute(key, Value::Int(i64::from(rest.u16_le()?)));
        let key = batch.numbered("counter_", number, "");
        batch.attribute(key, Value::Int(i64::from(rest.u16_le()?)));
    }
    let ([antenna, fix_type, seen], metres, _geoid) = (rest.array()?, rest.i16_le()?, rest.u16_le()?);
    let (_lat, _lon) = (rest.u32_le()?, rest.u32_le()?);
    let (speed, course) = (rest.u16_le()?, rest.u16_le()?);
    receiver(antenna, fix_type, seen, batch);
    motion(f64::from(speed) / 100.0, f64::from(course), batch);
    altitude(metres, batch);
    hundredths(batch, "adc_", 1, "_v", i32::from(rest.u16_le()?));
    whole(batch, "counter_3", i64::from(rest.u16_le()?));
    hundredths(batch, "temperature_", 1, "_c", i32::from(rest.i16_le()?));
    Some(())
}

fn line(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    for axis in ["acceleration_x", "acceleration_y", "acceleration_z"] {
        whole(batch, axis, i64::from(rest.u16_le()?));
    }
    for number in 1..=4 {
        let key = batch.numbered("fuel_", number, "");
        batch.attribute(key, Value::Int(i64::from(rest.u16_le()?)));
    }
    whole(batch, "uptime_s", i64::from(rest.u32_le()?));
    Some(())
}
