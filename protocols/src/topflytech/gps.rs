//! What the messages share: decimal digits, times, places, cells and accelerations.

use model::{Fix, FixBatch, Known, LatLon, Timestamp};

use super::CUT;
use crate::bytes::Bytes;
use crate::civil::utc;
use crate::put::Put;
use crate::{DecodeError, units};

/// Bits of the status byte.
pub(super) const STORED: u8 = 0x80;
pub(super) const LOCATED: u8 = 0x40;
/// Satellites in the status byte.
pub(super) const SATELLITES: u8 = 0x1f;
/// Sent for a number that is not known.
const UNKNOWN: u8 = 0xff;

/// Two decimal digits in a byte.
pub(super) fn digits(byte: u8) -> Option<u8> {
    (byte >> 4 < 10 && byte & 0x0f < 10).then_some((byte >> 4) * 10 + (byte & 0x0f))
}

/// Four decimal digits in two bytes, where they are known.
pub(super) fn number(bytes: [u8; 2]) -> Option<f64> {
    let [high, low] = bytes;
    Some(f64::from(digits(high)?) * 100.0 + f64::from(digits(low)?))
}

/// Year of this century, month, day, hours, minutes and seconds, two digits each, in UTC.
pub(super) fn moment(bytes: [u8; 6]) -> Option<Timestamp> {
    let [year, month, day, hours, minutes, seconds] = bytes.map(digits);
    let (hours, minutes, seconds) = (hours?, minutes?, seconds?);
    let seconds = (hours < 24 && minutes < 60 && seconds <= 60)
        .then(|| (i64::from(hours) * 60 + i64::from(minutes)) * 60 + i64::from(seconds))?;
    utc(2000 + i64::from(year?), month?, day?, seconds, 0)
}

/// The next six bytes as a time; `now` where they are none.
pub(super) fn time(rest: &mut Bytes<'_>, now: Timestamp) -> Result<Timestamp, DecodeError> {
    Ok(moment(rest.array().ok_or(CUT)?).unwrap_or(now))
}

/// The next 16 bytes as a place, if the status byte says that they are one.
pub(super) fn fix(status: u8, time: Timestamp, block: &[u8; 16]) -> Fix {
    let mut rest = Bytes(block);
    let place = || {
        let (altitude, lon, lat) = (rest.f32_le()?, rest.f32_le()?, rest.f32_le()?);
        let position = LatLon::new(f64::from(lat), f64::from(lon)).filter(|p| !p.is_null_island())?;
        Some((position, altitude, number(rest.array()?), rest.u16()?))
    };
    let nowhere = Fix::nowhere(time);
    match (status & LOCATED != 0).then(place).flatten() {
        Some((position, altitude, speed, course)) => Fix {
            position: Some(position),
            valid: true,
            altitude_m: altitude.is_finite().then_some(altitude),
            speed_mps: speed.map(|tenths| units::kmh(tenths / 10.0)),
            heading_deg: units::heading(f64::from(course)),
            ..nowhere
        },
        None => nowhere,
    }
}

/// Adds a fix with its satellites, and what else the status byte and the cells say.
pub(super) fn push(status: u8, time: Timestamp, block: &[u8; 16], batch: &mut FixBatch) {
    batch.push(Fix { satellites: Some(status & SATELLITES), ..fix(status, time, block) });
    if status & STORED != 0 {
        batch.known_bool(Known::Archive, true);
    }
    if status & LOCATED == 0 {
        cells(block, batch);
    }
}

/// Country, network and the serving cell, which stand instead of a place. Older devices send them the low byte first;
/// newer ones the high byte first, with the highest bit of the country for a cell of LTE.
pub(super) fn cells(block: &[u8; 16], batch: &mut FixBatch) {
    let is_country = |code: u16| (200..800).contains(&code);
    let mut rest = Bytes(block);
    let Some([high, low]) = rest.array::<2>() else { return };
    let country = u16::from_be_bytes([high, low]);
    let parts = if is_country(country & 0x7fff) {
        let network = rest.u16();
        let wide = if country >> 15 == 1 { rest.u32().zip(rest.u16()) } else { None };
        let narrow = if country >> 15 == 0 {
            rest.u16().zip(rest.u16()).map(|(area, cell)| (u32::from(cell), area))
        } else {
            None
        };
        network.zip(wide.or(narrow)).map(|(network, (cell, area))| (country & 0x7fff, network, area, cell))
    } else {
        let country = u16::from_le_bytes([high, low]);
        let parts = rest.u16_le().zip(rest.u16_le()).zip(rest.u16_le());
        parts.map(|((network, area), cell)| (country, network, area, u32::from(cell)))
    };
    let Some((country, network, area, cell)) = parts.filter(|(country, ..)| is_country(*country)) else { return };
    for (name, value) in
        [("mcc", u32::from(country)), ("mnc", u32::from(network)), ("lac", u32::from(area)), ("cell_id", cell)]
    {
        batch.put_int(name, value);
    }
}

/// Three axes in metres a second squared: a sign that is positive where its bit is set, a whole number and a tenth.
pub(super) fn acceleration(bytes: [u8; 5], batch: &mut FixBatch) {
    let [x, xy, y, z, last] = bytes.map(i32::from);
    let axis = |positive: bool, whole: i32, tenth: i32| {
        let size = f64::from(whole * 10 + tenth) / 10.0;
        if positive { size } else { -size }
    };
    batch.put_float("acceleration_x", axis(x & 0x80 != 0, x & 0x7f, xy >> 4));
    batch.put_float("acceleration_y", axis(xy & 0x08 != 0, (xy & 0x07) << 4 | y >> 4, y & 0x0f));
    batch.put_float("acceleration_z", axis(z & 0x80 != 0, z & 0x7f, last >> 4));
}

/// A byte of digits, where they are known.
pub(super) fn put_tenths(name: &str, byte: u8, batch: &mut FixBatch) {
    if let Some(tenths) = digits(byte) {
        batch.put_float(name, f64::from(tenths) / 10.0);
    }
}

/// The charge of the battery in digits, of which none are left for a full one.
pub(super) fn put_charge(byte: u8, batch: &mut FixBatch) {
    if let Some(percent) = digits(byte) {
        batch.known_int(Known::BatteryPercent, if percent == 0 { 100 } else { percent });
    }
}

/// Degrees with a sign bit.
pub(super) fn put_temperature(name: &str, byte: u8, batch: &mut FixBatch) {
    if byte != UNKNOWN {
        let size = i64::from(byte & 0x7f);
        batch.put_int(name, if byte & 0x80 == 0 { size } else { -size });
    }
}

/// A byte less an offset, where it is known.
pub(super) fn put_byte(name: &str, byte: u8, offset: i64, batch: &mut FixBatch) {
    if byte != UNKNOWN {
        batch.put_int(name, i64::from(byte) - offset);
    }
}
