//! Neomatica ADM over TCP. `NOTE.md` describes the wire format.

pub(crate) mod encode;
mod record;

use model::{DeviceId, FixBatch};

use crate::bytes::Bytes;
use crate::crc::xor;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};
use record::{base_len, has_can};

/// Longest message: an IMEI and a packet.
pub const MAX_FRAME: usize = IMEI + 255;

const IMEI: usize = 15;
/// Number of the device, size, type.
const HEADER: usize = 4;
/// The size of a login.
const LOGIN_SIZE: usize = 0x42;
const LOGIN_TYPE: u8 = 0x03;
/// The size by which an answer to a command is known; it has no type.
const ANSWER_SIZE: usize = 0x84;
/// What a login says of answers when each data packet is to be answered.
const ANSWER_EACH: u8 = 2;
const ANSWER: &[u8] = b"***1*";

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Adm {
    device: Option<DeviceId>,
    wants_answers: bool,
}

impl Decoder for Adm {
    fn decode(&mut self, input: &[u8]) -> Step {
        self.step(input, false)
    }

    fn decode_last(&mut self, input: &[u8]) -> Step {
        self.step(input, true)
    }

    fn identify(&mut self, device: &DeviceId) {
        self.device = Some(device.clone());
    }
}

impl Adm {
    /// One packet; the `last` may end before its size says.
    fn step(&mut self, input: &[u8], last: bool) -> Step {
        let before = match imei_before(input) {
            Imei::Unclear => return Step::Need,
            Imei::There => IMEI,
            Imei::None => 0,
        };
        let Some((imei, packet)) = input.split_at_checked(before) else { return Step::Need };
        let Some([_, _, size, kind]) = packet.first_chunk::<HEADER>() else { return Step::Need };
        let size = usize::from(*size);
        if size < HEADER {
            return self.failed(DecodeError::Framing("packet is shorter than its header")).took(before + HEADER);
        }
        let (packet, defect) = match packet.get(..size) {
            Some(packet) => (packet, None),
            None if last => {
                let (stated, found) = (size, packet.len());
                (packet, Some(DecodeError::Count { what: "size of the packet", stated, found }))
            }
            None => return Step::Need,
        };
        if before > 0 {
            self.device = device(imei);
        }
        let mut message = match *kind {
            _ if size == ANSWER_SIZE => self.answer(packet),
            LOGIN_TYPE => self.login(packet),
            kind if is_data(kind) => self.record(kind, packet),
            _ => Message::new(Kind::Ignored, self.device.as_ref()),
        };
        message.defect = message.defect.or(defect);
        message.took(before + packet.len())
    }

    fn login(&mut self, packet: &[u8]) -> Message {
        if packet.len() == LOGIN_SIZE && xor(packet) != 0 {
            let (stated, covered) = packet.split_last().map_or((0, packet), |(last, rest)| (*last, rest));
            let computed = u32::from(xor(covered));
            return self.failed(DecodeError::Crc { stated: u32::from(stated), computed });
        }
        let mut rest = Bytes(packet);
        let imei = rest.skip(HEADER).and_then(|()| rest.take(IMEI));
        let Some(device) = imei.and_then(device) else {
            return self.failed(DecodeError::Login("the identity is no IMEI"));
        };
        let (_hardware, answers) = (rest.u8(), rest.u8());
        self.wants_answers = answers == Some(ANSWER_EACH);
        self.device = Some(device);
        Message::new(Kind::Login, self.device.as_ref())
    }

    fn record(&self, kind: u8, packet: &[u8]) -> Message {
        let mut batch = FixBatch::default();
        let content = packet.get(HEADER..).unwrap_or_default();
        let read = record::read(kind, &mut Bytes(content), &mut batch);
        let reply = if self.wants_answers { Reply::new(ANSWER) } else { Reply::default() };
        let short = DecodeError::Format("packet ends before the fields of its type do");
        if batch.fixes.is_empty() {
            return self.failed(short).reply(reply);
        }
        let defect = read.is_none().then_some(short);
        Message::new(Kind::Fixes(batch), self.device.as_ref()).reply(reply).defect(defect)
    }

    /// Text up to a zero byte.
    fn answer(&self, packet: &[u8]) -> Message {
        let text = packet.get(3..).unwrap_or_default();
        let text = text.split(|b| *b == 0).next().unwrap_or(text);
        Message::new(Kind::Event, self.device.as_ref()).text(String::from_utf8_lossy(text).trim_end())
    }

    fn failed(&self, error: DecodeError) -> Message {
        Message::new(Kind::Error(error), self.device.as_ref())
    }
}

/// Whether a packet has an IMEI before it.
enum Imei {
    /// All bytes so far are digits.
    Unclear,
    There,
    None,
}

fn imei_before(input: &[u8]) -> Imei {
    let start = input.get(..IMEI).unwrap_or(input);
    match start.iter().all(u8::is_ascii_digit) {
        true if start.len() < IMEI => Imei::Unclear,
        true => Imei::There,
        false => Imei::None,
    }
}

fn is_data(kind: u8) -> bool {
    kind.trailing_zeros() >= 2
}

fn device(imei: &[u8]) -> Option<DeviceId> {
    std::str::from_utf8(imei)
        .ok()
        .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|text| DeviceId::new(text).ok())
}

/// A size that is that of the type, and a place that is on Earth.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    let packet = match imei_before(input) {
        Imei::Unclear => return Likeness::Possible,
        Imei::There => input.get(IMEI..).unwrap_or_default(),
        Imei::None => input,
    };
    let Some(([_, _, size, kind], content)) = packet.split_first_chunk::<HEADER>() else { return Likeness::Possible };
    let size = usize::from(*size);
    match *kind {
        LOGIN_TYPE if size == LOGIN_SIZE => {
            let digits = content.get(..IMEI).unwrap_or(content);
            match digits.iter().all(u8::is_ascii_digit) {
                true if digits.len() == IMEI => Likeness::Certain,
                true => Likeness::Possible,
                false => Likeness::No,
            }
        }
        first if size == ANSWER_SIZE => {
            let text = content.get(..ANSWER_SIZE - HEADER).unwrap_or(content);
            let is_text = |b: &u8| *b != 0 && (!b.is_ascii_control() || b.is_ascii_whitespace());
            let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
            let is_answer = is_text(&first) && text.iter().take(end).all(is_text);
            if is_answer { Likeness::Possible } else { Likeness::No }
        }
        kind if is_data(kind) => {
            let fits = if has_can(kind) { size > base_len(kind) } else { size == base_len(kind) };
            match packet.get(HEADER..size) {
                _ if !fits => Likeness::No,
                None => Likeness::Possible,
                // There is no checksum, and text may look like a record.
                Some(content) if record::is_plausible(kind, content) => Likeness::Likely,
                Some(_) => Likeness::No,
            }
        }
        _ => Likeness::No,
    }
}
