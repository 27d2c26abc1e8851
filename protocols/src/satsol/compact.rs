//! Records of the newer form: one place each, and data of a type.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use crate::DecodeError;
use crate::bytes::Bytes;
use crate::crc::crc16_ccitt_false;
use crate::units::{heading, kmh, satellites};

/// Degrees are sent multiplied by this.
const DEGREE: f64 = 1e6;
/// A record's bytes after the checksum, without its data.
const HEADER: usize = 28;
/// The type of records that name the modem.
const MODEM: u16 = 3;

const CUT: DecodeError = DecodeError::Format("record ends after its container");

/// Reads all records; one whose checksum is wrong does not lose the others.
pub(super) fn read(rest: &mut Bytes<'_>, batch: &mut FixBatch, fallback: Timestamp) -> Result<(), DecodeError> {
    let mut result = Ok(());
    while !rest.0.is_empty() {
        let stated = rest.u16_le().ok_or(CUT)?;
        let len = Bytes(rest.0.get(4..).unwrap_or_default()).u16_le().ok_or(CUT)?;
        let record = rest.take(HEADER + usize::from(len)).ok_or(CUT)?;
        let computed = crc16_ccitt_false(record);
        if stated == computed {
            self::record(&mut Bytes(record), batch, fallback).ok_or(CUT)?;
        } else {
            result = Err(DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) });
        }
    }
    result
}

fn record(rest: &mut Bytes<'_>, batch: &mut FixBatch, fallback: Timestamp) -> Option<()> {
    let (serial, kind, _len, seconds) = (rest.u16_le()?, rest.u16_le()?, rest.u16_le()?, rest.u32_le()?);
    let (lat, lon) = (f64::from(rest.i32_le()?) / DEGREE, f64::from(rest.i32_le()?) / DEGREE);
    let (speed, altitude, course) = (rest.u16_le()?, rest.i16_le()?, rest.u16_le()?);
    let [valid, seen, event, flags] = rest.array()?;
    let position = LatLon::new(lat, lon).filter(|p| !p.is_null_island());
    let time = if seconds == 0 { fallback } else { Timestamp::from_secs(i64::from(seconds)) };
    batch.push(Fix {
        position,
        valid: valid > 0 && position.is_some(),
        altitude_m: position.map(|_| f32::from(altitude)),
        speed_mps: position.map(|_| kmh(f64::from(speed) / 100.0)),
        heading_deg: position.and(heading(f64::from(course))),
        satellites: Some(satellites(u64::from(seen))),
        ..Fix::nowhere(time)
    });
    batch.known(Known::Event, Value::Int(i64::from(event)));
    if flags & 1 != 0 {
        batch.known(Known::Archive, Value::Bool(true));
    }
    for (name, value) in [("serial", serial), ("record_type", kind)] {
        let key = batch.name(name);
        batch.attribute(key, Value::Int(i64::from(value)));
    }
    if !rest.0.is_empty() {
        let (key, value) = (batch.name("data"), batch.bytes_value(rest.0));
        batch.attribute(key, value);
    }
    if kind == MODEM {
        modem(rest, batch);
    }
    Some(())
}

/// Two bytes, then what the modem, its card and the operator are called, each up to a zero byte.
fn modem(rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    let mut names = Bytes(rest.0.get(2..).unwrap_or_default());
    for name in ["imei", "iccid", "imsi", "operator"] {
        let Some(text) = names.until(0).and_then(|text| std::str::from_utf8(text).ok()) else { return };
        if !text.is_empty() && !text.contains(char::is_control) {
            let (key, value) = (batch.name(name), batch.text_value(text));
            batch.attribute(key, value);
        }
    }
}
