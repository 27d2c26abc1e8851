//! Arrivals and departures from all the places of a run.

use model::{Timestamp, VehicleId};
use network::Network;

use crate::hindsight::register::Run;
use crate::{Parameters, StopVisit};

/// Past a stop by this much a vehicle has left it, metres.
const LEFT_M: f64 = 25.0;
/// A fix this little before a stop is at it, positions being no better, metres,
/// unless the next one comes soon enough to tell, seconds.
const SOON_S: f64 = 15.0;
/// See above.
const NOISE_M: f64 = 15.0;
/// Longer gaps leave an arrival to reckoning, seconds.
const GAP_S: f64 = 90.0;

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

/// Appends the visits that the places of one run tell.
pub(crate) fn visits(
    network: &Network,
    p: &Parameters,
    vehicle: &VehicleId,
    run: &Run,
    spots: &[Spot],
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
        let (arrival, gap_s) = match before {
            Some(before) => (crossing(before, first, at_m.min(first.dist_m)), first.time.seconds_since(before.time)),
            None if index == 0 || first.dist_m <= at_m + LEFT_M => (first.time, 0.0),
            None => continue,
        };
        let gone = spots.iter().skip(came).position(|s| s.dist_m > at_m + LEFT_M).map(|i| i + came);
        let departure = gone.filter(|_| !is_last).and_then(|gone| {
            let (after, last) = (spots.get(gone)?, spots.get(gone.checked_sub(1)?)?);
            Some(crossing(last, after, at_m.max(last.dist_m)).max(arrival))
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

/// When a vehicle passed a distance on its way between two places, at even speed.
fn crossing(before: &Spot, after: &Spot, dist_m: f64) -> Timestamp {
    let way = after.dist_m - before.dist_m;
    let part = if way > 0.0 { ((dist_m - before.dist_m) / way).clamp(0.0, 1.0) } else { 1.0 };
    before.time.plus_seconds(part * after.time.seconds_since(before.time))
}
