//! Records: a time, masks, and the fields whose bits are set.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use crate::DecodeError;
use crate::bytes::Bytes;
use crate::put::Put;
use crate::session::Session;
use crate::units::{heading, kmh, nearest};

/// The kind of record, in the low four bits of its time, that holds fields.
pub(super) const DATA: u32 = 7;
/// 2008-01-01T00:00:00Z, from which times are counted in steps of two seconds.
pub(super) const EPOCH: i64 = 1_199_145_600;
/// Seconds after which the 28 bits begin again: in January 2025 for the first time.
pub(super) const PERIOD: i64 = 1 << 29;
/// How far a device's clock may be ahead.
const AHEAD: i64 = 86_400;
/// Another mask follows.
const MORE: u16 = 1 << 15;
/// Masks whose fields are known.
const MASKS: usize = 4;
/// Kelvin, in tenths, at 0 °C.
const FREEZING: i32 = 2730;

const CUT: DecodeError = DecodeError::Format("record ends before its fields do");

/// The latest time with these 28 bits that is not in the future.
fn instant(steps: u32, session: &Session) -> Timestamp {
    if steps == 0 {
        return session.clock();
    }
    let first = EPOCH + i64::from(steps) * 2;
    let periods = session.server().map_or(0, |now| (now.as_secs() + AHEAD - first).div_euclid(PERIOD).max(0));
    Timestamp::from_secs(first + periods * PERIOD)
}

/// Reads the records of a group; one that cannot be read does not lose the others.
pub(super) fn read(records: &[u8], batch: &mut FixBatch, session: &Session) -> Result<(), DecodeError> {
    let (mut rest, mut result) = (Bytes(records), Ok(()));
    while let Some(len) = rest.u8() {
        let Some(record) = rest.take(usize::from(len)) else { return Err(CUT) };
        if self::record(&mut Bytes(record), batch, session).is_none() {
            result = Err(CUT);
        }
    }
    result
}

fn record(rest: &mut Bytes<'_>, batch: &mut FixBatch, session: &Session) -> Option<()> {
    let time = rest.u32_le()?;
    if time & 0x0f != DATA {
        // Neighbouring cells and the like.
        return Some(());
    }
    let mut masks = [0; MASKS];
    let (mut count, mut mask) = (0, MORE);
    while mask & MORE != 0 {
        mask = rest.u16_le()?;
        if let Some(place) = masks.get_mut(count) {
            *place = mask;
        }
        count += 1;
    }
    batch.push(Fix::nowhere(instant(time >> 4, session)));
    let [first, second, third, fourth] = masks;
    let is_set = |mask: u16| move |bit: u32| mask >> bit & 1 == 1;
    general(&is_set(first), rest, batch)?;
    machine(&is_set(second), rest, batch)?;
    more(&is_set(third), rest, batch)?;
    last(&is_set(fourth), rest, batch)
}

/// Mask 1: place, inputs, analogue inputs, fuel, cell.
fn general(is_set: &dyn Fn(u32) -> bool, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    if is_set(0) {
        place(rest, batch)?;
    }
    if is_set(1) {
        batch.known(Known::Inputs, Value::Int(i64::from(rest.u16_le()?)));
    }
    for number in 1..=8 {
        if is_set(number + 1) {
            let (key, value) = (batch.numbered("adc_", number, ""), rest.u16_le()?);
            batch.attribute(key, Value::Int(i64::from(value)));
        }
    }
    for number in 1..=2 {
        if is_set(number + 9) {
            let (key, value) = (batch.numbered("counter_", number, ""), rest.u32_le()?);
            batch.attribute(key, Value::Int(i64::from(value)));
        }
    }
    for number in 1..=2 {
        if is_set(number + 11) {
            // Levels of these sensors are passed on as they send them, high byte first.
            let (key, value) = (batch.numbered("fuel_", number, ""), rest.u16()?);
            batch.attribute(key, Value::Int(i64::from(value)));
        }
    }
    if is_set(14) {
        batch.put_int("mcc", rest.u16_le()?);
        batch.put_int("mnc", rest.u8()?);
        batch.put_int("lac", rest.u16_le()?);
        batch.put_int("cell_id", rest.u16_le()?);
        batch.put_int("timing_advance", rest.u8()?);
        // In decibels below a milliwatt.
        batch.known(Known::GsmSignal, Value::Int(-i64::from(rest.u8()?)));
    }
    Some(())
}

fn place(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let (lon, lat) = (f64::from(rest.f32_le()?), f64::from(rest.f32_le()?));
    let (speed, state, course) = (rest.u8()?, rest.u8()?, rest.u8()?);
    let (altitude, odometer) = (rest.i16_le()?, rest.u32_le()?);
    let position = LatLon::new(lat, lon).filter(|p| !p.is_null_island());
    if let Some(fix) = batch.fixes.last_mut() {
        fix.position = position;
        fix.valid = position.is_some();
        fix.speed_mps = position.map(|_| kmh(f64::from(speed)));
        fix.heading_deg = position.and(heading(f64::from(course) * 2.0));
        fix.altitude_m = position.map(|_| f32::from(altitude));
        fix.satellites = Some(state & 0x0f);
        fix.hdop = Some(f32::from(state >> 4));
    }
    batch.known(Known::OdometerM, Value::Int(i64::from(odometer)));
    Some(())
}

/// Mask 2: what the machine's bus says; all ones are no value.
fn machine(is_set: &dyn Fn(u32) -> bool, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    /// Bytes, name, scale and offset of each field.
    const FIELDS: [(usize, &str, f64, f64); 15] = [
        (2, "wheel_speed", 1.0, 0.0),
        (1, "accelerator_pedal", 1.0, 0.0),
        (4, "fuel_used_l", 0.5, 0.0),
        (1, "fuel_level", 1.0, 0.0),
        (2, "rpm", 0.125, 0.0),
        (4, "engine_hours", 1.0, 0.0),
        (4, "can_distance", 1.0, 0.0),
        (1, "coolant_temperature_c", 1.0, -40.0),
        (1, "fuel_level_2", 1.0, 0.0),
        (1, "engine_load", 1.0, 0.0),
        (2, "service_distance", 1.0, 0.0),
        (8, "can_sensors", 1.0, 0.0),
        (2, "ambient_temperature", 1.0, 0.0),
        (8, "trailer_id", 1.0, 0.0),
        (2, "fuel_rate", 1.0, 0.0),
    ];
    for (bit, (len, name, scale, offset)) in (0..).zip(FIELDS) {
        if !is_set(bit) {
            continue;
        }
        let bytes = rest.take(len)?;
        if bytes.iter().all(|b| *b == 0xff) {
            continue;
        }
        let value = bytes.iter().rev().fold(0u64, |sum, b| sum << 8 | u64::from(*b));
        if len == 8 {
            batch.put_bytes(name, bytes);
        } else if let Some(nearest) = nearest(value as f64 * scale + offset).filter(|_| scale == 1.0) {
            batch.put_int(name, nearest);
        } else {
            batch.put_float(name, value as f64 * scale + offset);
        }
    }
    Some(())
}

/// Mask 3: more of the bus, driver, temperature, fuel sensors.
fn more(is_set: &dyn Fn(u32) -> bool, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    if is_set(0) {
        batch.put_int("fuel_economy", rest.u16_le()?);
    }
    if is_set(1) {
        batch.put_int("fuel_consumption", rest.u32_le()?);
    }
    if is_set(2) {
        batch.put_int("axle_weight", rest.u24_le()?);
    }
    if is_set(3) {
        batch.put_int("malfunction_lamp", rest.u8()?);
    }
    if is_set(4) {
        batch.put_bytes("trouble_codes", rest.take(20)?);
    }
    if is_set(5) {
        batch.put_int("mask_3_bit_5", rest.u16_le()?);
    }
    if is_set(6) {
        driver(rest.u64_le()?, batch);
    }
    if is_set(7) {
        temperature(1, rest.u16_le()?, batch);
    }
    if is_set(8) {
        batch.put_int("humidity_1", rest.u16_le()?);
    }
    for pair in 0..2 {
        if is_set(9 + pair) {
            for number in [2 * pair + 1, 2 * pair + 2] {
                let (level, degrees) = (rest.u16_le()?, rest.i8()?);
                let key = batch.numbered("fuel_", number, "");
                batch.attribute(key, Value::Int(i64::from(level)));
                let key = batch.numbered("fuel_", number, "_temperature_c");
                batch.attribute(key, Value::Int(i64::from(degrees)));
            }
        }
    }
    for (bit, len, name) in [(11, 21, "j1979"), (12, 20, "j1979_codes"), (13, 9, "j1708"), (14, 21, "driving")] {
        if is_set(bit) {
            batch.put_bytes(name, rest.take(len)?);
        }
    }
    Some(())
}

/// Mask 4: what newer devices add.
fn last(is_set: &dyn Fn(u32) -> bool, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    if is_set(0) {
        batch.put_int("mask_4_bit_0", rest.u32_le()?);
    }
    if is_set(1) {
        batch.put_bytes("fuel_sensors", rest.take(30)?);
    }
    if is_set(2) {
        batch.put_int("instant_fuel_consumption", rest.u32_le()?);
    }
    if is_set(3) {
        batch.put_bytes("axle_weights", rest.take(10)?);
    }
    if is_set(4) {
        batch.put_int("mask_4_bit_4", rest.u8()?);
    }
    if is_set(5) {
        batch.put_int("mask_4_bit_5", rest.u16_le()?);
    }
    if is_set(6) {
        for name in ["acceleration_max_g", "braking_max_g", "cornering_max_g"] {
            batch.put_float(name, f64::from(rest.u8()?) / 50.0);
        }
    }
    if is_set(7) {
        batch.put_bytes("mask_4_bit_7", rest.take(16)?);
    }
    if is_set(8) {
        for number in 1..=4 {
            temperature(number, rest.u16_le()?, batch);
            rest.skip(8)?;
        }
    }
    if is_set(9) {
        for (number, known) in [(1, true), (2, false)] {
            card(number, known, rest.take(16)?, batch);
        }
    }
    if is_set(10) {
        batch.put_int("tachograph_odometer", rest.u32_le()?);
    }
    Some(())
}

/// Tenths of a kelvin; zero where the sensor is not there.
fn temperature(number: u32, kelvin: u16, batch: &mut FixBatch) {
    if kelvin != 0 {
        let key = batch.numbered("temperature_", number, "_c");
        batch.attribute(key, Value::Float(f64::from(i32::from(kelvin) - FREEZING) / 10.0));
    }
}

/// A key at the reader, by its number in decimal; zero where there is none.
fn driver(number: u64, batch: &mut FixBatch) {
    if number != 0 {
        batch.known_decimal(Known::DriverId, number);
    }
}

/// The card in a slot of the tachograph; that of the first is the driver's.
fn card(number: u32, is_first: bool, text: &[u8], batch: &mut FixBatch) {
    let text = std::str::from_utf8(text).unwrap_or_default().trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.is_empty() {
        return;
    }
    let value = batch.text_value(text);
    let has_driver = batch.fixes.last().is_some_and(|fix| batch.get(fix, Known::DriverId).is_some());
    if is_first && !has_driver {
        batch.known(Known::DriverId, value);
    } else {
        let key = batch.numbered("driver_", number, "");
        batch.attribute(key, value);
    }
}
