//! A text message as its fields, and the positions in it by their shape.
//!
//! Every model and version has fields of its own around the position, so that the position is
//! where longitude, latitude and time stand side by side, and the fields around it are counted
//! from there.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use crate::text::{compact_time, hexadecimal, number, whole};
use crate::units::{heading, int, kmh, satellites, single};

use super::attributes as add;
use super::model::Model;

/// Most fields of a message; what follows is passed over.
pub(super) const MAX_FIELDS: usize = 512;
/// Fields of one Wi-Fi access point: its address, its level and three for later use.
const WIFI: usize = 5;
/// Most access points of one position.
const MAX_WIFI: usize = 32;
/// Bounds of the manual.
const MAX_KMH: f64 = 999.9;
const MAX_ALTITUDE_M: f64 = 99_999.9;
/// Digits of an access point's or a sensor's address.
const MAC: usize = 12;

/// A text message taken apart.
pub(super) struct Report<'a> {
    fields: [&'a [u8]; MAX_FIELDS],
    /// Fields before the send time and the count, which end every message.
    pub end: usize,
    /// The three letters after `GT`.
    pub kind: &'a [u8],
    /// `+BUFF`: kept while there was no network.
    pub is_archive: bool,
    /// Protocol version; empty in messages of the first generation, which have none.
    pub version: &'a [u8],
    pub model: Model,
    pub identity: &'a [u8],
    /// When it was sent, by the device's own time zone.
    pub sent: Option<Timestamp>,
    /// The count number, where it is one.
    pub count: Option<&'a [u8]>,
}

impl<'a> Report<'a> {
    pub fn split(message: &'a [u8]) -> Self {
        let mut fields = [&b""[..]; MAX_FIELDS];
        let mut len = 0usize;
        for (slot, field) in fields.iter_mut().zip(message.split(|b| *b == b',')) {
            *slot = field;
            len += 1;
        }
        let get = |i: usize| fields.get(i).copied().unwrap_or_default();
        let header = get(0);
        let colon = header.iter().position(|b| *b == b':').unwrap_or(header.len());
        let is_old = is_digits(get(1), 15);
        let count = Some(get(len.saturating_sub(1))).filter(|c| c.len() == 4 && hexadecimal(c).is_some());
        let version = if is_old { &b""[..] } else { get(1) };
        Self {
            end: len.saturating_sub(2),
            kind: header.get(colon + 3..colon + 6).unwrap_or_default(),
            is_archive: header.starts_with(b"+BUFF"),
            version,
            model: Model::of(version),
            identity: if is_old { get(1) } else { get(2) },
            sent: compact_time(get(len.saturating_sub(2))),
            count,
            fields,
        }
    }

    /// A field before the send time; empty where there is none.
    pub fn get(&self, index: usize) -> &'a [u8] {
        if index < self.end { self.fields.get(index).copied().unwrap_or_default() } else { b"" }
    }

    /// Fields from one to another.
    pub fn range(&self, from: usize, to: usize) -> &[&'a [u8]] {
        self.fields.get(from..to.min(self.end)).unwrap_or_default()
    }

    /// The vehicle's number, which GV500 puts before the device's name.
    pub fn vin(&self) -> Option<&'a [u8]> {
        Some(self.get(3)).filter(|f| f.len() == 17 && f.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()))
    }

    /// Where the next position from this field on begins: the index of its accuracy.
    pub fn next_position(&self, from: usize) -> Option<usize> {
        (from.max(5)..self.end.saturating_sub(1)).find(|lon| self.is_position(*lon)).map(|lon| lon - 4)
    }

    /// Where the place of a position begins that the device did not have: its fields are
    /// empty and those of the cell follow.
    pub fn empty_position(&self) -> Option<usize> {
        let is_cell = |c: usize| {
            is_number(self.get(c))
                && is_number(self.get(c + 1))
                && self.get(c).len() >= 3
                && [c + 2, c + 3].iter().all(|i| self.get(*i).len() >= 3 && hexadecimal(self.get(*i)).is_some())
                && self.range(c.saturating_sub(6), c).iter().all(|f| f.is_empty())
        };
        (11..self.end.saturating_sub(3)).find(|c| is_cell(*c)).map(|c| c - 7)
    }

    fn is_position(&self, lon: usize) -> bool {
        is_degrees(self.get(lon))
            && is_degrees(self.get(lon + 1))
            && (self.get(lon + 2).is_empty() || is_digits(self.get(lon + 2), 14))
    }

    /// Pushes the position whose accuracy is at this index, with what stands by it, and says
    /// where the fields after it begin.
    pub fn push(&self, at: usize, now: Timestamp, batch: &mut FixBatch) -> usize {
        let mut fix = self.fix(at, now);
        let mut next = at + 7;
        if is_mac(self.get(next + 1)) {
            let count = whole(self.get(next)).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            next += 1 + WIFI * count.min(MAX_WIFI);
        }
        let cell = next;
        next += 4;
        let (mut mileage, mut signal) = (None, None);
        match self.model {
            Model::Gl320m => {}
            Model::Gl5 | Model::Gt501 => {
                // Older versions have `00` here, for later use.
                signal = whole(self.get(next)).filter(|s| (0..=31).contains(s) && self.get(next) != b"00");
                next += 1;
            }
            _ => {
                let field = self.get(next);
                next += 1;
                if field.contains(&b'.') {
                    mileage = Some(field);
                } else if let Some(mask) = hexadecimal(field) {
                    // The append mask: satellites, why it was sent, whether GNSS is jammed.
                    if mask & 0x01 != 0 {
                        fix.satellites = whole(self.get(next)).and_then(|n| u64::try_from(n).ok()).map(satellites);
                        next += 1;
                    }
                    next += usize::from(mask & 0x02 != 0) + usize::from(mask & 0x10 != 0);
                }
            }
        }
        batch.push(fix);
        self.common(batch);
        self.cell(cell, batch);
        if let Some(mileage) = mileage {
            add::odometer(batch, mileage);
        }
        if let Some(signal) = signal {
            batch.known(Known::GsmSignal, Value::Int(signal));
        }
        next
    }

    /// Pushes a record without a position.
    pub fn push_nowhere(&self, now: Timestamp, batch: &mut FixBatch) {
        batch.push(Fix::nowhere(self.sent.unwrap_or(now)));
        self.common(batch);
    }

    /// What every record has: the type of the report, whether it is late, the vehicle.
    fn common(&self, batch: &mut FixBatch) {
        add::text(batch, "type", self.kind);
        if self.is_archive {
            batch.known(Known::Archive, Value::Bool(true));
        }
        add::text(batch, "vin", self.vin().unwrap_or_default());
    }

    /// The cell: country and network in decimal, area and cell in hex.
    pub fn cell(&self, at: usize, batch: &mut FixBatch) {
        add::int(batch, "mcc", whole(self.get(at)));
        add::int(batch, "mnc", whole(self.get(at + 1)));
        add::int(batch, "lac", hexadecimal(self.get(at + 2)).map(int));
        add::int(batch, "cell", hexadecimal(self.get(at + 3)).map(int));
    }

    fn fix(&self, at: usize, now: Timestamp) -> Fix {
        let number = |i: usize| number(self.get(i));
        let has_point = |i: usize| self.get(i).contains(&b'.');
        // The first generation has the accuracy after the altitude.
        let is_first = has_point(at + 2) && !has_point(at + 3) && !self.get(at + 3).is_empty();
        let (accuracy, speed) = if is_first { (at + 3, at) } else { (at, at + 1) };
        let (accuracy, speed, azimuth, altitude) =
            (number(accuracy), number(speed), number(speed + 1), number(speed + 2));
        let time = compact_time(self.get(at + 6)).or(self.sent).unwrap_or(now);
        let mut fix = Fix::nowhere(time);
        fix.position = match (number(at + 4), number(at + 5)) {
            (Some(lon), Some(lat)) => LatLon::new(lat, lon).filter(|p| !p.is_null_island()),
            _ => None,
        };
        // Zero: no fix, and the position is the last one known.
        fix.valid = fix.position.is_some() && accuracy.is_none_or(|a| a > 0.0);
        fix.hdop = accuracy.filter(|a| *a > 0.0 && *a <= 100.0).map(single);
        fix.speed_mps = speed.filter(|s| (0.0..=MAX_KMH).contains(s)).map(kmh);
        fix.heading_deg = azimuth.and_then(heading);
        fix.altitude_m = altitude.filter(|a| a.abs() <= MAX_ALTITUDE_M).map(single);
        fix
    }
}

/// Digits, so many of them.
pub(super) fn is_digits(field: &[u8], len: usize) -> bool {
    field.len() == len && is_number(field)
}

fn is_number(field: &[u8]) -> bool {
    !field.is_empty() && field.iter().all(u8::is_ascii_digit)
}

/// An address of 48 bits in hex.
pub(super) fn is_mac(field: &[u8]) -> bool {
    field.len() == MAC && field.iter().all(u8::is_ascii_hexdigit)
}

/// `-123.456789`: at most three digits, a point and about six more, which no other field has.
fn is_degrees(field: &[u8]) -> bool {
    let digits = field.strip_prefix(b"-").unwrap_or(field);
    let Some(point) = digits.iter().position(|b| *b == b'.') else { return false };
    let (whole, fraction) = (digits.get(..point).unwrap_or_default(), digits.get(point + 1..).unwrap_or_default());
    (1..=3).contains(&whole.len()) && is_number(whole) && (5..=8).contains(&fraction.len()) && is_number(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_known_by_its_shape() {
        for field in ["0.000000", "-71.596533", "121.354335"] {
            assert!(is_degrees(field.as_bytes()), "{field}");
        }
        for field in ["", "-", "70.0", "2000.0", "1234.567890", "12345.61", "7.5.123456", "20090214013254"] {
            assert!(!is_degrees(field.as_bytes()), "{field}");
        }
    }

    #[test]
    fn positions_are_found_between_whatever_fields() {
        let line = b"+RESP:GTXYZ,060100,869270041234567,,a,b,c,1,0.5,9,7.0,12.345678,45.678901,20260116193105,,,,,00,x,1,0.5,9,7.0,-12.345678,-45.678901,20260116193115,,,,,00,20260116193116,0001";
        let report = Report::split(line);
        let first = report.next_position(3).unwrap();
        assert_eq!((first, report.get(first)), (7, &b"1"[..]));
        let mut batch = FixBatch::default();
        let next = report.push(first, Timestamp::default(), &mut batch);
        assert_eq!(report.get(next), b"x");
        assert_eq!(report.next_position(next), Some(next + 1));
    }
}
