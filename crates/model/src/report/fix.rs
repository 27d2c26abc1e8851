//! A fix's bytes.

use super::CodecError;
use super::wire::{Input, Output};
use crate::{Fix, LatLon, Timestamp};

/// The most that one takes, about.
pub(super) const MOST_BYTES: usize = 1 + 10 + 3 + 16 + 17;
/// The least that one takes.
pub(super) const LEAST_BYTES: usize = 3;

/// What a fix has: bits of its first byte.
const VALID: u8 = 1;
const PLACE: u8 = 1 << 1;
/// The place is a whole number of 1e-7 degrees, as trackers send it.
const WHOLE: u8 = 1 << 2;
const ALTITUDE: u8 = 1 << 3;
const SPEED: u8 = 1 << 4;
const HEADING: u8 = 1 << 5;
const HDOP: u8 = 1 << 6;
const SATELLITES: u8 = 1 << 7;

const DEGREE: f64 = 1e7;

pub(super) fn encode(fix: &Fix, before: Timestamp, out: &mut Vec<u8>) {
    let place = fix.position.map(|p| (p.lat(), p.lon()));
    let whole = place.and_then(|(lat, lon)| Some((whole(lat)?, whole(lon)?)));
    let has = |there: bool, bit: u8| if there { bit } else { 0 };
    out.push(
        has(fix.valid, VALID)
            | has(place.is_some(), PLACE)
            | has(whole.is_some(), WHOLE)
            | has(fix.altitude_m.is_some(), ALTITUDE)
            | has(fix.speed_mps.is_some(), SPEED)
            | has(fix.heading_deg.is_some(), HEADING)
            | has(fix.hdop.is_some(), HDOP)
            | has(fix.satellites.is_some(), SATELLITES),
    );
    out.zigzag(fix.time.as_micros().wrapping_sub(before.as_micros()));
    out.varint(u64::from(fix.attributes_len));
    if let Some((lat, lon)) = whole {
        out.extend_from_slice(&lat.to_le_bytes());
        out.extend_from_slice(&lon.to_le_bytes());
    } else if let Some((lat, lon)) = place {
        out.extend_from_slice(&lat.to_le_bytes());
        out.extend_from_slice(&lon.to_le_bytes());
    }
    for number in [fix.altitude_m, fix.speed_mps, fix.heading_deg, fix.hdop].into_iter().flatten() {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend(fix.satellites);
}

pub(super) fn decode(input: &mut Input<'_>, before: Timestamp, attributes_start: u32) -> Result<Fix, CodecError> {
    let has = input.u8()?;
    let time = Timestamp::from_micros(before.as_micros().wrapping_add(input.zigzag()?));
    let attributes_len = input.number()?;
    let place = match (has & PLACE != 0, has & WHOLE != 0) {
        (false, _) => None,
        (true, true) => Some((f64::from(input.i32()?) / DEGREE, f64::from(input.i32()?) / DEGREE)),
        (true, false) => Some((input.f64()?, input.f64()?)),
    };
    let position = match place {
        Some((lat, lon)) => Some(LatLon::new(lat, lon).ok_or(CodecError::Field("position"))?),
        None => None,
    };
    let mut number = |bit: u8| if has & bit == 0 { Ok(None) } else { input.f32().map(Some) };
    let (altitude_m, speed_mps, heading_deg, hdop) =
        (number(ALTITUDE)?, number(SPEED)?, number(HEADING)?, number(HDOP)?);
    let satellites = if has & SATELLITES == 0 { None } else { Some(input.u8()?) };
    Ok(Fix {
        time,
        position,
        valid: has & VALID != 0,
        altitude_m,
        speed_mps,
        heading_deg,
        satellites,
        hdop,
        attributes_start,
        attributes_len,
    })
}

/// Degrees as a whole number of 1e-7, where they are exactly that many.
fn whole(degrees: f64) -> Option<i32> {
    #[expect(clippy::cast_possible_truncation, reason = "compared with what it was just below")]
    let whole = (degrees * DEGREE + 0.5_f64.copysign(degrees)) as i32;
    ((f64::from(whole) / DEGREE).to_bits() == degrees.to_bits()).then_some(whole)
}
