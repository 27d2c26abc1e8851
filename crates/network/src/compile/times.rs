//! Filling in the times that a feed leaves empty.

use crate::StopTime;

/// What stop_times.txt says of one stop of a trip.
#[derive(Clone, Copy, Debug)]
pub(super) struct GivenTime {
    pub(super) stop_sequence: u32,
    pub(super) arrival_s: Option<i32>,
    pub(super) departure_s: Option<i32>,
}

impl GivenTime {
    /// The arrival, or what stands for it.
    pub(super) fn stated(&self) -> Option<i32> {
        self.arrival_s.or(self.departure_s)
    }
}

/// Times for every stop: those given, and between them by distance. A departure before its
/// arrival, or a time before the one of an earlier stop, is drawn up to it; the second value
/// tells whether that was needed. `None` where the first or the last stop has no time.
pub(super) fn fill(given: &[GivenTime], dist_m: &[f64]) -> Option<(Vec<StopTime>, bool)> {
    given.first()?.stated()?;
    given.last()?.stated()?;
    let mut drawn = false;
    // The last stop so far with a time of its own, with its distance and departure.
    let mut before = (0.0, i32::MIN, 0);
    let mut after = 0;
    let mut times: Vec<StopTime> = Vec::with_capacity(given.len());
    for (i, t) in given.iter().enumerate() {
        let here = dist_m.get(i).copied().unwrap_or(0.0);
        let arrival = t.stated().unwrap_or_else(|| {
            if after <= i {
                after = (i + 1..given.len()).find(|j| given.get(*j).is_some_and(|t| t.stated().is_some())).unwrap_or(i);
            }
            let next = given.get(after).and_then(GivenTime::stated).unwrap_or(before.1);
            between(before, (dist_m.get(after).copied().unwrap_or(here), next, after), (here, i))
        });
        let departure = t.departure_s.unwrap_or(arrival);
        let earliest = times.last().map_or(i32::MIN, |t| t.departure_s);
        drawn |= arrival < earliest || departure < arrival;
        let arrival_s = arrival.max(earliest);
        let departure_s = departure.max(arrival_s);
        let timepoint = t.stated().is_some();
        if timepoint {
            before = (here, departure_s, i);
        }
        times.push(StopTime { arrival_s, departure_s, stop_sequence: t.stop_sequence, timepoint });
    }
    Some((times, drawn))
}

/// The time between two stops (distance, time, index): by distance, or by number of stops
/// where there is no distance between them. Never before the first one's.
fn between(before: (f64, i32, usize), after: (f64, i32, usize), here: (f64, usize)) -> i32 {
    let whole = after.0 - before.0;
    let part = if whole > 0.0 {
        (here.0 - before.0) / whole
    } else {
        (here.1 - before.2) as f64 / (after.2 - before.2).max(1) as f64
    };
    let span = after.1.saturating_sub(before.1).max(0);
    #[expect(clippy::cast_possible_truncation, reason = "between two i32; float-to-integer casts saturate")]
    let seconds = (f64::from(before.1) + part * f64::from(span)).round() as i32;
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(times: &[Option<i32>]) -> Vec<GivenTime> {
        times.iter().zip(1..).map(|(t, n)| GivenTime { stop_sequence: n, arrival_s: *t, departure_s: *t }).collect()
    }

    fn arrivals(times: &[StopTime]) -> Vec<i32> {
        times.iter().map(|t| t.arrival_s).collect()
    }

    #[test]
    fn gaps_are_filled_by_distance() {
        let (times, drawn) = fill(&given(&[Some(100), None, None, Some(400)]), &[0.0, 500.0, 750.0, 1500.0]).unwrap();
        assert_eq!(arrivals(&times), [100, 200, 250, 400]);
        assert_eq!(times.iter().map(|t| t.timepoint).collect::<Vec<_>>(), [true, false, false, true]);
        assert!(!drawn);
    }

    #[test]
    fn gaps_begin_at_the_departure_and_without_distance_go_by_number() {
        let mut all = given(&[Some(100), None, Some(400), None, None, Some(700)]);
        all[0].departure_s = Some(200);
        let (times, _) = fill(&all, &[0.0, 500.0, 1000.0, 1000.0, 1000.0, 1000.0]).unwrap();
        assert_eq!(arrivals(&times), [100, 300, 400, 500, 600, 700]);
    }

    #[test]
    fn falling_times_are_drawn_up_and_told() {
        let (times, drawn) = fill(&given(&[Some(100), Some(90), Some(120)]), &[0.0, 1.0, 2.0]).unwrap();
        assert_eq!(arrivals(&times), [100, 100, 120]);
        assert!(drawn);
        let (times, drawn) = fill(&given(&[Some(100), None, Some(50)]), &[0.0, 1.0, 2.0]).unwrap();
        assert_eq!(arrivals(&times), [100, 100, 100]);
        assert!(drawn);
    }

    #[test]
    fn without_a_first_or_last_time_there_is_no_trip() {
        assert!(fill(&given(&[None, Some(1)]), &[0.0, 1.0]).is_none());
        assert!(fill(&given(&[Some(1), None]), &[0.0, 1.0]).is_none());
    }
}
