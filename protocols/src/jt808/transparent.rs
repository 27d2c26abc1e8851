//! 0x0900, what a terminal passes through: the kind in one byte, then what that kind is.

use model::{Fix, FixBatch, Known, Value};

use super::items::scanner_words;
use super::location::{self, Context};
use super::record::{Record, trimmed};
use crate::bytes::Bytes;
use crate::put::{Put, hex_value};
use crate::units;

/// What was passed through.
pub(super) enum Passed {
    Record,
    /// A record of which a part could not be read.
    Part,
    Words(String),
    Other,
}

/// Adds a record where the kind has one. `None` where the body is too short.
pub(super) fn read(body: &[u8], context: &mut Context, batch: &mut FixBatch) -> Option<Passed> {
    let mut rest = Bytes(body);
    let whole = |whole: Option<()>| if whole.is_some() { Passed::Record } else { Passed::Part };
    Some(match rest.u8()? {
        0x40 if rest.0.windows(5).any(|five| five == b"GTSL|") => {
            let mut record = Record::nowhere(batch, context.now);
            if let Some(card) = rest.0.split(|b| *b == b'|').nth(4) {
                record.driver(card);
            }
            record.finish();
            Passed::Record
        }
        0x40 if trimmed(rest.0).is_ascii() && !trimmed(rest.0).is_empty() => {
            let record = Record::nowhere(batch, context.now);
            record.batch.put_words("data", trimmed(rest.0));
            record.finish();
            Passed::Record
        }
        0x41 if trimmed(rest.0).starts_with(b"$") => {
            let mut record = Record::nowhere(batch, context.now);
            scanner_words(rest.0, &mut record);
            record.finish();
            Passed::Record
        }
        0x53 => whole(tags(&mut rest, context, batch)),
        0xf0 => return vehicle(&mut rest, context, batch),
        0xff => whole(place(&mut rest, context, batch)),
        _ => {
            let words = trimmed(rest.0);
            match std::str::from_utf8(words) {
                Ok(text) if !text.is_empty() && !text.contains(char::is_control) => Passed::Words(text.to_owned()),
                _ => Passed::Other,
            }
        }
    })
}

/// 0xff: time, latitude and longitude with their signs, altitude, speed, heading.
fn place(rest: &mut Bytes<'_>, context: &Context, batch: &mut FixBatch) -> Option<()> {
    let time = context.time(rest.array()?);
    let (lat, lon) = (f64::from(rest.i32()?) / 1e6, f64::from(rest.i32()?) / 1e6);
    let (altitude, speed, heading) = (rest.i16()?, rest.u16()?, rest.u16()?);
    let position = model::LatLon::new(lat, lon).filter(|p| !p.is_null_island());
    batch.push(Fix {
        position,
        valid: position.is_some(),
        altitude_m: position.map(|_| f32::from(altitude)),
        speed_mps: position.map(|_| units::kmh(f64::from(speed) / 10.0)),
        heading_deg: position.and_then(|_| units::heading(f64::from(heading))),
        ..Fix::nowhere(time)
    });
    Some(())
}

/// 0x53: status, place and time as in a location, then radio tags: number, address, signal and
/// values.
fn tags(rest: &mut Bytes<'_>, context: &mut Context, batch: &mut FixBatch) -> Option<()> {
    let status = rest.u32()?;
    let (position, valid) = location::place(status, rest.u32()?, rest.u32()?);
    let (altitude, speed, heading) = (rest.i16()?, rest.u16()?, rest.u16()?);
    let fix = Fix {
        position,
        valid,
        altitude_m: position.map(|_| f32::from(altitude)),
        speed_mps: position.map(|_| units::kmh(f64::from(speed) / 10.0)),
        heading_deg: position.and_then(|_| units::heading(f64::from(heading))),
        ..Fix::nowhere(context.time(rest.array()?))
    };
    let mut record = Record::new(batch, fix);
    location::state(status, context, &mut record);
    let count = usize::from(rest.u8()?);
    for number in 1..=count {
        let Some(values) = tag(number, rest, &mut record) else { break };
        let value = record.batch.bytes_value(values);
        record.batch.put_numbered("tag_", number, "_data", value);
    }
    record.finish();
    rest.0.is_empty().then_some(())
}

fn tag<'a>(number: usize, rest: &mut Bytes<'a>, record: &mut Record<'_>) -> Option<&'a [u8]> {
    rest.skip(1)?;
    let address = rest.take(6)?;
    let signal = rest.i8()?;
    let len = usize::from(rest.u8()?);
    let values = rest.take(len)?;
    let address = hex_value(record.batch, address);
    record.batch.put_numbered("tag_", number, "_mac", address);
    record.batch.put_numbered("tag_", number, "_signal", Value::Int(i64::from(signal)));
    Some(values)
}

/// 0xf0: time, whether from the buffer, kind of vehicle, and what a scanner reads.
fn vehicle(rest: &mut Bytes<'_>, context: &mut Context, batch: &mut FixBatch) -> Option<Passed> {
    let time = context.time(rest.array()?);
    let is_archive = rest.u8()? > 0;
    rest.skip(1)?;
    let kind = rest.u8()?;
    if !matches!(kind, 0x01..=0x03 | 0x0b | 0x15) {
        return Some(Passed::Other);
    }
    let mut record = Record::nowhere(batch, time);
    record.is_archive = is_archive;
    let whole = match kind {
        0x01 => values(rest, &mut record),
        0x02 => codes(rest, &mut record),
        0x03 => alarms(rest, &mut record),
        0x0b => identity(rest, &mut record),
        _ => event(rest, &mut record),
    };
    let has_place = whole.is_some() && kind <= 0x03;
    if has_place && let (Some(status), Some(latitude), Some(longitude)) = (rest.u32(), rest.u32(), rest.u32()) {
        let (position, valid) = location::place(status, latitude, longitude);
        record.fix(|fix| {
            fix.position = position;
            fix.valid = valid;
        });
        location::state(status, context, &mut record);
    }
    record.finish();
    Some(if whole.is_some() { Passed::Record } else { Passed::Part })
}

fn values(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    for _ in 0..rest.u8()? {
        let (id, len) = (rest.u16()?, rest.u8()?);
        let data = rest.take(usize::from(len))?;
        if value(id, data, record).is_none() {
            record.other(id, data);
        }
    }
    Some(())
}

fn value(id: u16, data: &[u8], record: &mut Record<'_>) -> Option<()> {
    let mut rest = Bytes(data);
    match (id, data.len()) {
        (0x0102 | 0x0528 | 0x0546, 4) => record.odometer_m = Some(i64::from(rest.u32()?) * 100),
        (0x0103, 4) => record.batch.put_float("fuel_1", f64::from(rest.u32()?) / 100.0),
        (0x0111, 1) => record.batch.put_int("fuel_temperature_c", i16::from(rest.u8()?) - 40),
        (0x012e, 2) => record.batch.put_float("oil_level", f64::from(rest.u16()?) / 10.0),
        (0x052a, 2) => record.batch.put_float("fuel_1", f64::from(rest.u16()?) / 100.0),
        (0x0105 | 0x052c, 4) => record.batch.put_float("fuel_used", f64::from(rest.u32()?) / 100.0),
        (0x014a | 0x0537, 2) => record.batch.put_float("fuel_consumption", f64::from(rest.u16()?) / 100.0),
        (0x0538, 2) => record.batch.put_float("average_fuel_consumption", f64::from(rest.u16()?) / 100.0),
        (0x0539, 2) => record.batch.put_float("trip_fuel_consumption", f64::from(rest.u16()?) / 100.0),
        (0x052b, 1) => record.batch.put_int("fuel_percent", rest.u8()?),
        (0x052d, 1) => record.batch.put_int("coolant_temperature_c", i16::from(rest.u8()?) - 40),
        (0x052e, 1) => record.batch.put_int("air_temperature_c", i16::from(rest.u8()?) - 40),
        (0x0530, 2) => record.external_v = Some(f64::from(rest.u16()?) / 1000.0),
        (0x0535, 2) => record.batch.put_float("obd_speed_kmh", f64::from(rest.u16()?) / 10.0),
        (0x0536, 2) => record.batch.put_int("rpm", rest.u16()?),
        (0x053d, 2) => record.batch.put_float("intake_pressure", f64::from(rest.u16()?) / 10.0),
        (0x0544, 1) => record.batch.put_int("liquid_level", rest.u8()?),
        (0x0547, 1) => record.batch.put_int("throttle", rest.u8()?),
        (0x0548, 1) => record.batch.put_int("pedal", rest.u8()?),
        _ => return None,
    }
    Some(())
}

/// Systems of the vehicle with their trouble codes.
fn codes(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    let mut words = String::new();
    for _ in 0..rest.u16()? {
        rest.skip(4)?;
        for _ in 0..rest.u16()? {
            rest.skip(8)?;
            let len = usize::from(rest.u16()?);
            let code = trimmed(rest.take(len)?);
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(&String::from_utf8_lossy(code));
        }
    }
    record.batch.put_words("dtcs", words.as_bytes());
    Some(())
}

/// Alarms, each with bytes of its own. Some only inform.
fn alarms(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    for _ in 0..rest.u8()? {
        let (id, len) = (rest.u8()?, rest.u8()?);
        let data = rest.take(usize::from(len))?;
        record.alarm |= matches!(id, 0x01 | 0x02 | 0x1a..=0x1f | 0x23 | 0x26..=0x28 | 0x31 | 0x32);
        record.event = Some(u32::from(id));
        record.other(0xf000 | u16::from(id), data);
    }
    Some(())
}

/// The vehicle identification number, where there is one.
fn identity(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    if rest.u8()? > 0 {
        record.batch.put_words("vin", trimmed(rest.take(17)?));
    }
    Some(())
}

/// Sharp speeding up, braking, turning, changing of the lane, collision.
fn event(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    let event = rest.u32()?;
    record.event = Some(event);
    record.alarm = matches!(event, 51..=54 | 56);
    Some(())
}

/// 0x1005 of JT/T 1078-2016: from when, until when, how many got on and off.
pub(super) fn passengers(body: &[u8], context: &Context, batch: &mut FixBatch) -> Option<()> {
    let mut rest = Bytes(body);
    let (begin, end) = (context.time(rest.array()?), context.time(rest.array()?));
    let mut record = Record::nowhere(batch, end);
    record.batch.put_int("period_s", end.as_secs().saturating_sub(begin.as_secs()).max(0));
    record.known(Known::PassengersIn, Value::Int(i64::from(rest.u16()?)));
    record.known(Known::PassengersOut, Value::Int(i64::from(rest.u16()?)));
    record.finish();
    Some(())
}

/// 0x0705: how many frames of the vehicle's bus, the time of day, and the frames, each its
/// number and eight bytes.
pub(super) fn bus(body: &[u8], context: &Context, batch: &mut FixBatch) -> Option<()> {
    /// Most frames taken.
    const MAX: u16 = 128;
    let mut rest = Bytes(body);
    let count = rest.u16()?;
    rest.skip(5)?;
    let mut record = Record::nowhere(batch, context.now);
    for _ in 0..count.min(MAX) {
        let (Some(id), Some(data)) = (rest.u32(), rest.take(8)) else { break };
        let value = record.batch.bytes_value(data);
        // The three highest bits say which bus and what kind of frame.
        record.numbered(id & 0x1fff_ffff, value);
    }
    record.finish();
    Some(())
}
