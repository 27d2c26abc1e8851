//! Galileosky terminals over TCP, and over Iridium by way of its gateway. `NOTE.md` describes
//! the wire format.

mod compact;
pub(crate) mod encode;
mod extended;
mod iridium;
mod records;
mod tags;

use model::{DeviceId, Timestamp};

use crate::bytes::Bytes;
use crate::crc::crc16_modbus;
use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};
use records::Records;

/// Longest message: the length field has 15 bits.
pub const MAX_FRAME: usize = HEAD + 0x7fff + CRC;

/// Kind of packet and length.
const HEAD: usize = 3;
const CRC: usize = 2;
/// The high bit of the length says that the archive holds records not sent yet.
const LENGTH: u16 = 0x7fff;

/// Records, the identity, answers to commands; the confirmation begins with [`CONFIRMATION`].
const MAIN: u8 = 0x01;
const CONFIRMATION: u8 = 0x02;
/// Of Garmin's Fleet Management Interface. "Needs no confirmation from the server."
const GARMIN: u8 = 0x06;
/// A part of a picture.
const PHOTO: u8 = 0x07;
const COMPACT: u8 = 0x08;

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Galileosky {
    session: Session,
}

impl Decoder for Galileosky {
    fn decode(&mut self, input: &[u8]) -> Step {
        match input {
            [] => Step::Need,
            [MAIN, ..] => match iridium::begins(input) {
                None => Step::Need,
                Some(true) => self.iridium(input),
                Some(false) => self.packet(input),
            },
            [GARMIN | PHOTO | COMPACT, ..] => self.packet(input),
            _ => self.session.failed(DecodeError::Framing("no packet begins so")).took(1),
        }
    }

    fn identify(&mut self, device: &DeviceId) {
        self.session.identify(device);
    }

    fn now(&mut self, now: Timestamp) {
        self.session.now(now);
    }
}

impl Galileosky {
    /// Kind, length, content, checksum of all that.
    fn packet(&mut self, input: &[u8]) -> Step {
        let mut rest = Bytes(input);
        let (Some(kind), Some(length)) = (rest.u8(), rest.u16_le()) else { return Step::Need };
        let len = usize::from(length & LENGTH);
        let (Some(content), Some(stated)) = (rest.take(len), rest.u16_le()) else { return Step::Need };
        let computed = crc16_modbus(input.get(..HEAD + len).unwrap_or(input));
        let message = if stated == computed {
            match kind {
                COMPACT => self.compact(content),
                MAIN => self.main(content),
                _ => self.session.said(Kind::Ignored),
            }
        } else {
            self.session.failed(DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) })
        };
        // The confirmation has the checksum of what came in: where that is not the one sent,
        // the terminal sends the packet again.
        let [low, high] = computed.to_le_bytes();
        let reply = match (kind, &message.kind) {
            (GARMIN, _) | (_, Kind::Error(DecodeError::Login(_))) => Reply::default(),
            (PHOTO, _) => Reply::new(&[PHOTO, low, high]),
            _ => Reply::new(&[CONFIRMATION, low, high]),
        };
        message.reply(reply).took(HEAD + len + CRC)
    }

    fn main(&mut self, content: &[u8]) -> Message {
        let mut records = Records::new(self.session.clock());
        records.read(content);
        if let Some(imei) = records.imei {
            let Some(device) = identity(imei) else {
                return self.session.failed(DecodeError::Login("tag 0x03 holds no IMEI"));
            };
            self.session.device = Some(device);
        }
        self.finish(records)
    }

    fn compact(&mut self, content: &[u8]) -> Message {
        let mut rest = Bytes(content);
        let Some(imei) = rest.u64() else { return self.session.failed(DecodeError::Format("packet without an IMEI")) };
        let Some(device) = DeviceId::new(&format!("{imei:015}")).ok() else {
            return self.session.failed(DecodeError::Login("the number is no IMEI"));
        };
        self.session.device = Some(device);
        let mut records = Records::new(self.session.clock());
        compact::read(rest, &mut records);
        self.finish(records)
    }

    fn iridium(&mut self, input: &[u8]) -> Step {
        let mut rest = Bytes(input);
        let (Some(_), Some(len)) = (rest.u8(), rest.u16().map(usize::from)) else { return Step::Need };
        if len > iridium::MAX_MESSAGE {
            let error = DecodeError::Length { what: "Iridium message", found: len, limit: iridium::MAX_MESSAGE };
            return self.session.failed(error).took(HEAD);
        }
        let Some(content) = rest.take(len) else { return Step::Need };
        let message = match iridium::read(content) {
            Ok((imei, records)) => match identity(imei) {
                Some(device) => {
                    self.session.device = Some(device);
                    self.finish(records)
                }
                None => self.session.failed(DecodeError::Login("the Iridium header holds no IMEI")),
            },
            Err(error) => self.session.failed(error),
        };
        message.took(HEAD + len)
    }

    /// What a packet was, by what was found in it.
    fn finish(&mut self, records: Records<'_>) -> Message {
        let Records { batch, imei, words, defect, .. } = records;
        let mut message = if !batch.fixes.is_empty() {
            self.session.fixes(batch).defect(defect)
        } else if words.is_some() {
            self.session.said(Kind::Event).defect(defect)
        } else if let Some(error) = defect {
            self.session.failed(error)
        } else if self.session.device.is_none() {
            self.session.failed(DecodeError::Login("the first packet has no IMEI (tag 0x03)"))
        } else {
            self.session.said(if imei.is_some() { Kind::Login } else { Kind::Heartbeat })
        };
        message.text = words.map(|words| String::from_utf8_lossy(words).trim_end().into());
        message
    }
}

/// An IMEI as the device's name.
fn identity(imei: &[u8]) -> Option<DeviceId> {
    let text = std::str::from_utf8(imei).ok()?.trim_matches(['\0', ' ']);
    text.bytes().all(|b| b.is_ascii_alphanumeric()).then(|| DeviceId::new(text).ok()).flatten()
}

/// The kinds of packets, and what their beginnings must hold.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    let (Some(kind), rest) = (input.first(), input.get(HEAD..).unwrap_or_default()) else {
        return Likeness::Possible;
    };
    let begun = match *kind {
        MAIN if iridium::looks(input) => return Likeness::Certain,
        MAIN => tags::likeness(rest),
        // An IMEI has 15 digits.
        COMPACT => match rest.first_chunk::<8>().map(|imei| u64::from_be_bytes(*imei)) {
            Some(10_000_000_000_000..=999_999_999_999_999) => Likeness::Likely,
            Some(_) => Likeness::No,
            None => Likeness::Possible,
        },
        // Pictures are JPEG files; later parts have no sign of their own.
        PHOTO => Likeness::any(rest, &[(&[0, 0xff, 0xd8, 0xff], Likeness::Certain), (&[], Likeness::Possible)]),
        _ => Likeness::No,
    };
    let whole = || {
        let length = input.get(1..HEAD)?.first_chunk::<2>()?;
        let len = HEAD + usize::from(u16::from_le_bytes(*length) & LENGTH);
        let (sealed, seal) = (input.get(..len)?, input.get(len..len + CRC)?);
        Some(crc16_modbus(sealed).to_le_bytes() == seal)
    };
    if begun > Likeness::No && whole() == Some(true) { Likeness::Certain } else { begun }
}
