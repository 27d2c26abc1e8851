//! Places of protocol 1, and the status that both protocols share.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::{CUT, package};
use crate::bytes::Bytes;
use crate::put::Put;
use crate::{DecodeError, units};

/// Degrees are sent as minutes multiplied by 30,000.
pub(super) const DEGREE: f64 = 1_800_000.0;
/// Digits and padding of a telephone's number.
const TELEPHONE: usize = 21;

/// Seconds since 1970; `now` where there are none.
pub(super) fn time(rest: &mut Bytes<'_>, now: Timestamp) -> Option<Timestamp> {
    let seconds = rest.u32()?;
    Some(if seconds == 0 { now } else { Timestamp::from_secs(i64::from(seconds)) })
}

/// Latitude and longitude as they are sent.
pub(super) fn degrees(rest: &mut Bytes<'_>) -> Option<[i32; 2]> {
    Some([rest.i32()?, rest.i32()?])
}

pub(super) fn place([lat, lon]: [i32; 2]) -> Option<LatLon> {
    LatLon::new(f64::from(lat) / DEGREE, f64::from(lon) / DEGREE).filter(|p| !p.is_null_island())
}

/// Country, network, area and cell.
pub(super) fn cell(country: u16, network: u16, area: u16, cell: u32, batch: &mut FixBatch) {
    if cell == 0 {
        return;
    }
    for (name, value) in
        [("mcc", u32::from(country)), ("mnc", u32::from(network)), ("lac", u32::from(area)), ("cell_id", cell)]
    {
        batch.put_int(name, value);
    }
}

/// Types 0x02, 0x04, 0x05 and 0x06.
pub(super) fn read(kind: u8, rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Result<(), DecodeError> {
    located(rest, now, batch).ok_or(CUT)?;
    match kind {
        package::ALARM => {
            batch.known_int(Known::Event, rest.u8().ok_or(CUT)?);
            batch.known_bool(Known::Alarm, true);
        }
        package::STATE => {
            batch.known_int(Known::Event, rest.u8().ok_or(CUT)?);
            // When the device noticed it.
            if rest.skip(4).is_some()
                && let Some(bits) = rest.u16()
            {
                status(bits, batch);
            }
        }
        package::SMS => message(rest, batch),
        _ => condition(rest, batch),
    }
    Ok(())
}

fn located(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Option<()> {
    let (time, position) = (time(rest, now)?, place(degrees(rest)?));
    let (speed, course) = (rest.u8()?, rest.u16()?);
    let (country, network, area, number) = (rest.u16()?, rest.u16()?, rest.u16()?, rest.u24()?);
    let located = rest.u8()? & 1 != 0;
    batch.push(Fix {
        position,
        valid: located && position.is_some(),
        speed_mps: Some(units::kmh(f64::from(speed))),
        heading_deg: units::heading(f64::from(course)),
        ..Fix::nowhere(time)
    });
    cell(country, network, area, number, batch);
    Some(())
}

/// Status, battery, signal and two analogue inputs, of which older devices send none.
fn condition(rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    let Some(bits) = rest.u16() else { return };
    status(bits, batch);
    let (Some(battery), Some(signal)) = (rest.u16(), rest.u16()) else { return };
    batch.known_float(Known::BatteryVoltageV, f64::from(battery) / 1000.0);
    batch.known_int(Known::GsmSignal, signal);
    for input in 1..=2 {
        analogue_input(input, rest, batch);
    }
}

/// Millivolts.
pub(super) fn analogue_input(input: usize, rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    if let Some(millivolts) = rest.u16() {
        let key = batch.numbered("adc_", input, "_v");
        batch.attribute(key, Value::Float(f64::from(millivolts) / 1000.0));
    }
}

/// The number of a telephone, padded, and words.
pub(super) fn message(rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    let Some(telephone) = rest.take(TELEPHONE) else { return };
    let end = telephone.iter().position(|b| *b == 0).unwrap_or(telephone.len());
    batch.put_text("telephone", telephone.get(..end).unwrap_or(telephone));
    batch.put_text("message", rest.0);
}

/// A heartbeat's status; nothing where it has none.
pub(super) fn heartbeat(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) {
    if let Some(bits) = rest.u16() {
        batch.push(Fix::nowhere(now));
        status(bits, batch);
    }
}

/// Bits in pairs: whether the device can tell, and what it tells.
pub(super) fn status(bits: u16, batch: &mut FixBatch) {
    let is = |bit: u32| bits >> bit & 1 == 1;
    if is(1) {
        batch.known_bool(Known::Ignition, is(2));
    }
    if is(3) {
        batch.put_bool("armed", is(4));
    }
    if is(5) {
        batch.put_bool("blocked", !is(6));
    }
    if is(7) {
        batch.put_bool("charging", is(8));
    }
    batch.put_int("status", bits);
}
