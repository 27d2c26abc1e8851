//! `stop_visits`: which vehicle was when at which stop.

use matching::StopVisit;

use crate::rows::{Rows, whole_second};
use crate::vehicle::{Day, Performed};

/// The table's columns.
pub const COLUMNS: [&str; 31] = [
    "service_date",
    "trip_id_performed",
    "trip_stop_sequence",
    "scheduled_stop_sequence",
    "pattern_id",
    "vehicle_id",
    "dwell",
    "stop_id",
    "timepoint",
    "schedule_arrival_time",
    "schedule_departure_time",
    "actual_arrival_time",
    "actual_departure_time",
    "distance",
    "boarding_1",
    "alighting_1",
    "boarding_2",
    "alighting_2",
    "departure_load",
    "door_open",
    "door_close",
    "door_status",
    "ramp_deployed_time",
    "ramp_failure",
    "kneel_deployed_time",
    "lift_deployed_time",
    "bike_rack_deployed",
    "bike_load",
    "revenue",
    "number_of_transactions",
    "schedule_relationship",
];

/// The columns between `distance` and `schedule_relationship`, of which nothing is known.
const UNKNOWN: usize = 16;

/// The `number`-th visit of a trip.
pub(crate) fn row(day: &Day, trip: &Performed, number: usize, visit: &StopVisit, rows: &mut Rows) {
    let network = &day.network;
    let pattern = network.pattern(network.trip(visit.trip.trip).pattern);
    let index = visit.stop_index as usize;
    let time = network.stop_times(visit.trip.trip).get(index);
    let scheduled = |seconds: i32| network.instant(day.date, f64::from(seconds) + f64::from(visit.trip.offset_s));
    let dwell = visit.departure.map(|left| whole_second(left).as_secs() - whole_second(visit.arrival).as_secs());

    rows.date(day.date);
    rows.text(&trip.id);
    rows.some(Some(number));
    rows.some(Some(visit.stop_sequence));
    rows.text(&pattern.id);
    rows.text(visit.vehicle.as_str());
    rows.some(dwell.filter(|dwell| *dwell >= 0 && !visit.interpolated));
    rows.text(&network.stop(visit.stop).id);
    rows.some(time.map(|time| time.timepoint));
    rows.seconds(time.map(|time| scheduled(time.arrival_s)));
    rows.seconds(time.map(|time| scheduled(time.departure_s)));
    rows.seconds(Some(visit.arrival));
    rows.seconds(visit.departure);
    rows.number(distance(day, trip, number, index), 0);
    rows.empty(UNKNOWN);
    rows.text("Scheduled");
    rows.end();
}

/// Metres along the shape from the stop visited before; nothing at the first.
fn distance(day: &Day, trip: &Performed, number: usize, index: usize) -> Option<f64> {
    let stops = &day.network.pattern(day.network.trip(trip.run.trip).pattern).stops;
    let before = trip.visits.get(number.checked_sub(2)?)?;
    let from = stops.get(before.stop_index as usize)?.dist_m;
    Some((stops.get(index)?.dist_m - from).max(0.0))
}
