//! Reading text fields without copying them.

use crate::civil::{seconds_of_day, two_digits, utc};
use model::Timestamp;

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// Most digits whose number a double holds exactly.
const EXACT_DIGITS: usize = 15;

/// Fields of a line apart by one byte, in order.
#[derive(Clone)]
pub(crate) struct Fields<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> Fields<'a> {
    pub fn new(line: &'a [u8], separator: u8) -> Self {
        Self { rest: Some(line), separator }
    }

    /// The field as text, where it is not empty and is UTF-8.
    pub fn text(&mut self) -> Option<&'a str> {
        self.next().filter(|field| !field.is_empty()).and_then(|field| std::str::from_utf8(field).ok())
    }

    /// The field as a decimal number; `None` also where it is empty or none.
    pub fn number(&mut self) -> Option<f64> {
        self.next().and_then(number)
    }

    /// The field as a whole number; `None` also where it is empty or none.
    pub fn whole(&mut self) -> Option<i64> {
        self.next().and_then(whole)
    }

    /// What has not been read, separators included.
    pub fn rest(&self) -> &'a [u8] {
        self.rest.unwrap_or_default()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let at = rest.iter().position(|b| *b == self.separator).unwrap_or(rest.len());
        let (field, later) = rest.split_at_checked(at)?;
        self.rest = later.get(1..);
        Some(field)
    }
}

/// A decimal number such as `-12.5`, finite; white space around it does not matter.
#[inline]
pub(crate) fn number(text: &[u8]) -> Option<f64> {
    let text = text.trim_ascii();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (mut mantissa, mut places, mut seen, mut point) = (0u64, 0usize, 0usize, false);
    for byte in digits {
        match byte {
            b'0'..=b'9' if seen < EXACT_DIGITS => {
                mantissa = mantissa * 10 + u64::from(byte - b'0');
                seen += 1;
                places += usize::from(point);
            }
            b'.' if !point => point = true,
            _ => return slow_number(text),
        }
    }
    // Clinger: a mantissa and a power of ten that are both exact give the nearest double.
    let value = mantissa as f64 / POWERS.get(places)?;
    (seen > 0).then_some(if negative { -value } else { value })
}

/// Long numbers and exponents; words such as `nan` are none.
#[cold]
fn slow_number(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let is_numeric = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    is_numeric.then(|| text.parse().ok()).flatten().filter(|n: &f64| n.is_finite())
}

/// A whole number with or without a sign.
#[inline]
pub(crate) fn whole(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

/// A whole number in hexadecimal digits, without `0x`.
#[inline]
pub(crate) fn hexadecimal(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text.trim_ascii()).ok()?;
    (!text.starts_with('+')).then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

/// Degrees and decimal minutes as NMEA writes them, `DDMM.MMMM` or `DDDMM.MMMM`, in signed
/// degrees by the hemisphere's letter.
#[inline]
pub(crate) fn degrees_minutes(text: &[u8], hemisphere: u8) -> Option<f64> {
    let packed = number(text).filter(|n| (0.0..=18_060.0).contains(n))?;
    let degrees = (packed / 100.0).floor();
    let value = degrees + (packed - degrees * 100.0) / 60.0;
    match hemisphere.to_ascii_uppercase() {
        b'N' | b'E' => Some(value),
        b'S' | b'W' => Some(-value),
        _ => None,
    }
}

/// `DDMMYY` and `HHMMSS`, with a fraction or not, in UTC; years are of this century.
#[inline]
pub(crate) fn day_month_year(date: &[u8], time: &[u8]) -> Option<Timestamp> {
    match date.first_chunk::<6>()? {
        [d1, d2, m1, m2, y1, y2] => date_and_time([*y1, *y2], [*m1, *m2], [*d1, *d2], time),
    }
}

/// `YYMMDD` and `HHMMSS`, with a fraction or not, in UTC; years are of this century.
#[inline]
pub(crate) fn year_month_day(date: &[u8], time: &[u8]) -> Option<Timestamp> {
    match date.first_chunk::<6>()? {
        [y1, y2, m1, m2, d1, d2] => date_and_time([*y1, *y2], [*m1, *m2], [*d1, *d2], time),
    }
}

/// `YYYYMMDDHHMMSS` in UTC.
#[inline]
pub(crate) fn compact_time(text: &[u8]) -> Option<Timestamp> {
    let (century, rest) = text.split_first_chunk::<2>()?;
    let (date, time) = rest.split_first_chunk::<6>()?;
    (century == b"20").then(|| year_month_day(date, time)).flatten()
}

/// ISO 8601 with a date and a time of day apart by `T` or a space, with a fraction or not; in
/// UTC, or in the zone that follows as `Z`, `+03`, `+0300` or `+03:00`.
pub(crate) fn iso_time(text: &[u8]) -> Option<Timestamp> {
    let (date, rest) = text.trim_ascii().split_first_chunk::<10>()?;
    let [b'2', b'0', y1, y2, b'-', m1, m2, b'-', d1, d2] = *date else { return None };
    let (b'T' | b't' | b' ', clock) = rest.split_first()? else { return None };
    let (clock, rest) = match clock {
        [h1, h2, b':', n1, n2, b':', s1, s2, rest @ ..] => ([*h1, *h2, *n1, *n2, *s1, *s2], rest),
        [h1, h2, b':', n1, n2, rest @ ..] => ([*h1, *h2, *n1, *n2, b'0', b'0'], rest),
        _ => return None,
    };
    let end = rest.iter().position(|b| !b.is_ascii_digit() && *b != b'.').unwrap_or(rest.len());
    let (fraction, zone) = rest.split_at_checked(end)?;
    let micros = if fraction.is_empty() { 0.0 } else { number(fraction).filter(|f| *f < 1.0)? * 1e6 };
    let two = |a, b| two_digits(&[a, b]).map(i64::from);
    let east_minutes = match *zone.trim_ascii_start() {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, ref minutes @ ..] => {
            let minutes = match *minutes {
                [] => 0,
                [m1, m2] | [b':', m1, m2] => two(m1, m2)?,
                _ => return None,
            };
            let east = two(h1, h2)? * 60 + minutes;
            if sign == b'-' { -east } else { east }
        }
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "below a million")]
    let micros = micros.round() as i64;
    let (month, day) = (two_digits(&[m1, m2])?, two_digits(&[d1, d2])?);
    let local = utc(2000 + two(y1, y2)?, month, day, seconds_of_day(clock)?, micros)?;
    Some(Timestamp::from_micros(local.as_micros() - east_minutes * 60_000_000))
}

fn date_and_time(year: [u8; 2], month: [u8; 2], day: [u8; 2], time: &[u8]) -> Option<Timestamp> {
    let (clock, fraction) = time.split_first_chunk::<6>()?;
    let micros = match fraction {
        [] => 0.0,
        [b'.', ..] => number(fraction).unwrap_or(0.0) * 1e6,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "below a million")]
    let micros = micros as i64;
    let (year, month, day) = (two_digits(&year)?, two_digits(&month)?, two_digits(&day)?);
    utc(2000 + i64::from(year), month, day, seconds_of_day(*clock)?, micros)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_end_with_the_line() {
        let mut fields = Fields::new(b"a,,1.5,", b',');
        assert_eq!(fields.text(), Some("a"));
        assert_eq!(fields.clone().rest(), b",1.5,");
        assert_eq!(fields.text(), None);
        assert_eq!(fields.number(), Some(1.5));
        assert_eq!(fields.next(), Some(&b""[..]));
        assert_eq!(fields.next(), None);
    }

    #[test]
    fn places_and_times_as_trackers_write_them() {
        assert!((degrees_minutes(b"4851.1234", b'N').unwrap() - 48.852_056_67).abs() < 1e-8);
        assert!((degrees_minutes(b"07336.0000", b'w').unwrap() + 73.6).abs() < 1e-9);
        assert_eq!(degrees_minutes(b"4851.1234", b'X'), None);
        assert_eq!(day_month_year(b"160126", b"193100").unwrap().to_string(), "2026-01-16T19:31:00Z");
        assert_eq!(year_month_day(b"260116", b"193100.5").unwrap().to_string(), "2026-01-16T19:31:00.5Z");
        assert_eq!(compact_time(b"20260116193100").unwrap().to_string(), "2026-01-16T19:31:00Z");
        assert_eq!(compact_time(b"20261316193100"), None);
        for (text, same) in [
            ("2026-01-16 19:31:00", "2026-01-16T19:31:00Z"),
            ("2026-01-16T19:31:00.25+0200", "2026-01-16T17:31:00.25Z"),
            ("2026-01-16T19:31:00-05:30", "2026-01-17T01:01:00Z"),
            ("2026-01-16T19:31Z", "2026-01-16T19:31:00Z"),
        ] {
            assert_eq!(iso_time(text.as_bytes()).unwrap().to_string(), same, "{text}");
        }
        for text in ["2026-01-16", "2026-13-16 19:31:00", "2026-01-16 19:31:00 PM", "2026-01-16 19:31:00.1.2"] {
            assert_eq!(iso_time(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", ".", "nan", "inf", "1.2.3", "0x1f", "1 2", "--1"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
        assert_eq!(number(b"1e3"), Some(1000.0));
        assert_eq!(hexadecimal(b"1F"), Some(31));
    }

    proptest! {
        #[test]
        fn numbers_are_those_of_the_standard_library(text in "[-+]?[0-9]{1,18}(\\.[0-9]{0,12})?") {
            let expected: f64 = text.parse().unwrap();
            prop_assert_eq!(number(text.as_bytes()), Some(expected));
        }
    }
}
