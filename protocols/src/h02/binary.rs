//! Records of bytes: `$`, then the terminal's number, time, date, place, speed, heading and
//! status, all but the last in packed decimal digits.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::status;
use crate::bytes::Bytes;
use crate::civil::utc;
use crate::put::Put;
use crate::units::{heading, int, knots, satellites};

/// The plain record.
pub(super) const SHORT: usize = 32;
/// With 16 digits of number.
const LONG_NUMBER: usize = 42;
/// With signal, odometer and cell.
pub(super) const EXTENDED: usize = 45;
/// Where the fields after the status begin in records of ten digits of number.
const TAIL: usize = 29;
/// Bytes that show the number of the record that follows.
const NUMBER: usize = 5;

/// How the record at the start is laid out; two lengths of number are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Ten digits.
    Short,
    /// Sixteen digits.
    Long,
}

/// What the start of the input may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// All digits and ranges are right as far as they go, which is not to the end.
    Possible,
    Is(Layout),
    No,
}

/// Looks whether the digits and ranges are those of a record.
pub(super) fn start(input: &[u8]) -> Start {
    let (short, long) = (plausible(input, 5), plausible(input, 8));
    match (short, long) {
        (Some(true), _) => Start::Is(Layout::Short),
        (None, _) | (_, None) => Start::Possible,
        (_, Some(true)) => Start::Is(Layout::Long),
        _ => Start::No,
    }
}

/// Whether number, time, date and place are such; `None` while too little is there to say.
fn plausible(input: &[u8], number_len: usize) -> Option<bool> {
    let fields = input.get(1..).unwrap_or_default();
    let number = fields.get(..number_len).unwrap_or(fields);
    let rest = fields.get(number_len..).unwrap_or_default();
    let most = [0x23, 0x59, 0x59, 0x31, 0x12, 0x99, 0x90, 0x59, 0x99, 0x99];
    let right = number.iter().all(|b| is_digits(*b))
        && rest.iter().zip(most).all(|(byte, most)| is_digits(*byte) && *byte <= most)
        // After the battery the longitude, in nine digits.
        && rest.iter().skip(11).take(4).all(|b| is_digits(*b));
    match right {
        false => Some(false),
        true if rest.len() < 16 => None,
        true => Some(true),
    }
}

const fn is_digits(byte: u8) -> bool {
    byte >> 4 < 10 && byte & 0xf < 10
}

/// How long the record is; `None` while that cannot be said. `long` is whether the connection
/// has shown the longer form, which is not marked but by what is in it: the plain one ends in
/// the user's alarm byte, all ones where there is no alarm, and two zero bytes.
pub(super) fn length(input: &[u8], layout: Layout, long: bool) -> Option<usize> {
    if layout == Layout::Long {
        return Some(LONG_NUMBER);
    }
    match input.get(TAIL..SHORT)? {
        [alarms, 0, 0] if *alarms != 0 && !long => return Some(SHORT),
        _ => {}
    }
    let next = input.get(SHORT..)?;
    let number = input.get(1..=NUMBER)?;
    // A short record and the next one of the same terminal.
    match next {
        [b'$', digits @ ..] => Some(if digits.get(..NUMBER)? == number { SHORT } else { EXTENDED }),
        [b'*', b'H', b'Q', b',', ..] => Some(SHORT),
        [] | [b'*'] | [b'*', b'H'] | [b'*', b'H', b'Q'] => None,
        _ => Some(EXTENDED),
    }
}

/// The number of the terminal, as digits.
pub(super) fn number(record: &[u8], layout: Layout) -> String {
    match layout {
        Layout::Short => hex::encode(record.get(1..6).unwrap_or_default()),
        // An IMEI of 15 digits in eight bytes.
        Layout::Long => hex::encode(record.get(1..9).unwrap_or_default()).chars().take(15).collect(),
    }
}

/// The record as a batch of one fix; `now` is its time where its own is none.
pub(super) fn record(record: &[u8], layout: Layout, now: Timestamp) -> Option<FixBatch> {
    let mut fields = Bytes(record);
    fields.skip(if layout == Layout::Long { 9 } else { 6 })?;
    let [hour, minute, second, day, month, year] = fields.array::<6>()?.map(digits);
    let seconds_of_day = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    let time = utc(2000 + i64::from(year), month, day, seconds_of_day, 0).unwrap_or(now);

    let eight = |pairs: [u8; 4]| pairs.iter().fold(0.0, |sum, pair| sum * 100.0 + f64::from(digits(*pair)));
    let latitude = degrees(eight(fields.array()?));
    let battery = fields.u8()?;
    let [a, b, c, d, last] = fields.array::<5>()?;
    // Nine digits, of which the ninth is in the upper half of the byte with the flags.
    let longitude = degrees(eight([a, b, c, d]) * 10.0 + f64::from(last >> 4));
    let (east, north, valid) = (last & 8 != 0, last & 4 != 0, last & 2 != 0);
    let [s1, s2, course] = fields.array::<3>()?;
    let speed = f64::from(digits(s1)) * 10.0 + f64::from(s2 >> 4);
    let course = f64::from(s2 & 0xf) * 100.0 + f64::from(digits(course));
    let word = fields.u32()?;

    let sign = |positive: bool, value: f64| if positive { value } else { -value };
    let position = LatLon::new(sign(north, latitude), sign(east, longitude)).filter(|p| !p.is_null_island());
    let mut batch = FixBatch::default();
    batch.push(Fix {
        position,
        valid: valid && position.is_some(),
        speed_mps: Some(knots(speed)),
        heading_deg: heading(course),
        ..Fix::nowhere(time)
    });
    if let Some(percent) = status::battery(i64::from(battery)) {
        batch.known(Known::BatteryPercent, Value::Int(percent));
    }
    status::add(word, &mut batch);
    tail(fields.0, layout, &mut batch);
    Some(batch)
}

/// What comes after the status. Makers fill it in different ways, so that it is read only where
/// it looks like the manual's and otherwise kept as it is.
fn tail(rest: &[u8], layout: Layout, batch: &mut FixBatch) {
    let mut fields = Bytes(rest);
    if layout == Layout::Short && rest.len() == EXTENDED - TAIL && extended(&mut fields, batch).is_some() {
        return;
    }
    if rest.iter().skip(1).any(|b| *b != 0) {
        let value = batch.bytes_value(rest);
        batch.put("extra", value);
    }
}

/// User's alarms, GSM signal, satellites, odometer, cell and the number of the record.
fn extended(fields: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let (_alarms, zero, gsm, used) = (fields.u8()?, fields.u8()?, fields.u8()?, fields.u8()?);
    let odometer = fields.u32()?;
    let (mcc, mnc, lac, cell) = (fields.u16()?, fields.u8()?, fields.u16()?, fields.u16()?);
    let serial = fields.u8()?;
    if zero != 0 || gsm > 31 || used > 40 || mcc > 999 {
        return None;
    }
    batch.known(Known::GsmSignal, Value::Int(i64::from(gsm)));
    if let Some(fix) = batch.fixes.last_mut() {
        fix.satellites = Some(satellites(u64::from(used)));
    }
    let cell_fields = [("mcc", u32::from(mcc)), ("mnc", u32::from(mnc)), ("lac", lac.into()), ("cell", cell.into())];
    for (name, value) in [("mileage", odometer), ("record", u32::from(serial))] {
        batch.put(name, Value::Int(int(u64::from(value))));
    }
    if mcc != 0 {
        for (name, value) in cell_fields {
            batch.put(name, Value::Int(int(u64::from(value))));
        }
    }
    Some(())
}

/// Two packed digits.
const fn digits(byte: u8) -> u8 {
    (byte >> 4) * 10 + (byte & 0xf)
}

/// `DDMMmmmm` or `DDDMMmmmm` as a whole number, in degrees.
fn degrees(packed: f64) -> f64 {
    let minutes = packed / 1e4;
    let whole = (minutes / 100.0).floor();
    whole + (minutes - whole * 100.0) / 60.0
}
