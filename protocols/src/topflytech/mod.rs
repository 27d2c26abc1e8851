//! TOPFLYtech: vehicle, OBD and asset trackers, over TCP and UDP. `NOTE.md` describes the wire format.

mod asset;
mod driving;
pub mod encode;
mod gps;
mod indefinite;
mod serial;
mod tags;
mod vehicle;

use model::{DeviceId, FixBatch, Timestamp};

use crate::bytes::Bytes;
use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};

/// Longest message.
pub const MAX_FRAME: usize = 4096;

/// Head, type, length, serial number and IMEI: what every message begins with.
const HEAD: usize = 15;
/// Where the content ends before its fields do.
const CUT: DecodeError = DecodeError::Format("message ends before its fields do");

/// The two equal bytes that a family of devices begins its messages with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// 0x23 and 0x25: trackers of vehicles.
    Vehicle,
    /// 0x26: trackers at the diagnostic connector.
    Obd,
    /// 0x27: trackers of assets and people, and locks.
    Asset,
}

impl Family {
    fn of(byte: u8) -> Option<Self> {
        match byte {
            0x23 | 0x25 => Some(Self::Vehicle),
            0x26 => Some(Self::Obd),
            0x27 => Some(Self::Asset),
            _ => None,
        }
    }
}

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Topflytech {
    session: Session,
}

impl Decoder for Topflytech {
    fn decode(&mut self, input: &[u8]) -> Step {
        self.step(input, false)
    }

    fn identify(&mut self, device: &DeviceId) {
        self.session.identify(device);
    }

    fn decode_last(&mut self, input: &[u8]) -> Step {
        self.step(input, true)
    }

    fn now(&mut self, now: Timestamp) {
        self.session.now(now);
    }
}

/// What is owed for a message.
#[derive(Clone, Copy)]
enum Owed {
    Nothing,
    /// The message's head.
    Head,
    /// The message's head and the alarm's number.
    Alarm(u8),
}

impl Topflytech {
    fn step(&mut self, input: &[u8], last: bool) -> Step {
        let [first, second, rest @ ..] = input else {
            return match input {
                [first] if last || Family::of(*first).is_none() => self.garbage(input, last),
                _ => Step::Need,
            };
        };
        let Some(family) = Family::of(*first).filter(|_| first == second) else { return self.garbage(input, last) };
        let [kind, high, low, ..] = rest else { return Step::Need };
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        if len > MAX_FRAME {
            return self.session.failed(DecodeError::Length { what: "message", found: len, limit: MAX_FRAME }).took(5);
        }
        if len < HEAD {
            return self.session.failed(DecodeError::Framing("length is less than that of a head")).took(5);
        }
        let Some((message, _)) = input.split_at_checked(len) else { return Step::Need };
        self.message(family, *kind, message).took(len)
    }

    /// Passes over what begins no message, up to what may.
    fn garbage(&self, input: &[u8], last: bool) -> Step {
        let starts = |pair: &[u8]| matches!(pair, [a, b] if a == b && Family::of(*a).is_some());
        let end = match input.windows(2).skip(1).position(starts) {
            Some(at) => at + 1,
            None if last || input.len() >= MAX_FRAME => input.len(),
            None => return Step::Need,
        };
        self.session.failed(DecodeError::Format("bytes between messages")).took(end)
    }

    fn message(&mut self, family: Family, kind: u8, message: &[u8]) -> Message {
        let Some((head, content)) = message.split_first_chunk::<HEAD>() else { return self.session.failed(CUT) };
        match device(head) {
            Some(device) => {
                if self.session.device.as_ref() != Some(&device) {
                    self.session.device = Some(device);
                }
            }
            None => return self.session.failed(DecodeError::Login("the IMEI is not of 15 digits")),
        }
        let mut batch = FixBatch::default();
        let mut rest = Bytes(content);
        let now = self.session.clock();
        let read = match (kind, family) {
            (0x01 | 0x31, _) => return self.said(Kind::Login, head, Owed::Head),
            (0x03, _) => return self.said(Kind::Heartbeat, head, Owed::Head),
            (0x81, _) => return self.words(content),
            (0x02 | 0x04, Family::Asset) => asset::position(kind, &mut rest, now, &mut batch),
            (0x24 | 0x25, Family::Asset) => asset::wifi_or_position(&mut rest, now, &mut batch),
            (0x17, Family::Asset) => asset::lock(&mut rest, now, &mut batch),
            (0x02 | 0x04 | 0x16 | 0x18, _) => vehicle::first(family, kind, &mut rest, now, &mut batch),
            (0x13 | 0x14 | 0x33 | 0x34, Family::Vehicle) => vehicle::second(kind, &mut rest, now, &mut batch),
            (0x05, Family::Asset) | (0x11, _) => asset::network(&mut rest, now, &mut batch),
            (0x05, _) => driving::by_gps(family, &mut rest, now, &mut batch),
            (0x06, _) => driving::by_acceleration(family, &mut rest, now, &mut batch),
            (0x07, _) => driving::accident(family, &mut rest, now, &mut batch),
            (0x09, Family::Obd) | (0x22, Family::Vehicle) => serial::obd(&mut rest, now, &mut batch),
            (0x09, Family::Vehicle) => serial::rs232(&mut rest, now, &mut batch),
            (0x10, _) => tags::first(&mut rest, now, &mut batch),
            (0x12, _) => tags::second(&mut rest, now, &mut batch),
            (0x15, _) => asset::wifi(&mut rest, now, &mut batch),
            (0x62 | 0x64, _) => indefinite::read(kind, &mut rest, now, &mut batch),
            // Fences, debugging, other buses and batches of temperatures.
            (0x20..=0x7f, _) => return self.said(Kind::Ignored, head, Owed::Head),
            _ => return self.session.failed(DecodeError::Unknown { what: "message type", number: u32::from(kind) }),
        };
        match read {
            Ok(Owed::Nothing) => self.said(Kind::Fixes(batch), head, Owed::Nothing),
            Ok(owed) => self.said(Kind::Fixes(batch), head, owed),
            Err(error) => self.session.failed(error),
        }
    }

    fn said(&mut self, kind: Kind, head: &[u8; HEAD], owed: Owed) -> Message {
        if let Kind::Fixes(batch) = &kind {
            self.session.remember(batch);
        }
        let message = self.session.said(kind);
        match owed {
            Owed::Nothing => message,
            Owed::Head => message.reply(answer(head, None)),
            Owed::Alarm(number) => message.reply(answer(head, Some(number))),
        }
    }

    /// The answer to a command, a forwarded message or a service code: one byte for which, and UTF-16.
    fn words(&self, content: &[u8]) -> Message {
        let text = content.get(1..).map(utf16).unwrap_or_default();
        self.session.said(Kind::Event).text(&text)
    }
}

/// The IMEI's 15 digits, after a zero, in eight bytes.
fn device(head: &[u8; HEAD]) -> Option<DeviceId> {
    let mut digits = [0; 16];
    let nibbles = head.iter().skip(7).flat_map(|b| [b >> 4, b & 0x0f]);
    for (place, nibble) in digits.iter_mut().zip(nibbles) {
        *place = (nibble < 10).then_some(b'0' + nibble)?;
    }
    let imei = digits.strip_prefix(b"0")?;
    std::str::from_utf8(imei).ok().and_then(|imei| DeviceId::new(imei).ok())
}

/// The message's head with its own length, and an alarm's number where the message was one.
fn answer(head: &[u8; HEAD], alarm: Option<u8>) -> Reply {
    let [a, b, kind, _, _, rest @ ..] = head;
    let mut reply = [0; HEAD + 1];
    let len: u8 = if alarm.is_some() { 16 } else { 15 };
    for (place, byte) in reply.iter_mut().zip([*a, *b, *kind, 0, len].iter().chain(rest).chain(&alarm)) {
        *place = *byte;
    }
    Reply::new(reply.get(..usize::from(len)).unwrap_or(&reply))
}

/// UTF-16, the low byte first.
fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes([*pair.first()?, *pair.get(1)?])));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Two equal bytes, a length that is enough, and the digits of an IMEI after a zero.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    let head = input.get(..HEAD).unwrap_or(input);
    let mut bytes = head.iter().copied();
    let (first, second, kind) = (bytes.next(), bytes.next(), bytes.next());
    let is_start = first.is_none_or(|b| Family::of(b).is_some()) && (second.is_none() || second == first);
    let is_known = kind.is_none_or(
        |k| matches!(k, 0x01..=0x07 | 0x09..=0x18 | 0x20..=0x27 | 0x31..=0x34 | 0x40 | 0x44 | 0x62 | 0x64 | 0x81),
    );
    let is_long = match head {
        [_, _, _, high, low, ..] => (HEAD..=MAX_FRAME).contains(&usize::from(u16::from_be_bytes([*high, *low]))),
        [_, _, _, high] => usize::from(*high) <= MAX_FRAME >> 8,
        _ => true,
    };
    let mut imei = head.iter().skip(7);
    let is_imei = imei.next().is_none_or(|b| *b < 10) && imei.all(|b| b >> 4 < 10 && b & 0x0f < 10);
    match is_start && is_known && is_long && is_imei {
        true if head.len() == HEAD => Likeness::Certain,
        true => Likeness::Possible,
        false => Likeness::No,
    }
}
