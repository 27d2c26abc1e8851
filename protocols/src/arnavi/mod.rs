//! Arnavi trackers over TCP and UDP: the binary protocol of Arnavi 4 and 5, and the lines of
//! text of the ones before. `NOTE.md` describes the wire format.

pub(crate) mod encode;
mod line;
mod tags;

use model::{DeviceId, FixBatch, Timestamp};

use crate::bytes::Bytes;
use crate::crc::sum;
use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};

/// Longest message: a package.
pub const MAX_FRAME: usize = 64 * 1024;
/// Longest line of text with its end.
pub const MAX_LINE: usize = 1024;

const HEADER: u8 = 0xff;
/// The version of the header whose confirmation does not carry the time.
const FIRST_VERSION: u8 = 0x22;
/// The version with a second identity of eight bytes.
const TWO_IDENTITIES: u8 = 0x24;
const LAST_VERSION: u8 = 0x25;

const PACKAGE: u8 = 0x5b;
const PACKAGE_END: u8 = 0x5d;
/// The number of a package that confirms a command of the server: a result follows, and no packets.
const CONFIRMATION: u8 = 0xfd;

const ANSWER: u8 = 0x7b;
const ANSWER_END: u8 = 0x7d;
/// To each line of text.
const RECEIVED: &[u8] = b"RCPTOK\r\n";

/// Kinds of packets in a package.
const PING: u8 = 0;
const DATA: u8 = 1;
const TEXT: u8 = 3;
const FILE: u8 = 4;
const BINARY: u8 = 6;
/// Type, length, time.
const PACKET_HEAD: usize = 7;

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Arnavi {
    session: Session,
}

impl Decoder for Arnavi {
    fn decode(&mut self, input: &[u8]) -> Step {
        match input {
            [] => Step::Need,
            [HEADER, ..] => self.header(input),
            [PACKAGE, ..] => self.package(input),
            [b'$', ..] => match input.iter().take(MAX_LINE).position(|b| *b == b'\n') {
                Some(end) => self.line(input.get(..end).unwrap_or(input)).took(end + 1),
                None if input.len() >= MAX_LINE => {
                    let error = DecodeError::Length { what: "line", found: MAX_LINE, limit: MAX_LINE - 1 };
                    self.session.failed(error).took(MAX_LINE)
                }
                None => Step::Need,
            },
            [b'\r' | b'\n', ..] => self.session.said(Kind::Ignored).took(1),
            _ => self.session.failed(DecodeError::Framing("no packet begins so")).took(1),
        }
    }

    fn identify(&mut self, device: &DeviceId) {
        self.session.identify(device);
    }

    fn decode_last(&mut self, input: &[u8]) -> Step {
        match self.decode(input) {
            Step::Need if input.starts_with(b"$") => self.line(input).took(input.len()),
            step => step,
        }
    }

    fn now(&mut self, now: Timestamp) {
        self.session.now(now);
    }
}

impl Arnavi {
    /// Version and identity.
    fn header(&mut self, input: &[u8]) -> Step {
        let mut rest = Bytes(input);
        let (Some(_), Some(version)) = (rest.u8(), rest.u8()) else { return Step::Need };
        if !(FIRST_VERSION..=LAST_VERSION).contains(&version) {
            return self.session.failed(DecodeError::Framing("version of the header is not known here")).took(2);
        }
        let Some(identity) = rest.u64_le() else { return Step::Need };
        if version == TWO_IDENTITIES && rest.u64_le().is_none() {
            return Step::Need;
        }
        let consumed = input.len() - rest.0.len();
        let Some(device) = DeviceId::new(&identity.to_string()).ok().filter(|_| identity > 0) else {
            return self.session.failed(DecodeError::Login("the header has no identity")).took(consumed);
        };
        self.session.device = Some(device);
        let reply = if version == FIRST_VERSION { confirmation(0) } else { self.time() };
        self.session.said(Kind::Login).reply(reply).took(consumed)
    }

    /// Number, packets, end.
    fn package(&mut self, input: &[u8]) -> Step {
        let Some(number) = input.get(1) else { return Step::Need };
        if *number == CONFIRMATION {
            return match input.get(..4) {
                None => Step::Need,
                Some([.., PACKAGE_END]) => self.session.said(Kind::Ignored).took(4),
                Some(_) => self.session.failed(DecodeError::Framing("confirmation of a command does not end")).took(1),
            };
        }
        match extent(input) {
            Ok(None) => Step::Need,
            Ok(Some(end)) => self.packets(*number, input.get(2..end - 1).unwrap_or_default()).took(end),
            Err(error) => self.session.failed(error).took(1),
        }
    }

    /// Packets of a package that is whole.
    fn packets(&mut self, number: u8, packets: &[u8]) -> Message {
        let (mut rest, mut batch) = (Bytes(packets), FixBatch::default());
        let (mut words, mut defect, mut is_binary) = (None, None, false);
        while let Some((kind, body, stated)) = packet(&mut rest) {
            let computed = sum(body);
            if computed != stated {
                // Without confirmation all of the package comes again.
                return self
                    .session
                    .failed(DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) });
            }
            let Some((time, data)) = body.split_first_chunk::<4>() else { break };
            match kind {
                DATA => {
                    let seconds = i64::from(u32::from_le_bytes(*time));
                    let time = if seconds == 0 { self.session.clock() } else { Timestamp::from_secs(seconds) };
                    let read = tags::read(time, data, &mut batch);
                    defect = defect.or(read.err());
                    self.session.remember(&batch);
                }
                TEXT => words = Some(data),
                FILE | BINARY => is_binary = true,
                _ => {}
            }
        }
        let kind = match (batch.fixes.is_empty(), words, is_binary) {
            (false, _, _) => Kind::Fixes(batch),
            (true, Some(_), _) => Kind::Event,
            (true, None, true) => Kind::Ignored,
            (true, None, false) => Kind::Heartbeat,
        };
        let mut message = self.session.said(kind).reply(confirmation(number)).defect(defect);
        message.text = words.map(|words| String::from_utf8_lossy(words).trim_end().into());
        message
    }

    fn line(&mut self, line: &[u8]) -> Message {
        let line = match line::Line::new(line) {
            Ok(line) => line,
            Err(error) => return self.session.failed(error),
        };
        if let Some(id) = line.identity() {
            let Some(device) = std::str::from_utf8(id).ok().and_then(|id| DeviceId::new(id).ok()) else {
                return self.session.failed(DecodeError::Login("the line has no identity"));
            };
            self.session.device = Some(device);
        }
        let mut batch = FixBatch::default();
        let message = match line.kind() {
            line::Type::Record(version) => match line.record(version, self.session.clock(), &mut batch) {
                Some(()) => {
                    self.session.remember(&batch);
                    self.session.said(Kind::Fixes(batch))
                }
                None => return self.session.failed(DecodeError::Format("record has too few fields")),
            },
            line::Type::Device => self.session.said(Kind::Login),
            line::Type::Answer => {
                let words = String::from_utf8_lossy(line.words());
                self.session.said(Kind::Event).text(&words)
            }
            line::Type::Other => self.session.said(Kind::Ignored),
        };
        message.reply(Reply::new(RECEIVED))
    }

    /// The confirmation of a header that carries the server's time.
    fn time(&self) -> Reply {
        let seconds = u32::try_from(self.session.clock().as_secs()).unwrap_or(0);
        let bytes @ [a, b, c, d] = seconds.to_le_bytes();
        Reply::new(&[ANSWER, 4, 0, sum(&bytes), a, b, c, d, ANSWER_END])
    }
}

/// Where a package ends; `None` where it has not come so far.
fn extent(input: &[u8]) -> Result<Option<usize>, DecodeError> {
    let mut at = 2;
    loop {
        match input.get(at) {
            None => return Ok(None),
            Some(&PACKAGE_END) => return Ok(Some(at + 1)),
            Some(&(PING | DATA | TEXT | FILE | BINARY)) => {}
            Some(_) => return Err(DecodeError::Framing("package holds a packet of no known type")),
        }
        let Some([low, high]) = input.get(at + 1..at + 3) else { return Ok(None) };
        at += PACKET_HEAD + usize::from(u16::from_le_bytes([*low, *high])) + 1;
        if at >= MAX_FRAME {
            return Err(DecodeError::Length { what: "package", found: at + 1, limit: MAX_FRAME });
        }
    }
}

/// Type, time with the data, and checksum of a packet.
fn packet<'a>(rest: &mut Bytes<'a>) -> Option<(u8, &'a [u8], u8)> {
    let (kind, len) = (rest.u8()?, rest.u16_le()?);
    Some((kind, rest.take(4 + usize::from(len))?, rest.u8()?))
}

/// The confirmation of a package, or with 0 of a header.
fn confirmation(number: u8) -> Reply {
    Reply::new(&[ANSWER, 0, number, ANSWER_END])
}

/// A header, a package whose packets are of known types, or a line.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    match input {
        [HEADER, version, ..] if !(FIRST_VERSION..=LAST_VERSION).contains(version) => Likeness::No,
        // An IMEI has 15 digits.
        [HEADER, _, identity @ ..] => match identity.first_chunk::<8>().map(|id| u64::from_le_bytes(*id)) {
            Some(10_000_000_000_000..=999_999_999_999_999) => Likeness::Certain,
            Some(_) | None => Likeness::Likely,
        },
        [HEADER] => Likeness::Possible,
        [PACKAGE, CONFIRMATION, _, end, ..] if *end != PACKAGE_END => Likeness::No,
        [PACKAGE, CONFIRMATION, rest @ ..] => {
            if rest.len() >= 2 {
                Likeness::Certain
            } else {
                Likeness::Possible
            }
        }
        [PACKAGE, _, ..] => match extent(input) {
            Err(_) => Likeness::No,
            Ok(None) => Likeness::Possible,
            Ok(Some(end)) => match packet(&mut Bytes(input.get(2..end).unwrap_or_default())) {
                Some((_, body, stated)) if sum(body) == stated => Likeness::Certain,
                _ => Likeness::Likely,
            },
        },
        _ => Likeness::any(
            input,
            &[(&[PACKAGE, 0], Likeness::Possible), (b"$AV,", Likeness::Certain), (b"$GSMCONT,", Likeness::Certain)],
        ),
    }
}
