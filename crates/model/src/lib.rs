//! The vocabulary that every other crate speaks.
//!
//! A tracker sends AVL records; a decoder turns them into [`Fix`]es gathered in a
//! [`FixBatch`]; the gateway adds who sent them and when they came in and calls it a
//! [`Report`]. A report is what the journal keeps, what the pipeline reads and what the
//! store is filled from:
//!
//! ```text
//! bytes ──decoder──▶ FixBatch ──gateway──▶ Report ──journal──▶ Report ──▶ matching, store
//! ```
//!
//! Nothing here does I/O or knows the time of day: a [`Clock`] is handed in from outside.

mod clock;
mod fix;
mod gate;
mod id;
mod place;
mod report;
mod service_day;
mod time;

pub use clock::Clock;
pub use fix::{Attribute, AttributeKey, Fix, FixBatch, Known, Value, ValueRef};
pub use gate::{GatePolicy, Horizon};
pub use id::{DeviceId, IdError, MAX_ID_BYTES, PseudonymKey, VehicleId};
pub use place::LatLon;
pub use report::{CodecError, MAX_REPORT_FIXES, Report};
pub use service_day::ServiceDate;
pub use time::Timestamp;
