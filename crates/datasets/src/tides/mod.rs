//! Rows of the Transit ITS Data Exchange Specification, version 1.0
//! (<https://tides-transit.org/>): one file a table, its columns and its rows beside each other.

mod stop_visits;
mod trips_performed;
mod vehicle_locations;

use model::VehicleId;
use network::{Network, TripInstance};

pub use stop_visits::COLUMNS as STOP_VISITS_COLUMNS;
pub(crate) use stop_visits::row as stop_visit;
pub use trips_performed::COLUMNS as TRIPS_PERFORMED_COLUMNS;
pub(crate) use trips_performed::row as trip_performed;
pub use vehicle_locations::COLUMNS as VEHICLE_LOCATIONS_COLUMNS;
pub(crate) use vehicle_locations::row as vehicle_location;

/// `trip_id@vehicle_id`, for a trip of frequencies.txt followed by `@` and its start.
pub(crate) fn trip_id_performed(network: &Network, run: TripInstance, vehicle: &VehicleId) -> String {
    let trip = network.trip(run.trip);
    let (id, vehicle) = (part(&trip.id), part(vehicle.as_str()));
    if trip.headways.is_empty() {
        return format!("{id}@{vehicle}");
    }
    let start = network.span_s(run.trip).0 + run.offset_s;
    format!("{id}@{vehicle}@{:02}:{:02}:{:02}", start / 3600, start / 60 % 60, start % 60)
}

/// An id as part of another: `@` divides the parts, so within them it is escaped as in URLs.
pub(crate) fn part(id: &str) -> std::borrow::Cow<'_, str> {
    if id.contains(['@', '%']) { id.replace('%', "%25").replace('@', "%40").into() } else { id.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_be_confused() {
        let join = |a: &str, b: &str| format!("{}@{}", part(a), part(b));
        assert_eq!(join("7-1", "тролейбус 3"), "7-1@тролейбус 3");
        assert_ne!(join("a@b", "c"), join("a", "b@c"));
        assert_ne!(join("a%40b", "c"), join("a@b", "c"));
    }
}
