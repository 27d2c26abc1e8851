//! A virtual fleet that speaks the real protocols over real sockets.
//!
//! A recorded day goes in, bytes come out of one TCP connection a vehicle, as if the
//! vehicles were on the road:
//!
//! ```text
//! folder ──Recording──▶ rows ──devices::assign──▶ trackers ──Fleet::run──▶ gateway
//!                                                    │   ▲ acknowledgements
//!                                                    └───┴──▶ Report, list of what was acknowledged
//! ```
//!
//! - [`Recording`] reads a day's folder; [`ReplayClock`] makes its time run again.
//! - [`devices`] says which tracker each vehicle carries: the same one every time.
//! - [`Fleet`] plays the day. Its trackers keep what was not acknowledged and send it
//!   again, so a gateway that dies and comes back misses nothing.
//! - [`load`] plays made-up vehicles instead, as many and as fast as wanted.
//! - [`drive`] makes a day of positions, and the truth about it, from a timetable.
//!
//! The simulator knows the gateway by its sockets alone, and prints nothing.

mod clock;
pub mod devices;
pub mod drive;
mod error;
mod fleet;
mod latency;
pub mod load;
mod mischief;
mod recording;
mod tally;
mod tracker;

pub use clock::ReplayClock;
pub use error::SimulatorError;
pub use fleet::{Fleet, Options, Speed, Targets};
pub use mischief::Mischief;
pub use recording::{MAX_SKIPS_KEPT, Recording, Row, Skips};
pub use tally::Report;
pub use tracker::MAX_TRACKERS;

use protocols::{Encoder, Protocol};

/// Protocol of the trackers where none is named.
pub const TELTONIKA: &str = "teltonika";
/// Protocol of every other tracker of a mixed fleet.
pub const WIALON_IPS: &str = "wialon-ips";

/// The protocol of that name and its devices' side.
fn spoken(name: &str) -> Result<(&'static Protocol, Encoder), SimulatorError> {
    let protocol = protocols::by_name(name);
    let spoken = protocol.and_then(|p| Some((p, p.encoder?)));
    spoken.ok_or_else(|| SimulatorError::NoEncoder { protocol: name.to_owned() })
}
