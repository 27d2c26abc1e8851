//! Arrivals and departures from all the places of a run.

use model::{Timestamp, VehicleId};
use network::Network;

use crate::hindsight::register::Run;
use crate::{Parameters, StopVisit};

/// Past a stop by this much a vehicle has left it, metres.
const LEFT_M: f64 = 25.0;
/// A fix this little before a stop is at it, positions being no better, metres,
const NOISE_M: f64 = 15.0;
/// unless the next one comes soon enough to tell, seconds.
const SOON_S: f64 = 15.0;
/// Longer gaps leave an arrival to reckoning, seconds.
const GAP_S: f64 = 90.0;
/// What a bus stands at a stop, seconds: even where it does not stop at each of them.
const DWELL_S: f64 = 20.0;
/// Of the time between two fixes, as far as it is longer than what tells by itself, it stands no
/// more than this at the stops between them.
const DWELL_SHARE: f64 = 0.33;

/// A place on the run at an instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub(crate) time: Timestamp,
    pub(crate) dist_m: f64,
    pub(crate) standing: bool,
    /// Before its departure.
    pub(crate) waits: bool,
    /// It has come back to its shape here.
    pub(crate) back: bool,
}

/// Appends the visits that the places of one run tell, before the first of which it was not seen
/// for so many seconds.
pub(crate) fn visits(
    network: &Network,
    p: &Parameters,
    vehicle: &VehicleId,
    run: &Run,
    (unseen_s, spots): (f64, &[Spot]),
    out: &mut Vec<StopVisit>,
) {
    let spots = &rising(spots);
    let stops = &network.pattern(run.pattern).stops;
    let times = network.stop_times(run.run.trip);
    let mut from = 0;
    for (index, (stop, time)) in stops.iter().zip(times).enumerate() {
        let at_m = stop.dist_m;
        let is_last = index + 1 == stops.len();
        let reaches = |(i, s): (usize, &Spot)| {
            let resolved = spots.get(from + i + 1).is_some_and(|n| n.time.seconds_since(s.time) <= SOON_S);
            let before_m = match (s.standing, resolved) {
                (true, _) => p.standing_at_stop_m,
                (false, false) => NOISE_M,
                (false, true) => 0.0,
            };
            s.dist_m >= at_m - before_m || s.waits && index == 0
        };
        let Some(came) = spots.iter().skip(from).enumerate().position(reaches).map(|i| i + from) else { break };
        let Some(first) = spots.get(came) else { break };
        from = came;
        let before = came.checked_sub(1).and_then(|i| spots.get(i));
        if first.back && first.dist_m > at_m + LEFT_M && before.is_some_and(|b| b.dist_m < at_m - LEFT_M) {
            // Its detour has led around this stop.
            continue;
        }
        let (arrival, dwell_s, gap_s) = match before {
            Some(before) => {
                let on_the_way = stops.iter().take(index).filter(|s| s.dist_m > before.dist_m + LEFT_M).count();
                let passed = stops.iter().skip(index).filter(|s| s.dist_m < first.dist_m - LEFT_M).count();
                let (arrival, dwell_s) = arrival(before, first, at_m, (on_the_way, passed));
                (arrival, dwell_s, first.time.seconds_since(before.time))
            }
            None if index == 0 || first.dist_m <= at_m + LEFT_M => (first.time, 0.0, unseen_s),
            None => continue,
        };
        let gone = spots.iter().skip(came).position(|s| s.dist_m > at_m + LEFT_M).map(|i| i + came);
        let departure = gone.filter(|_| !is_last).and_then(|gone| {
            let (after, last) = (spots.get(gone)?, spots.get(gone.checked_sub(1)?)?);
            let passed = if gone == came { arrival.plus_seconds(dwell_s) } else { arrival };
            Some(crossing(last, after, at_m.max(last.dist_m)).max(passed))
        });
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a gap")]
        let uncertainty_s = (gap_s / 2.0) as f32;
        out.push(StopVisit {
            vehicle: vehicle.clone(),
            trip: run.run,
            stop_index: u32::try_from(index).unwrap_or(u32::MAX),
            stop_sequence: time.stop_sequence,
            stop: stop.stop,
            arrival,
            departure,
            interpolated: gap_s > GAP_S,
            uncertainty_s,
        });
    }
}

/// Progress does not fall for noise.
fn rising(spots: &[Spot]) -> Vec<Spot> {
    let mut most = f64::NEG_INFINITY;
    spots
        .iter()
        .map(|s| {
            most = most.max(s.dist_m);
            Spot { dist_m: most, ..*s }
        })
        .collect()
}

/// When a vehicle came to a stop between two places, and how long it stood there: it drives at
/// even speed, and stands at the stops that lie before this one and at those from it on that
/// it has passed. One that is found standing there has come half of that ago; one that stands
/// before it has not come yet.
fn arrival(before: &Spot, after: &Spot, at_m: f64, (on_the_way, passed): (usize, usize)) -> (Timestamp, f64) {
    let gap_s = after.time.seconds_since(before.time);
    let is_found = passed == 0 && after.standing && after.dist_m >= at_m - LEFT_M;
    let stands = count(on_the_way) + if is_found { 0.5 } else { count(passed) };
    let dwell_s = DWELL_S.min(DWELL_SHARE * (gap_s - SOON_S).max(0.0) / stands.max(1.0));
    let drives_s = gap_s - stands * dwell_s;
    (before.time.plus_seconds(part(before, after, at_m) * drives_s + count(on_the_way) * dwell_s), dwell_s)
}

fn count(stops: usize) -> f64 {
    f64::from(u32::try_from(stops).unwrap_or(u32::MAX))
}

/// When a vehicle passed a distance on its way between two places, at even speed.
fn crossing(before: &Spot, after: &Spot, dist_m: f64) -> Timestamp {
    before.time.plus_seconds(part(before, after, dist_m) * after.time.seconds_since(before.time))
}

/// The part of the way between two places that lies before a distance.
fn part(before: &Spot, after: &Spot, dist_m: f64) -> f64 {
    let way = after.dist_m - before.dist_m;
    if way > 0.0 { ((dist_m - before.dist_m) / way).clamp(0.0, 1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(seconds: f64, dist_m: f64, standing: bool) -> Spot {
        let time = Timestamp::from_secs(1_768_550_000).plus_seconds(seconds);
        Spot { time, dist_m, standing, waits: false, back: false }
    }

    /// When it came to a stop, seconds after the earlier of two places 2 minutes apart.
    fn came(before_m: f64, after: Spot, at_m: f64, stops: (usize, usize)) -> f64 {
        let before = spot(0.0, before_m, false);
        arrival(&before, &after, at_m, stops).0.seconds_since(before.time)
    }

    #[test]
    fn between_distant_fixes_a_bus_stands_at_the_stops_it_passes() {
        // Half way, with one stop before it and one after it: as much on either side.
        let middle = came(0.0, spot(120.0, 900.0, false), 450.0, (1, 2));
        assert!((50.0..58.0).contains(&middle), "it stands here too before it goes on: {middle}");
        let evenly = came(0.0, spot(120.0, 900.0, false), 450.0, (0, 0));
        assert!((evenly - 60.0).abs() < 1e-6, "{evenly}");
        // However many stops there are, it drives for most of the time and comes to each after the last.
        let many: Vec<f64> =
            (0..20).map(|at| came(0.0, spot(120.0, 900.0, false), 40.0 * (at as f64 + 1.0), (at, 20 - at))).collect();
        assert!(many.is_sorted() && many[19] < 120.0, "{many:?}");
    }

    #[test]
    fn a_bus_found_standing_has_come_a_little_before_unless_it_queues() {
        let found = came(0.0, spot(120.0, 600.0, true), 605.0, (0, 0));
        assert!((100.0..120.0).contains(&found), "{found}");
        let queues = came(0.0, spot(120.0, 560.0, true), 605.0, (0, 0));
        assert!((queues - 120.0).abs() < 1e-6, "{queues}");
    }
}
