//! The items after a location, of the standard and of the field: one byte each for number and
//! length.

use model::{Known, Value};

use super::extensions;
use super::record::{Record, trimmed};
use crate::bytes::Bytes;
use crate::put::{Put, hex_value};
use crate::text::number;

/// Whether the bytes are items to their end.
pub(super) fn is_list(bytes: &[u8]) -> bool {
    let mut rest = Bytes(bytes);
    while !rest.0.is_empty() {
        if rest.u8().and(rest.u8()).and_then(|len| rest.skip(usize::from(len))).is_none() {
            return false;
        }
    }
    true
}

/// Reads the items; `false` where the last is cut.
pub(super) fn read(bytes: &[u8], record: &mut Record<'_>) -> bool {
    let mut rest = Bytes(bytes);
    while !rest.0.is_empty() {
        let (Some(id), Some(len)) = (rest.u8(), rest.u8()) else { return false };
        let Some(data) = rest.take(usize::from(len)) else { return false };
        if item(id, data, record).is_none() {
            record.other(u16::from(id), data);
        }
    }
    true
}

fn tenths(value: u16) -> f64 {
    f64::from(value) / 10.0
}

fn hundredths(value: u16) -> f64 {
    f64::from(value) / 100.0
}

fn milli(value: u32) -> f64 {
    f64::from(value) / 1000.0
}

/// The highest bit is the sign.
fn sign_and_magnitude(value: u16) -> f64 {
    let magnitude = tenths(value & 0x7fff);
    if value & 0x8000 != 0 { -magnitude } else { magnitude }
}

/// `None` where the item has no meaning here with that length.
fn item(id: u8, data: &[u8], record: &mut Record<'_>) -> Option<()> {
    match id {
        0x01..=0x31 => standard(id, data, record),
        0x33..=0x63 | 0x66 | 0x68..=0x6c | 0x71 | 0x77 => tracker(id, data, record),
        0x64 | 0x65 | 0x67 | 0x70 => assistance(id, data, record),
        0x80..=0x94 | 0xa0 | 0xcc => diagnostics(id, data, record),
        _ => extensions::item(id, data, record),
    }
}

/// Items of JT/T 808-2019, and of JT/T 1078-2016 for video.
fn standard(id: u8, data: &[u8], record: &mut Record<'_>) -> Option<()> {
    let mut rest = Bytes(data);
    match (id, data.len()) {
        (0x01, 4) => record.odometer_m = Some(i64::from(rest.u32()?) * 100),
        // The highest bit says that it is a percentage.
        (0x02, 2) => match rest.u16()? {
            value if value & 0x8000 != 0 => record.batch.put_float("fuel_1", f64::from(value & 0x7fff)),
            value => record.batch.put_float("fuel_1", tenths(value)),
        },
        (0x03, 2) => record.batch.put_float("vehicle_speed_kmh", tenths(rest.u16()?)),
        (0x04, 2) => record.batch.put_int("alarm_event", rest.u16()?),
        (0x06, 1) => record.percent(rest.u8()?),
        (0x06, 2) => record.batch.put_float("cabin_temperature_c", sign_and_magnitude(rest.u16()?) * 10.0),
        (0x0b, 1..) => lock_command(data, record)?,
        (0x14, 4) => {
            let alarms = rest.u32()?;
            record.batch.put_int("video_alarm", alarms);
        }
        (0x15, 4) => record.batch.put_int("video_loss", rest.u32()?),
        (0x16, 4) => record.batch.put_int("video_cover", rest.u32()?),
        (0x17, 2) => record.batch.put_int("storage_fault", rest.u16()?),
        (0x25, 4) => record.known(Known::Inputs, Value::Int(i64::from(rest.u32()?))),
        (0x2a, 2) => record.batch.put_int("io_status", rest.u16()?),
        // The low half is the first input.
        (0x2b, 4) => {
            let (second, first) = (rest.u16()?, rest.u16()?);
            record.batch.put_float("adc_1", hundredths(first));
            record.batch.put_float("adc_2", hundredths(second));
        }
        (0x30, 1) => record.gsm_signal = rest.u8(),
        (0x31, 1) => record.satellites(rest.u8()?),
        _ => return None,
    }
    Some(())
}

/// Command, card or password, and how it went.
pub(super) fn lock_command(data: &[u8], record: &mut Record<'_>) -> Option<()> {
    let mut rest = Bytes(data);
    record.batch.put_int("lock_command", rest.u8()?);
    match data.len() {
        5 | 6 => record.batch.put_int("lock_card", rest.u32()?),
        7.. => {
            let password = rest.take(6)?;
            record.batch.put_words("lock_password", password);
        }
        _ => {}
    }
    if data.len().is_multiple_of(2) {
        record.batch.put_int("unlock_result", rest.u8()?);
    }
    Some(())
}

/// Makers of trackers, loggers and locks.
fn tracker(id: u8, data: &[u8], record: &mut Record<'_>) -> Option<()> {
    let mut rest = Bytes(data);
    match (id, data.len()) {
        (0x33, 1) => record.batch.put_int("mode", rest.u8()?),
        (0x33, _) => lock_words(data, record)?,
        (0x51, 2 | 16) => {
            for (number, pair) in data.chunks_exact(2).enumerate() {
                let value = pair.first_chunk().map(|pair| u16::from_be_bytes(*pair)).filter(|value| *value != 0xffff);
                if let Some(value) = value {
                    record.batch.put_numbered(
                        "temperature_",
                        number + 1,
                        "_c",
                        Value::Float(sign_and_magnitude(value)),
                    );
                }
            }
        }
        (0x53 | 0x5d | 0x66 | 0x50, _) => record.batch.put_bytes("cells", data),
        (0x54, _) => record.batch.put_bytes("wifi", data),
        (0x56, 2) => record.percent(rest.u8()?.min(10) * 10),
        (0x57, 8) => {
            let (alarms, switches, states) = (rest.u16()?, rest.u16()?, rest.u32()?);
            // Sharp speeding up, braking and turning.
            record.alarm |= alarms & 0x0700 != 0;
            record.batch.put_int("behaviour", alarms);
            record.batch.put_int("switches", switches);
            record.batch.put_int("extended_status", states);
        }
        (0x60, 2..) => lock_event(data, record)?,
        (0x61, 2) => record.external_v = Some(hundredths(rest.u16()?)),
        (0x63, _) => {
            for (at, lock) in data.chunks_exact(11).enumerate() {
                remote_lock(at + 1, lock, record)?;
            }
        }
        (0x68, 2) => record.percent(u8::try_from(rest.u16()? / 100).ok()?),
        (0x69, 2) => record.battery_v = Some(hundredths(rest.u16()?)),
        (0x6a, 1) => record.gsm_signal = rest.u8(),
        (0x6c, 15) => record.batch.put_words("imsi", data),
        (0x71, 20) => record.iccid_words(data),
        (0x77, _) => {
            for tyre in data.chunks_exact(8) {
                tyre_sensor(tyre, record)?;
            }
        }
        _ => return None,
    }
    Some(())
}

/// `*M00,45,1136…#`: of the status the third to fifth digits are the battery in hundredths.
fn lock_words(data: &[u8], record: &mut Record<'_>) -> Option<()> {
    record.batch.put_words("lock", data);
    if data.starts_with(b"*M00") {
        record.battery_v = number(data.get(10..13)?).map(|value| value / 100.0);
    }
    Some(())
}

/// Event, state, for those of a remote lock its number, and the card.
fn lock_event(data: &[u8], record: &mut Record<'_>) -> Option<()> {
    let mut rest = Bytes(data);
    let event = rest.u16()?;
    record.event = Some(u32::from(event));
    rest.u8();
    if rest.0.len() >= 14 {
        let lock = rest.take(6)?;
        record.batch.put_hex("lock_id", lock);
    }
    if rest.0.len() >= 8 {
        record.driver(rest.take(8)?);
    }
    Some(())
}

/// Number, millivolts, seal, state, signal.
fn remote_lock(number: usize, data: &[u8], record: &mut Record<'_>) -> Option<()> {
    let mut rest = Bytes(data);
    let id = hex_value(record.batch, rest.take(6)?);
    record.batch.put_numbered("lock_", number, "_id", id);
    record.batch.put_numbered("lock_", number, "_battery_v", Value::Float(milli(u32::from(rest.u16()?))));
    record.batch.put_numbered("lock_", number, "_seal", Value::Bool(rest.u8()? == b'1'));
    record.batch.put_numbered("lock_", number, "_state", Value::Int(i64::from(rest.u8()?)));
    record.batch.put_numbered("lock_", number, "_signal", Value::Int(i64::from(rest.u8()?)));
    Some(())
}

/// Wheel, sensor, pressure, temperature above −50 °C, status.
fn tyre_sensor(data: &[u8], record: &mut Record<'_>) -> Option<()> {
    let mut rest = Bytes(data);
    let wheel = usize::from(rest.u8()?);
    let sensor = hex_value(record.batch, rest.take(3)?);
    record.batch.put_numbered("tyre_", wheel, "_sensor", sensor);
    record.batch.put_numbered("tyre_", wheel, "_pressure", Value::Float(f64::from(rest.u16()? & 0x03ff) / 40.0));
    record.batch.put_numbered("tyre_", wheel, "_temperature_c", Value::Int(i64::from(rest.u8()?) - 50));
    record.batch.put_numbered("tyre_", wheel, "_status", Value::Int(i64::from(rest.u8()?)));
    Some(())
}

/// Alarms of driver assistance: number, begin or end, type and level, and at the end the 16
/// bytes by which the pictures are found.
fn assistance(id: u8, data: &[u8], record: &mut Record<'_>) -> Option<()> {
    const LABEL: usize = 16;
    if data.len() < 6 || (id == 0x67 && data.len() == 8) {
        if id == 0x67 {
            record.batch.put_words("password", data);
            return Some(());
        }
        return None;
    }
    let mut rest = Bytes(data);
    let number = rest.u32()?;
    let state = rest.u8()?;
    let kind = rest.u8()?;
    record.alarm = true;
    record.batch.put_int("alarm_number", number);
    record.batch.put_int("alarm_state", state);
    record.batch.put_int(
        match id {
            0x64 => "adas_alarm",
            0x65 => "dms_alarm",
            0x67 => "blind_spot_alarm",
            _ => "driving_alarm",
        },
        kind,
    );
    if data.len() >= 6 + 1 + LABEL {
        if id != 0x67 {
            record.batch.put_int("alarm_level", rest.u8()?);
        }
        record.batch.put_hex("alarm_label", data.get(data.len() - LABEL..)?);
    }
    Some(())
}

/// What a scanner reads from the vehicle.
fn diagnostics(id: u8, data: &[u8], record: &mut Record<'_>) -> Option<()> {
    let mut rest = Bytes(data);
    match (id, data.len()) {
        (0x80, 1) => record.batch.put_int("obd_speed_kmh", rest.u8()?),
        (0x81, 2) => record.batch.put_int("rpm", rest.u16()?),
        (0x82, 2) => record.external_v = Some(tenths(rest.u16()?)),
        (0x83, 1) => record.batch.put_int("engine_load", rest.u8()?),
        (0x84, 1) => record.batch.put_int("coolant_temperature_c", i16::from(rest.u8()?) - 40),
        (0x85, 2) => record.batch.put_int("fuel_consumption", rest.u16()?),
        (0x86, 1) => record.batch.put_int("intake_temperature_c", i16::from(rest.u8()?) - 40),
        (0x87, 2) => record.batch.put_int("intake_flow", rest.u16()?),
        (0x88, 1) => record.batch.put_int("intake_pressure", rest.u8()?),
        (0x89, 1) => record.batch.put_int("throttle", rest.u8()?),
        (0x8b, 17) | (0x94, 1..) => record.batch.put_words("vin", trimmed(data)),
        (0x8c, 4) => record.batch.put_int("obd_odometer_m", i64::from(rest.u32()?) * 100),
        (0x8d, 2) => record.batch.put_int("trip_m", i64::from(rest.u16()?) * 1000),
        (0x8e, 1) => record.batch.put_int("fuel_1", rest.u8()?),
        (0x91, 22..) => block(&mut rest, record)?,
        (0xa0, 1..) => codes(data, record),
        (0xcc, 20) => record.iccid_words(data),
        _ => return None,
    }
    Some(())
}

/// 0x91: the most used values in one.
fn block(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    record.battery_v = Some(tenths(rest.u16()?));
    record.batch.put_int("rpm", rest.u16()?);
    record.batch.put_int("obd_speed_kmh", rest.u8()?);
    record.batch.put_int("throttle", u16::from(rest.u8()?) * 100 / 255);
    record.batch.put_int("engine_load", u16::from(rest.u8()?) * 100 / 255);
    record.batch.put_int("coolant_temperature_c", i16::from(rest.u8()?) - 40);
    rest.skip(2)?;
    record.batch.put_float("fuel_consumption", hundredths(rest.u16()?));
    rest.skip(8)?;
    record.batch.put_float("fuel_used", hundredths(rest.u16()?));
    Some(())
}

/// Trouble codes apart by commas, which we keep apart by spaces.
fn codes(data: &[u8], record: &mut Record<'_>) {
    let mut spaced = [b' '; u8::MAX as usize];
    if let Some(place) = spaced.get_mut(..data.len()) {
        for (to, from) in place.iter_mut().zip(data) {
            *to = if *from == b',' { b' ' } else { *from };
        }
        record.batch.put_words("dtcs", trimmed(place));
    }
}

/// `$OBD-RT,` voltage, revolutions, speed, throttle, load, coolant, consumption now and in the
/// mean, trip, total, fuel of the trip and in total.
pub(super) fn scanner_words(data: &[u8], record: &mut Record<'_>) {
    const NAMES: [&str; 12] = [
        "",
        "rpm",
        "obd_speed_kmh",
        "throttle",
        "engine_load",
        "coolant_temperature_c",
        "fuel_consumption",
        "average_fuel_consumption",
        "obd_trip",
        "obd_odometer",
        "trip_fuel_used",
        "fuel_used",
    ];
    for (name, field) in NAMES.iter().zip(trimmed(data).split(|b| *b == b',').skip(1)) {
        match number(field) {
            Some(value) if name.is_empty() => record.external_v = Some(value),
            Some(value) => record.batch.put_float(name, value),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_end_with_their_last_item() {
        assert!(is_list(&[0x30, 1, 5, 0x31, 1, 9]) && is_list(&[]));
        assert!(!is_list(&[0x30, 1, 5, 0x31]) && !is_list(&[0x30, 2, 5]));
        assert_eq!(sign_and_magnitude(0x8017), -2.3);
    }
}
