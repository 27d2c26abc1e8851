//! Records in fixed widths, with two texts, and custom fields after them.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::MAX_RECORDS;
use super::custom::Form;
use crate::bytes::Bytes;
use crate::civil::utc;
use crate::put::Put;
use crate::{DecodeError, units};

pub(super) const CUT: DecodeError = DecodeError::Format("message ends before its fields do");
/// The shortest record: both texts are empty, and there are no custom fields.
const SHORTEST: usize = 41;
/// How far behind a field of an unknown width the next record is looked for.
const LONGEST: usize = 1024;
/// Degrees are sent multiplied by this.
pub(super) const DEGREE: f64 = 1e6;
/// The device's own note of a sensor that is not connected.
pub(super) const NOT_CONNECTED: i16 = 2000;
/// 2000-01-01; clocks that say less have not been set.
const CLOCK_SET_S: i64 = 946_684_800;

/// Reads records until there are fewer bytes than a record has.
pub(super) fn read(content: &[u8], form: &Form, now: Timestamp, batch: &mut FixBatch) -> Result<(), DecodeError> {
    let mut rest = Bytes(content);
    while rest.0.len() >= SHORTEST && batch.fixes.len() < MAX_RECORDS {
        // The custom fields of the record before may not be known.
        if !batch.fixes.is_empty() && !is_record(rest.0) {
            return Err(DecodeError::Format("custom fields are of a form that the device did not tell"));
        }
        record(&mut rest, now, batch).ok_or(CUT)?;
        let own = rest.0.starts_with(b"%CI").then(|| rest.until(0).map(Form::of)).flatten();
        let read = match &own {
            Some(own) => own.binary(&mut rest, batch),
            None => form.binary(&mut rest, batch),
        };
        // Behind a field of a width that is not known, the next record is found by its form.
        if let Err(error) = read {
            let near = rest.0.get(..LONGEST).unwrap_or(rest.0);
            let next = own.and_then(|own| own.find(near)).and_then(|at| at.checked_sub(SHORTEST));
            match next.and_then(|at| rest.0.get(at..)) {
                Some(next) => rest = Bytes(next),
                None => return Err(error),
            }
        }
    }
    Ok(())
}

/// Whether the bytes begin with a clock that was set and a place on the globe.
fn is_record(bytes: &[u8]) -> bool {
    let mut rest = Bytes(bytes);
    let is_set = if date(&mut Bytes(bytes)).is_some() {
        rest.skip(21).is_some()
    } else {
        let clock = rest.skip(4).and_then(|()| rest.u32());
        clock.is_some_and(|seconds| i64::from(seconds) >= CLOCK_SET_S) && rest.skip(4).is_some()
    };
    let place = rest.i32().zip(rest.i32());
    is_set && place.is_some_and(|(lon, lat)| LatLon::new(f64::from(lat) / DEGREE, f64::from(lon) / DEGREE).is_some())
}

fn record(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Option<()> {
    let time = times(rest, now)?;
    let (lon, lat) = (f64::from(rest.i32()?) / DEGREE, f64::from(rest.i32()?) / DEGREE);
    let (course, report, distance, dilution) = (rest.u16()?, rest.u8()?, rest.u32()?, rest.u16()?);
    let (inputs, speed, outputs, analogue) = (rest.u8()?, rest.u16()?, rest.u8()?, rest.u16()?);
    let driver = rest.until(0)?;
    let temperatures = [rest.i16()?, rest.i16()?];
    let message = rest.until(0)?;
    let position = LatLon::new(lat, lon).filter(|p| !p.is_null_island());
    batch.push(Fix {
        position,
        valid: position.is_some(),
        speed_mps: Some(units::kmh(f64::from(speed))),
        heading_deg: units::heading(f64::from(course)),
        hdop: Some(units::single(f64::from(dilution) / 10.0)),
        ..Fix::nowhere(time)
    });
    batch.known_int(Known::Event, report);
    batch.known_int(Known::OdometerM, i64::from(distance) * 100);
    switches(i64::from(inputs), i64::from(outputs), batch);
    batch.put_float("adc_1_v", f64::from(analogue) / 1000.0);
    self::driver(driver, batch);
    for (at, tenths) in temperatures.into_iter().enumerate() {
        if tenths != NOT_CONNECTED {
            let key = batch.numbered("temperature_", at + 1, "_c");
            batch.attribute(key, Value::Float(f64::from(tenths) / 10.0));
        }
    }
    words(message, batch);
    Some(())
}

/// Inputs and outputs as bits; input 0 is the ignition's.
pub(super) fn switches(inputs: i64, outputs: i64, batch: &mut FixBatch) {
    batch.known_bool(Known::Ignition, inputs & 1 != 0);
    batch.known_int(Known::Inputs, inputs);
    batch.known_int(Known::Outputs, outputs);
}

pub(super) fn driver(id: &[u8], batch: &mut FixBatch) {
    if let Ok(id) = std::str::from_utf8(id)
        && !id.is_empty()
        && id != "0"
    {
        batch.known_text(Known::DriverId, id);
    }
}

/// Words of the owner, or of a sensor of fuel.
pub(super) fn words(message: &[u8], batch: &mut FixBatch) {
    let fuel = message.strip_prefix(b"FULS:").and_then(|fields| {
        let level = fields.split(|b| *b == b' ').find_map(|field| field.strip_prefix(b"N="))?;
        crate::text::hexadecimal(level)
    });
    match fuel {
        Some(tenths) => batch.put_float("fuel", tenths as f64 / 10.0),
        None => batch.put_text("message", message),
    }
}

/// The times of the place, of the device and of sending: seconds since 1970, or dates of seven bytes.
fn times(rest: &mut Bytes<'_>, now: Timestamp) -> Option<Timestamp> {
    if let Some(time) = date(&mut Bytes(rest.0)) {
        rest.skip(21)?;
        return Some(time);
    }
    let (fix, clock) = (i64::from(rest.u32()?), i64::from(rest.u32()?));
    rest.skip(4)?;
    Some([fix, clock].into_iter().find(|s| *s >= CLOCK_SET_S).map_or(now, Timestamp::from_secs))
}

/// Year in two bytes, month, day, hours, minutes, seconds. Seconds since 1970 would be of the year 1974.
fn date(rest: &mut Bytes<'_>) -> Option<Timestamp> {
    let year = rest.u16().filter(|year| (2000..2100).contains(year))?;
    let [month, day, hours, minutes, seconds] = rest.array()?;
    let seconds = (i64::from(hours) * 60 + i64::from(minutes)) * 60 + i64::from(seconds);
    utc(i64::from(year), month, day, seconds, 0)
}
