//! Bluetooth sensors, as hexadecimal digits in a custom field.

use model::{FixBatch, Value};

use crate::bytes::Bytes;
use crate::put::{Put, hex_value};
use crate::text::whole;

/// Most bytes of sensors in a report.
const MAX_BYTES: usize = 256;
/// Bytes after the length of a sensor that sends temperature, battery and humidity.
const SENSOR: u8 = 13;

fn decoded(digits: &[u8], bytes: &mut [u8; MAX_BYTES]) -> Option<usize> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    };
    let pairs = digits.chunks_exact(2);
    let len = pairs.len();
    if len > MAX_BYTES || !pairs.remainder().is_empty() {
        return None;
    }
    for (place, pair) in bytes.iter_mut().zip(pairs) {
        let [high, low] = pair else { return None };
        *place = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(len)
}

fn put(number: usize, name: &str, value: Value, batch: &mut FixBatch) {
    let key = batch.numbered("tag_", number, name);
    batch.attribute(key, value);
}

fn id(number: usize, address: &[u8], batch: &mut FixBatch) {
    let value = hex_value(batch, address);
    put(number, "_id", value, batch);
}

/// Sensors with a length each: address, kind, temperature, battery, level and humidity. False where the digits are none.
pub(super) fn lengths(digits: &[u8], batch: &mut FixBatch) -> bool {
    let mut bytes = [0; MAX_BYTES];
    let Some(len) = decoded(digits, &mut bytes).filter(|len| *len > 0) else { return false };
    let sensors = bytes.get(..len).unwrap_or_default();
    let mut sensors = sensors.chunks(usize::from(SENSOR) + 1);
    let is_whole = |sensor: &[u8]| sensor.first() == Some(&SENSOR) && sensor.len() == usize::from(SENSOR) + 1;
    if !sensors.clone().all(is_whole) {
        return false;
    }
    let mut number = 0;
    sensors.all(|sensor| {
        number += 1;
        self::sensor(number, &mut Bytes(sensor), batch).is_some()
    })
}

fn sensor(number: usize, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    rest.skip(1)?;
    let address: [u8; 6] = rest.array()?;
    rest.skip(1)?;
    let (degrees, battery, level, humidity) = (rest.i16()?, rest.u16()?, rest.i8()?, rest.u8()?);
    id(number, &address, batch);
    put(number, "_temperature_c", Value::Float(f64::from(degrees) / 100.0), batch);
    put(number, "_battery_v", Value::Float(f64::from(battery) / 1000.0), batch);
    put(number, "_rssi", Value::Int(i64::from(level)), batch);
    if humidity <= 100 {
        put(number, "_humidity", Value::Int(i64::from(humidity)), batch);
    }
    Some(())
}

/// `mode:mask:digits`: the kind of sensor, and which of its values there are.
pub(super) fn masked(text: &[u8], batch: &mut FixBatch) {
    let mut parts = text.splitn(3, |b| *b == b':');
    let (Some(mode), Some(mask), Some(digits)) = (parts.next(), parts.next(), parts.next()) else { return };
    let (Some(mode), Some(mask)) = (whole(mode), whole(mask)) else { return };
    let mut bytes = [0; MAX_BYTES];
    let Some(len) = decoded(digits, &mut bytes) else { return };
    let mut rest = Bytes(bytes.get(..len).unwrap_or_default());
    let mut number = 1;
    while !rest.0.is_empty() {
        let before = rest.0.len();
        let read = tag(mode, mask, number, &mut rest, batch);
        if read.is_none() || rest.0.len() == before {
            return;
        }
        number += 1;
    }
}

fn tag(mode: i64, mask: i64, number: usize, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let has = |bit: u32| mask >> bit & 1 == 1;
    if has(7) {
        id(number, &rest.array::<6>()?, batch);
    }
    if mode == 4 {
        return identified(has, rest);
    }
    let words = match mode {
        1 => ["_major", "_minor"],
        2 => ["_battery_mv", "_temperature_c"],
        3 => ["_humidity", "_temperature_c"],
        _ => return None,
    };
    for (bit, name) in [6, 5].into_iter().zip(words) {
        if has(bit) {
            let word = rest.i16()?;
            let value = match name {
                "_temperature_c" => Value::Float(f64::from(word) / 100.0),
                _ => Value::Int(i64::from(word)),
            };
            put(number, name, value, batch);
        }
    }
    // Power of the sender, its level here, and what only some sensors have.
    if mode != 3 && has(4) {
        rest.skip(1)?;
    }
    if has(3) {
        put(number, "_rssi", Value::Int(i64::from(rest.i8()?)), batch);
    }
    if mode == 3 && has(2) {
        rest.skip(2)?;
    }
    Some(())
}

/// Sensors that name their hardware, whose values are passed over.
fn identified(has: impl Fn(u32) -> bool, rest: &mut Bytes<'_>) -> Option<()> {
    if has(6) {
        let hardware = rest.u8()?;
        if has(5) {
            rest.skip(match hardware {
                1 | 4 => 11,
                2 => 2,
                3 => 6,
                5 => 10,
                _ => return None,
            })?;
        }
    }
    if has(4) { rest.skip(9) } else { Some(()) }
}
