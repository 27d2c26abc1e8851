//! How the vehicle is driven: harsh manoeuvres and accidents.

use model::{FixBatch, Known, Timestamp};

use super::gps::{self, LOCATED};
use super::{CUT, Family, Owed};
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::put::Put;

/// Most places of an accident.
const MAX_RECORDS: usize = 128;

/// Type 0x05: the places where a manoeuvre began and ended.
pub(super) fn by_gps(
    family: Family,
    rest: &mut Bytes<'_>,
    now: Timestamp,
    batch: &mut FixBatch,
) -> Result<Owed, DecodeError> {
    let manoeuvre = rest.u8().ok_or(CUT)?;
    for end in 0..2 {
        let (Some(time), Some(block)) = (rest.array().map(gps::moment), rest.array::<16>()) else {
            return if end == 0 { Err(CUT) } else { Ok(Owed::Head) };
        };
        let fix = gps::fix(LOCATED, time.unwrap_or(now), &block);
        // Some devices leave the end out.
        if end == 1 && !fix.valid {
            break;
        }
        batch.push(fix);
        speed_of_engine(family, rest, batch);
        happened(manoeuvre, batch);
    }
    Ok(Owed::Head)
}

/// Type 0x06: the place and the acceleration of a manoeuvre.
pub(super) fn by_acceleration(
    family: Family,
    rest: &mut Bytes<'_>,
    now: Timestamp,
    batch: &mut FixBatch,
) -> Result<Owed, DecodeError> {
    let manoeuvre = rest.u8().ok_or(CUT)?;
    record(family, rest, now, batch)?;
    happened(manoeuvre, batch);
    Ok(Owed::Head)
}

/// Type 0x07: places and accelerations around an accident.
pub(super) fn accident(
    family: Family,
    rest: &mut Bytes<'_>,
    now: Timestamp,
    batch: &mut FixBatch,
) -> Result<Owed, DecodeError> {
    // The first as of a manoeuvre.
    let owed = by_acceleration(family, rest, now, batch)?;
    let mut records = 1;
    while records < MAX_RECORDS && record(family, rest, now, batch).is_ok() {
        records += 1;
    }
    Ok(owed)
}

fn record(family: Family, rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Result<(), DecodeError> {
    let mut record = *rest;
    let time = gps::time(&mut record, now)?;
    let status = record.u8().ok_or(CUT)?;
    let (axes, block) = (record.array().ok_or(CUT)?, record.array().ok_or(CUT)?);
    *rest = record;
    gps::push(status, time, &block, batch);
    gps::acceleration(axes, batch);
    speed_of_engine(family, rest, batch);
    Ok(())
}

fn happened(number: u8, batch: &mut FixBatch) {
    batch.known_int(Known::Event, number);
    batch.known_bool(Known::Alarm, true);
}

/// Devices at the diagnostic connector add the speed of the engine to each place.
fn speed_of_engine(family: Family, rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    if family == Family::Obd
        && let Some(rpm) = rest.u16()
        && rpm != u16::MAX
    {
        batch.put_int("rpm", rpm);
    }
}
