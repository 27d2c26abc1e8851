//! What the matcher says, as rows.

use matching::{MatchedFix, StopVisit};
use network::Network;

use crate::{Correction, FixRow, LiveMatch, VisitRow};

impl FixRow {
    /// The row with what the live matcher said of its fix.
    #[must_use]
    pub fn matched(self, matched: &MatchedFix, network: &Network) -> Self {
        Self { live: LiveMatch::of(matched, network), ..self }
    }
}

impl Correction {
    /// What the live matcher says anew.
    pub fn of(matched: &MatchedFix, network: &Network) -> Self {
        let live = LiveMatch::of(matched, network);
        Self { vehicle_id: matched.vehicle.clone(), time: matched.time, live }
    }
}

impl LiveMatch {
    fn of(matched: &MatchedFix, network: &Network) -> Self {
        Self {
            state: Some(matched.state.as_str().into()),
            rejected: matched.rejected.map(|reason| reason.as_str().into()),
            trip_id: matched.trip.map(|run| network.trip(run.trip).id.clone()),
            service_date: matched.trip.map(|run| run.day),
            route_id: matched.route.map(|route| network.route(route).id.clone()),
            direction_id: matched.direction,
            shape_dist_m: matched.shape_dist_m,
            cross_track_m: matched.cross_track_m,
            delay_s: matched.delay_s,
        }
    }
}

impl VisitRow {
    /// The row of a stop visit of one of the network's trips.
    pub fn of(visit: &StopVisit, network: &Network) -> Self {
        let trip = network.trip(visit.trip.trip);
        let pattern = network.pattern(trip.pattern);
        Self {
            service_date: visit.trip.day,
            trip_id: trip.id.clone(),
            vehicle_id: visit.vehicle.clone(),
            run_offset_s: visit.trip.offset_s,
            stop_sequence: visit.stop_sequence,
            stop_id: network.stop(visit.stop).id.clone(),
            route_id: Some(network.route(pattern.route).id.clone()),
            direction_id: pattern.direction,
            arrival: visit.arrival,
            departure: visit.departure,
            interpolated: visit.interpolated,
            uncertainty_s: visit.uncertainty_s,
            delay_s: delay_s(visit, network),
        }
    }
}

/// Seconds behind the timetable, to the nearest: those of the departure, because who comes
/// early and waits for the time is on time; at the last stop those of the arrival. A stop
/// passed without a standstill has one time for both.
fn delay_s(visit: &StopVisit, network: &Network) -> Option<i32> {
    let times = network.stop_times(visit.trip.trip);
    let index = visit.stop_index as usize;
    let time = times.get(index)?;
    let (scheduled_s, actual) = if index + 1 == times.len() {
        (time.arrival_s, visit.arrival)
    } else {
        (time.departure_s, visit.departure.unwrap_or(visit.arrival))
    };
    let scheduled = network.instant(visit.trip.day, f64::from(scheduled_s) + f64::from(visit.trip.offset_s));
    #[expect(clippy::cast_possible_truncation, reason = "float-to-integer casts saturate")]
    Some(actual.seconds_since(scheduled).round() as i32)
}
