//! Items from 0xa7 on, which makers define for themselves.

use model::Value;

use super::items::scanner_words;
use super::record::{Record, trimmed};
use crate::bytes::Bytes;
use crate::put::{Put, hex_value};

/// `None` where the item has no meaning here with that length.
pub(super) fn item(id: u8, data: &[u8], record: &mut Record<'_>) -> Option<()> {
    let mut rest = Bytes(data);
    match (id, data.len()) {
        (0xa7, 4) => {
            record.batch.put_float("adc_1", f64::from(rest.u16()?) / 100.0);
            record.batch.put_float("adc_2", f64::from(rest.u16()?) / 100.0);
        }
        (0xac, 4) => record.odometer_m = Some(i64::from(rest.u32()?)),
        (0xbc, _) => record.batch.put_words("driver", trimmed(data)),
        (0xbd, _) => record.driver(data),
        (0xd0, 4) => {
            let state = rest.u32()?;
            record.alarm |= state & 8 != 0;
            record.batch.put_int("user_status", state);
        }
        (0xd3 | 0xe1, 2) => record.external_v = Some(f64::from(rest.u16()?) / 10.0),
        (0xd4 | 0xe1 | 0xe9, 1) => match rest.u8()? {
            0xff => record.charge = Some(true),
            percent => record.percent(percent),
        },
        (0xd4 | 0xe9, 4) => record.driver_number(rest.u32()?),
        (0xd5, 2) => record.battery_v = Some(f64::from(rest.u16()?) / 100.0),
        (0xd5, 1..) => locks(&mut rest, record)?,
        (0xda, 3) => {
            record.batch.put_int("string_cuts", rest.u16()?);
            let state = rest.u8()?;
            record.batch.put_bool("string", state & 1 != 0);
            record.movement = Some(state & 4 != 0);
            record.batch.put_bool("cover", state & 8 != 0);
        }
        (0xe1, 12) => cell(&mut rest, record)?,
        (0xe2, 4) => record.batch.put_float("fuel_1", f64::from(rest.u32()?) / 10.0),
        (0xe3, 6) => {
            rest.skip(1)?;
            record.percent(rest.u8()?);
            record.battery_v = Some(f64::from(rest.u16()?) / 100.0);
        }
        (0xe4, 2) => {
            record.charge = Some(rest.u8()? == 0);
            record.percent(rest.u8()?);
        }
        (0xe5, 1) => record.movement = Some(rest.u8()? != 0),
        (0xe6, 7..) if data.starts_with(b"$OBD-RT") => scanner_words(data, record),
        (0xe6, 11..) => {
            for sensor in data.chunks_exact(11) {
                thermometer(sensor, record)?;
            }
        }
        (0xe7, 8) => {
            record.is_personal = true;
            record.batch.put_bytes("device_status", data);
        }
        (0xe8, 3) => record.batch.put_int("lock_status", rest.u24()?),
        (0xe8, 3..) => camera(&mut rest, record)?,
        (0xea, 3..) => {
            rest.skip(1)?;
            external_sensors(&mut rest, record)?;
        }
        (0xeb, _) => extended(data, record)?,
        (0xec, _) | (0xf4, 1..) => record.batch.put_bytes("wifi", data),
        (0xed, _) => record.batch.put_words("card", trimmed(data)),
        (0xee, 6) => {
            record.gsm_signal = rest.u8();
            record.external_v = Some(f64::from(rest.u16()?) / 1000.0);
            record.battery_v = Some(f64::from(rest.u16()?) / 1000.0);
            record.satellites(rest.u8()?);
        }
        _ => return last(id, data, record),
    }
    Some(())
}

/// Items from 0xf0 on.
fn last(id: u8, data: &[u8], record: &mut Record<'_>) -> Option<()> {
    let mut rest = Bytes(data);
    match (id, data.len()) {
        (0xf0 | 0xff, 10..) => record.batch.put_bytes("cells", data),
        (0xf1, 4) => record.external_v = Some(f64::from(rest.u32()?) / 1000.0),
        (0xf2, _) => record.batch.put_words("firmware", trimmed(data)),
        (0xf3, 4..) => vehicle(&mut rest, record)?,
        (0xf5, 2) => record.batch.put_int("illuminance", rest.u16()?),
        (0xf6, 2) => record.batch.put_int("air_pressure", rest.u16()?),
        (0xf6, 8) if imei(data).is_some() => {
            if let Some(digits) = imei(data) {
                record.batch.put_words("imei", &digits);
            }
        }
        (0xf6, 3..) => sensors(&mut rest, record)?,
        (0xf7, 2) => record.batch.put_float("humidity_1", f64::from(rest.u16()?) / 10.0),
        (0xf7, 4..) => {
            record.battery_v = Some(f64::from(rest.u32()?) / 1000.0);
            match rest.u8() {
                Some(2 | 3) => record.charge = Some(true),
                Some(_) => record.charge = Some(false),
                None => {}
            }
            if let Some(percent) = rest.u8() {
                record.percent(percent);
            }
        }
        // Steps of those who walk, a temperature above −50 °C of others.
        (0xf8, 2) => match rest.u16()? {
            steps if record.is_personal || steps > 2000 => record.batch.put_int("steps", steps),
            tenths => record.batch.put_float("temperature_2_c", f64::from(tenths) / 10.0 - 50.0),
        },
        (0xf8, 19..) => {
            rest.skip(1 + 8)?;
            record.iccid(rest.take(10)?);
            record.batch.put_words("model", trimmed(rest.0));
        }
        (0xfb, _) => record.batch.put_words("container", trimmed(data)),
        (0xfc, 1) => record.batch.put_int("geofence", rest.u8()?),
        (0xfe, 1) => record.percent(rest.u8()?),
        (0xfe, 2) => record.external_v = Some(f64::from(rest.u16()?) / 10.0),
        (0xfe, 4) => record.odometer_m = Some(i64::from(rest.u32()?)),
        (0xfe, 5..) => marked(&mut rest, record)?,
        _ => return None,
    }
    Some(())
}

/// The IMEI that 0xf6 of those holds which have no number of their own yet, in BCD with a zero
/// before it.
pub(super) fn imei(data: &[u8]) -> Option<[u8; 15]> {
    let mut digits = [0; 16];
    hex::encode_to_slice(data.first_chunk::<8>()?, &mut digits).ok()?;
    let [b'0', imei @ ..] = digits else { return None };
    let number: u64 = std::str::from_utf8(&imei).ok()?.parse().ok()?;
    // Sensor values may look like one: of an IMEI the first digit is no zero and the last fits.
    (imei.first() != Some(&b'0') && super::luhn(number / 10) == number % 10).then_some(imei)
}

/// 0xd5: locks with the card that opened each.
fn locks(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    let count = usize::from(rest.u8()?);
    for number in 1..=count {
        let id = hex_value(record.batch, rest.take(5)?);
        let card = hex_value(record.batch, rest.take(5)?);
        record.batch.put_numbered("lock_", number, "_id", id);
        record.batch.put_numbered("lock_", number, "_card", card);
        record.batch.put_numbered("lock_", number, "_battery_percent", Value::Int(i64::from(rest.u8()?)));
        let state = rest.u16()?;
        record.batch.put_numbered("lock_", number, "_locked", Value::Bool(state & 0x20 == 0));
    }
    Some(())
}

/// Country, network, area and cell.
fn cell(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    record.batch.put_int("mcc", rest.u16()?);
    record.batch.put_int("mnc", rest.u16()?);
    record.batch.put_int("lac", rest.u24()?);
    record.batch.put_int("cell_id", rest.u32()?);
    Some(())
}

/// Number, address, temperature and humidity, each a whole number and 255ths.
fn thermometer(data: &[u8], record: &mut Record<'_>) -> Option<()> {
    let mut rest = Bytes(data);
    let number = usize::from(rest.u8()?);
    rest.skip(6)?;
    let mut value = || {
        let (whole, part) = (rest.i8()?, rest.u8()?);
        let magnitude = f64::from(whole.unsigned_abs()) + f64::from(part) / 255.0;
        Some(Value::Float(if whole < 0 { -magnitude } else { magnitude }))
    };
    let (temperature, humidity) = (value()?, value()?);
    record.batch.put_numbered("temperature_", number, "_c", temperature);
    record.batch.put_numbered("humidity_", number, "", humidity);
    Some(())
}

/// 0xe8 of cameras: a kind, then what it is about.
fn camera(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    let kind = rest.u16()?;
    match kind {
        0x2002 => {
            rest.skip(1)?;
            record.batch.put_int("upload_mode", rest.u8()?);
            record.is_archive |= rest.u8()? == 1;
        }
        0x2003 => {
            rest.skip(1)?;
            record.charge = Some(rest.u8()? == 1);
            if let level @ 1..=6 = rest.u8()? {
                record.percent(u8::try_from(u16::from(level) * 100 / 6).ok()?);
            }
            record.battery_v = Some(f64::from(rest.u16()?) / 100.0);
            record.gsm_signal = Some(rest.u8()?);
            record.external_v = Some(f64::from(rest.u16()?) / 100.0);
        }
        0x2005 => {
            rest.skip(1)?;
            camera_state(rest, record)?;
        }
        0x0c03 | 0x0c04 => record.ignition = Some(kind == 0x0c03),
        _ => {
            record.event = Some(u32::from(kind));
            record.alarm = true;
        }
    }
    Some(())
}

fn camera_state(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    while !rest.0.is_empty() {
        let (id, len) = (rest.u16()?, rest.u8()?);
        let mut data = Bytes(rest.take(usize::from(len))?);
        match (id, len) {
            (0x0001, 2) => record.battery_v = Some(f64::from(data.u16()?) / 100.0),
            (0x0002, 4) => record.batch.put_int("data_usage", data.u32()?),
            (0x0003, 1) => record.percent(data.u8()?),
            (0x0004, 1) => record.charge = Some(data.u8()? == 0),
            (0x0005, 10) => record.iccid(data.0),
            (0x0007, 2) => {
                let tenths = data.u16()?;
                record.fix(|fix| fix.hdop = Some(f32::from(tenths) / 10.0));
            }
            (0x2001, 2) => record.external_v = Some(f64::from(data.u16()?) / 10.0),
            _ => record.other(id, data.0),
        }
    }
    Some(())
}

/// 0xea: what sensors outside the device measure.
fn external_sensors(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    while !rest.0.is_empty() {
        let (id, len) = (rest.u8()?, rest.u8()?);
        let mut data = Bytes(rest.take(usize::from(len))?);
        match (id, len) {
            (0x11, 3..) => {
                record.batch.put_int("external_alarms", data.u16()?);
                record.batch.put_int("alarm_threshold_type", data.u8()?);
            }
            (0x13, 2) => record.batch.put_int("external_illuminance", data.u16()?),
            (0x14, 2) => record.batch.put_int("external_air_pressure", data.u16()?),
            (0x15, 2) => record.batch.put_float("external_humidity", f64::from(data.u16()?) / 10.0),
            (0x16, 2) => record.batch.put_float("external_temperature_c", f64::from(data.u16()?) / 10.0 - 50.0),
            _ => {}
        }
    }
    Some(())
}

/// 0xeb: cells, the zone of the times, or modules with lengths and numbers of two bytes.
fn extended(data: &[u8], record: &mut Record<'_>) -> Option<()> {
    let mut rest = Bytes(data);
    let country = Bytes(data).u16().unwrap_or(0);
    if country > 200 && data.len() % 5 == 3 && !data.starts_with(b"UTC") {
        record.batch.put_int("mcc", rest.u16()?);
        record.batch.put_int("mnc", rest.u8()?);
        record.batch.put_bytes("cells", rest.0);
        return Some(());
    }
    if data.iter().all(u8::is_ascii_graphic) {
        record.zone_s = zone_s(data);
        record.batch.put_words("timezone", data);
        return Some(());
    }
    while !rest.0.is_empty() {
        let len = usize::from(rest.u16()?);
        let mut module = Bytes(rest.take(len)?);
        let id = module.u16()?;
        if extended_module(id, module.0, record).is_none() {
            record.other(id, module.0);
        }
    }
    Some(())
}

/// `UTC-04:00`.
fn zone_s(words: &[u8]) -> Option<i64> {
    let [b'U', b'T', b'C', sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = *words else { return None };
    let seconds = crate::civil::seconds_of_day([h1, h2, m1, m2, b'0', b'0'])?;
    Some(if sign == b'-' { -seconds } else { seconds })
}

fn extended_module(id: u16, data: &[u8], record: &mut Record<'_>) -> Option<()> {
    let mut rest = Bytes(data);
    match (id, data.len()) {
        (0x0001, 2..) => record.batch.put_float("fuel_1", f64::from(rest.u16()?) / 10.0),
        (0x0023, 6) => record.batch.put_float("fuel_2", crate::text::number(data)?),
        (0x002d, 2) => record.battery_v = Some(f64::from(rest.u16()?) / 1000.0),
        (0x002d, 4) => record.external_v = Some(f64::from(rest.u32()?) / 1000.0),
        // Zeros are what is wrong: bit 0 power, 12 removed.
        (0x0089, 4) => {
            let good = rest.u32()?;
            record.alarm |= good & 0x1001 != 0x1001;
            record.batch.put_int("alarm_bits_1", good);
        }
        // Bit 6 vibration, bits 23 and 24 still or moving.
        (0x00c5, 4) => {
            let good = rest.u32()?;
            record.alarm |= good & 0x40 == 0;
            match good >> 23 & 3 {
                0 => record.movement = Some(true),
                1 => record.movement = Some(false),
                _ => {}
            }
            record.batch.put_int("alarm_bits_2", good);
        }
        (0x00c6, 1) => {
            let state = rest.u8()?;
            record.alarm |= matches!(state, 3 | 4);
            record.batch.put_int("battery_alarm", state);
        }
        (0x00b2, 10) => record.iccid(data),
        (0x00fb, 20) => record.iccid_words(data),
        (0x00d5, 15) if data == [b'0'; 15] => {}
        (0x00d5, 15) => record.batch.put_words("imei", data),
        (0x00b9, 1..) => record.batch.put_bytes("wifi", data.get(1..)?),
        (0x00ce, 2) => record.external_v = Some(f64::from(rest.u16()?) / 100.0),
        (0x00d8, 9..) => {
            record.batch.put_int("mcc", rest.u16()?);
            record.batch.put_int("mnc", rest.u8()?);
            record.batch.put_int("lac", rest.u16()?);
            record.batch.put_int("cell_id", rest.u32()?);
        }
        (0x00a8 | 0x00e1, 1) => record.percent(rest.u8()?),
        _ => return None,
    }
    Some(())
}

/// 0xf3: values of the vehicle with numbers of two bytes.
fn vehicle(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    while !rest.0.is_empty() {
        let (id, len) = (rest.u16()?, rest.u8()?);
        let data = rest.take(usize::from(len))?;
        if vehicle_value(id, data, record).is_none() {
            record.other(id, data);
        }
    }
    Some(())
}

fn vehicle_value(id: u16, data: &[u8], record: &mut Record<'_>) -> Option<()> {
    let mut rest = Bytes(data);
    match (id, data.len()) {
        (0x0002, 2) => record.batch.put_float("obd_speed_kmh", f64::from(rest.u16()?) / 10.0),
        (0x0003, 2) => record.batch.put_int("rpm", rest.u16()?),
        (0x0004, 2) => record.external_v = Some(f64::from(rest.u16()?) / 1000.0),
        (0x0005, 4) => record.batch.put_int("obd_odometer_m", i64::from(rest.u32()?) * 100),
        (0x0007, 2) => record.batch.put_float("fuel_consumption", f64::from(rest.u16()?) / 10.0),
        (0x0008, 2) => record.batch.put_float("engine_load", f64::from(rest.u16()?) / 10.0),
        (0x0009, 2) => record.batch.put_int("coolant_temperature_c", i32::from(rest.u16()?) - 40),
        (0x000b, 2) => record.batch.put_int("intake_pressure", rest.u16()?),
        (0x000c, 2) => record.batch.put_int("intake_temperature_c", i32::from(rest.u16()?) - 40),
        (0x000d, 2) => record.batch.put_int("intake_flow", rest.u16()?),
        (0x000e, 2) => record.batch.put_int("throttle", u32::from(rest.u16()?) * 100 / 255),
        (0x0050, 17) => record.batch.put_words("vin", trimmed(data)),
        (0x0051, 1..) => record.batch.put_hex("cvn", data),
        (0x0052, 1..) => record.batch.put_words("calid", trimmed(data)),
        (0x0100, 2) => record.batch.put_float("trip", f64::from(rest.u16()?) / 10.0),
        (0x0102, 2) => record.batch.put_float("trip_fuel_used", f64::from(rest.u16()?) / 10.0),
        (0x0112, 2) => record.batch.put_int("sharp_accelerations", rest.u16()?),
        (0x0113, 2) => record.batch.put_int("sharp_brakings", rest.u16()?),
        (0x0114, 2) => record.batch.put_int("sharp_turns", rest.u16()?),
        _ => return None,
    }
    Some(())
}

/// 0xf6: event, which values follow, light, temperature, humidity, acceleration.
fn sensors(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    let event = rest.u8()?;
    let which = rest.u8()?;
    record.event = Some(u32::from(event));
    if event == 2 {
        record.movement = Some(true);
    }
    if which & 1 != 0 {
        record.batch.put_int("light_sensor", rest.u16()?);
    }
    if which & 2 != 0 {
        record.batch.put_float("temperature_1_c", f64::from(rest.i16()?) / 10.0);
    }
    if which & 4 != 0 {
        record.batch.put_float("humidity_1", f64::from(rest.i16()?) / 10.0);
    }
    if which & 8 != 0 {
        record.batch.put_int("acceleration_x", rest.i16()?);
        record.batch.put_int("acceleration_y", rest.i16()?);
        record.batch.put_int("acceleration_z", rest.i16()?);
    }
    Some(())
}

/// 0xfe of five bytes and more: a mark, modules, and the battery in percent at the end.
fn marked(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    if rest.u8()? == 0x7c {
        while rest.0.len() > 1 {
            let (id, len) = (rest.u8()?, rest.u8()?);
            let mut data = Bytes(rest.take(usize::from(len))?);
            if id == 1 && len == 4 {
                // Speeding up, braking, turning, collision, tampering.
                let alarms = data.u32()?;
                record.alarm |= alarms & 0x1f != 0;
                record.batch.put_int("behaviour", alarms);
            }
        }
    }
    if let [percent] = *rest.0 {
        record.percent(percent);
    }
    Some(())
}
