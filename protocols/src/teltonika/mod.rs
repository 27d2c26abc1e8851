//! Teltonika: FMx, FMB, FMC, FTC and kin, over TCP and UDP. `NOTE.md` describes the wire format.

mod answer;
mod avl;
mod elements;
pub mod encode;
mod gh;
pub mod json;
mod tags;
pub mod udp;

use model::{DeviceId, FixBatch, Timestamp};

use self::answer::Answer;
use crate::bytes::Bytes;
use crate::crc::crc16_arc;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};

/// Longest data field taken. The manual ends AVL packets at 1,280 bytes; answers with
/// variable-length elements and camera parts of newer devices are longer.
pub const MAX_DATA: usize = 16 * 1024;
/// Longest message: preamble, length, data field and checksum.
pub const MAX_FRAME: usize = HEADER + MAX_DATA + CRC;
/// Longest identity in a login. An IMEI has 15 digits.
pub const MAX_IDENTITY: usize = 32;

/// Preamble and data field length.
const HEADER: usize = 8;
const CRC: usize = 4;
/// Codec, count, and the count again: what the shortest data field holds.
const MIN_DATA: usize = 3;
/// Sent alone between messages to keep the link alive.
const PING: u8 = 0xff;

const LOGIN_ACCEPTED: &[u8] = &[1];
const LOGIN_REFUSED: &[u8] = &[0];

/// The codec id at the start of a data field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Codec 8: ids and counts of elements in one byte.
    Codec8,
    /// Codec 8 Extended: ids and counts in two bytes, elements of any length.
    Codec8Extended,
    /// Codec 16: ids in two bytes, counts in one, a generation type.
    Codec16,
}

impl Codec {
    /// Its number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::Codec8 => 0x08,
            Self::Codec8Extended => 0x8e,
            Self::Codec16 => 0x10,
        }
    }
}

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Teltonika {
    device: Option<DeviceId>,
    now: Timestamp,
}

impl Decoder for Teltonika {
    fn decode(&mut self, input: &[u8]) -> Step {
        match input {
            [] | [0] => Step::Need,
            [PING, ..] => Message::new(Kind::Heartbeat, self.device.as_ref()).took(1),
            [0, 0, ..] => self.packet(input),
            _ => self.login(input),
        }
    }

    fn identify(&mut self, device: &DeviceId) {
        self.device = Some(device.clone());
    }

    fn now(&mut self, now: Timestamp) {
        self.now = now;
    }
}

impl Teltonika {
    /// Two bytes of length and the identity in ASCII.
    fn login(&mut self, input: &[u8]) -> Step {
        let mut rest = Bytes(input);
        let Some(len) = rest.u16().map(usize::from) else { return Step::Need };
        if len > MAX_IDENTITY {
            return self.failed(DecodeError::Length { what: "identity", found: len, limit: MAX_IDENTITY }).took(2);
        }
        let Some(name) = rest.take(len) else { return Step::Need };
        let Some(device) = identity(name) else {
            let refused = self.failed(DecodeError::Login("the identity is no IMEI"));
            return refused.reply(Reply::new(LOGIN_REFUSED)).took(2 + len);
        };
        self.device = Some(device);
        Message::new(Kind::Login, self.device.as_ref())
            .reply(Reply::new(LOGIN_ACCEPTED))
            .refusal(Reply::new(LOGIN_REFUSED))
            .took(2 + len)
    }

    /// Preamble, length, data field, checksum.
    fn packet(&self, input: &[u8]) -> Step {
        let mut rest = Bytes(input);
        if input.iter().take(4).any(|b| *b != 0) {
            return self.failed(DecodeError::Framing("no preamble of four zero bytes")).took(2);
        }
        let (Some(_), Some(len)) = (rest.u32(), rest.u32()) else { return Step::Need };
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > MAX_DATA {
            return self.failed(DecodeError::Length { what: "data field", found: len, limit: MAX_DATA }).took(HEADER);
        }
        if len < MIN_DATA {
            return self.failed(DecodeError::Framing("data field without content")).took(HEADER);
        }
        let (Some(data), Some(stated)) = (rest.take(len), rest.u32()) else { return Step::Need };
        let computed = u32::from(crc16_arc(data));
        let consumed = HEADER + len + CRC;
        if stated != computed {
            // The manual has the server report what it took, and the device send again what
            // was not.
            return self.failed(DecodeError::Crc { stated, computed }).reply(acknowledgement(0)).took(consumed);
        }
        self.data(data, consumed)
    }

    /// Reads a data field, of which the shortest has a codec and both counts.
    fn data(&self, data: &[u8], consumed: usize) -> Step {
        let [number, rest @ ..] = data else {
            return self.failed(DecodeError::Format("empty data field")).took(consumed);
        };
        let codec = match number {
            0x08 => Codec::Codec8,
            0x8e => Codec::Codec8Extended,
            0x10 => Codec::Codec16,
            0x07 => return self.records(consumed, |batch| gh::records(rest, batch)),
            0x0c..=0x0f => return self.answer(answer::read(*number, rest, self.now)).took(consumed),
            other => {
                return self.failed(DecodeError::Unknown { what: "codec", number: u32::from(*other) }).took(consumed);
            }
        };
        self.records(consumed, |batch| avl::records(codec, rest, batch))
    }

    /// A message of the records that `read` finds.
    #[inline]
    fn records(&self, consumed: usize, read: impl FnOnce(&mut FixBatch) -> Result<(), DecodeError>) -> Step {
        let mut batch = FixBatch::default();
        match read(&mut batch) {
            // Not built up step by step: that would copy the message for each.
            Ok(()) => Step::Took {
                consumed,
                message: Message {
                    reply: acknowledgement(batch.fixes.len()),
                    refusal: acknowledgement(0),
                    kind: Kind::Fixes(batch),
                    device: self.device.clone(),
                    text: None,
                    defect: None,
                },
            },
            Err(error) => self.failed(error).reply(acknowledgement(0)).took(consumed),
        }
    }

    #[inline(never)]
    fn answer(&self, answer: Result<(Answer, Option<DeviceId>), DecodeError>) -> Message {
        let (answer, device) = match answer {
            Ok(answer) => answer,
            Err(error) => return self.failed(error),
        };
        let device = self.device.as_ref().or(device.as_ref());
        match answer {
            Answer::Text(text) => Message::new(Kind::Event, device).text(&text),
            Answer::Record(batch, text) => Message::new(Kind::Fixes(batch), device).text(&text),
            Answer::Binary => Message::new(Kind::Ignored, device),
        }
    }

    #[cold]
    fn failed(&self, error: DecodeError) -> Message {
        Message::new(Kind::Error(error), self.device.as_ref())
    }
}

/// The device's name for itself, as a rule an IMEI.
fn identity(name: &[u8]) -> Option<DeviceId> {
    let is_name = name.len() <= MAX_IDENTITY && name.iter().all(u8::is_ascii_alphanumeric);
    std::str::from_utf8(name).ok().filter(|_| is_name).and_then(|name| DeviceId::new(name).ok())
}

/// A login of an IMEI; a packet's preamble, length and codec; a datagram's header. Over TCP pings
/// may come first.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    if let [PING, rest @ ..] = input {
        let first = rest.iter().position(|byte| *byte != PING);
        return first.and_then(|first| rest.get(first..)).map_or(Likeness::Possible, stream_likeness);
    }
    stream_likeness(input).max(datagram_likeness(input))
}

fn stream_likeness(input: &[u8]) -> Likeness {
    match input {
        [0, len @ 15..=16, identity @ ..] => digits(identity, usize::from(*len)),
        [0, 0, 0, 0, 0, 0, _, _, codec, ..] if is_codec(*codec) => Likeness::Certain,
        [0, 0, 0, 0, 0, 0, _, _, _, ..] => Likeness::No,
        _ => Likeness::prefix(input, &[0; 6], Likeness::Likely),
    }
}

/// Length, packet id, an unused byte, AVL packet id, length of the IMEI, IMEI, codec.
fn datagram_likeness(input: &[u8]) -> Likeness {
    const IMEI_AT: usize = 8;
    match input {
        // An empty length is that of no datagram.
        [0, 0, ..] => Likeness::No,
        [_, _, _, _, _, _, 0, len @ 15..=16, rest @ ..] => match rest.get(usize::from(*len)) {
            Some(codec) if !is_codec(*codec) => Likeness::No,
            Some(_) => digits(rest, usize::from(*len)),
            None => digits(rest, usize::from(*len)).min(Likeness::Possible),
        },
        [_, _, _, _, _, _, 0, _, ..] => Likeness::No,
        [_, _, _, _, _, _, other, ..] if *other != 0 => Likeness::No,
        _ if input.len() < IMEI_AT => Likeness::Possible,
        _ => Likeness::No,
    }
}

/// Whether so many digits are there, or those that are are digits.
fn digits(input: &[u8], count: usize) -> Likeness {
    let digits = input.get(..count).unwrap_or(input);
    match digits.iter().all(u8::is_ascii_digit) {
        true if digits.len() < count => Likeness::Possible,
        true => Likeness::Certain,
        false => Likeness::No,
    }
}

const fn is_codec(codec: u8) -> bool {
    matches!(codec, 0x07 | 0x08 | 0x8e | 0x0c..=0x10)
}

/// The number of records taken, as the device expects it.
#[inline]
fn acknowledgement(records: usize) -> Reply {
    Reply::short(u32::try_from(records).unwrap_or(u32::MAX).to_be_bytes())
}
