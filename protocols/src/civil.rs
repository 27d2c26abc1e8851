//! Calendar dates as trackers write them.

use model::Timestamp;

const DAY_S: i64 = 86_400;

/// The instant of a date and time of day in UTC; `None` where there is no such.
pub(crate) fn utc(year: i64, month: u8, day: u8, seconds_of_day: i64, micros: i64) -> Option<Timestamp> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u8::from(leap),
        _ => return None,
    };
    if !(1..=days_in_month).contains(&day) || !(0..DAY_S).contains(&seconds_of_day) {
        return None;
    }
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil: years
    // begin in March, so that the leap day is the last.
    let (month, day) = (i64::from(month), i64::from(day));
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some(Timestamp::from_micros((days * DAY_S + seconds_of_day) * 1_000_000 + micros))
}

/// Year of the century, month, day, hour, minute and second of an instant in UTC.
pub(crate) fn two_digit_parts(time: Timestamp) -> [u8; 6] {
    let (days, seconds) = (time.as_secs().div_euclid(DAY_S), time.as_secs().rem_euclid(DAY_S));
    // Howard Hinnant, civil_from_days.
    let shifted = days + 719_468;
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + shifted.div_euclid(146_097) * 400 + i64::from(month <= 2);
    [year.rem_euclid(100), month, day, seconds / 3600, seconds / 60 % 60, seconds % 60]
        .map(|part| u8::try_from(part).unwrap_or(0))
}

/// Two digits as a number.
pub(crate) fn two_digits(text: &[u8]) -> Option<u8> {
    match text {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some((a - b'0') * 10 + (b - b'0')),
        _ => None,
    }
}

/// Hours, minutes and seconds of two digits each, as seconds of the day.
pub(crate) fn seconds_of_day(hhmmss: [u8; 6]) -> Option<i64> {
    let [h1, h2, m1, m2, s1, s2] = hhmmss;
    let (hours, minutes, seconds) = (two_digits(&[h1, h2])?, two_digits(&[m1, m2])?, two_digits(&[s1, s2])?);
    of_day(hours, minutes, seconds)
}

/// Hours, minutes and seconds as seconds of the day.
pub(crate) fn of_day(hours: u8, minutes: u8, seconds: u8) -> Option<i64> {
    // A leap second counts as the second after it.
    (hours < 24 && minutes < 60 && seconds <= 60)
        .then(|| (i64::from(hours) * 60 + i64::from(minutes)) * 60 + i64::from(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_instants() {
        let text = |y, m, d, s| utc(y, m, d, s, 0).map(|t| t.to_string());
        assert_eq!(text(2013, 4, 27, 75_361).unwrap(), "2013-04-27T20:56:01Z");
        assert_eq!(text(2024, 2, 29, 0).unwrap(), "2024-02-29T00:00:00Z");
        assert_eq!(text(1970, 1, 1, 0).unwrap(), "1970-01-01T00:00:00Z");
        assert_eq!(text(2000, 12, 31, 86_399).unwrap(), "2000-12-31T23:59:59Z");
        for (y, m, d, s) in [(2023, 2, 29, 0), (2023, 13, 1, 0), (2023, 4, 31, 0), (2023, 4, 0, 0), (2023, 4, 1, DAY_S)]
        {
            assert!(utc(y, m, d, s, 0).is_none());
        }
        for (text, parts) in
            [("2013-04-27T20:56:01Z", [13, 4, 27, 20, 56, 1]), ("2024-02-29T23:59:59Z", [24, 2, 29, 23, 59, 59])]
        {
            assert_eq!(two_digit_parts(Timestamp::parse(text).unwrap()), parts);
        }
        assert_eq!(seconds_of_day(*b"205601"), Some(75_361));
        assert_eq!(seconds_of_day(*b"250000"), None);
        assert_eq!(seconds_of_day(*b"2x0000"), None);
    }
}
