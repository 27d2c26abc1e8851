//! `trips_performed`: which vehicle performed which trip.

use model::{Timestamp, VehicleId};
use network::RouteKind;

use crate::rows::Rows;
use crate::vehicle::{Day, Performed};

/// The table's columns.
pub const COLUMNS: [&str; 21] = [
    "service_date",
    "trip_id_performed",
    "vehicle_id",
    "trip_id_scheduled",
    "route_id",
    "route_type",
    "ntd_mode",
    "route_type_agency",
    "shape_id",
    "pattern_id",
    "direction_id",
    "operator_id",
    "block_id",
    "trip_start_stop_id",
    "trip_end_stop_id",
    "schedule_trip_start",
    "schedule_trip_end",
    "actual_trip_start",
    "actual_trip_end",
    "trip_type",
    "schedule_relationship",
];

/// A trip that was performed.
pub(crate) fn row(day: &Day, vehicle: &VehicleId, performed: &Performed, rows: &mut Rows) {
    let network = &day.network;
    let trip = network.trip(performed.run.trip);
    let pattern = network.pattern(trip.pattern);
    let route = network.route(pattern.route);
    let (start, end) = network.span(performed.run);
    let stop_id = |stop: Option<&network::PatternStop>| stop.map_or("", |at| network.stop(at.stop).id.as_str());

    rows.date(day.date);
    rows.text(&performed.id);
    rows.text(vehicle.as_str());
    rows.text(&trip.id);
    rows.text(&route.id);
    rows.text(route_type(route.kind));
    rows.empty(2); // ntd_mode is of the USA, route_type_agency of the agency
    rows.empty(1); // shape_id: patterns of equal geometry share a shape, so pattern_id tells the way
    rows.text(&pattern.id);
    rows.some(pattern.direction);
    rows.empty(1); // operator_id is never published
    rows.text(trip.block.map_or("", |block| network.block(block).id.as_str()));
    rows.text(stop_id(pattern.stops.first()));
    rows.text(stop_id(pattern.stops.last()));
    rows.seconds(Some(start));
    rows.seconds(Some(end));
    rows.seconds(actual_start(performed));
    rows.seconds(actual_end(performed, pattern.stops.len()));
    rows.text("In service");
    rows.text("Scheduled");
    rows.end();
}

/// When it left its first stop, where it was seen there.
fn actual_start(performed: &Performed) -> Option<Timestamp> {
    let first = performed.visits.first().filter(|visit| visit.stop_index == 0)?;
    Some(first.departure.unwrap_or(first.arrival))
}

/// When it came to its last stop, where it was seen there.
fn actual_end(performed: &Performed, stops: usize) -> Option<Timestamp> {
    let last = performed.visits.last().filter(|visit| visit.stop_index as usize + 1 == stops)?;
    Some(last.arrival)
}

/// The specification's words for GTFS `route_type`.
fn route_type(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Tram => "Tram / Streetcar / Light rail",
        RouteKind::Subway => "Subway / Metro",
        RouteKind::Rail => "Rail",
        RouteKind::Bus => "Bus",
        RouteKind::Ferry => "Ferry",
        RouteKind::CableTram => "Cable tram",
        RouteKind::AerialLift => "Aerial lift",
        RouteKind::Funicular => "Funicular",
        RouteKind::Trolleybus => "Trolleybus",
        RouteKind::Monorail => "Monorail",
        RouteKind::Other => "",
    }
}
