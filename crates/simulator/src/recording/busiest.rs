//! Which part of a recorded day is worth showing.

use std::collections::BTreeMap;

use model::Timestamp;

use super::Row;

/// A pause up to this long does not end a busy stretch.
const PAUSE_MINUTES: i64 = 5;
/// A stretch longer than this is worth entering at its busiest half hour.
const LONG_MINUTES: i64 = 180;
/// The window by which minutes are compared.
const WINDOW_MINUTES: i64 = 30;
/// As busy as the busiest half hour is one with so many of a hundred of its rows.
const NEARLY_PERCENT: u64 = 96;
/// Counts are smoothed over so many minutes before the peak is taken.
const SMOOTHED_MINUTES: i64 = 5;

pub(super) fn span(rows: &[Row]) -> (Timestamp, Timestamp) {
    let (from, until) = busy_minutes(&by_minute(rows));
    (Timestamp::from_secs(from * 60), Timestamp::from_secs(until * 60 + 60))
}

pub(super) fn start(rows: &[Row]) -> Timestamp {
    let counts = by_minute(rows);
    let (from, until) = busy_minutes(&counts);
    let minute = if until - from <= LONG_MINUTES {
        from
    } else {
        let mut starts = from..=until - WINDOW_MINUTES;
        let most = starts.clone().map(|m| within(&counts, m, WINDOW_MINUTES)).max().unwrap_or(0);
        starts.find(|m| within(&counts, *m, WINDOW_MINUTES) * 100 >= most * NEARLY_PERCENT).unwrap_or(from)
    };
    Timestamp::from_secs(minute * 60)
}

/// Rows by the minute in which they were sent. Sparse: a stray row may lie years away.
fn by_minute(rows: &[Row]) -> BTreeMap<i64, u64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row.sent.as_secs().div_euclid(60)).or_insert(0) += 1;
    }
    counts
}

fn within(counts: &BTreeMap<i64, u64>, from: i64, minutes: i64) -> u64 {
    counts.range(from..from + minutes).map(|(_, n)| n).sum()
}

/// First and last minute of the busiest stretch.
fn busy_minutes(counts: &BTreeMap<i64, u64>) -> (i64, i64) {
    let peak = counts.keys().map(|m| within(counts, *m, SMOOTHED_MINUTES)).max().unwrap_or(0);
    // At least half of the smoothed peak's mean minute, in whole numbers.
    let busy = |n: u64| n * 2 * SMOOTHED_MINUTES.unsigned_abs() >= peak;
    let mut best = (0, 0, 0);
    let mut current: Option<(i64, i64, u64)> = None;
    for (&minute, &n) in counts.iter().filter(|(_, n)| busy(**n)) {
        current = match current {
            Some((from, last, sum)) if minute - last <= PAUSE_MINUTES => Some((from, minute, sum + n)),
            _ => Some((minute, minute, n)),
        };
        if let Some((from, last, sum)) = current
            && sum > best.2
        {
            best = (from, last, sum);
        }
    }
    (best.0, best.1)
}

#[cfg(test)]
mod tests {
    use model::LatLon;

    use super::*;

    fn minute(at: &str, rows: u32) -> impl Iterator<Item = Row> + use<> {
        let time = Timestamp::parse(at).unwrap();
        let position = LatLon::new(48.85, 37.6).unwrap();
        (0..rows).map(move |vehicle| Row { vehicle, time, sent: time, position, speed_mps: None, heading_deg: None })
    }

    fn day(hours: impl Fn(i64) -> u32) -> Vec<Row> {
        let midnight = Timestamp::parse("2026-11-18T00:00:00Z").unwrap();
        (0..24 * 60)
            .flat_map(|m| {
                let at = midnight.plus_seconds(m as f64 * 60.0).to_string();
                minute(&at, hours(m / 60)).collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn a_short_dense_window_is_entered_at_its_beginning() {
        let mut rows: Vec<Row> = minute("2026-01-16T18:52:00Z", 90).collect();
        rows.extend((10..50).flat_map(|m| minute(&format!("2026-01-16T19:{m}:00Z"), 100)));
        rows.extend(minute("2026-01-20T00:00:00Z", 3));
        assert_eq!(start(&rows).to_string(), "2026-01-16T19:10:00Z");
        assert_eq!(span(&rows).1.to_string(), "2026-01-16T19:50:00Z");
    }

    #[test]
    fn a_whole_day_is_entered_at_its_busiest_half_hour() {
        let rows = day(|hour| match hour {
            3..=20 => {
                if hour == 6 {
                    30
                } else {
                    20
                }
            }
            _ => 0,
        });
        assert_eq!(start(&rows).to_string(), "2026-11-18T05:57:00Z", "nearly all of the half hour lies in the peak");
        assert_eq!(span(&rows).0.to_string(), "2026-11-18T03:00:00Z");
    }
}
