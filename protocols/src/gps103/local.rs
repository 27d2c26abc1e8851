//! The terminal's own date and time, and the UTC that goes with them.

use model::Timestamp;

use crate::civil::{seconds_of_day, two_digits, utc};

const DAY_S: i64 = 86_400;
const HALF_DAY_S: i64 = DAY_S / 2;

/// A local date and time to the minute, from `YYMMDDHHMM[SS]`, with `/`, `:` and blanks or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Local {
    /// As if it were UTC.
    minute: Timestamp,
    seconds: i64,
}

impl Local {
    pub fn read(field: &[u8]) -> Option<Self> {
        let mut digits = [0u8; 12];
        let mut len = 0;
        for byte in field.iter().filter(|b| !matches!(b, b'/' | b':' | b' ')) {
            *digits.get_mut(len)? = *byte;
            len += 1;
        }
        if !matches!(len, 10 | 12) {
            return None;
        }
        let [y1, y2, m1, m2, d1, d2, h1, h2, n1, n2, s1, s2] = digits;
        let (year, month, day) = (two_digits(&[y1, y2])?, two_digits(&[m1, m2])?, two_digits(&[d1, d2])?);
        let minutes = seconds_of_day([h1, h2, n1, n2, b'0', b'0'])?;
        let minute = utc(2000 + i64::from(year), month, day, minutes, 0)?;
        Some(Self { minute, seconds: two_digits(&[s1, s2]).map_or(0, i64::from) })
    }

    /// With the offset of local time in seconds.
    pub fn at_offset(self, offset_s: i64) -> Timestamp {
        Timestamp::from_secs(self.minute.as_secs() + self.seconds - offset_s)
    }

    /// The instant near it at which the UTC clock shows `clock`, and the offset that follows:
    /// local time is at most half a day away, so that the date is the day before or after
    /// where that is nearer.
    pub fn with_clock(self, clock: Clock) -> (Timestamp, i64) {
        let here = self.minute.as_secs();
        let mut offset = here.rem_euclid(DAY_S) - clock.minute_s;
        if offset <= -HALF_DAY_S {
            offset += DAY_S;
        } else if offset > HALF_DAY_S {
            offset -= DAY_S;
        }
        (Timestamp::from_secs(here - offset + clock.seconds), offset)
    }
}

/// `HHMMSS` of UTC, its fraction left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    /// The minute's start, in seconds of the day.
    minute_s: i64,
    seconds: i64,
}

impl Clock {
    pub fn read(field: &[u8]) -> Option<Self> {
        let (clock, fraction) = field.split_first_chunk::<6>()?;
        let is_fraction = matches!(fraction, [] | [b'.', ..]);
        let seconds = seconds_of_day(*clock).filter(|_| is_fraction)?;
        Some(Self { minute_s: seconds - seconds % 60, seconds: seconds % 60 })
    }

    /// The instant nearest to now at which the clock shows this.
    pub fn near(self, now: Timestamp) -> Timestamp {
        let wanted = self.minute_s + self.seconds;
        let away = (wanted - now.as_secs() + HALF_DAY_S).rem_euclid(DAY_S) - HALF_DAY_S;
        Timestamp::from_secs(now.as_secs() + away)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(local: &str, clock: &str) -> (String, i64) {
        let (time, offset) = Local::read(local.as_bytes()).unwrap().with_clock(Clock::read(clock.as_bytes()).unwrap());
        (time.to_string(), offset / 60)
    }

    #[test]
    fn midnight_may_lie_between_the_clocks() {
        assert_eq!(read("260116015958", "235957.000"), ("2026-01-15T23:59:57Z".to_owned(), 120));
        assert_eq!(read("2601152030", "013011"), ("2026-01-16T01:30:11Z".to_owned(), -300));
        assert_eq!(read("26/01/16 14:31", "090112.5"), ("2026-01-16T09:01:12Z".to_owned(), 330));
        let now = Timestamp::parse("2026-01-16T00:10:00Z").unwrap();
        assert_eq!(Clock::read(b"235900").unwrap().near(now).to_string(), "2026-01-15T23:59:00Z");
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["", "000000000", "0000000000", "2601160159581", "26011602"] {
            assert_eq!(Local::read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Clock::read(b"31.0"), None);
    }
}
