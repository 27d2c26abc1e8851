//! On which days trips run.

use jiff::civil::{Date, Weekday};
use model::{ServiceDate, Timestamp};

use crate::{Network, ServiceIdx};

/// The days of a GTFS service: a weekly pattern, days added and days taken away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// Monday first.
    pub(crate) weekdays: [bool; 7],
    /// First and last day of the weekly pattern; `None` where there is none.
    pub(crate) span: Option<(Date, Date)>,
    /// Days on which it runs besides, sorted.
    pub(crate) added: Vec<Date>,
    /// Days on which it does not run, sorted.
    pub(crate) removed: Vec<Date>,
}

impl Service {
    /// Whether it runs on a day.
    pub fn runs(&self, day: ServiceDate) -> bool {
        let date = day.date();
        if self.added.binary_search(&date).is_ok() {
            return true;
        }
        let weekly = self.span.is_some_and(|(from, to)| from <= date && date <= to)
            && self.weekdays.get(weekday(date)).copied().unwrap_or(false);
        weekly && self.removed.binary_search(&date).is_err()
    }

    /// The first and the last day on which it runs, if it ever does.
    fn first_and_last(&self) -> Option<(Date, Date)> {
        // A weekly pattern repeats, so a day of each weekday from either end tells; where
        // holidays take those away, the search goes on to the next week.
        let weekly = |from: Date, to: Date, step: fn(Date) -> Option<Date>| {
            let mut date = from;
            loop {
                if self.runs(ServiceDate::new(date)) {
                    return Some(date);
                }
                if date == to {
                    return None;
                }
                date = step(date)?;
            }
        };
        let span = self.span.filter(|(from, to)| from <= to && self.weekdays.contains(&true));
        let first = span.and_then(|(from, to)| weekly(from, to, |d| d.tomorrow().ok()));
        let last = span.and_then(|(from, to)| weekly(to, from, |d| d.yesterday().ok()));
        let first = first.into_iter().chain(self.added.first().copied()).min()?;
        let last = last.into_iter().chain(self.added.last().copied()).max()?;
        Some((first, last))
    }
}

fn weekday(date: Date) -> usize {
    match date.weekday() {
        Weekday::Monday => 0,
        Weekday::Tuesday => 1,
        Weekday::Wednesday => 2,
        Weekday::Thursday => 3,
        Weekday::Friday => 4,
        Weekday::Saturday => 5,
        Weekday::Sunday => 6,
    }
}

/// A service day worked out once: when its times begin and which services run.
#[derive(Clone, Debug)]
pub struct ServiceDay {
    /// The date it is named after.
    pub date: ServiceDate,
    /// The instant from which its schedule times count.
    pub origin: Timestamp,
    running: Vec<bool>,
}

impl ServiceDay {
    /// Whether a service runs on it.
    pub fn runs(&self, service: ServiceIdx) -> bool {
        self.running.get(service.usize()).copied().unwrap_or(false)
    }

    /// Seconds of this day at an instant; negative before it begins.
    pub fn seconds_at(&self, at: Timestamp) -> f64 {
        at.seconds_since(self.origin)
    }

    /// The instant at seconds of this day.
    pub fn instant(&self, seconds: f64) -> Timestamp {
        self.origin.plus_seconds(seconds)
    }
}

impl Network {
    /// Works a service day out.
    pub fn service_day(&self, date: ServiceDate) -> ServiceDay {
        ServiceDay {
            date,
            origin: date.origin(&self.zone),
            running: self.services.iter().map(|s| s.runs(date)).collect(),
        }
    }

    /// The days whose trips can be under way at an instant, the earlier first: the local
    /// date, those before it as far as their times pass midnight, and the next one where the
    /// clocks' change makes it begin early.
    pub fn service_dates_at(&self, at: Timestamp) -> Vec<ServiceDate> {
        self.service_dates_near(at, 0.0, 0.0)
    }

    /// The days whose trips can be under way between `behind_s` seconds before an instant and
    /// `ahead_s` after it, the earlier first. The local date is always among them.
    pub fn service_dates_near(&self, at: Timestamp, behind_s: f64, ahead_s: f64) -> Vec<ServiceDate> {
        let (from, until) = (at.plus_seconds(-behind_s), at.plus_seconds(ahead_s));
        let today = ServiceDate::at(at, &self.zone);
        let ends = |day: ServiceDate| self.instant(day, f64::from(self.last_time_s));
        let mut first = today;
        while ends(first.previous()) >= from && first.previous() != first {
            first = first.previous();
        }
        let mut dates = vec![first];
        let mut day = first;
        while day < today || (day.next().origin(&self.zone) <= until && day.next() != day) {
            day = day.next();
            dates.push(day);
        }
        dates
    }

    /// The first and the last day on which any trip runs; `None` where none ever does.
    pub fn service_span(&self) -> Option<(ServiceDate, ServiceDate)> {
        let mut used = vec![false; self.services.len()];
        for trip in &self.trips {
            if let Some(used) = used.get_mut(trip.service.usize()) {
                *used = true;
            }
        }
        let spans = self.services.iter().zip(used).filter(|(_, used)| *used).filter_map(|(s, _)| s.first_and_last());
        spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).map(|(a, b)| (ServiceDate::new(a), ServiceDate::new(b)))
    }

    /// The instant at seconds of a service day.
    pub fn instant(&self, day: ServiceDate, seconds: f64) -> Timestamp {
        day.origin(&self.zone).plus_seconds(seconds)
    }

    /// Whether a service runs on a day.
    pub fn runs(&self, service: ServiceIdx, day: ServiceDate) -> bool {
        self.services.get(service.usize()).is_some_and(|s| s.runs(day))
    }
}
