//! What trackers speak: pure decoders and encoders, one folder a protocol.
//!
//! A [`Decoder`] is a state machine over the bytes of one connection. It is given what has
//! come in so far and takes at most one message from its start:
//!
//! ```text
//! socket ──bytes──▶ gateway's buffer ──decode──▶ Step::Need                    read more
//!                                             └▶ Step::Took { consumed, message }
//!                                                   message.kind     what it was
//!                                                   message.reply    owed once that is durable
//!                                                   message.refusal  owed when it is not wanted
//! ```
//!
//! Decoders never wait, log, panic or send: the caller owns the socket, counts errors by
//! [`DecodeError::reason`] and decides when a reply goes out. The [`REGISTRY`] names them all.
//!
//! ```
//! let mut decoder = (protocols::by_name("teltonika").unwrap().decoder)();
//! let login = b"\x00\x0f352093081452251";
//! assert_eq!(decoder.decode(&login[..9]), protocols::Step::Need);
//! let protocols::Step::Took { consumed, message } = decoder.decode(login) else { panic!() };
//! assert_eq!((consumed, message.reply.as_bytes()), (17, &[1][..]));
//! assert_eq!(message.device.unwrap().as_str(), "352093081452251");
//! ```
//!
//! A protocol's folder holds its decoder, an encoder for the simulator, a note on the wire
//! format and frames with what they mean, which the tests run.

pub mod adm;
pub mod arnavi;
pub mod atrack;
mod attributes;
pub mod auto;
pub mod bce;
mod bytes;
pub mod calamp;
pub mod castel;
pub mod cellocator;
mod civil;
mod common;
mod crc;
mod decoder;
pub mod digital_matter;
pub mod eelink;
pub mod egts;
mod encode;
mod encoder;
pub mod flespi;
pub mod galileosky;
pub mod gps103;
pub mod gt06;
pub mod h02;
pub mod hfp;
mod http;
pub mod json;
pub mod json_payload;
mod json_value;
pub mod jt808;
mod likeness;
pub mod mapped;
pub mod meitrack;
pub mod navtelecom;
pub mod omnicomm;
pub mod osmand;
pub mod owntracks;
pub mod payload;
mod put;
pub mod queclink;
mod registry;
pub mod ruptela;
pub mod satsol;
mod session;
pub mod suntech;
pub mod teltonika;
mod text;
pub mod tk103;
pub mod topflytech;
mod units;
pub mod wialon_combine;
pub mod wialon_ips;
pub mod wialon_retranslator;

pub use decoder::{DecodeError, Decoder, Kind, Message, Reply, Step};
pub use encoder::{Accepted, Acknowledged, Encoder, Frame, Identity, Login};
pub use likeness::Likeness;
pub use payload::{PAYLOADS, payload_by_name};
pub use registry::{AUTO, Protocol, REGISTRY, by_name, names};
