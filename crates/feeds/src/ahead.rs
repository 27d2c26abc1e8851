//! When a vehicle is expected at the stops ahead: its delay now, carried on.

use std::collections::BTreeMap;

use matching::State;
use network::{Network, StopIdx, StopTime, TripInstance};

use crate::{LiveVehicle, Snapshot};

/// A planned stay of this long is a wait for the timetable, seconds.
const WAIT_S: i64 = 60;
/// What a late vehicle leaves of such a wait, for riders to get on and off, seconds.
const SHORTEST_WAIT_S: i64 = 30;

/// A stop at which a vehicle is or to which it will come. All times are POSIX seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopAhead {
    /// Index among the pattern's stops.
    pub index: usize,
    /// Which stop.
    pub stop: StopIdx,
    /// GTFS `stop_sequence`.
    pub stop_sequence: u32,
    /// When it comes or came, later than it leaves the stop before.
    pub arrival_s: i64,
    /// When it leaves, not before it comes.
    pub departure_s: i64,
    /// When it should come.
    pub scheduled_arrival_s: i64,
    /// When it should leave.
    pub scheduled_departure_s: i64,
}

/// The vehicle that speaks for each trip under way: of several on one trip the one farthest
/// along, then the one with the lowest id. Vehicles that have left their way speak for none.
pub fn speakers<'a>(network: &Network, snapshot: &'a Snapshot) -> BTreeMap<TripInstance, &'a LiveVehicle> {
    let mut speakers: BTreeMap<TripInstance, (&LiveVehicle, f64)> = BTreeMap::new();
    for vehicle in snapshot.vehicles.iter().filter(|v| v.state != State::OffRoute) {
        let Some(on) = vehicle.on.filter(|on| on.is_near(network)) else { continue };
        let known = speakers.entry(on.run).or_insert((vehicle, on.shape_dist_m));
        if on.shape_dist_m > known.1 {
            *known = (vehicle, on.shape_dist_m);
        }
    }
    speakers.into_iter().map(|(run, (vehicle, _))| (run, vehicle)).collect()
}

/// The stop at which the vehicle is and those ahead of it on its trip.
///
/// The delay is carried from stop to stop. A late vehicle makes it up where the timetable
/// waits; an early one waits there, and at the first stop, for its time. Nothing ahead is
/// expected before the moment at which the vehicle was last seen.
pub fn stops_ahead(network: &Network, vehicle: &LiveVehicle) -> Vec<StopAhead> {
    let Some(on) = vehicle.on else { return Vec::new() };
    let first = on.next_stop as usize;
    let stops = network.pattern(on.pattern).stops.iter().zip(network.stop_times(on.run.trip)).enumerate().skip(first);
    let origin_s = network.instant(on.run.day, f64::from(on.run.offset_s)).as_secs();
    let floating = network.trip(on.run.trip).is_floating();
    let seen_s = vehicle.time.as_secs();
    let mut delay_s = i64::from(on.delay_s);
    // The least that the next arrival may be.
    let mut after_s = i64::MIN;
    stops
        .map(|(index, (stop, time))| {
            let StopTime { arrival_s, departure_s, stop_sequence, .. } = *time;
            let (scheduled_arrival_s, scheduled_departure_s) =
                (origin_s + i64::from(arrival_s), origin_s + i64::from(departure_s));
            let by_delay_s = scheduled_arrival_s + delay_s;
            // Where it stands, it has come already.
            let is_here = on.at_stop && index == first;
            let arrival_s = if is_here { by_delay_s.min(seen_s) } else { by_delay_s.max(seen_s).max(after_s) };
            let stay_s = scheduled_departure_s - scheduled_arrival_s;
            let waits = !floating && (stay_s >= WAIT_S || index == 0);
            let departure_s = if waits {
                (by_delay_s.max(arrival_s) + stay_s.min(SHORTEST_WAIT_S)).max(scheduled_departure_s)
            } else {
                arrival_s + stay_s
            };
            let departure_s = departure_s.max(seen_s);
            after_s = departure_s + 1;
            delay_s = departure_s - scheduled_departure_s;
            StopAhead {
                index,
                stop: stop.stop,
                stop_sequence,
                arrival_s,
                departure_s,
                scheduled_arrival_s,
                scheduled_departure_s,
            }
        })
        .collect()
}
