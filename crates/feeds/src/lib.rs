//! What the public sees of the vehicles, and its encodings.
//!
//! ```text
//! MatchedFix ─▶ Gate ─▶ LiveState ─▶ Snapshot ─▶ gtfs_rt (protobuf, JSON), live_json (events, API)
//! ```
//!
//! The live state only ever receives what the gate has let through, and its vehicles have no
//! field for a device's id, an IMEI or a driver: what is not here cannot leak from an output.
//! Everything is a function of its arguments; the time of day is one of them.

mod ahead;
mod gate;
pub mod gtfs_rt;
mod live;
pub mod live_json;

pub use ahead::{StopAhead, speakers, stops_ahead};
pub use gate::Gate;
pub use live::{Changes, LiveState, LiveVehicle, OnTrip, Snapshot};
