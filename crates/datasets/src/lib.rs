//! The daily data sets.
//!
//! [`export`] matches all stored fixes of a service day anew, in the order of their times,
//! and writes what follows:
//!
//! ```text
//! store ──pages──▶ tracks (one a vehicle) ──chunks──▶ matching, on all cores
//!                                                        │ rows, in the order of the vehicles
//!                                                        ▼
//!        vehicle_locations.csv · stop_visits.csv · trips_performed.csv · punctuality.csv
//! ```
//!
//! Fixes that came in late count like all others, and the files are the same to the byte
//! whatever the order in which fixes came in. The first three have the columns of TIDES 1.0
//! (Transit ITS Data Exchange Specification), all of them in its order, empty where unknown.
//!
//! # What is in them
//!
//! * A service day's rows are those of its trips, also past midnight; a location on no trip
//!   belongs to its local date. Two days' files do not share a row.
//! * `trip_id_performed` is `trip_id@vehicle_id`, with `@HH:MM:SS` of its start for trips of
//!   frequencies.txt. It is the same whatever else is found out later, and unique when two
//!   vehicles perform one trip. A trip is performed by a vehicle that was seen at one of its
//!   stops at least.
//! * Times are in UTC, as Table Schema's `datetime`. Times at stops are to the second.
//! * Delays are those of the departure, at the last stop those of the arrival.
//! * `hour` is the timetable's, which goes on after 23 past midnight as in GTFS.
//! * `gps_quality` is by HDOP: up to 2 `Excellent`, up to 5 `Good`, else `Poor`.
//! * Locations that cannot be (no position, outside the network, jumps, a clock ahead of
//!   time) are left out.
//! * Nothing that tells a device or a driver: `device_id` and `operator_id` stay empty, and
//!   attributes are not read.

mod error;
mod export;
mod output;
mod punctuality;
mod rows;
mod tides;
mod track;
mod vehicle;

pub use error::ExportError;
pub use export::{Request, Summary, export};
pub use output::Written;
pub use punctuality::{COLUMNS as PUNCTUALITY_COLUMNS, Thresholds};
pub use tides::{STOP_VISITS_COLUMNS, TRIPS_PERFORMED_COLUMNS, VEHICLE_LOCATIONS_COLUMNS};
