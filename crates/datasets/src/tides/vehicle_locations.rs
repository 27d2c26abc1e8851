//! `vehicle_locations`: where each vehicle was.

use matching::{MatchedFix, State};
use model::Fix;

use super::part;
use crate::rows::Rows;
use crate::vehicle::{Day, Performed};

/// The table's columns.
pub const COLUMNS: [&str; 22] = [
    "location_ping_id",
    "service_date",
    "event_timestamp",
    "trip_id_performed",
    "trip_id_scheduled",
    "trip_stop_sequence",
    "scheduled_stop_sequence",
    "vehicle_id",
    "device_id",
    "pattern_id",
    "stop_id",
    "current_status",
    "latitude",
    "longitude",
    "gps_quality",
    "heading",
    "speed",
    "odometer",
    "schedule_deviation",
    "headway_deviation",
    "trip_type",
    "schedule_relationship",
];

/// Decimals of degrees: a tenth of a metre.
const DEGREE_DECIMALS: usize = 6;

/// A fix that was used. `trip` is given where the vehicle performed the trip that it is on.
pub(crate) fn row(day: &Day, matched: &MatchedFix, fix: &Fix, trip: Option<&Performed>, rows: &mut Rows) {
    let network = &day.network;
    let run = matched.trip;
    let pattern = run.map(|run| network.pattern(network.trip(run.trip).pattern));
    let next = run.and(matched.next_stop);
    let stop = next.and_then(|next| pattern?.stops.get(next as usize)).map(|at| network.stop(at.stop));
    let sequence = next.zip(run).and_then(|(next, run)| network.stop_times(run.trip).get(next as usize));

    rows.text(&format!("{}@{}", part(matched.vehicle.as_str()), fix.time));
    rows.date(day.date);
    rows.some(Some(fix.time));
    rows.text(trip.map_or("", |trip| &trip.id));
    rows.text(run.map_or("", |run| &network.trip(run.trip).id));
    rows.some(trip.zip(next).and_then(|(trip, next)| trip.number_of(next)));
    rows.some(sequence.map(|time| time.stop_sequence));
    rows.text(matched.vehicle.as_str());
    rows.empty(1); // device_id is never published
    rows.text(pattern.map_or("", |pattern| &pattern.id));
    rows.text(stop.map_or("", |stop| &stop.id));
    rows.text(match stop {
        Some(_) if matched.at_stop => "Stopped at",
        Some(_) => "In transit to",
        None => "",
    });
    rows.number(fix.position.map(model::LatLon::lat), DEGREE_DECIMALS);
    rows.number(fix.position.map(model::LatLon::lon), DEGREE_DECIMALS);
    rows.text(quality(fix.hdop));
    rows.number(fix.heading_deg.filter(|h| (0.0..=360.0).contains(h)).map(f64::from), 1);
    rows.number(fix.speed_mps.filter(|s| *s >= 0.0).map(f64::from), 2);
    rows.empty(1); // odometer
    rows.some(matched.delay_s.filter(|_| run.is_some()));
    rows.empty(1); // headway_deviation
    rows.text(match matched.state {
        State::InService => "In service",
        State::OffRoute if run.is_some() => "In service",
        State::Layover => "Layover",
        State::Deadhead => "Deadhead",
        State::OffRoute | State::Depot | State::Unknown => "",
    });
    rows.text(if stop.is_some() { "Scheduled" } else { "" });
    rows.end();
}

/// By the usual reading of HDOP: up to 2 for precise work, up to 5 for finding one's way.
fn quality(hdop: Option<f32>) -> &'static str {
    match hdop {
        Some(hdop) if hdop <= 2.0 => "Excellent",
        Some(hdop) if hdop <= 5.0 => "Good",
        Some(hdop) if hdop > 5.0 => "Poor",
        _ => "",
    }
}
