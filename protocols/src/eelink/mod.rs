//! EELINK: protocol 1 and 2, over TCP and UDP. `NOTE.md` describes the wire format.

pub(crate) mod encode;
mod envelope;
mod first;
mod obd;
mod second;
mod words;

use model::{DeviceId, FixBatch, Timestamp};

use crate::bytes::Bytes;
use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Step};
use envelope::{ENVELOPE, Head, MARK};

/// Longest message: an envelope or a package.
pub const MAX_FRAME: usize = 4096;

/// Mark, type and size of a package.
const HEAD: usize = 5;
/// Where the content ends before its fields do.
const CUT: DecodeError = DecodeError::Format("package ends before its fields do");
const SHORT: DecodeError = DecodeError::Format("size is less than that of a sequence number");

/// Types of packages.
mod package {
    pub const LOGIN: u8 = 0x01;
    pub const GPS: u8 = 0x02;
    pub const HEARTBEAT: u8 = 0x03;
    pub const ALARM: u8 = 0x04;
    pub const STATE: u8 = 0x05;
    pub const SMS: u8 = 0x06;
    pub const OBD: u8 = 0x07;
    pub const TIME: u8 = 0x08;
    pub const LOCATION: u8 = 0x12;
    pub const WARNING: u8 = 0x14;
    pub const REPORT: u8 = 0x15;
    pub const MESSAGE: u8 = 0x16;
    pub const OBD_DATA: u8 = 0x17;
    pub const OBD_BODY: u8 = 0x18;
    pub const OBD_FAULT: u8 = 0x19;
    pub const INSTRUCTION: u8 = 0x80;
    pub const BROADCAST: u8 = 0x81;
}

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Eelink {
    session: Session,
    /// Bytes of packages that are left of the envelope, and its IMEI, which its answers carry.
    envelope: Option<(usize, [u8; 8])>,
}

impl Decoder for Eelink {
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

impl Eelink {
    fn step(&mut self, input: &[u8], last: bool) -> Step {
        if let Some((left, _)) = self.envelope {
            return self.enclosed(input, 0, left);
        }
        match input {
            [] => Step::Need,
            [b'E', b'L', ..] => self.envelope(input),
            [b'g', b'g', ..] => self.package(input),
            [b'E' | b'g'] if !last => Step::Need,
            _ => self.garbage(input, last),
        }
    }

    /// A package on its own.
    fn package(&mut self, input: &[u8]) -> Step {
        let [_, _, _, high, low, ..] = input else { return Step::Need };
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        if HEAD + size > MAX_FRAME {
            return self
                .session
                .failed(DecodeError::Length { what: "package", found: size, limit: MAX_FRAME - HEAD })
                .took(HEAD);
        }
        let Some(package) = input.get(..HEAD + size) else { return Step::Need };
        self.read(package).took(package.len())
    }

    /// An envelope's head with its first package; the others are taken after it.
    fn envelope(&mut self, input: &[u8]) -> Step {
        let [_, _, high, low, ..] = input else { return Step::Need };
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        if 4 + size > MAX_FRAME {
            return self
                .session
                .failed(DecodeError::Length { what: "envelope", found: size, limit: MAX_FRAME - 4 })
                .took(4);
        }
        let Some(whole) = input.get(..4 + size) else { return Step::Need };
        let Some(Head { stated, imei }) = Head::of(whole) else {
            return self.session.failed(DecodeError::Format("envelope is less than its head")).took(whole.len());
        };
        let computed = envelope::checksum(whole.get(6..).unwrap_or_default());
        if stated != computed {
            let error = DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) };
            return self.session.failed(error).took(whole.len());
        }
        let Some(device) = device(imei) else {
            return self.session.failed(DecodeError::Login("the IMEI is not of 15 digits")).took(whole.len());
        };
        self.session.device = Some(device);
        self.envelope = Some((whole.len() - ENVELOPE, imei));
        if whole.len() == ENVELOPE {
            self.envelope = None;
            return self.session.said(Kind::Ignored).took(ENVELOPE);
        }
        self.enclosed(input, ENVELOPE, whole.len() - ENVELOPE)
    }

    /// A package of an envelope, all of which has come.
    fn enclosed(&mut self, input: &[u8], before: usize, left: usize) -> Step {
        let Some(packages) = input.get(before..before + left) else { return Step::Need };
        let package = match packages {
            [b'g', b'g', _, high, low, ..] => packages.get(..HEAD + usize::from(u16::from_be_bytes([*high, *low]))),
            _ => None,
        };
        let (message, len) = match package {
            Some(package) => (self.read(package), package.len()),
            None => (self.session.failed(DecodeError::Format("envelope holds no packages up to its end")), left),
        };
        self.envelope = self.envelope.filter(|_| len < left).map(|(_, imei)| (left - len, imei));
        message.took(before + len)
    }

    /// Passes over what begins neither a package nor an envelope.
    fn garbage(&self, input: &[u8], last: bool) -> Step {
        let end = match input.windows(2).skip(1).position(|pair| pair == MARK || pair == b"EL") {
            Some(at) => at + 1,
            None if last || input.len() >= MAX_FRAME => input.len(),
            None => return Step::Need,
        };
        self.session.failed(DecodeError::Format("bytes between packages")).took(end)
    }

    /// A whole package.
    fn read(&mut self, package: &[u8]) -> Message {
        let [_, _, kind, _, _, high, low, content @ ..] = package else { return self.session.failed(SHORT) };
        let (kind, sequence) = (*kind, u16::from_be_bytes([*high, *low]));
        let mut batch = FixBatch::default();
        let mut rest = Bytes(content);
        let now = self.session.clock();
        let read = match kind {
            package::LOGIN => return self.login(content, sequence),
            package::HEARTBEAT => {
                first::heartbeat(&mut rest, now, &mut batch);
                Ok(())
            }
            package::GPS | package::ALARM | package::STATE | package::SMS => {
                first::read(kind, &mut rest, now, &mut batch)
            }
            package::OBD if content.len() == 4 => {
                first::heartbeat(&mut rest, now, &mut batch);
                Ok(())
            }
            package::OBD => obd::read(&mut rest, now, &mut batch),
            package::LOCATION..=package::OBD_FAULT if kind != 0x13 => second::read(kind, &mut rest, now, &mut batch),
            package::INSTRUCTION => return self.words(content, now),
            package::BROADCAST => return self.session.said(Kind::Ignored),
            // Steps, settings, pictures and what else only wants its answer.
            package::TIME | 0x13 | 0x1a..=0x2f => return self.answered(Kind::Ignored, kind, sequence),
            _ => return self.session.failed(DecodeError::Unknown { what: "package type", number: u32::from(kind) }),
        };
        match read {
            Ok(()) if batch.fixes.is_empty() => self.answered(Kind::Heartbeat, kind, sequence),
            Ok(()) => {
                self.session.remember(&batch);
                self.answered(Kind::Fixes(batch), kind, sequence)
            }
            Err(error) => self.session.failed(error),
        }
    }

    fn login(&mut self, content: &[u8], sequence: u16) -> Message {
        /// Content of a login that has the version of the device's settings, as protocol 2 has it.
        const SECOND: usize = 14;
        let device = content.first_chunk().copied().and_then(device);
        let Some(device) = device else {
            return self.session.failed(DecodeError::Login("the IMEI is not of 15 digits"));
        };
        self.session.device = Some(device);
        // The time, version 1 of the answer, and no settings to send.
        let seconds = u32::try_from(self.session.clock().as_secs()).unwrap_or_default();
        let [a, b, c, d] = seconds.to_be_bytes();
        let answer: &[u8] = if content.len() < SECOND { &[] } else { &[a, b, c, d, 0, 1, 0] };
        let reply = envelope::answer(self.imei(), package::LOGIN, sequence, answer);
        self.session.said(Kind::Login).reply(reply)
    }

    /// What the device says to an instruction: words, or a place in words.
    fn words(&mut self, content: &[u8], now: Timestamp) -> Message {
        // Kind of instruction and the number that the server gave it.
        let text = String::from_utf8_lossy(content.get(5..).unwrap_or_default());
        let mut batch = FixBatch::default();
        let kind = if words::place(text.as_bytes(), now, &mut batch).is_some() {
            self.session.remember(&batch);
            Kind::Fixes(batch)
        } else {
            Kind::Event
        };
        self.session.said(kind).text(&text)
    }

    fn answered(&self, kind: Kind, package: u8, sequence: u16) -> Message {
        let message = self.session.said(kind);
        // A place of protocol 1 wants no answer.
        if package == package::GPS {
            return message;
        }
        message.reply(envelope::answer(self.imei(), package, sequence, &[]))
    }

    /// The IMEI of the envelope that the answer must have too.
    fn imei(&self) -> Option<[u8; 8]> {
        self.envelope.map(|(_, imei)| imei)
    }
}

/// The IMEI's 15 digits, after a zero, in eight bytes.
fn device(imei: [u8; 8]) -> Option<DeviceId> {
    let mut digits = [0; 16];
    for (place, nibble) in digits.iter_mut().zip(imei.iter().flat_map(|b| [b >> 4, b & 0x0f])) {
        *place = (nibble < 10).then_some(b'0' + nibble)?;
    }
    let imei = digits.strip_prefix(b"0")?;
    std::str::from_utf8(imei).ok().and_then(|imei| DeviceId::new(imei).ok())
}

/// The mark, a type and a size; or an envelope's mark, a size, and an IMEI.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    let size = |high: u8, low: u8| usize::from(u16::from_be_bytes([high, low]));
    match input {
        [b'E', b'L', high, low, rest @ ..] => {
            let imei = rest.get(2..rest.len().min(10)).unwrap_or_default();
            let mut digits = imei.iter();
            let is_imei = digits.next().is_none_or(|b| *b < 10) && digits.all(|b| b >> 4 < 10 && b & 15 < 10);
            let is_package = rest.iter().skip(10).zip(MARK).all(|(byte, mark)| *byte == mark);
            match (10..=MAX_FRAME).contains(&size(*high, *low)) && is_imei && is_package {
                true if imei.len() == 8 => Likeness::Certain,
                true => Likeness::Possible,
                false => Likeness::No,
            }
        }
        [b'g', b'g', kind, rest @ ..] => {
            let is_known = matches!(kind, 0x01..=0x08 | 0x12..=0x1f | 0x80 | 0x81);
            match rest {
                [high, low, ..] if is_known && (2..=MAX_FRAME).contains(&size(*high, *low)) => Likeness::Certain,
                [_, _, ..] => Likeness::No,
                _ if is_known => Likeness::Possible,
                _ => Likeness::No,
            }
        }
        _ => Likeness::any(input, &[(&MARK, Likeness::Possible), (b"EL", Likeness::Possible)]),
    }
}
