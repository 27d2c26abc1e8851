//! One data record: `date;time;lat1;lat2;lon1;lon2;speed;course;height;sats`, and in extended
//! ones `;hdop;inputs;outputs;adc;ibutton;params`.

use model::{AttributeKey, Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::packet::{EXTENDED_FIELDS, SHORT_FIELDS};
use super::parameters;
use crate::DecodeError;
use crate::civil::{seconds_of_day, two_digits, utc};

const KMH: f64 = 3.6;
/// Two-digit years are of this century.
const CENTURY: i64 = 2000;
/// With fewer satellites a receiver has no solution.
const MIN_SATELLITES: u8 = 3;

/// What of a record cannot be read, with the manual's code for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Structure,
    Time,
    Coordinates,
    Motion,
    Satellites,
    InputsOutputs,
    Adc,
    Parameters,
}

impl Fault {
    /// The code in the answer. Those of short records (`ASD`) are a part of those of extended
    /// ones (`AD`).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Structure => "-1",
            Self::Time => "0",
            Self::Coordinates => "10",
            Self::Motion => "11",
            Self::Satellites => "12",
            Self::InputsOutputs => "13",
            Self::Adc => "14",
            Self::Parameters => "15",
        }
    }

    pub const fn error(self) -> DecodeError {
        match self {
            Self::Structure => DecodeError::Format("record has too few or too many fields"),
            Self::Time => DecodeError::Field("date and time"),
            Self::Coordinates => DecodeError::Field("latitude and longitude"),
            Self::Motion => DecodeError::Field("speed, course or height"),
            Self::Satellites => DecodeError::Field("satellites or hdop"),
            Self::InputsOutputs => DecodeError::Field("inputs or outputs"),
            Self::Adc => DecodeError::Field("adc"),
            Self::Parameters => DecodeError::Field("params"),
        }
    }
}

pub(super) struct Reader {
    /// The time of records that leave it to the server.
    pub now: Timestamp,
}

impl Reader {
    /// Appends the record to the batch, or leaves the batch as it was.
    pub fn read(&self, record: &[u8], batch: &mut FixBatch) -> Result<(), Fault> {
        let mut fields = [&b""[..]; EXTENDED_FIELDS];
        let mut count = 0;
        for field in record.split(|b| *b == b';') {
            *fields.get_mut(count).ok_or(Fault::Structure)? = present(field);
            count += 1;
        }
        // Some devices leave out the parameters with their separator.
        if !matches!(count, SHORT_FIELDS | 15 | EXTENDED_FIELDS) {
            return Err(Fault::Structure);
        }
        let [date, time, lat1, lat2, lon1, lon2, speed, course, height, sats, hdop, rest @ ..] = fields;
        let mut fix = Fix::nowhere(self.time(date, time).ok_or(Fault::Time)?);
        fix.position = position(lat1, lat2, lon1, lon2)?;
        fix.speed_mps = number(speed).map_err(|()| Fault::Motion)?.map(|kmh| single(kmh / KMH));
        fix.heading_deg =
            number(course).map_err(|()| Fault::Motion)?.filter(|deg| (0.0..=360.0).contains(deg)).map(single);
        fix.altitude_m = number(height).map_err(|()| Fault::Motion)?.map(single);
        fix.satellites = whole(sats).map_err(|()| Fault::Satellites)?.map(saturated);
        fix.hdop = number(hdop).map_err(|()| Fault::Satellites)?.map(single);
        fix.position = fix.position.filter(|p| fix.satellites.is_some_and(|s| s > 0) || !p.is_null_island());
        fix.valid = fix.position.is_some() && fix.satellites.is_none_or(|s| s >= MIN_SATELLITES);
        append(batch, |batch| {
            batch.push(fix);
            extended(rest, batch)
        })
    }

    fn time(&self, date: &[u8], time: &[u8]) -> Option<Timestamp> {
        if date.is_empty() && time.is_empty() {
            return Some(self.now);
        }
        let [day, month, year] = [date.get(0..2)?, date.get(2..4)?, date.get(4..)?].map(two_digits);
        let (clock, fraction) = time.split_first_chunk::<6>()?;
        utc(CENTURY + i64::from(year?), month?, day?, seconds_of_day(*clock)?, micros(fraction)?)
    }
}

/// Lets `fill` add to the batch, and takes away what it added if it fails.
fn append(batch: &mut FixBatch, fill: impl FnOnce(&mut FixBatch) -> Result<(), Fault>) -> Result<(), Fault> {
    let before = (batch.fixes.len(), batch.attributes.len(), batch.text.len());
    let result = fill(batch);
    if result.is_err() {
        batch.fixes.truncate(before.0);
        batch.attributes.truncate(before.1);
        batch.text.truncate(before.2);
    }
    result
}

fn extended(fields: [&[u8]; 5], batch: &mut FixBatch) -> Result<(), Fault> {
    let [inputs, outputs, adc, ibutton, params] = fields;
    for (key, field) in [(Known::Inputs, inputs), (Known::Outputs, outputs)] {
        if let Some(bits) = whole(field).map_err(|()| Fault::InputsOutputs)? {
            batch.known(key, Value::Int(bits));
        }
    }
    if !adc.is_empty() {
        for (index, field) in adc.split(|b| *b == b',').enumerate() {
            if let Some(value) = number(present(field)).map_err(|()| Fault::Adc)? {
                let key = adc_name(index, batch);
                batch.attribute(key, Value::Float(value));
            }
        }
    }
    if !ibutton.is_empty() {
        let value = parameters::text(ibutton, batch);
        batch.known(Known::DriverId, value);
    }
    parameters::read(params, batch).ok_or(Fault::Parameters)
}

/// `adc1`, `adc2`, …
fn adc_name(index: usize, batch: &mut FixBatch) -> AttributeKey {
    const NAMES: [&str; 8] = ["adc1", "adc2", "adc3", "adc4", "adc5", "adc6", "adc7", "adc8"];
    match NAMES.get(index) {
        Some(name) => batch.name(name),
        None => batch.name(&format!("adc{}", index + 1)),
    }
}

/// The field, or nothing where it says that there is nothing.
pub(super) fn present(field: &[u8]) -> &[u8] {
    let field = field.trim_ascii();
    if field == b"NA" { b"" } else { field }
}

/// Degrees and minutes as one number with a letter for the side; `None` where the numbers
/// are absent.
fn position(lat1: &[u8], lat2: &[u8], lon1: &[u8], lon2: &[u8]) -> Result<Option<LatLon>, Fault> {
    // Some devices leave the letters where there are no numbers.
    if lat1.is_empty() && lon1.is_empty() {
        return Ok(None);
    }
    let place = || {
        let lat = degrees(lat1)? * sign(lat2, b'N', b'S')?;
        let lon = degrees(lon1)? * sign(lon2, b'E', b'W')?;
        LatLon::new(lat, lon)
    };
    place().map(Some).ok_or(Fault::Coordinates)
}

fn sign(side: &[u8], positive: u8, negative: u8) -> Option<f64> {
    match side {
        [s] if s.eq_ignore_ascii_case(&positive) => Some(1.0),
        [s] if s.eq_ignore_ascii_case(&negative) => Some(-1.0),
        _ => None,
    }
}

/// `DDMM.MMMM` or `DDDMM.MMMM`.
fn degrees(field: &[u8]) -> Option<f64> {
    let value = number(field).ok()?.filter(|v| *v >= 0.0)?;
    let degrees = (value / 100.0).floor();
    Some(degrees + (value - degrees * 100.0) / 60.0)
}

/// A decimal number, `None` where the field is empty. No exponents, no infinities.
pub(super) fn number(field: &[u8]) -> Result<Option<f64>, ()> {
    if field.is_empty() {
        return Ok(None);
    }
    let decimal = field.iter().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+'));
    let text = std::str::from_utf8(field).map_err(drop)?;
    text.parse().ok().filter(|n: &f64| decimal && n.is_finite()).map(Some).ok_or(())
}

/// A whole number, `None` where the field is empty.
pub(super) fn whole(field: &[u8]) -> Result<Option<i64>, ()> {
    if field.is_empty() {
        return Ok(None);
    }
    // Some devices write whole numbers as `9.0`.
    let digits = match field.iter().position(|b| *b == b'.').and_then(|point| field.split_at_checked(point)) {
        Some((digits, [b'.', zeros @ ..])) if zeros.iter().all(|b| *b == b'0') => digits,
        _ => field,
    };
    std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).map(Some).ok_or(())
}

#[expect(clippy::cast_possible_truncation, reason = "single precision is what a fix has")]
fn single(value: f64) -> f32 {
    value as f32
}

fn saturated(value: i64) -> u8 {
    crate::units::satellites(u64::try_from(value).unwrap_or(0))
}

/// The digits after the seconds, `.nnnnnnnnn`, down to the microsecond.
fn micros(fraction: &[u8]) -> Option<i64> {
    let digits = match fraction {
        [] => return Some(0),
        [b'.', digits @ ..] if digits.len() <= 9 => digits,
        _ => return None,
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().chain(std::iter::repeat(&b'0')).take(6).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}
