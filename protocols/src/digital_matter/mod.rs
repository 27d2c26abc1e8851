//! Digital Matter, over TCP and UDP. `NOTE.md` describes the wire format.

pub(crate) mod encode;
mod fixed;
mod record;

use model::{DeviceId, FixBatch, Timestamp};

use crate::bytes::Bytes;
use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};

/// Longest message: synchronisation, type, length and as much content as that can say.
pub const MAX_FRAME: usize = HEADER + 0xffff;

const HEADER: usize = 5;
const SYNC: [u8; 2] = [0x02, 0x55];
/// Digits of an IMEI.
const IMEI: usize = 15;
/// Content of the hello of devices that want no time in return.
const SHORT_HELLO: usize = 51;
/// Devices count seconds from 2013-01-01T00:00:00Z.
const EPOCH_S: i64 = 1_356_998_400;

/// Types of messages.
mod kind {
    pub const HELLO: u8 = 0x00;
    pub const HELLO_RESPONSE: u8 = 0x01;
    pub const DATA: u8 = 0x04;
    pub const COMMIT: u8 = 0x05;
    pub const COMMIT_RESPONSE: u8 = 0x06;
    pub const FIXED_DATA: u8 = 0x10;
    pub const VERSION: u8 = 0x14;
    pub const VERSION_RESPONSE: u8 = 0x15;
    pub const ASYNC: u8 = 0x20;
    pub const CONNECTED: u8 = 0x22;
    pub const CONNECTED_RESPONSE: u8 = 0x23;
    pub const TIME: u8 = 0x30;
    pub const TIME_RESPONSE: u8 = 0x31;
}

/// The decoder of one connection, or of one sender's datagrams.
#[derive(Debug, Default)]
pub struct DigitalMatter {
    session: Session,
}

impl Decoder for DigitalMatter {
    fn decode(&mut self, input: &[u8]) -> Step {
        if SYNC.iter().zip(input).any(|(sync, byte)| sync != byte) {
            return self.session.failed(DecodeError::Framing("no Digital Matter message starts so")).took(input.len());
        }
        let mut rest = Bytes(input);
        let (Some(_), Some(kind), Some(len)) = (rest.u16(), rest.u8(), rest.u16_le()) else { return Step::Need };
        match rest.take(usize::from(len)) {
            Some(content) => self.message(kind, content).took(HEADER + content.len()),
            None => Step::Need,
        }
    }

    fn identify(&mut self, device: &DeviceId) {
        self.session.identify(device);
    }

    fn now(&mut self, now: Timestamp) {
        self.session.now(now);
    }
}

impl DigitalMatter {
    fn message(&mut self, kind: u8, content: &[u8]) -> Message {
        let message = |of: Kind| self.session.said(of);
        match kind {
            kind::HELLO => self.hello(content),
            kind::DATA => self.records(content, record::read),
            kind::FIXED_DATA => self.records(content, fixed::read),
            // What was sent before is kept once this is answered: replies go out in order.
            kind::COMMIT => message(Kind::Heartbeat).reply(response(kind::COMMIT_RESPONSE, &[1])),
            kind::VERSION => message(Kind::Heartbeat).reply(response(kind::VERSION_RESPONSE, &[0; 12])),
            kind::CONNECTED => message(Kind::Heartbeat).reply(response(kind::CONNECTED_RESPONSE, &[])),
            kind::TIME => message(Kind::Heartbeat).reply(response(kind::TIME_RESPONSE, &self.clock())),
            kind::ASYNC => message(Kind::Ignored),
            other => self.session.failed(DecodeError::Unknown { what: "message type", number: u32::from(other) }),
        }
    }

    /// Serial number, IMEI and SIM card in text, product and versions.
    fn hello(&mut self, content: &[u8]) -> Message {
        let mut rest = Bytes(content);
        let imei = rest.skip(4).and_then(|()| rest.take(IMEI));
        let device = imei
            .filter(|imei| imei.iter().all(u8::is_ascii_alphanumeric))
            .and_then(|imei| std::str::from_utf8(imei).ok())
            .and_then(|imei| DeviceId::new(imei).ok());
        let Some(device) = device else { return self.session.failed(DecodeError::Login("the hello holds no IMEI")) };
        self.session.device = Some(device);
        let message = self.session.said(Kind::Login);
        if content.len() == SHORT_HELLO {
            return message.reply(response(kind::HELLO_RESPONSE, &[0; 5]));
        }
        // Time and flags, of which bit 0 says that the device is not known.
        let [a, b, c, d] = self.clock();
        let answer = |flags: u8| response(kind::HELLO_RESPONSE, &[a, b, c, d, flags, 0, 0, 0]);
        message.reply(answer(0)).refusal(answer(1))
    }

    /// What can be read of the records is kept; the rest is a defect.
    fn records(
        &mut self,
        content: &[u8],
        read: fn(&[u8], Timestamp, &mut FixBatch) -> Result<(), DecodeError>,
    ) -> Message {
        let mut batch = FixBatch::default();
        let defect = read(content, self.session.clock(), &mut batch).err();
        self.session.remember(&batch);
        match defect {
            Some(error) if batch.fixes.is_empty() => self.session.failed(error),
            defect => self.session.said(Kind::Fixes(batch)).defect(defect),
        }
    }

    /// The time as devices count it.
    fn clock(&self) -> [u8; 4] {
        let seconds = self.session.clock().as_secs() - EPOCH_S;
        u32::try_from(seconds).unwrap_or(0).to_le_bytes()
    }
}

/// A message of the server, of at most 12 bytes of content.
fn response(kind: u8, content: &[u8]) -> Reply {
    let [low, high] = u16::try_from(content.len()).unwrap_or(0).to_le_bytes();
    let [first, second] = SYNC;
    Reply::new(&[&[first, second, kind, low, high], content].concat())
}

/// The instant of seconds as devices count them; `None` where the clock is not set.
fn instant(seconds: u32) -> Option<Timestamp> {
    (seconds != 0).then(|| Timestamp::from_secs(EPOCH_S + i64::from(seconds)))
}

/// What devices send.
const KINDS: [u8; 8] =
    [kind::HELLO, kind::DATA, kind::COMMIT, kind::FIXED_DATA, kind::VERSION, kind::ASYNC, kind::CONNECTED, kind::TIME];

/// The two bytes that all messages begin with and a type that there is, and in a hello the
/// IMEI's digits.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    let start = Likeness::prefix(input, &SYNC, Likeness::Likely);
    let Some(content) = input.get(2..).filter(|_| start > Likeness::No) else { return start };
    match content {
        [kind::HELLO, _, _, _, _, _, _, imei @ ..] => {
            let digits = imei.get(..IMEI).unwrap_or(imei);
            match digits.iter().all(u8::is_ascii_digit) {
                true if digits.len() == IMEI => Likeness::Certain,
                true => Likeness::Likely,
                false => Likeness::No,
            }
        }
        [kind::COMMIT | kind::TIME | kind::CONNECTED | kind::VERSION, 0, 0, ..]
        | [kind::DATA | kind::FIXED_DATA | kind::ASYNC, _, _, ..] => Likeness::Certain,
        [] => start,
        [kind, ..] if KINDS.contains(kind) => start,
        _ => Likeness::No,
    }
}
