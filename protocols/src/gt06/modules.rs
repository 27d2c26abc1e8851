//! Content in modules, each with its number and length.

use model::{AttributeKey, Timestamp, Value};

use super::record::{Clock, Record, hundredths};
use crate::bytes::Bytes;
use crate::put::Put;

/// Modules with a length of one byte, of 0x36, 0x37 and 0x38, to the end of the content.
pub(super) fn short(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    while !rest.0.is_empty() {
        let (id, len) = (rest.u16()?, rest.u8()?);
        let mut data = Bytes(rest.take(usize::from(len))?);
        match (id, data.0.len()) {
            (0x0018, 2) => record.battery_v = data.u16().map(hundredths),
            (0x0027, 2) => record.external_v = data.u16().map(hundredths),
            (0x002e, 4) => record.odometer_m = data.u32().map(i64::from),
            (0x003b, 2) => record.batch.put_float("accuracy_m", hundredths(data.u16()?)),
            (0x0032, 1) => record.batch.put_int("startup_status", data.u8()?),
            (0x006a, 1) => record.battery_percent = data.u8().filter(|percent| *percent <= 100),
            _ => other(id, data.0, record),
        }
    }
    Some(())
}

/// A module without a name here: a number where it is short enough for one.
fn other(id: u16, data: &[u8], record: &mut Record) {
    let key = AttributeKey::Number(u32::from(id));
    let value = if (1..=7).contains(&data.len()) {
        Value::Int(data.iter().fold(0, |sum, byte| sum << 8 | i64::from(*byte)))
    } else {
        record.batch.bytes_value(data)
    };
    record.batch.attribute(key, value);
}

/// 0x70: modules with a length of two bytes.
pub(super) fn long(content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    let mut record = Record::nowhere(clock.now);
    while !rest.0.is_empty() {
        let (id, len) = (rest.u16()?, rest.u16()?);
        module(id, rest.take(usize::from(len))?, &mut record)?;
    }
    Some(record)
}

fn module(id: u16, data: &[u8], record: &mut Record) -> Option<()> {
    let mut rest = Bytes(data);
    match id {
        0x03 => record.iccid(data),
        0x09 => {
            let satellites = rest.u8()?;
            record.fix(|fix| fix.satellites = Some(satellites));
        }
        0x0a => record.batch.put_int("satellites_visible", rest.u8()?),
        0x11 => {
            record.batch.put_int("mcc", rest.u16()?);
            record.batch.put_int("mnc", rest.u16()?);
            record.batch.put_int("lac", rest.u16()?);
            record.batch.put_int("cell_id", rest.u24()?);
            record.gsm_signal = rest.u8();
        }
        0x18 => record.battery_v = rest.u16().map(hundredths),
        0x28 => {
            let tenths = rest.u8()?;
            record.fix(|fix| fix.hdop = Some(f32::from(tenths) / 10.0));
        }
        0x29 => record.batch.put_int("index", rest.u32()?),
        // Low half doors, high half tampering.
        0x2a => {
            let bits = rest.u8()?;
            record.door(bits & 0x0f != 0);
            record.batch.put_bool("tamper", bits & 0xf0 != 0);
        }
        0x2b => record.batch.put_int("boot_reason", rest.u8()?),
        0x2c => {
            let time = Timestamp::from_secs(i64::from(rest.u32()?));
            record.fix(|fix| fix.time = time);
        }
        0x2e => record.odometer_m = rest.u32_le().map(i64::from),
        0x33 => place(&mut rest, record)?,
        0x34 => {
            let event = u16::from(rest.u8()?);
            record.event = Some(event);
            record.alarm |= matches!(event, 0x10 | 0x12 | 0x14..=0x16 | 0x1a..=0x1d | 0x20 | 0x21 | 0x23);
        }
        0x7f => tag(&mut rest, record)?,
        _ => other(id, data, record),
    }
    Some(())
}

/// Seconds since 1970, satellites, altitude, then as in the GPS block.
fn place(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    let time = Timestamp::from_secs(i64::from(rest.u32()?));
    let (satellites, altitude) = (rest.u8()?, rest.i16()?);
    record.place(rest.u32()?, rest.u32()?, Some(u16::from(rest.u8()?)), rest.u16()?);
    record.fix(|fix| {
        fix.time = time;
        fix.satellites = Some(satellites);
        fix.altitude_m = fix.position.map(|_| f32::from(altitude));
    });
    Some(())
}

/// A radio tag: address, battery in millivolts and percent, temperature and humidity in tenths.
fn tag(rest: &mut Bytes<'_>, record: &mut Record) -> Option<()> {
    let address = rest.take(6)?;
    record.batch.put_hex("tag_1_id", address);
    let (millivolts, percent) = (rest.u16()?, rest.u8()?);
    // All ones where it cannot measure.
    if millivolts != 0x7fff {
        record.batch.put_float("tag_1_battery_voltage_v", f64::from(millivolts) / 1000.0);
    }
    record.batch.put_int("tag_1_battery_percent", percent);
    record.batch.put_float("tag_1_temperature_c", f64::from(rest.i16()?) / 10.0);
    record.batch.put_float("tag_1_humidity", f64::from(rest.i16()?) / 10.0);
    record.batch.put_int("tag_1_status", rest.u8()?);
    Some(())
}

/// 0xf2: time and what the devices around it say.
pub(super) fn peripherals(content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    let time = Timestamp::from_secs(i64::from(rest.u32()?));
    let mut record = Record::nowhere(if time.as_secs() > 0 { time } else { clock.now });
    while !rest.0.is_empty() {
        let id = rest.u16()?;
        // The length has two bytes for 0x0a, and for others where the first is zero.
        let len = match (id, rest.0) {
            (0x000a, _) | (_, [0, ..]) => rest.u16()?,
            _ => u16::from(rest.u8()?),
        };
        let data = rest.take(usize::from(len))?;
        let mut data = Bytes(data);
        match id {
            0x000a => {
                data.skip(1)?;
                record.batch.put_hex("mac", data.take(6)?);
                record.event = Some(u16::from(data.u8()?));
                record.batch.put_int("event_data", data.u8()?);
                record.batch.put_int("data_type", data.u8()?);
                record.batch.put_bytes("data", data.0);
            }
            0x000c => {
                record.batch.put_int("external_battery_percent", data.u8()?);
                record.batch.put_bool("external_battery_charge", data.u8()? != 0);
                record.batch.put_int("external_battery_cycles", data.u16()?);
            }
            _ => other(id, data.0, &mut record),
        }
    }
    Some(record)
}
