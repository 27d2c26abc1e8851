//! Codec 7 of the GH personal trackers: coordinates as floats, elements present by bit masks.

use model::{AttributeKey, Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::avl::KMH;
use super::elements::{MILLI, TENTH};
use crate::DecodeError;
use crate::bytes::Bytes;

/// Seconds count from 2007-01-01T00:00:00Z in 30 bits; the two bits above are the priority.
const EPOCH_S: i64 = 1_167_609_600;
const SECONDS: u32 = 0x3fff_ffff;
const ANGLE_DEG: f32 = 360.0 / 256.0;
/// The speed of a receiver that does not know.
const NO_SPEED: u8 = 255;

const CUT: DecodeError = DecodeError::Format("record ends before its elements do");

/// Reads the records between the codec id and the end of the data field, both counts included,
/// into an empty batch.
#[inline(never)]
pub(super) fn records(data: &[u8], batch: &mut FixBatch) -> Result<(), DecodeError> {
    let mut rest = Bytes(data);
    let count = rest.u8().ok_or(CUT)?;
    batch.fixes = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        record(&mut rest, batch).ok_or(CUT)?;
    }
    let again = rest.u8().ok_or(CUT)?;
    if again != count {
        let (stated, found) = (usize::from(count), usize::from(again));
        return Err(DecodeError::Count { what: "second count of records", stated, found });
    }
    if !rest.0.is_empty() {
        return Err(DecodeError::Format("data field goes on after its records"));
    }
    Ok(())
}

fn record(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let stamp = rest.u32()?;
    let present = rest.u8()?;
    let time = Timestamp::from_secs(EPOCH_S + i64::from(stamp & SECONDS));
    batch.push(Fix::nowhere(time));
    if stamp > SECONDS {
        batch.known(Known::Priority, Value::Int(i64::from(stamp >> 30)));
    }
    if present & 1 != 0 {
        gnss(rest, batch)?;
    }
    if present & 2 != 0 {
        group::<1>(rest, batch)?;
    }
    if present & 4 != 0 {
        group::<2>(rest, batch)?;
    }
    if present & 8 != 0 {
        group::<4>(rest, batch)?;
    }
    Some(())
}

fn gnss(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let mask = rest.u8()?;
    let has = |bit: u8| mask >> bit & 1 == 1;
    let mut fix = batch.fixes.pop()?;
    if has(0) {
        let (lat, lon) = (f32::from_be_bytes(rest.array()?), f32::from_be_bytes(rest.array()?));
        fix.position = LatLon::new(f64::from(lat), f64::from(lon)).filter(|p| !p.is_null_island());
        fix.valid = fix.position.is_some();
    }
    if has(1) {
        fix.altitude_m = Some(f32::from(rest.i16()?));
    }
    if has(2) {
        fix.heading_deg = Some(f32::from(rest.u8()?) * ANGLE_DEG);
    }
    if has(3) {
        fix.speed_mps = Some(rest.u8()?).filter(|s| *s != NO_SPEED).map(|s| f32::from(s) / KMH);
    }
    if has(4) {
        let satellites = rest.u8()?;
        fix.satellites = Some(satellites);
        fix.valid &= satellites > 0;
    }
    batch.fixes.push(fix);
    if has(5) {
        let (area, cell) = (rest.u16()?, rest.u16()?);
        for (name, value) in [("lac", area), ("cell_id", cell)] {
            let key = batch.name(name);
            batch.attribute(key, Value::Int(i64::from(value)));
        }
    }
    if has(6) {
        batch.known(Known::GsmSignal, Value::Int(i64::from(rest.u8()?)));
    }
    if has(7) {
        let key = batch.name("operator");
        batch.attribute(key, Value::Int(i64::from(rest.u32()?)));
    }
    Some(())
}

fn group<const N: usize>(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    for _ in 0..rest.u8()? {
        let id = rest.u8()?;
        let raw = rest.array::<N>()?.iter().fold(0, |sum, b| sum << 8 | i64::from(*b));
        element(id, raw, batch);
    }
    Some(())
}

/// The GH list numbers its elements for itself.
fn element(id: u8, raw: i64, batch: &mut FixBatch) {
    match id {
        1 => batch.known(Known::BatteryPercent, Value::Int(raw)),
        20 => {
            if let Some(fix) = batch.fixes.last_mut() {
                fix.hdop = u16::try_from(raw).ok().map(|tenths| f32::from(tenths) / 10.0);
            }
        }
        22 => batch.known(Known::Pdop, Value::Float(raw as f64 / TENTH)),
        67 => batch.known(Known::BatteryVoltageV, Value::Float(raw as f64 / MILLI)),
        222 => batch.known(Known::Alarm, Value::Bool(raw != 0)),
        240 => batch.known(Known::Movement, Value::Bool(raw != 0)),
        _ => batch.attribute(AttributeKey::Number(u32::from(id)), Value::Int(raw)),
    }
}
