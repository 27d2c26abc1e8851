//! Records, extended records and trouble codes.

use model::{AttributeKey, Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::io::Gathered;
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::units::{heading, kmh, single};

pub(super) const DEGREE: f64 = 1e7;
/// Altitude and dilution of precision are sent as tenths, angles as hundredths.
pub(super) const TENTH: f64 = 10.0;
pub(super) const HUNDREDTH: f64 = 100.0;
/// What a receiver without a solution sends for either coordinate, and for the altitude.
const NO_COORDINATE: i32 = i32::MIN;
pub(super) const NO_ALTITUDE: i16 = i16::MIN;
/// Characters of a trouble code.
const TROUBLE_CODE: usize = 5;
/// The trouble code was stored before.
const STORED: u8 = 2;

const CUT: DecodeError = DecodeError::Format("record ends before its elements do");

/// Command 1: ids of one byte.
pub(super) fn standard(payload: &[u8]) -> Result<FixBatch, DecodeError> {
    Layout::<1>::records(payload)
}

/// Command 68: ids of two bytes, and records in several parts.
pub(super) fn extended(payload: &[u8]) -> Result<FixBatch, DecodeError> {
    Layout::<2>::records(payload)
}

/// How many bytes the id of an element takes.
struct Layout<const ID: usize>;

impl<const ID: usize> Layout<ID> {
    const EXTENDED: bool = ID == 2;

    fn records(payload: &[u8]) -> Result<FixBatch, DecodeError> {
        let mut rest = Bytes(payload);
        // Whether the device has more of them does not matter here: it will send them.
        let (Some(_left), Some(count)) = (rest.u8(), rest.u8()) else { return Err(CUT) };
        let mut batch = FixBatch {
            fixes: Vec::with_capacity(usize::from(count)),
            attributes: Vec::with_capacity(payload.len() / 4),
            text: Vec::new(),
        };
        let mut gathered = Gathered::default();
        for _ in 0..count {
            Self::record(&mut rest, &mut gathered, &mut batch).ok_or(CUT)?;
        }
        gathered.finish(&mut batch);
        if rest.0.is_empty() { Ok(batch) } else { Err(DecodeError::Format("packet goes on after its records")) }
    }

    /// Reads a record, or a further part of the one before.
    fn record(rest: &mut Bytes<'_>, gathered: &mut Gathered, batch: &mut FixBatch) -> Option<()> {
        let time = Timestamp::from_secs(i64::from(rest.u32()?));
        let extension = rest.u8()?;
        // How many parts follow the first, and which of them this is.
        let parts = if Self::EXTENDED { rest.u8()? } else { 0 };
        let (more, part) = (parts >> 4, parts & 0xf);
        let priority = rest.u8()?;
        let fix = gnss(rest, time)?;
        let event = Self::id(rest)?;
        let is_part = part > 0 && part <= more && batch.fixes.last().is_some_and(|last| last.time == time);
        if is_part {
            if let Some(last) = batch.fixes.last_mut().filter(|last| last.position.is_none()) {
                let (start, len) = (last.attributes_start, last.attributes_len);
                *last = Fix { attributes_start: start, attributes_len: len, ..fix };
            }
        } else {
            std::mem::take(gathered).finish(batch);
            batch.push(fix);
            if priority != 0 {
                batch.known(Known::Priority, Value::Int(i64::from(priority)));
            }
            if event != 0 {
                batch.known(Known::Event, Value::Int(i64::from(event)));
            }
            if extension != 0 {
                let key = batch.name("time_extension");
                batch.attribute(key, Value::Int(i64::from(extension)));
            }
        }
        Self::group::<1>(rest, gathered, batch)?;
        Self::group::<2>(rest, gathered, batch)?;
        Self::group::<4>(rest, gathered, batch)?;
        Self::group::<8>(rest, gathered, batch)
    }

    fn group<const N: usize>(rest: &mut Bytes<'_>, gathered: &mut Gathered, batch: &mut FixBatch) -> Option<()> {
        for _ in 0..rest.u8()? {
            let id = Self::id(rest)?;
            let raw = rest.array::<N>()?.iter().fold(0, |sum, b| sum << 8 | u64::from(*b));
            gathered.add(id, raw, N, batch);
        }
        Some(())
    }

    fn id(rest: &mut Bytes<'_>) -> Option<u16> {
        if ID == 1 { rest.u8().map(u16::from) } else { rest.u16() }
    }
}

/// The GPS element: 16 bytes, of which any may say that it is not known.
fn gnss(rest: &mut Bytes<'_>, time: Timestamp) -> Option<Fix> {
    let position = place(rest.i32()?, rest.i32()?);
    let (altitude, angle) = (rest.i16()?, rest.u16()?);
    let (satellites, speed, hdop) = (rest.u8()?, rest.u16()?, rest.u8()?);
    let satellites = Some(satellites).filter(|n| *n != u8::MAX);
    let valid = position.is_some() && satellites != Some(0);
    Some(Fix {
        position,
        valid,
        altitude_m: (position.is_some() && altitude != NO_ALTITUDE).then(|| single(f64::from(altitude) / TENTH)),
        speed_mps: (valid && speed != u16::MAX).then(|| kmh(f64::from(speed))),
        heading_deg: heading(f64::from(angle) / HUNDREDTH).filter(|_| valid),
        satellites,
        hdop: (position.is_some() && hdop != u8::MAX).then(|| single(f64::from(hdop) / TENTH)),
        ..Fix::nowhere(time)
    })
}

/// Longitude comes first.
fn place(lon: i32, lat: i32) -> Option<LatLon> {
    let known = lon != NO_COORDINATE && lat != NO_COORDINATE;
    LatLon::new(f64::from(lat) / DEGREE, f64::from(lon) / DEGREE).filter(|p| known && !p.is_null_island())
}

/// Command 9: for each code when and where it was found.
pub(super) fn trouble_codes(payload: &[u8]) -> Result<FixBatch, DecodeError> {
    let mut rest = Bytes(payload);
    let count = rest.u8().ok_or(CUT)?;
    let mut batch = FixBatch { fixes: Vec::with_capacity(usize::from(count)), ..FixBatch::default() };
    for _ in 0..count {
        trouble_code(&mut rest, &mut batch).ok_or(CUT)?;
    }
    if rest.0.is_empty() { Ok(batch) } else { Err(DecodeError::Format("packet goes on after its trouble codes")) }
}

fn trouble_code(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    rest.skip(1)?;
    let time = Timestamp::from_secs(i64::from(rest.u32()?));
    let position = place(rest.i32()?, rest.i32()?);
    let (source, code) = (rest.u8()?, rest.take(TROUBLE_CODE)?);
    batch.push(position.map_or(Fix::nowhere(time), |position| Fix::at(time, position)));
    if source == STORED {
        batch.known(Known::Archive, Value::Bool(true));
    }
    let key: AttributeKey = batch.name("dtc");
    let value = match std::str::from_utf8(code) {
        Ok(text) if text.bytes().all(|b| b.is_ascii_graphic()) => batch.text_value(text),
        _ => batch.bytes_value(code),
    };
    batch.attribute(key, value);
    Some(())
}
