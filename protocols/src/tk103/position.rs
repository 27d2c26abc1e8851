//! The position in a body: date, validity, place, speed, time, heading, state and odometer.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::frame::Frame;
use crate::attributes::{altitude, speed, text};
use crate::put::Put;
use crate::text::{day_month_year, degrees_minutes, hexadecimal, number, whole, year_month_day};
use crate::units::{heading, int, kmh, satellites};

/// A speed without a comma after it.
const SPEED: usize = 5;
const DATE: usize = 6;
/// The state's digits before the odometer's `L`.
const STATE: usize = 8;

/// A position found in a body, not yet read.
pub(super) struct Found<'a> {
    /// What comes before the date: the IMEI of a login, the number of an alarm.
    pub before: &'a [u8],
    date: &'a [u8],
    is_valid: bool,
    place: Option<LatLon>,
    /// From the speed on.
    rest: &'a [u8],
}

/// Looks for six digits, `A` or `V` and a latitude and longitude after them.
pub(super) fn find(body: &[u8]) -> Option<Found<'_>> {
    body.iter().enumerate().filter(|(_, b)| matches!(b, b'A' | b'V' | b'B')).find_map(|(at, validity)| {
        let before = body.get(..at)?;
        let before = before.strip_suffix(b",").unwrap_or(before);
        let (before, date) = before.split_at_checked(before.len().checked_sub(DATE)?)?;
        let (latitude, north, rest) = coordinate(body.get(at + 1..)?, *b"NS")?;
        let (longitude, east, rest) = coordinate(rest, *b"EW")?;
        date.iter().all(u8::is_ascii_digit).then_some(())?;
        let degrees = degrees_minutes(latitude, north).zip(degrees_minutes(longitude, east));
        let place = degrees.and_then(|(lat, lon)| LatLon::new(lat, lon)).filter(|p| !p.is_null_island());
        Some(Found { before, date, is_valid: *validity == b'A', place, rest })
    })
}

/// Digits up to the side's letter; commas on either side do not matter.
fn coordinate(text: &[u8], sides: [u8; 2]) -> Option<(&[u8], u8, &[u8])> {
    let text = unlisted(text).trim_ascii_start();
    let len = text.iter().position(|b| !b.is_ascii_digit() && *b != b'.').filter(|len| *len > 0)?;
    let (digits, rest) = text.split_at_checked(len)?;
    let (side, rest) = rest.split_first()?;
    sides.contains(side).then_some((digits, *side, rest))
}

fn unlisted(text: &[u8]) -> &[u8] {
    text.strip_prefix(b",").unwrap_or(text)
}

impl Found<'_> {
    /// As a batch of one fix.
    pub fn read(&self, frame: &Frame<'_>, now: Timestamp) -> FixBatch {
        let rest = unlisted(self.rest);
        let (speed_text, rest) = split_speed(rest);
        let (clock, rest) = unlisted(rest).split_at_checked(6).unwrap_or_default();
        let time = if frame.is_listed { day_month_year(self.date, clock) } else { year_month_day(self.date, clock) };
        let mut batch = FixBatch::default();
        batch.push(Fix {
            position: self.place,
            valid: self.is_valid && self.place.is_some(),
            speed_mps: speed(speed_text).map(kmh),
            ..Fix::nowhere(time.unwrap_or(now))
        });
        let rest = unlisted(rest);
        match state(rest) {
            Some((course, state, later)) => {
                set_heading(&mut batch, course);
                add_state(&mut batch, state);
                add_odometer(&mut batch, later);
            }
            None => add_list(&mut batch, rest),
        }
        batch
    }
}

fn set_heading(batch: &mut FixBatch, course: &[u8]) {
    if let Some(fix) = batch.fixes.last_mut() {
        fix.heading_deg = number(course).and_then(heading);
    }
}

/// Up to a comma, or five characters.
fn split_speed(text: &[u8]) -> (&[u8], &[u8]) {
    let comma = text.iter().take(SPEED * 2).position(|b| *b == b',');
    text.split_at_checked(comma.unwrap_or(SPEED)).unwrap_or((text, &[]))
}

/// The heading, the state's digits and what follows the odometer's letter.
fn state(rest: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let letter = rest.iter().position(|b| *b == b'L')?;
    let before = rest.get(..letter)?;
    let before = before.strip_suffix(b",").unwrap_or(before);
    let (course, state) = before.split_at_checked(before.len().checked_sub(STATE)?)?;
    let right = state.iter().all(u8::is_ascii_hexdigit);
    right.then_some((course.strip_suffix(b",").unwrap_or(course), state, rest.get(letter + 1..)?))
}

/// Main supply, ACC and three digits of four switches each; then the fuel's three.
fn add_state(batch: &mut FixBatch, state: &[u8]) {
    let bits = |at: usize, len: usize| state.get(at..at + len).and_then(hexadecimal).unwrap_or(0);
    let (supply, acc) = (bits(0, 1), bits(1, 1));
    let (first, second, third, fuel) = (bits(2, 1), bits(3, 1), bits(4, 1), bits(5, 3));
    batch.put("external_power", Value::Bool(supply == 0));
    batch.known(Known::Ignition, Value::Bool(acc == 1));
    batch.known(Known::Inputs, Value::Int(int(first << 8 | second << 4 | third)));
    batch.known(Known::Door1, Value::Bool(second & 8 != 0));
    if first & 2 != 0 {
        batch.known(Known::Alarm, Value::Bool(true));
    }
    if first & 8 != 0 {
        batch.put("blocked", Value::Bool(true));
    }
    batch.put("fuel_1", Value::Int(int(fuel)));
}

/// Metres in hex, then what models add: a temperature, and codes of their own.
fn add_odometer(batch: &mut FixBatch, text_after: &[u8]) {
    let len = text_after.iter().take(8).take_while(|b| b.is_ascii_hexdigit()).count();
    let (metres, more) = text_after.split_at_checked(len).unwrap_or((text_after, &[]));
    if let Some(metres) = hexadecimal(metres) {
        batch.known(Known::OdometerM, Value::Int(int(metres)));
    }
    match (more, number(more)) {
        ([b'+' | b'-', ..], Some(celsius)) => batch.put("temperature_1_c", Value::Float(celsius)),
        _ => text(batch, "extra", unlisted(more)),
    }
}

/// Heading, altitude and satellites with commas between.
fn add_list(batch: &mut FixBatch, rest: &[u8]) {
    let mut fields = rest.split(|b| *b == b',');
    set_heading(batch, fields.next().unwrap_or_default());
    let (height, used) = (fields.next(), fields.next());
    if let Some(fix) = batch.fixes.last_mut()
        && used.is_some()
    {
        fix.altitude_m = height.and_then(altitude);
        fix.satellites = used.and_then(whole).and_then(|n| u64::try_from(n).ok()).map(satellites);
    }
}
