//! Service days.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::Timestamp;

/// A service day by GTFS: the agency's local date on which a trip's schedule is listed.
/// Its times count from noon minus twelve hours and may pass 24:00.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceDate(jiff::civil::Date);

impl ServiceDate {
    /// The service day of a calendar date.
    pub const fn new(date: jiff::civil::Date) -> Self {
        Self(date)
    }

    /// The calendar date it is named after.
    pub const fn date(self) -> jiff::civil::Date {
        self.0
    }

    /// Reads `2026-01-16` or GTFS's `20260116`; `None` where it is no date.
    pub fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok().map(Self)
    }

    /// GTFS's spelling, `20260116`.
    pub fn compact(self) -> String {
        self.0.strftime("%Y%m%d").to_string()
    }

    /// The day before; the first day of the calendar stays.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.yesterday().unwrap_or(self.0))
    }

    /// The day after; the last day of the calendar stays.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.tomorrow().unwrap_or(self.0))
    }

    /// The instant from which this day's schedule times count: local noon minus twelve
    /// hours, which differs from midnight on the days when clocks change.
    pub fn origin(self, zone: &jiff::tz::TimeZone) -> Timestamp {
        let noon =
            zone.to_ambiguous_timestamp(self.0.at(12, 0, 0, 0)).compatible().unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        Timestamp::from(noon).plus_seconds(-12.0 * 3600.0)
    }

    /// The local calendar date at an instant, as a service day.
    pub fn at(instant: Timestamp, zone: &jiff::tz::TimeZone) -> Self {
        Self(zone.to_datetime(instant.to_jiff()).date())
    }
}

impl fmt::Display for ServiceDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ServiceDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for ServiceDate {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ServiceDate {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no date; write it as 2026-01-16")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_count_from_noon_minus_twelve_hours() {
        let kyiv = jiff::tz::TimeZone::get("Europe/Kyiv").unwrap();
        let origin = |d: &str| ServiceDate::parse(d).unwrap().origin(&kyiv).to_string();
        assert_eq!(origin("2026-01-16"), "2026-01-15T22:00:00Z");
        // Clocks go forward at 03:00 on 2026-03-29: noon minus twelve hours is 23:00 of the eve.
        assert_eq!(origin("2026-03-29"), "2026-03-28T21:00:00Z");
        assert_eq!(origin("20261025"), "2026-10-24T22:00:00Z");
    }

    #[test]
    fn an_instant_falls_on_the_local_date() {
        let kyiv = jiff::tz::TimeZone::get("Europe/Kyiv").unwrap();
        let late = Timestamp::parse("2026-01-16T22:30:00Z").unwrap();
        assert_eq!(ServiceDate::at(late, &kyiv).to_string(), "2026-01-17");
        assert_eq!(ServiceDate::at(late, &kyiv).previous().compact(), "20260116");
    }
}
