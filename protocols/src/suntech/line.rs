//! A line as fields, and the fields that all reports share.

use model::{Fix, LatLon, Timestamp};

use super::MAX_ID;
use super::extension::Data;
use crate::text::{number, whole, year_month_day};
use crate::{DecodeError, units};

/// Most fields of a line: a universal report with every assigned header, or twenty beacons.
const MAX_FIELDS: usize = 160;
/// No speed of a vehicle.
const FASTEST_KMH: f64 = 2000.0;

/// The first field of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header<'a> {
    /// The name of a report of the universal protocol.
    Universal(&'a [u8]),
    /// A family such as `ST300` and the name of its report.
    Family(&'a [u8], &'a [u8]),
    /// The ST9 family, whose report has its name in the second field.
    Nine,
}

impl<'a> Header<'a> {
    pub fn of(field: &'a [u8]) -> Option<Self> {
        const UNIVERSAL: [&[u8]; 16] = [
            b"STT", b"ALT", b"EMG", b"EVT", b"UEX", b"BLE", b"ALV", b"BSA", b"BDA", b"BDI", b"SNB", b"HTE", b"TRV",
            b"CMD", b"RES", b"DEX",
        ];
        if UNIVERSAL.contains(&field) {
            return Some(Self::Universal(field));
        }
        let (family, kind) = field.split_at_checked(5)?;
        let [b'S', b'T' | b'A', digits @ ..] = family else { return None };
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        match kind.len() {
            0 if family.starts_with(b"ST9") => Some(Self::Nine),
            3 if kind.iter().all(u8::is_ascii_uppercase) => Some(Self::Family(family, kind)),
            _ => None,
        }
    }
}

/// A line apart at its semicolons. The data of a serial device are one field whatever they hold.
pub(super) struct Line<'a> {
    pub whole: &'a [u8],
    fields: [&'a [u8]; MAX_FIELDS],
    len: usize,
}

impl<'a> Line<'a> {
    pub fn split(whole: &'a [u8], data: Option<&Data>) -> Self {
        let mut line = Self { whole, fields: [b""; MAX_FIELDS], len: 0 };
        let parts =
            data.and_then(|d| Some((whole.get(..d.start - 1)?, whole.get(d.start..d.end)?, whole.get(d.end..)?)));
        match parts {
            Some((before, data, after)) => {
                line.add(before);
                line.push(data);
                if let Some(after) = after.strip_prefix(b";") {
                    line.add(after);
                }
            }
            None => line.add(whole),
        }
        line
    }

    fn add(&mut self, text: &'a [u8]) {
        text.split(|b| *b == b';').for_each(|field| self.push(field));
    }

    fn push(&mut self, field: &'a [u8]) {
        if let Some(place) = self.fields.get_mut(self.len) {
            *place = field;
            self.len += 1;
        }
    }

    pub fn fields(&self) -> &[&'a [u8]] {
        self.fields.get(..self.len).unwrap_or(&[])
    }

    /// The field, empty where there is none.
    pub fn field(&self, at: usize) -> &'a [u8] {
        self.fields().get(at).copied().unwrap_or_default()
    }

    pub fn from(&self, at: usize) -> &[&'a [u8]] {
        self.fields().get(at..).unwrap_or(&[])
    }

    /// Which field is the date: the first that is one and has a time after it.
    pub fn date_at(&self) -> Option<usize> {
        let pairs = self.fields().iter().zip(self.from(1));
        pairs.enumerate().skip(2).find(|(_, (date, time))| is_date(date, time)).map(|(at, _)| at)
    }

    /// Which field is the latitude, counted from the date: between them stand cells.
    pub fn latitude_at(&self, date: usize) -> Option<usize> {
        const MOST_CELL_FIELDS: usize = 6;
        let fields = self.from(date + 2).iter().take(MOST_CELL_FIELDS + 1);
        fields.enumerate().find(|(_, field)| is_degrees(field)).map(|(at, _)| date + 2 + at)
    }
}

/// Eight digits and a time with colons.
pub(super) fn is_date(date: &[u8], time: &[u8]) -> bool {
    date.len() == 8 && date.starts_with(b"20") && date.iter().all(u8::is_ascii_digit) && time.get(2) == Some(&b':')
}

pub(super) fn is_degrees(field: &[u8]) -> bool {
    field.contains(&b'.') && number(field).is_some()
}

/// The sender, by whose digits the device is known.
pub(super) fn device(field: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(field)
        .ok()
        .filter(|id| (4..=MAX_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric()))
        .ok_or(DecodeError::Field("device id"))
}

/// `YYYYMMDD` and `HH:MM:SS`.
pub(super) fn moment(date: &[u8], time: &[u8]) -> Option<Timestamp> {
    let date = date.strip_prefix(b"20")?;
    let [h1, h2, b':', m1, m2, b':', s1, s2] = time else { return None };
    year_month_day(date, &[*h1, *h2, *m1, *m2, *s1, *s2])
}

/// Where a report was made, as it stands in the line.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub lat: &'a [u8],
    pub lon: &'a [u8],
    pub speed: &'a [u8],
    pub course: &'a [u8],
    pub satellites: &'a [u8],
}

impl Place<'_> {
    pub fn fix(&self, time: Timestamp, has_fix: bool) -> Fix {
        let position = number(self.lat).zip(number(self.lon)).and_then(|(lat, lon)| LatLon::new(lat, lon));
        let position = position.filter(|p| !p.is_null_island());
        Fix {
            position,
            valid: has_fix && position.is_some(),
            speed_mps: number(self.speed).filter(|kmh| (0.0..=FASTEST_KMH).contains(kmh)).map(units::kmh),
            heading_deg: number(self.course).and_then(units::heading),
            satellites: whole(self.satellites).and_then(|n| u64::try_from(n).ok()).map(units::satellites),
            ..Fix::nowhere(time)
        }
    }
}
