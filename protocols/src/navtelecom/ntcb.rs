//! Telemetry records of NTCB itself, in the fixed formats F1 to F6.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::fields::{NO_LEVEL, NO_TEMPERATURE, odometer, speed};
use super::{CUT, place};
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::civil::utc;
use crate::put::Put;
use crate::units::{heading, single};

const F1: u8 = 0x01;
const F2: u8 = 0x02;
const F3: u8 = 0x03;
const F4: u8 = 0x04;
const F5: u8 = 0x05;
const F51: u8 = 0x15;
const F52: u8 = 0x25;
const F6: u8 = 0x06;

/// Reads one record and gives its number.
pub(super) fn record(rest: &mut Bytes<'_>, batch: &mut FixBatch, fallback: Timestamp) -> Result<u32, DecodeError> {
    // Some firmware sends the format in two bytes, the first of them zero.
    let format = match rest.u8().ok_or(CUT)? {
        0 => rest.u8().ok_or(CUT)?,
        format => format,
    };
    if !matches!(format, F1 | F2 | F3 | F4 | F5 | F51 | F52 | F6) {
        return Err(DecodeError::Unknown { what: "format of NTCB telemetry", number: u32::from(format) });
    }
    read(format, rest, batch, fallback).ok_or(CUT)
}

fn read(format: u8, rest: &mut Bytes<'_>, batch: &mut FixBatch, fallback: Timestamp) -> Option<u32> {
    let (index, event) = (rest.u32_le()?, rest.u16_le()?);
    let event_time = time(rest.array()?);
    batch.push(Fix::nowhere(event_time.unwrap_or(fallback)));
    batch.put_int("index", index);
    batch.known(Known::Event, Value::Int(i64::from(event)));
    states(format, rest, batch)?;
    ports(format, rest, batch)?;
    if format == F6 {
        sensors(rest, batch)?;
    }
    if matches!(format, F2 | F5 | F51 | F52 | F6) {
        navigation(format, rest, batch)?;
    }
    if matches!(format, F51 | F52) {
        for number in 1..=3 {
            let (frequency, degrees, level) = (rest.u16_le()?, rest.i8()?, rest.u16_le()?);
            if frequency != 0 && frequency != u16::MAX {
                let key = batch.numbered("fuel_", number, "_hz");
                batch.attribute(key, Value::Int(i64::from(frequency)));
            }
            fuel(number, level, degrees, batch);
        }
    }
    if matches!(format, F4 | F52) {
        temperatures(rest, batch)?;
    }
    Some(index)
}

/// Hour, minute, second, day, month from 0, year of this century.
fn time([hour, minute, second, day, month, year]: [u8; 6]) -> Option<Timestamp> {
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    utc(2000 + i64::from(year), month.saturating_add(1), day, seconds, 0)
}

fn states(format: u8, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let (state, modules, gsm) = (rest.u8()?, rest.u8()?, rest.u8()?);
    // F6 has the state of FLEX; the older ones the mode in seven bits and the alarm above.
    let alarm = if format == F6 { state & 0b110 != 0 } else { state & 0x80 != 0 };
    if alarm {
        batch.known(Known::Alarm, Value::Bool(true));
    }
    batch.put_int("state", state);
    batch.put_int("modules", modules);
    if format == F6 {
        batch.known(Known::Ignition, Value::Bool(modules & 0x80 != 0));
    }
    if gsm != 99 {
        batch.known(Known::GsmSignal, Value::Int(i64::from(gsm)));
    }
    Some(())
}

/// Outputs, inputs, supply, analogue inputs and counters.
fn ports(format: u8, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let outputs = match format {
        F1 | F2 | F3 => rest.u16_le()?,
        F4 | F6 => u16::from(rest.u8()? & 0x0f),
        _ => {
            let byte = rest.u8()?;
            if let Some(fix) = batch.fixes.last_mut() {
                fix.satellites = Some(byte >> 2);
            }
            u16::from(byte & 0b11)
        }
    };
    batch.known(Known::Outputs, Value::Int(i64::from(outputs)));
    let inputs = if matches!(format, F1 | F2 | F3 | F4) { rest.u16_le()? } else { u16::from(rest.u8()?) };
    batch.known(Known::Inputs, Value::Int(i64::from(inputs)));
    batch.known(Known::ExternalVoltageV, Value::Float(f64::from(rest.u16_le()?) / 1000.0));
    batch.known(Known::BatteryVoltageV, Value::Float(f64::from(rest.u16_le()?) / 1000.0));
    if matches!(format, F1 | F2 | F3) {
        batch.put_int("temperature_1_c", rest.i16_le()?);
    }
    let analogue = match format {
        F1 | F2 | F5 | F51 | F52 => 2,
        F6 => 3,
        _ => 0,
    };
    for number in 1..=analogue {
        let (key, value) = (batch.numbered("adc_", number, ""), rest.u16_le()?);
        batch.attribute(key, Value::Int(i64::from(value)));
    }
    if matches!(format, F2 | F5 | F51 | F52 | F6) {
        for number in 1..=2 {
            let (key, value) = (batch.numbered("counter_", number, ""), rest.u32_le()?);
            batch.attribute(key, Value::Int(i64::from(value)));
        }
    }
    Some(())
}

/// What F6 adds: fuel by frequency, by level with temperature, temperatures, CAN.
fn sensors(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    for number in 1..=2 {
        let frequency = rest.u16_le()?;
        if frequency != 0 && frequency != u16::MAX {
            let key = batch.numbered("fuel_", number, "_hz");
            batch.attribute(key, Value::Int(i64::from(frequency)));
        }
    }
    for number in 1..=8 {
        let (degrees, level) = (rest.i8()?, rest.u16_le()?);
        fuel(number, level, degrees, batch);
    }
    temperatures(rest, batch)?;
    let (weight, rpm) = (rest.i32_le()?, rest.u16_le()?);
    if weight >= 0 {
        batch.put_int("axle_weight", weight);
    }
    if rpm != u16::MAX {
        batch.put_int("rpm", rpm);
    }
    Some(())
}

fn temperatures(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    for number in 1..=4 {
        let degrees = rest.i8()?;
        if degrees != NO_TEMPERATURE {
            let key = batch.numbered("temperature_", number, "_c");
            batch.attribute(key, Value::Int(i64::from(degrees)));
        }
    }
    Some(())
}

fn fuel(number: u32, level: u16, degrees: i8, batch: &mut FixBatch) {
    if u64::from(level) < NO_LEVEL {
        let key = batch.numbered("fuel_", number, "");
        batch.attribute(key, Value::Int(i64::from(level)));
        if degrees != NO_TEMPERATURE {
            let key = batch.numbered("fuel_", number, "_temperature_c");
            batch.attribute(key, Value::Int(i64::from(degrees)));
        }
    }
}

fn navigation(format: u8, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let (state, fix_time) = (rest.u8()?, time(rest.array()?));
    let (position, altitude) = if format == F6 {
        (place(rest.i32_le()?, rest.i32_le()?), Some(rest.i32_le()?))
    } else {
        // Radians.
        let (lat, lon) = (f64::from(rest.f32_le()?).to_degrees(), f64::from(rest.f32_le()?).to_degrees());
        (LatLon::new(lat, lon).filter(|p| !p.is_null_island()), None)
    };
    let (kilometres, course) = (rest.f32_le()?, rest.u16_le()?);
    odometer(rest.f32_le(), batch);
    let (segment, _, _) = (rest.f32_le()?, rest.u16_le()?, rest.u16_le()?);
    if segment.is_finite() && segment >= 0.0 {
        let key = batch.name("segment_km");
        batch.attribute(key, Value::Float(f64::from(segment)));
    }
    if let Some(fix) = batch.fixes.last_mut() {
        fix.position = position;
        fix.valid = position.is_some() && state & 2 != 0;
        // A place that is not good is the last that was, and so is its time.
        fix.time = fix_time.filter(|_| fix.valid).unwrap_or(fix.time);
        fix.altitude_m = position.and(altitude).map(|dm| single(f64::from(dm) / 10.0));
        fix.speed_mps = position.and(speed(kilometres));
        fix.heading_deg = position.and(heading(f64::from(course)));
        if format == F6 {
            fix.satellites = Some(state >> 2);
        }
    }
    Some(())
}
