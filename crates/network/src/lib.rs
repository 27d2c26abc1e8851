//! The GTFS schedule in memory.
//!
//! A feed is compiled once into small integers and flat arrays:
//!
//! ```text
//! routes ◀── patterns ──▶ shapes (measured, in metres) ◀── spatial index of segments
//!               │ stops, each at its distance along the shape
//!               ▼
//!             trips ──▶ times of day, service, block
//! ```
//!
//! A *pattern* is what trips with the same route, direction, shape and stops have in common.
//! Most questions are asked of patterns, of which there are few; trips add the time of day.
//!
//! Compiling sorts everything by id first, so the same feed gives the same indices whatever
//! the order of its rows.
//!
//! Everything is measured on one flat map of the city, a [`Plane`], so a fix is put on it
//! once and all the rest is plane geometry:
//!
//! ```no_run
//! # fn main() -> Result<(), network::NetworkError> {
//! # let (fix_place, fix_time) = (model::LatLon::new(48.85, 37.6).unwrap(), model::Timestamp::from_secs(0));
//! let (network, findings) = network::load("gtfs.zip".as_ref())?;
//! for finding in &findings {
//!     eprintln!("{finding}"); // trips.txt: trip 7: route X is not in routes.txt; …
//! }
//! let xy = network.plane().to_xy(fix_place);
//! let mut near = network::Nearby::default();
//! network.candidates(xy, 50.0, &mut near);
//! for date in network.service_dates_at(fix_time) {
//!     let day = network.service_day(date);
//!     for pattern in near.by_shape().flat_map(|(shape, _)| network.patterns_of(shape)) {
//!         network.runs_near(*pattern, &day, day.seconds_at(fix_time), 600.0, 1800.0, |run| {
//!             println!("{} could be here", network.trip(run.trip).id);
//!         });
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The crate knows no clock and, but for [`load`], no disk. A feed that is broken ends in a
//! [`NetworkError`] that names table and line; what is merely odd is told in a [`Finding`].

mod compile;
mod error;
mod ids;
mod index;
mod load;
mod plane;
mod reader;
mod schedule;
mod service;
mod shape;
mod types;

pub use error::{Finding, NetworkError};
pub use ids::{BlockIdx, PatternIdx, RouteIdx, ServiceIdx, ShapeIdx, StopIdx, TripIdx};
pub use index::{Candidate, Nearby};
pub use load::load;
pub use plane::{Plane, heading_between, turn_between};
pub use service::{Service, ServiceDay};
pub use shape::{Projection, Shape, ShapePoint};
pub use types::{
    BetweenStops, Block, Headway, Network, Pattern, PatternStop, Route, RouteKind, Stop, StopTime, Trip, TripInstance,
};
