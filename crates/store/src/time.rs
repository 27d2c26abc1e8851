//! Times as databases hold them.

use model::Timestamp;

/// 0001-01-01T00:00:00Z and 9999-12-30T22:00:00Z: what both databases, the data sets'
/// formats and `jiff` can say.
const RANGE: (i64, i64) = (-62_135_596_800_000_000, 253_402_207_200_000_000);

/// Microseconds since 1970. A broken tracker's time beyond the years 1 to 9999 is drawn to
/// their limits: refusing one row would hold up all that follow it.
pub(crate) fn micros(time: Timestamp) -> i64 {
    time.as_micros().clamp(RANGE.0, RANGE.1)
}

/// The UTC date of an instant.
pub(crate) fn utc_day(time: Timestamp) -> jiff::civil::Date {
    jiff::tz::TimeZone::UTC.to_datetime(Timestamp::from_micros(micros(time)).to_jiff()).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_that_of_four_digit_years() {
        let shown = |micros| Timestamp::from_micros(micros).to_string();
        assert_eq!((shown(RANGE.0), shown(RANGE.1)), ("0001-01-01T00:00:00Z".into(), "9999-12-30T22:00:00Z".into()));
        assert_eq!(utc_day(Timestamp::from_micros(i64::MAX)).to_string(), "9999-12-30");
        assert_eq!(utc_day(Timestamp::from_micros(i64::MIN)).to_string(), "0001-01-01");
    }
}
