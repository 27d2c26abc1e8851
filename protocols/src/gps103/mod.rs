//! GPS103, the protocol of Coban's TK102, TK103 and 103 and of their clones, over TCP and UDP.
//! `NOTE.md` describes the wire format.

pub mod encode;
mod local;
mod record;

use model::{DeviceId, Timestamp};

use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};
use record::{Reader, Record};

/// Longest message with its end. Parts of pictures are the longest.
pub const MAX_FRAME: usize = 4096;
/// Ends of messages before a message that count as its own.
const MAX_BLANK: usize = 8;
/// Longest message without them.
const MAX_LINE: usize = MAX_FRAME - MAX_BLANK;
/// An IMEI.
const IMEI: usize = 15;
/// A message that is no longer and names the IMEI is a login.
const MAX_LOGIN: usize = 30;

const NAME: &[u8] = b"imei:";

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Gps103 {
    session: Session,
    /// The offset of the terminal's clock from UTC, as its records have shown it.
    offset_s: i64,
}

impl Decoder for Gps103 {
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

impl Gps103 {
    fn step(&mut self, input: &[u8], last: bool) -> Step {
        let blank = input.iter().take(MAX_BLANK).take_while(|b| is_blank(**b)).count();
        let rest = input.get(blank..).unwrap_or_default();
        if blank == MAX_BLANK || (rest.is_empty() && blank > 0 && last) {
            return self.session.said(Kind::Ignored).took(blank);
        }
        let end = rest.iter().take(MAX_LINE).position(|b| matches!(b, b';' | b'*' | b'\n'));
        let (line, len) = match end {
            Some(end) => (rest.get(..end).unwrap_or_default(), end + 1),
            None if rest.len() >= MAX_LINE => {
                let error = DecodeError::Length { what: "message", found: rest.len(), limit: MAX_LINE };
                return self.session.failed(error).took(blank + MAX_LINE);
            }
            None if last && !rest.is_empty() => (rest, rest.len()),
            None => return Step::Need,
        };
        self.line(line.trim_ascii()).took(blank + len)
    }

    fn line(&mut self, line: &[u8]) -> Message {
        let Some(at) = line.windows(NAME.len()).position(|w| w == NAME) else {
            return self.heartbeat(line);
        };
        let named = line.get(at + NAME.len()..).unwrap_or_default();
        let digits = named.iter().take_while(|b| b.is_ascii_digit()).count();
        let imei = named.get(..digits).and_then(|imei| std::str::from_utf8(imei).ok());
        match imei.and_then(|imei| DeviceId::new(imei).ok()) {
            Some(device) => self.session.device = Some(device),
            None if line.len() <= MAX_LOGIN => {
                return self.session.failed(DecodeError::Login("the IMEI is not digits"));
            }
            None => return self.session.failed(DecodeError::Field("imei")),
        }
        if line.len() <= MAX_LOGIN && named.get(digits).is_none_or(|b| *b == b',') {
            return self.session.said(Kind::Login).reply(Reply::new(b"LOAD"));
        }
        let message = self.record(line.get(at..).unwrap_or_default());
        // A sign of life without its end, and a record.
        if line.first().is_some_and(u8::is_ascii_digit) { message.reply(Reply::new(b"ON")) } else { message }
    }

    /// The IMEI alone.
    fn heartbeat(&mut self, line: &[u8]) -> Message {
        if line.len() < IMEI || !line.iter().all(u8::is_ascii_digit) {
            return self.session.failed(DecodeError::Format("message is no IMEI and names none"));
        }
        match std::str::from_utf8(line).ok().and_then(|imei| DeviceId::new(imei).ok()) {
            Some(device) => self.session.device = Some(device),
            None => return self.session.failed(DecodeError::Field("imei")),
        }
        self.session.said(Kind::Heartbeat).reply(Reply::new(b"ON"))
    }

    fn record(&mut self, line: &[u8]) -> Message {
        let record = Record::split(line);
        let mut reader = Reader { now: self.session.clock(), offset_s: self.offset_s };
        let batch = match record.keyword() {
            // A part of a picture, in hex.
            b"vr" => return self.session.said(Kind::Ignored),
            b"OBD" => match reader.bus(&record) {
                Some(batch) => Some(batch),
                None => return self.session.said(Kind::Ignored),
            },
            _ if record.is_alternative() => reader.alternative(&record),
            _ => reader.regular(&record),
        };
        self.offset_s = reader.offset_s;
        let Some(batch) = batch else {
            return self.session.failed(DecodeError::Format("record has not the manual's fields"));
        };
        if batch.attributes.is_empty() && batch.fixes.iter().all(|fix| fix.position.is_none()) {
            return self.session.said(Kind::Heartbeat);
        }
        let message = self.session.fixes(batch);
        match &self.session.device {
            // The terminal sends its call for help again until it is told that it was heard.
            Some(device) if record.keyword() == b"help me" => {
                message.reply(Reply::new(format!("**,imei:{device},E;").as_bytes()))
            }
            _ => message,
        }
    }
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | b';' | b' ')
}

/// `##,imei:`, `imei:`, or an IMEI alone.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    let digits = input.iter().take(IMEI + 1).take_while(|b| b.is_ascii_digit()).count();
    if digits > 0 {
        return match input.get(digits..) {
            _ if digits > IMEI => Likeness::No,
            None | Some([]) => Likeness::Possible,
            Some([b';', ..]) if digits == IMEI => Likeness::Likely,
            Some(rest) if digits == IMEI => Likeness::prefix(rest, NAME, Likeness::Certain),
            Some(_) => Likeness::No,
        };
    }
    Likeness::any(
        input,
        &[(b"##,imei:", Likeness::Certain), (b"##imei:", Likeness::Certain), (NAME, Likeness::Certain)],
    )
}
