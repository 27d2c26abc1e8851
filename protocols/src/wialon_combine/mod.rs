//! Wialon Combine, Gurtam's binary protocol, over TCP. `NOTE.md` describes the wire format.

pub mod encode;
mod records;

use model::DeviceId;

use crate::bytes::Bytes;
use crate::crc::crc16_arc;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};
use records::Records;

/// Longest data of a packet.
pub const MAX_DATA: usize = 64 * 1024;
/// Longest message: head with a long length, data, checksum.
pub const MAX_FRAME: usize = HEAD + 4 + MAX_DATA + CRC;

/// Signature, type, sequence number.
const HEAD: usize = 5;
const CRC: usize = 2;
const SIGNATURE: [u8; 2] = [0x24, 0x24];
const ANSWER: [u8; 2] = [0x40, 0x40];

const LOGIN: u8 = 0;
const DATA: u8 = 1;
const KEEP_ALIVE: u8 = 2;

/// What the server says to a packet.
#[derive(Clone, Copy)]
enum Code {
    Taken = 0,
    NotAuthorized = 1,
    NotTaken = 3,
    Checksum = 4,
}

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct WialonCombine {
    device: Option<DeviceId>,
    /// After a keep-alive: the checksum that it has where it is sent with length and checksum.
    tail: Option<u16>,
}

impl Decoder for WialonCombine {
    fn decode(&mut self, input: &[u8]) -> Step {
        if let Some(computed) = self.tail
            && let Some(first) = input.first()
        {
            if *first == 0 {
                return self.rest_of_keep_alive(input, computed);
            }
            self.tail = None;
        }
        let begun = input.get(..SIGNATURE.len()).unwrap_or(input);
        if !SIGNATURE.starts_with(begun) {
            return self.failed(DecodeError::Framing("packet does not begin with 24 24")).took(1);
        }
        self.packet(input)
    }

    fn identify(&mut self, device: &DeviceId) {
        self.device = Some(device.clone());
    }
}

impl WialonCombine {
    /// Signature, type, sequence number, length, data, checksum of all that.
    fn packet(&mut self, input: &[u8]) -> Step {
        let mut rest = Bytes(input);
        let (Some(_), Some(kind), Some(sequence)) = (rest.u16(), rest.u8(), rest.u16()) else { return Step::Need };
        if kind == KEEP_ALIVE {
            return self.keep_alive(input, sequence);
        }
        let Some(len) = long(&mut rest) else { return Step::Need };
        if len > MAX_DATA {
            return self.failed(DecodeError::Length { what: "data", found: len, limit: MAX_DATA }).took(HEAD);
        }
        let (Some(data), Some(stated)) = (rest.take(len), rest.u16()) else { return Step::Need };
        let consumed = input.len() - rest.0.len();
        let computed = crc16_arc(input.get(..consumed - CRC).unwrap_or(input));
        let message = if stated == computed {
            match kind {
                LOGIN => self.login(data, sequence),
                DATA => self.data(data, sequence),
                _ => {
                    let error = DecodeError::Unknown { what: "type of packet", number: u32::from(kind) };
                    self.failed(error).reply(answer(Code::NotTaken, sequence))
                }
            }
        } else {
            let error = DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) };
            self.failed(error).reply(answer(Code::Checksum, sequence))
        };
        message.took(consumed)
    }

    /// Devices wait for the answer, whether or not they send length and checksum: it is owed
    /// for the head alone.
    fn keep_alive(&mut self, input: &[u8], sequence: u16) -> Step {
        let mut whole = [0; HEAD + 2];
        for (byte, sent) in whole.iter_mut().zip(input.iter().take(HEAD)) {
            *byte = *sent;
        }
        self.tail = Some(crc16_arc(&whole));
        Message::new(Kind::Heartbeat, self.device.as_ref()).reply(answer(Code::Taken, sequence)).took(HEAD)
    }

    /// A length of zero and the checksum.
    fn rest_of_keep_alive(&mut self, input: &[u8], computed: u16) -> Step {
        let mut rest = Bytes(input);
        match (rest.u16(), rest.u16()) {
            (None | Some(0), None) => return Step::Need,
            (Some(0), Some(stated)) if stated == computed => {}
            _ => return self.failed(DecodeError::Framing("keep-alive goes on after its head")).took(1),
        }
        self.tail = None;
        Message::new(Kind::Ignored, self.device.as_ref()).took(4)
    }

    /// Version, types of identity and password, identity, password.
    fn login(&mut self, data: &[u8], sequence: u16) -> Message {
        let mut rest = Bytes(data);
        let refused = answer(Code::NotAuthorized, sequence);
        let device = short(&mut rest)
            .zip(rest.u8())
            .and_then(|(_version, types)| identity(types >> 4, &mut rest))
            .filter(|device| device.as_str() != "0");
        let Some(device) = device else {
            return self.failed(DecodeError::Login("the identity is empty or of no known type")).reply(refused);
        };
        self.device = Some(device);
        Message::new(Kind::Login, self.device.as_ref()).reply(answer(Code::Taken, sequence)).refusal(refused)
    }

    fn data(&self, data: &[u8], sequence: u16) -> Message {
        let mut records = Records::default();
        records.read(data);
        let device = self.device.as_ref();
        let (taken, refused) = (answer(Code::Taken, sequence), answer(Code::NotTaken, sequence));
        let Records { batch, words, defect } = records;
        let mut message = match (batch.fixes.is_empty(), words, defect) {
            (false, _, defect) => Message::new(Kind::Fixes(batch), device).refusal(refused).defect(defect),
            (true, Some(_), defect) => Message::new(Kind::Event, device).defect(defect),
            (true, None, Some(error)) => return self.failed(error).reply(refused),
            (true, None, None) => Message::new(Kind::Ignored, device),
        };
        message.text = words.map(|words| String::from_utf8_lossy(words).trim_end().into());
        message.reply(taken)
    }

    fn failed(&self, error: DecodeError) -> Message {
        Message::new(Kind::Error(error), self.device.as_ref())
    }
}

/// The device's name by the type of its field.
fn identity(kind: u8, rest: &mut Bytes<'_>) -> Option<DeviceId> {
    let number = match kind {
        1 => u64::from(rest.u16()?),
        2 => u64::from(rest.u32()?),
        3 => rest.u64()?,
        4 => {
            let text = string(rest)?.trim_ascii();
            return std::str::from_utf8(text).ok().and_then(|text| DeviceId::new(text).ok());
        }
        _ => return None,
    };
    DeviceId::new(&number.to_string()).ok()
}

/// One byte, or two of which the first has its high bit set.
fn short(rest: &mut Bytes<'_>) -> Option<usize> {
    let first = rest.u8()?;
    if first & 0x80 == 0 {
        return Some(usize::from(first));
    }
    Some(usize::from(first & 0x7f) << 8 | usize::from(rest.u8()?))
}

/// Two bytes, or four of which the first has its high bit set.
fn long(rest: &mut Bytes<'_>) -> Option<usize> {
    let first = rest.u16()?;
    if first & 0x8000 == 0 {
        return Some(usize::from(first));
    }
    usize::try_from(u32::from(first & 0x7fff) << 16 | u32::from(rest.u16()?)).ok()
}

/// Text up to a zero byte, or to the end.
fn string<'a>(rest: &mut Bytes<'a>) -> Option<&'a [u8]> {
    rest.until(0).or_else(|| rest.take(rest.0.len()))
}

fn answer(code: Code, sequence: u16) -> Reply {
    let ([a, b], [high, low]) = (ANSWER, sequence.to_be_bytes());
    Reply::new(&[a, b, code as u8, high, low])
}

/// The signature and a type; where others begin with `$$`, a letter follows.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    Likeness::any(
        input,
        &[
            (&[0x24, 0x24, LOGIN], Likeness::Certain),
            (&[0x24, 0x24, DATA], Likeness::Certain),
            (&[0x24, 0x24, KEEP_ALIVE], Likeness::Certain),
        ],
    )
}
