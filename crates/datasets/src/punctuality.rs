//! How punctual each route was, by direction and hour.

use std::collections::BTreeMap;

use model::ServiceDate;
use network::{Network, RouteIdx};

use crate::rows::Rows;

/// The file's columns.
pub const COLUMNS: [&str; 14] = [
    "service_date",
    "route_id",
    "route_short_name",
    "direction_id",
    "hour",
    "observed_stop_visits",
    "early",
    "on_time",
    "late",
    "early_share",
    "on_time_share",
    "late_share",
    "median_delay_s",
    "p90_delay_s",
];

/// From when on a vehicle counts as early or late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// More than so many seconds before its time is early.
    pub early_s: u32,
    /// More than so many seconds behind its time is late.
    pub late_s: u32,
}

/// One minute early to five minutes late is on time.
impl Default for Thresholds {
    fn default() -> Self {
        Self { early_s: 60, late_s: 300 }
    }
}

/// What delays of one route, direction and hour are gathered under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    pub route: RouteIdx,
    pub direction: Option<u8>,
    /// Hour of the service day by the timetable, which passes 23 after midnight as in GTFS.
    pub hour: i32,
}

/// The delays of a day in seconds, late positive.
#[derive(Debug, Default)]
pub(crate) struct Delays(BTreeMap<Group, Vec<i32>>);

impl Delays {
    pub(crate) fn add(&mut self, group: Group, delay_s: i32) {
        self.0.entry(group).or_default().push(delay_s);
    }

    /// Takes in the delays of another part of the day.
    pub(crate) fn merge(&mut self, other: Self) {
        for (group, delays) in other.0 {
            self.0.entry(group).or_default().extend(delays);
        }
    }

    /// One row a group that has any delay.
    pub(crate) fn rows(self, network: &Network, day: ServiceDate, thresholds: Thresholds) -> Rows {
        let mut rows = Rows::new();
        for (group, delays) in self.0 {
            let (route, summary) = (network.route(group.route), Summary::of(delays, thresholds));
            rows.text(&day.to_string());
            rows.text(&route.id);
            rows.text(&route.short_name);
            rows.some(group.direction);
            rows.some(Some(group.hour));
            for count in [summary.observed(), summary.early, summary.on_time, summary.late] {
                rows.some(Some(count));
            }
            for count in [summary.early, summary.on_time, summary.late] {
                rows.text(&format!("{:.4}", count as f64 / summary.observed() as f64));
            }
            for seconds in [summary.median_s, summary.p90_s] {
                rows.text(&format!("{seconds:.1}"));
            }
            rows.end();
        }
        rows
    }
}

/// The figures of one group.
#[derive(Debug, PartialEq)]
struct Summary {
    early: usize,
    on_time: usize,
    late: usize,
    median_s: f64,
    p90_s: f64,
}

impl Summary {
    fn of(mut delays: Vec<i32>, thresholds: Thresholds) -> Self {
        // Sorted, so that nothing depends on the order in which vehicles were looked at.
        delays.sort_unstable();
        let early = delays.partition_point(|d| i64::from(*d) < -i64::from(thresholds.early_s));
        let in_time = delays.partition_point(|d| i64::from(*d) <= i64::from(thresholds.late_s));
        Self {
            early,
            on_time: in_time - early,
            late: delays.len() - in_time,
            median_s: quantile(&delays, 0.5),
            p90_s: quantile(&delays, 0.9),
        }
    }

    fn observed(&self) -> usize {
        self.early + self.on_time + self.late
    }
}

/// The quantile of sorted numbers, linear between neighbours: definition 7 of Hyndman and
/// Fan, "Sample Quantiles in Statistical Packages" (1996), as spreadsheets, R and NumPy have it.
fn quantile(sorted: &[i32], part: f64) -> f64 {
    let place = part * sorted.len().saturating_sub(1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the length")]
    let below = place.floor() as usize;
    let at = |index: usize| sorted.get(index).or(sorted.last()).map_or(0.0, |d| f64::from(*d));
    at(below) + (place - place.floor()) * (at(below + 1) - at(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_themselves_are_on_time() {
        let delays = vec![301, 300, 0, -60, -61, i32::MIN, i32::MAX];
        let summary = Summary::of(delays, Thresholds::default());
        assert_eq!((summary.early, summary.on_time, summary.late), (2, 3, 2));
        assert_eq!(summary.observed(), 7);
    }

    /// Checked with NumPy: `percentile([-20, 10, 40, 100], [50, 90])` is 25 and 82.
    #[test]
    fn quantiles_lie_between_neighbours() {
        let summary = Summary::of(vec![40, -20, 100, 10], Thresholds::default());
        assert!((summary.median_s - 25.0).abs() < 1e-9);
        assert!((summary.p90_s - 82.0).abs() < 1e-9);
        let one = Summary::of(vec![7], Thresholds::default());
        assert_eq!((one.median_s, one.p90_s), (7.0, 7.0));
    }
}
