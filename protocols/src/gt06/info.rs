//! 0x94, information: a kind and what it is about.

use super::record::{Clock, Record, hundredths};
use crate::bytes::Bytes;
use crate::put::Put;
use crate::text::{Fields, hexadecimal, number};

/// The record; `None` where the content is too short for its kind.
pub(super) fn read(content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    let mut record = Record::nowhere(clock.now);
    match rest.u8()? {
        0x00 => record.external_v = Some(hundredths(rest.u16()?)),
        0x04 => parameters(rest.0, &mut record),
        0x05 => {
            if let (7.., Some(date)) = (rest.0.len(), rest.0.first_chunk()) {
                let time = clock.time(*date).unwrap_or(clock.now);
                record.fix(|fix| fix.time = time);
                rest.skip(6)?;
            }
            // Bit 0 door open, 1 what raises it, 2 the input's level.
            let bits = rest.u8()?;
            record.door(bits & 1 != 0);
            record.batch.put_bool("io_1", bits & 4 != 0);
        }
        0x0a => {
            rest.skip(16)?;
            record.iccid(rest.take(10)?);
        }
        0x0b => match rest.0 {
            [network] => record.batch.put_words("network", if *network > 0 { b"4G" } else { b"2G" }),
            _ => record.external_v = Some(hundredths(rest.u16()?)),
        },
        0x0d => fuel(rest.0, clock, &mut record),
        0x1b => card(rest.0, &mut record)?,
        0x1e => {
            record.batch.put_float("temperature_1_c", f64::from(rest.i32()?) / 10.0);
            record.batch.put_float("humidity_1", f64::from(rest.i32()?) / 10.0);
        }
        kind => {
            record.batch.put_int("information", kind);
            record.batch.put_bytes("data", rest.0);
        }
    }
    Some(record)
}

/// 0x94 with one length byte: of the first models the external voltage alone.
pub(super) fn short(content: &[u8], clock: Clock) -> Option<Record> {
    match *content {
        [high, low] => {
            let mut record = Record::nowhere(clock.now);
            record.external_v = Some(hundredths(u16::from_be_bytes([high, low])));
            Some(record)
        }
        _ => read(content, clock),
    }
}

/// 0x04: settings as `NAME=value;`: alarms and states in hexadecimal bits, numbers of phones,
/// the centre, fence and mode.
fn parameters(words: &[u8], record: &mut Record) {
    for pair in words.split(|b| *b == b';') {
        let mut fields = Fields::new(pair, b'=');
        let (Some(name), value) = (fields.text(), fields.rest()) else { continue };
        let bits = hexadecimal(value).and_then(|bits| u32::try_from(bits).ok());
        match (name.trim(), bits) {
            ("ALM1", Some(bits)) => record.batch.put_int("alarm_1_status", bits),
            ("ALM2", Some(bits)) => record.batch.put_int("alarm_2_status", bits),
            ("ALM3", Some(bits)) => record.batch.put_int("alarm_3_status", bits),
            ("ALM4", Some(bits)) => record.batch.put_int("alarm_4_status", bits),
            ("STA1", Some(bits)) => record.batch.put_int("other_status", bits),
            ("DYD", Some(bits)) => record.batch.put_int("engine_status", bits),
            ("ICCID", _) => {
                let end = value.iter().position(|b| b.eq_ignore_ascii_case(&b'f')).unwrap_or(value.len());
                record.batch.put_words("iccid", value.get(..end).unwrap_or(value));
            }
            (name @ ("SOS" | "CENTER" | "FENCE" | "MODE" | "IMSI"), _) if !value.is_empty() => {
                let key = match name {
                    "SOS" => "sos",
                    "CENTER" => "center",
                    "FENCE" => "fence",
                    "MODE" => "mode",
                    _ => "imsi",
                };
                record.batch.put_words(key, value);
            }
            _ => {}
        }
    }
}

/// 0x0d: words of an ultrasonic fuel sensor, after a date or not: `!AIOIL,` address, output,
/// temperature, version, states, level, movement, waves, check.
fn fuel(data: &[u8], clock: Clock, record: &mut Record) {
    let words = if data.starts_with(b"!") {
        data
    } else {
        if let Some(time) = data.first_chunk().and_then(|date| clock.time(*date)) {
            record.fix(|fix| fix.time = time);
        }
        data.get(6..).unwrap_or_default()
    };
    let mut fields = Fields::new(words, b',');
    if fields.next() == Some(b"!AIOIL") {
        let at = |index: usize| Fields::new(words, b',').nth(index).and_then(number);
        if let Some(degrees) = at(3) {
            record.batch.put_float("temperature_1_c", degrees);
        }
        if let Some(level) = at(6) {
            record.batch.put_float("fuel_1", level);
        }
    } else {
        record.batch.put_words("serial", words.trim_ascii());
    }
}

/// 0x1b: a card as words, such as `RFID:` and its number, or as a reader sends it: start,
/// kind, number, sum, end.
fn card(data: &[u8], record: &mut Record) -> Option<()> {
    if data.first().is_some_and(u8::is_ascii_alphabetic) {
        let words = data.trim_ascii();
        record.batch.put_words("serial", words);
        if let Some(number) = words.strip_prefix(b"RFID:") {
            record.driver(std::str::from_utf8(number).ok()?);
        }
        return Some(());
    }
    record.driver_hex(data.get(2..6)?);
    Some(())
}
