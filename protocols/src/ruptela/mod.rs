//! Ruptela: FM-Eco, FM-Pro, FM-Tco, HCV, LCV, Trace and kin. `NOTE.md` describes the wire format.

pub(crate) mod encode;
mod io;
mod records;

use model::{DeviceId, FixBatch, Timestamp};

use crate::bytes::Bytes;
use crate::crc::crc16_kermit;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};

/// Longest message: length, content, checksum. The manual ends packets at 1,024 bytes.
pub const MAX_FRAME: usize = LENGTH + MAX_CONTENT + CRC;

const MAX_CONTENT: usize = 4096;
const LENGTH: usize = 2;
const CRC: usize = 2;
const IMEI: usize = 8;
/// IMEI and command: the shortest content.
const MIN_CONTENT: usize = IMEI + 1;
/// The largest number of 15 digits.
const MAX_IMEI: u64 = 999_999_999_999_999;

/// What devices send; the server's answer to a command has its number and 100.
mod command {
    pub const RECORDS: u8 = 1;
    pub const CONFIGURATION: u8 = 2;
    pub const VERSION: u8 = 3;
    pub const FIRMWARE: u8 = 4;
    pub const CONNECTION: u8 = 5;
    pub const ODOMETER: u8 = 6;
    pub const SMS: u8 = 7;
    pub const SMS_RECEIVED: u8 = 8;
    pub const TROUBLE_CODES: u8 = 9;
    pub const TACHOGRAPH: u8 = 10;
    pub const TACHOGRAPH_DATA: u8 = 11;
    pub const SMART_CARD: u8 = 12;
    pub const SMART_CARD_DATA: u8 = 13;
    pub const TRANSPARENT: u8 = 14;
    pub const IDENTIFICATION: u8 = 15;
    pub const HEARTBEAT: u8 = 16;
    pub const SET_OUTPUT: u8 = 17;
    pub const DYNAMIC_IDENTIFICATION: u8 = 18;
    pub const GARMIN_STATUS: u8 = 30;
    pub const GARMIN_DATA: u8 = 31;
    pub const WEIGHING: u8 = 32;
    pub const FILES: u8 = 37;
    pub const LOG: u8 = 40;
    pub const EXTENDED_RECORDS: u8 = 68;
}

/// Answers to commands by their own numbers.
mod answer {
    pub const RECORDS: u8 = 100;
    pub const TROUBLE_CODES: u8 = 109;
    pub const TRANSPARENT: u8 = 114;
    pub const IDENTIFICATION: u8 = 115;
    pub const HEARTBEAT: u8 = 116;
    pub const DYNAMIC_IDENTIFICATION: u8 = 118;
}

/// Taken, or authorised.
const ACCEPTED: u8 = 1;
const REFUSED: u8 = 0;
/// Not authorised, to ask again after so many minutes.
const NOT_AUTHORISED: [u8; 2] = [2, 5];
/// ASCII of a firmware's version in an identification.
const VERSION_BYTES: usize = 15;

/// The decoder of one connection, or of one sender's datagrams.
#[derive(Debug, Default)]
pub struct Ruptela {
    device: Option<DeviceId>,
    now: Timestamp,
}

impl Decoder for Ruptela {
    fn decode(&mut self, input: &[u8]) -> Step {
        let mut rest = Bytes(input);
        let Some(len) = rest.u16().map(usize::from) else { return Step::Need };
        if len > MAX_CONTENT {
            return self.failed(DecodeError::Length { what: "packet", found: len, limit: MAX_CONTENT }).took(LENGTH);
        }
        if len < MIN_CONTENT {
            return self.failed(DecodeError::Framing("packet without IMEI and command")).took(LENGTH);
        }
        let (Some(content), Some(stated)) = (rest.take(len), rest.u16()) else { return Step::Need };
        let computed = crc16_kermit(content);
        let message = if stated == computed { self.content(content) } else { self.damaged(content, stated, computed) };
        message.took(LENGTH + len + CRC)
    }

    /// Some devices put a wrong length before a message and the right checksum after it.
    fn decode_last(&mut self, input: &[u8]) -> Step {
        match whole(input) {
            Some(content) if content.len() <= MAX_CONTENT => self.content(content).took(input.len()),
            _ => self.decode(input),
        }
    }

    fn identify(&mut self, device: &DeviceId) {
        self.device = Some(device.clone());
    }

    fn now(&mut self, now: Timestamp) {
        self.now = now;
    }
}

/// The content, where the input is one message by its checksum.
fn whole(input: &[u8]) -> Option<&[u8]> {
    let (content, stated) = input.get(LENGTH..)?.split_last_chunk::<CRC>()?;
    (content.len() >= MIN_CONTENT && u16::from_be_bytes(*stated) == crc16_kermit(content)).then_some(content)
}

impl Ruptela {
    fn content(&mut self, content: &[u8]) -> Message {
        let mut rest = Bytes(content);
        let (Some(imei), Some(command)) = (rest.u64(), rest.u8()) else {
            return self.failed(DecodeError::Format("packet ends before its command"));
        };
        let Some(device) = name(imei) else {
            return self.failed(DecodeError::Login("the number of the device is no IMEI"));
        };
        self.device = Some(device);
        self.command(command, rest.0)
    }

    fn command(&self, command: u8, payload: &[u8]) -> Message {
        let taken = |answer| (acknowledgement(answer, ACCEPTED), acknowledgement(answer, REFUSED));
        match command {
            command::RECORDS => self.fixes(records::standard(payload), taken(answer::RECORDS)),
            command::EXTENDED_RECORDS => self.fixes(records::extended(payload), taken(answer::RECORDS)),
            command::TROUBLE_CODES => self.fixes(records::trouble_codes(payload), taken(answer::TROUBLE_CODES)),
            command::IDENTIFICATION => self.identification(payload, answer::IDENTIFICATION),
            command::DYNAMIC_IDENTIFICATION => self.identification(payload, answer::DYNAMIC_IDENTIFICATION),
            command::HEARTBEAT => self.is(Kind::Heartbeat).reply(acknowledgement(answer::HEARTBEAT, ACCEPTED)),
            command::CONFIGURATION | command::VERSION | command::FIRMWARE | command::SMS | command::SMS_RECEIVED => {
                self.is(Kind::Event).text(&words(payload))
            }
            command::CONNECTION | command::ODOMETER | command::SET_OUTPUT => self.state(payload),
            command::TRANSPARENT => {
                let heard = self.is(Kind::Event).text(&words(payload));
                heard.reply(acknowledgement(answer::TRANSPARENT, ACCEPTED))
            }
            command::TACHOGRAPH
            | command::TACHOGRAPH_DATA
            | command::SMART_CARD
            | command::SMART_CARD_DATA
            | command::GARMIN_STATUS
            | command::GARMIN_DATA
            | command::WEIGHING
            | command::FILES
            | command::LOG => self.is(Kind::Ignored),
            other => self.failed(DecodeError::Unknown { what: "command", number: u32::from(other) }),
        }
    }

    fn fixes(&self, read: Result<FixBatch, DecodeError>, (reply, refusal): (Reply, Reply)) -> Message {
        match read {
            Ok(batch) => self.is(Kind::Fixes(batch)).reply(reply).refusal(refusal),
            Err(error) => self.failed(error).reply(refusal),
        }
    }

    /// Version of the firmware, then what the device is and how it is set.
    fn identification(&self, payload: &[u8], answer: u8) -> Message {
        let version = payload.get(..VERSION_BYTES).unwrap_or(payload);
        let login = self.is(Kind::Login).reply(acknowledgement(answer, ACCEPTED));
        let [how, minutes] = NOT_AUTHORISED;
        let login = login.refusal(packet(&[answer, how, minutes]));
        match std::str::from_utf8(version) {
            Ok(version) if version.bytes().all(|b| b.is_ascii_graphic()) && !version.is_empty() => login.text(version),
            _ => login,
        }
    }

    /// The answer to a command that is a number.
    fn state(&self, payload: &[u8]) -> Message {
        match payload {
            [] => self.is(Kind::Event),
            [state, ..] => self.is(Kind::Event).text(&state.to_string()),
        }
    }

    /// Records that came damaged are refused, so that they are sent again.
    fn damaged(&self, content: &[u8], stated: u16, computed: u16) -> Message {
        let failed = self.failed(DecodeError::Crc { stated: stated.into(), computed: computed.into() });
        match content.get(IMEI) {
            Some(&(command::RECORDS | command::EXTENDED_RECORDS)) => {
                failed.reply(acknowledgement(answer::RECORDS, REFUSED))
            }
            _ => failed,
        }
    }

    fn is(&self, kind: Kind) -> Message {
        Message::new(kind, self.device.as_ref())
    }

    #[cold]
    fn failed(&self, error: DecodeError) -> Message {
        self.is(Kind::Error(error))
    }
}

/// The IMEI as it is printed: 15 digits, zeros before a shorter one.
fn name(imei: u64) -> Option<DeviceId> {
    let mut digits = [b'0'; 15];
    let mut left = imei;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
    }
    let is_imei = imei > 0 && imei <= MAX_IMEI;
    std::str::from_utf8(&digits).ok().filter(|_| is_imei).and_then(|digits| DeviceId::new(digits).ok())
}

/// An answer of one byte.
fn acknowledgement(answer: u8, how: u8) -> Reply {
    packet(&[answer, how])
}

/// A packet of the server's, which has no IMEI.
fn packet(content: &[u8]) -> Reply {
    let len = u16::try_from(content.len()).unwrap_or(u16::MAX);
    Reply::new(&[&len.to_be_bytes()[..], content, &crc16_kermit(content).to_be_bytes()].concat())
}

/// What the device says, in hex where it is no text.
fn words(payload: &[u8]) -> String {
    match std::str::from_utf8(payload) {
        Ok(text) if !text.trim().contains(|c: char| c.is_control() && !c.is_whitespace()) => text.trim().to_owned(),
        _ => hex::encode(payload),
    }
}

const fn is_known(command: u8) -> bool {
    matches!(command, 1..=18 | 30..=32 | 37 | 40 | 68)
}

/// Length, IMEI and command are what they may be; the checksum makes it certain.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    let mut rest = Bytes(input);
    let Some(len) = rest.u16().map(usize::from) else { return Likeness::Possible };
    if !(MIN_CONTENT..=MAX_CONTENT).contains(&len) {
        return Likeness::No;
    }
    let head = rest.0.get(..IMEI).unwrap_or(rest.0);
    // Of an IMEI the first byte is zero and the second at most three.
    if head.first().is_some_and(|b| *b != 0) || head.get(1).is_some_and(|b| *b > 3) {
        return Likeness::No;
    }
    let (Some(imei), Some(command)) = (rest.u64(), rest.u8()) else { return Likeness::Possible };
    if name(imei).is_none() || !is_known(command) {
        return Likeness::No;
    }
    let first = input.get(..LENGTH + len + CRC).and_then(whole);
    if first.or_else(|| whole(input)).is_some() { Likeness::Certain } else { Likeness::Likely }
}
