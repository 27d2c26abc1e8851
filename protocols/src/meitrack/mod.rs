//! Meitrack over TCP and UDP: MVT, MT, T1, T3xx, T6xx, P88 and kin. `NOTE.md` describes the
//! wire format.

mod aaa;
mod attributes;
mod ccc;
mod cce;
pub mod encode;
mod event;
mod frame;

use model::{DeviceId, FixBatch, Known, Timestamp, Value};

use crate::crc::sum;
use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};
use frame::{Found, Packet};

/// Longest message. The longest are pieces of pictures, of about 1,100 bytes.
pub const MAX_FRAME: usize = 8 * 1024;
/// Most records of one message.
const MAX_RECORDS: usize = 1024;

/// The decoder of one connection, or of one sender's datagrams.
#[derive(Debug, Default)]
pub struct Meitrack {
    session: Session,
}

impl Decoder for Meitrack {
    fn decode(&mut self, input: &[u8]) -> Step {
        self.step(input, false)
    }

    fn decode_last(&mut self, input: &[u8]) -> Step {
        self.step(input, true)
    }

    fn identify(&mut self, device: &DeviceId) {
        self.session.identify(device);
    }

    fn now(&mut self, now: Timestamp) {
        self.session.now(now);
    }
}

impl Meitrack {
    fn step(&mut self, input: &[u8], last: bool) -> Step {
        match frame::find(input, last) {
            Found::Need => Step::Need,
            Found::Blank(len) => self.session.said(Kind::Ignored).took(len),
            Found::Garbage(len) => self.session.failed(DecodeError::Format("these bytes begin no message")).took(len),
            Found::TooLong(len) => {
                self.session.failed(DecodeError::Length { what: "message", found: len, limit: MAX_FRAME - 1 }).took(len)
            }
            Found::Broken(len) => {
                self.session.failed(DecodeError::Format("message does not end where it says")).took(len)
            }
            Found::Message(packet, next) => self.packet(&packet).took(next),
        }
    }

    fn packet(&mut self, packet: &Packet<'_>) -> Message {
        if let Some((stated, computed)) = packet.mismatch {
            return self.session.failed(DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) });
        }
        let Some(device) = std::str::from_utf8(packet.identity).ok().and_then(|id| DeviceId::new(id).ok()) else {
            return self.session.failed(DecodeError::Field("imei"));
        };
        self.session.device = Some(device);
        let now = self.session.clock();
        let mut batch = FixBatch::default();
        match packet.command {
            b"CCC" => match ccc::read(packet.data, &mut batch) {
                Some(count) => self.session.fixes(batch).reply(taken(packet, count)),
                None => self.session.failed(DecodeError::Format("CCC records have a layout that is not known here")),
            },
            b"CCE" => match cce::read(packet.data, now, &mut batch) {
                Err(error) if batch.fixes.is_empty() => self.session.failed(error),
                read => self.session.fixes(batch).defect(read.err()),
            },
            // A piece of a picture.
            b"D00" => self.session.said(Kind::Ignored),
            command if aaa::read(packet.data, now, &mut batch).is_some() => {
                // What the server read from the tracker's memory.
                if command == b"AFF" {
                    batch.known(Known::Archive, Value::Bool(true));
                }
                self.session.fixes(batch)
            }
            b"AAA" => self.session.failed(DecodeError::Format("AAA record has another shape")),
            _ => self.session.said(Kind::Event).text(&String::from_utf8_lossy(packet.words)),
        }
    }
}

/// Lets the tracker delete so many `CCC` records from its memory.
fn taken(packet: &Packet<'_>, count: usize) -> Reply {
    let words = [&b","[..], packet.identity, format!(",CCC,{count}*").as_bytes()].concat();
    // The length counts from its comma to the end of the line.
    let mut reply = [b"@@", &[packet.flag][..], format!("{}", words.len() + 4).as_bytes(), &words].concat();
    let checksum = sum(&reply);
    reply.extend_from_slice(format!("{checksum:02X}\r\n").as_bytes());
    Reply::new(&reply)
}

/// `$$`, a letter, a length, an IMEI and a command, which no other protocol has in a row.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    match frame::begins(input.trim_ascii_start()) {
        Some(true) => Likeness::Certain,
        Some(false) => Likeness::Possible,
        None => Likeness::No,
    }
}
