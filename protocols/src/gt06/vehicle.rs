//! Messages of single makers: diagnostics (0x8c), loggers with ports (0x34), watches (0x32 and
//! 0x33 of the long form) and cameras (0x95).

use super::record::{Clock, Record, Widths, hundredths};
use crate::bytes::Bytes;
use crate::put::Put;
use crate::text::{Fields, hexadecimal};
use crate::units;

/// Satellites, latitude, longitude, speed, course and status: the GPS block without a date.
const PLACE: usize = 12;
/// Values of 0x8c are sent in hundredths.
const HUNDREDTH: f64 = 100.0;

/// 0x8c: date, ignition, `id=value` pairs apart by commas, and a place.
pub(super) fn diagnostics(content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    let mut record = Record::nowhere(clock.time(rest.array()?).unwrap_or(clock.now));
    let ignition = rest.u8()?;
    let words = rest.take(rest.0.len().checked_sub(PLACE)?)?;
    let satellites = rest.u8()?;
    record.place(rest.u32()?, rest.u32()?, Some(u16::from(rest.u8()?)), rest.u16()?);
    record.fix(|fix| fix.satellites = Some(satellites & 0x0f));
    record.ignition = Some(ignition != 0);
    for pair in words.split(|b| *b == b',') {
        let mut fields = Fields::new(pair, b'=');
        let (Some(id), value) = (fields.next().and_then(|id| hexadecimal(id.get(..2)?)), fields.rest()) else {
            continue;
        };
        parameter(id, value, &mut record);
    }
    Some(record)
}

/// The first two digits of an id say what it is.
fn parameter(id: u64, value: &[u8], record: &mut Record) {
    if id == 0x4a {
        if !value.is_empty() {
            record.batch.put_words("vin", value);
        }
        return;
    }
    let Some(raw) = hexadecimal(value) else { return };
    let number = raw as f64 / HUNDREDTH;
    match id {
        // Kilometres.
        0x28 => record.odometer_m = raw.checked_mul(10).map(units::int),
        0x2b => record.batch.put_float("fuel_1", number),
        0x2d => record.batch.put_float("coolant_temperature_c", number),
        0x35 => record.batch.put_float("obd_speed_kmh", number),
        0x36 => record.batch.put_float("rpm", number),
        0x47 => record.batch.put_float("fuel_used", number),
        0x49 => record.batch.put_float("engine_hours", number),
        _ => {
            let key = model::AttributeKey::Number(u32::try_from(id).unwrap_or(0));
            record.batch.attribute(key, model::Value::Int(units::int(raw)));
        }
    }
}

/// 0x34: kinds of data and alarm, GPS block, terminal information, total distance, cell,
/// driver, voltages, ports.
pub(super) fn logger(content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    let alarm = rest.u32()?;
    let mut record = Record::gps(&mut rest, clock)?;
    record.batch.put_int("data_and_alarm", alarm);
    record.batch.put_int("status", rest.u16()?);
    record.odometer_m = Some(i64::from(rest.u32()?));
    record.cell(&mut rest, Widths::WIDE_CELL)?;
    record.driver_number(u64::from(rest.u32()?));
    record.external_v = Some(hundredths(rest.u16()?));
    record.battery_v = Some(hundredths(rest.u16()?));
    // Bits 20 to 23: how many analog inputs there are.
    let ports = rest.u32()?;
    record.inputs(rest.u8()?);
    record.outputs(rest.u8()?);
    for name in ADCS.iter().take(usize::try_from(ports >> 20 & 0x0f).ok()?) {
        record.batch.put_float(name, hundredths(rest.u16()?));
    }
    Some(record)
}

const ADCS: [&str; 15] = [
    "adc_1_v", "adc_2_v", "adc_3_v", "adc_4_v", "adc_5_v", "adc_6_v", "adc_7_v", "adc_8_v", "adc_9_v", "adc_10_v",
    "adc_11_v", "adc_12_v", "adc_13_v", "adc_14_v", "adc_15_v",
];

/// 0x32 and 0x33 of the long form: each part has its length before it.
pub(super) fn watch(kind: u8, content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    let time = clock.time(rest.array()?).unwrap_or(clock.now);
    let mut record = Record::nowhere(time);
    let place = usize::from(rest.u8()?);
    if place > 0 {
        let satellites = rest.u8()?;
        record.place(rest.u32()?, rest.u32()?, Some(u16::from(rest.u8()?)), rest.u16()?);
        record.fix(|fix| fix.satellites = Some(satellites & 0x0f));
    }
    let cell = usize::from(rest.u8()?);
    if cell > 0 {
        let taken = record.cell(&mut rest, Widths::GSM)?;
        rest.skip(cell.saturating_sub(1 + taken))?;
        record.gsm_signal = Some(rest.u8()?);
    }
    for name in ["cells", "wifi"] {
        let len = usize::from(rest.u8()?);
        record.batch.put_bytes(name, rest.take(len)?);
    }
    let status = rest.u8()?;
    record.batch.put_int("status", status);
    if kind == 0x33 {
        record.event = Some(u16::from(status));
        match status {
            0xa0 | 0xa1 => record.batch.put_bool("armed", status == 0xa0),
            0xa2..=0xa5 => record.alarm = true,
            _ => {}
        }
    }
    let more = usize::from(rest.u8().unwrap_or(0));
    record.batch.put_bytes("data", rest.take(more).unwrap_or_default());
    Some(record)
}

/// 0x95: date, place of some, alarm, what it is about, and names of pictures and films.
pub(super) fn camera_alarm(content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    // Newer cameras begin with a mark and a version and send more.
    let is_new = content.starts_with(&[0xff, 0xff]);
    if is_new {
        rest.skip(3)?;
    }
    let mut record = Record::nowhere(clock.time(rest.array()?).unwrap_or(clock.now));
    if is_new {
        let satellites = rest.u8()? & 0x0f;
        let (latitude, longitude, flags, speed) = (rest.u32()?, rest.u32()?, rest.u16()?, rest.u16()?);
        record.place(latitude, longitude, Some(speed), flags);
        record.fix(|fix| fix.satellites = Some(satellites));
        record.external_v = Some(f64::from(rest.u16()?) / 10.0);
    } else if content.len() > 7 {
        record.place(rest.u32()?, rest.u32()?, None, rest.u16()?);
    }
    record.event = Some(u16::from(rest.u8()?));
    record.alarm = true;
    if let Some(data) = rest.u16() {
        record.batch.put_int("event_data", data);
    }
    if !rest.0.is_empty() {
        record.batch.put_words("files", rest.0.trim_ascii_end());
    }
    Some(record)
}
