//! Trackers in: whoever speaks a known protocol over TCP or UDP, and brokers that pass on JSON.
//!
//! ```text
//! Listener ─accept─▶ Session: read ▶ decode ▶ Intake ▶ journal … durable ▶ reply
//! UDP port ─────────────── datagram ▶ decode ▶ Intake ▶ journal … durable ▶ reply
//! MQTT source ─────────────── message ▶ decode ▶ Intake ▶ journal … durable ▶ PUBACK
//!                                                   │
//!                                     Registry: device → vehicle, or refused
//! ```
//!
//! What a tracker is told is what the journal has: a reply goes out after the report is on
//! stable storage and never before. Frames that come in together are put into the journal
//! together; their replies leave in the order of the frames. When the journal's queue is
//! full, sessions wait to submit and meanwhile read nothing, so that TCP slows the tracker
//! down. When the journal fails, connections close without a reply: the tracker keeps its
//! records and sends them again.
//!
//! A device has one connection: when it logs in on another, the first one finishes what it has
//! read and closes.
//!
//! Connections are bounded in number, over all and from one address, as are the senders that a UDP port
//! remembers, and each connection in bytes, in
//! messages in flight, in errors and in time ([`Limits`]). What cannot be decoded is counted by protocol and reason and kept in the
//! [quarantine](QuarantineSettings). A record whose clock is wrong is kept and marked: what it is
//! worth is for the matching to say.
//!
//! [`serve`] binds everything, so that errors come before anything runs, and gives a
//! [`Gateway`]; cancelling the token drains it.

mod clock;
mod connected;
mod error;
mod gateway;
mod intake;
mod listener;
mod meters;
mod mqtt;
mod open_files;
mod places;
mod quarantine;
mod registry;
mod session;
mod settings;
mod throttle;
mod udp;

pub use error::{GatewayError, RegistryError};
pub use gateway::{Gateway, serve};
pub use open_files::OpenFiles;
pub use registry::{Admission, Registry};
pub use settings::{Limits, Listener, MqttSource, MqttTls, QuarantineSettings, Settings};
