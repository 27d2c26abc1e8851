//! Devices on the serial port, and the engine's own messages.

use model::{Fix, FixBatch, Known, Timestamp, Value};

use super::gps::{self, number};
use super::{CUT, Owed};
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::put::{Put, hex_value};

/// Kilopascals in a step of a tyre's pressure.
const PRESSURE_STEP_KPA: f64 = 1.572 * 2.0;

/// Type 0x09 of vehicles: time, ignition, and what the device on the port sent.
pub(super) fn rs232(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Result<Owed, DecodeError> {
    let time = gps::time(rest, now)?;
    batch.push(Fix::nowhere(time));
    batch.known_bool(Known::Ignition, rest.u8().ok_or(CUT)? == 1);
    match rest.0 {
        [0, 1, tyres @ ..] => tyres.chunks_exact(7).enumerate().for_each(|(at, tyre)| self::tyre(at + 1, tyre, batch)),
        [0, 3, ..] => {
            if let Some(card) = rest.0.get(2..10).and_then(|card| std::str::from_utf8(card).ok()) {
                batch.known_text(Known::DriverId, card);
            }
        }
        [0, 4, level @ ..] => {
            let percent = level.get(..4).and_then(crate::text::number);
            if let Some(percent) = percent {
                batch.put_float("fuel_percent", percent / 100.0);
            }
        }
        [0, 5, a, b, c, d, ..] => {
            if let Some(height) = number([*a, *b]) {
                batch.put_float("fuel_height_mm", height / 10.0);
            }
            // The first digit is the sign.
            if let Some(degrees) = number([c & 0x0f, *d]) {
                let degrees = degrees / 10.0;
                batch.put_float("fuel_temperature_c", if c >> 4 == 1 { -degrees } else { degrees });
            }
        }
        data if !data.is_empty() => batch.put_text("serial", data),
        _ => {}
    }
    Ok(Owed::Head)
}

fn tyre(number: usize, bytes: &[u8], batch: &mut FixBatch) {
    let [a, b, c, battery, pressure, degrees, status] = bytes else { return };
    let id = hex_value(batch, &[*a, *b, *c]);
    let values = [
        ("_id", id),
        ("_battery_v", Value::Float(f64::from(u16::from(*battery) + 122) / 100.0)),
        ("_pressure_kpa", Value::Float(f64::from(*pressure) * PRESSURE_STEP_KPA)),
        ("_temperature_c", Value::Int(i64::from(*degrees) - 55)),
        ("_status", Value::Int(i64::from(*status))),
    ];
    for (name, value) in values {
        let key = batch.numbered("tag_", number, name);
        batch.attribute(key, value);
    }
}

/// Type 0x09 of devices at the diagnostic connector, and 0x22 of vehicles: the vehicle's number, or trouble codes.
pub(super) fn obd(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Result<Owed, DecodeError> {
    let time = gps::time(rest, now)?;
    batch.push(Fix::nowhere(time));
    let [0x55, 0xaa, high, low, data @ ..] = rest.0 else {
        batch.put_hex("obd", rest.0);
        return Ok(Owed::Head);
    };
    let len = usize::from(u16::from_be_bytes([high & 0x0f, *low]));
    match data.get(..len).unwrap_or(data) {
        // A checksum ends both.
        [answer, 0x05, vin @ .., _] if answer & 0x41 == 0x41 && vin.iter().any(|b| *b != 0xff) => {
            batch.put_text("vin", vin);
        }
        [answer, 0x03 | 0x0a, standard, codes @ .., _] if answer & 0x41 == 0x41 => {
            batch.put_text("trouble_standard", if *standard == 0 { b"J1979" } else { b"J1939" });
            for (at, code) in codes.chunks(3).enumerate() {
                trouble(at + 1, code, batch);
            }
        }
        data => batch.put_hex("obd", data),
    }
    Ok(Owed::Head)
}

/// A letter for the system, four digits.
fn trouble(number: usize, code: &[u8], batch: &mut FixBatch) {
    let [first, second, ..] = code else { return };
    let system = match first >> 6 {
        0 => b'P',
        1 => b'C',
        2 => b'B',
        _ => b'U',
    };
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 };
    let text = [system, b'0' + (first >> 4 & 0x03), digit(first & 0x0f), digit(second >> 4), digit(second & 0x0f)];
    let key = batch.numbered("trouble_", number, "");
    let value = crate::put::text_or_bytes(batch, &text);
    batch.attribute(key, value);
}
