//! Data records of 64 bytes.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::record::ALARMS;
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::civil::utc;
use crate::put::Put;
use crate::units::{heading, single};

const RECORD: usize = 64;
/// Before the checksum.
const SEALED: usize = 62;
/// What the device sends for a temperature that it does not have.
const NO_TEMPERATURE: i8 = 127;

/// Adds the records of one message. Those with a wrong checksum are left out, and are a defect.
pub(super) fn read(content: &[u8], now: Timestamp, batch: &mut FixBatch) -> Result<(), DecodeError> {
    let (records, rest) = content.as_chunks::<RECORD>();
    let mut outcome =
        if rest.is_empty() { Ok(()) } else { Err(DecodeError::Format("a record is shorter than 64 bytes")) };
    for record in records {
        let read = sealed(record).and_then(|record| {
            self::record(record, now, batch).ok_or(DecodeError::Format("a record is shorter than 64 bytes"))
        });
        outcome = outcome.and(read);
    }
    outcome
}

/// The record without its checksum: Fletcher's with sums modulo 256.
fn sealed(record: &[u8; RECORD]) -> Result<&[u8], DecodeError> {
    let (data, checksum) = record.split_at_checked(SEALED).unwrap_or_default();
    let (a, b) = data.iter().fold((0u8, 0u8), |(a, b), byte| {
        let a = a.wrapping_add(*byte);
        (a, b.wrapping_add(a))
    });
    if checksum == [a, b] {
        return Ok(data);
    }
    let number = |bytes: [u8; 2]| u32::from(u16::from_be_bytes(bytes));
    let stated = checksum.first_chunk::<2>().map_or(0, |bytes| number(*bytes));
    Err(DecodeError::Crc { stated, computed: number([a, b]) })
}

fn record(record: &[u8], now: Timestamp, batch: &mut FixBatch) -> Option<()> {
    let mut rest = Bytes(record);
    let (_kind, index, packed) = (rest.u8()?, rest.u32_le()?, rest.u32_le()?);
    let (lon, lat) = (rest.i32_le()?, rest.i32_le()?);
    let (speed_cmps, course, altitude_m) = (rest.u16_le()?, rest.u8()?, rest.i16_le()?);
    let (_accuracy, _speed_accuracy, reason) = (rest.u16_le()?, rest.u8()?, rest.u8()?);
    let (status, inputs, outputs) = (rest.u8()?, rest.u32_le()?, rest.u16_le()?);
    let position = LatLon::new(f64::from(lat) / 1e7, f64::from(lon) / 1e7).filter(|p| !p.is_null_island());
    let known = position.is_some();
    batch.push(Fix {
        position,
        valid: known && status & 1 == 1,
        altitude_m: known.then(|| f32::from(altitude_m)),
        speed_mps: known.then(|| single(f64::from(speed_cmps) / 100.0)),
        heading_deg: heading(f64::from(course) * 2.0).filter(|_| known),
        ..Fix::nowhere(time(packed).unwrap_or(now))
    });
    batch.known(Known::Event, Value::Int(i64::from(reason)));
    if ALARMS.contains(&reason) {
        batch.known(Known::Alarm, Value::Bool(true));
    }
    batch.known(Known::Ignition, Value::Bool(inputs & 1 == 1));
    batch.known(Known::Inputs, Value::Int(i64::from(inputs)));
    batch.known(Known::Outputs, Value::Int(i64::from(outputs)));
    batch.put("record_index", Value::Int(i64::from(index)));
    batch.put("status", Value::Int(i64::from(status)));
    for name in ["adc_1", "adc_2", "adc_3", "adc_4", "adc_5"] {
        batch.put(name, Value::Int(i64::from(rest.i16_le()?)));
    }
    let temperature = rest.i8()?;
    if temperature != NO_TEMPERATURE {
        batch.put("device_temperature_c", Value::Int(i64::from(temperature)));
    }
    for name in ["acceleration_x", "acceleration_y", "acceleration_z"] {
        batch.put(name, Value::Int(i64::from(rest.i16_le()?)));
    }
    let device = rest.array::<8>()?;
    if device != [0xff; 8] && device != [0; 8] {
        let key = batch.name("sensor_id");
        let value = batch.bytes_value(&device);
        batch.attribute(key, value);
    }
    batch.known(Known::Pdop, Value::Float(f64::from(rest.u16_le()?) / 100.0));
    Some(())
}

/// Year of this century (6 bits), month (4), day (5), hour (5), minute (6), second (6).
fn time(packed: u32) -> Option<Timestamp> {
    let part = |from: u32, bits: u32| packed >> from & ((1 << bits) - 1);
    let byte = |from, bits| u8::try_from(part(from, bits)).ok();
    let seconds = (i64::from(part(15, 5)) * 60 + i64::from(part(20, 6))) * 60 + i64::from(part(26, 6));
    utc(2000 + i64::from(part(0, 6)), byte(6, 4)?, byte(10, 5)?, seconds, 0)
}
