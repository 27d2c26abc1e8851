//! GT06 of Concox, Jimi and the many who make the like, over TCP and UDP. `NOTE.md` describes
//! the wire format.

mod answer;
pub(crate) mod encode;
mod frame;
mod info;
mod location;
mod modules;
mod network;
mod record;
mod status;
mod vehicle;
mod words;

use model::{DeviceId, Timestamp};

pub use frame::MAX_FRAME;

use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Step};
use frame::{Cut, Frame};
use record::{Clock, Record};
use words::Words;

const SHORT_CONTENT: DecodeError = DecodeError::Format("content ends before its fields do");
/// Furthest that clocks are from Greenwich.
const MAX_ZONE_S: i64 = 14 * 3600;

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Gt06 {
    session: Session,
    /// Whether a message has been found, so that bytes between messages are passed over.
    is_synchronised: bool,
    zone_s: i64,
}

impl Decoder for Gt06 {
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

/// What a message's content says.
enum Said {
    Record(Record),
    /// A record of which a part could not be read.
    Part(Record),
    Words(Words),
    Heartbeat,
    Ignored,
    Unknown,
}

impl Gt06 {
    fn step(&mut self, input: &[u8], last: bool) -> Step {
        match frame::cut(input, last) {
            Cut::Need => Step::Need,
            Cut::Frame(consumed, frame) => {
                self.is_synchronised = true;
                self.message(&frame).took(consumed)
            }
            Cut::Bad(consumed, error) => {
                self.is_synchronised = true;
                self.session.failed(error).took(consumed)
            }
            Cut::Garbage(consumed) if self.is_synchronised => {
                self.session.failed(DecodeError::Format("bytes between messages")).took(consumed)
            }
            Cut::Garbage(consumed) => {
                self.session.failed(DecodeError::Framing("no start bits 0x7878 or 0x7979")).took(consumed)
            }
        }
    }

    fn clock(&self) -> Clock {
        Clock { zone_s: self.zone_s, now: self.session.clock() }
    }

    fn message(&mut self, frame: &Frame<'_>) -> Message {
        let clock = self.clock();
        if frame.kind == 0x01 && !frame.is_long {
            return self.login(frame);
        }
        if self.session.device.is_none() {
            self.session.device = location::sender(frame.kind, frame.content, clock).and_then(device);
        }
        let reply = answer::to(frame, clock.now);
        let (kind, text, defect) = match read(frame, clock) {
            Some(Said::Record(record)) => (self.fixes(record), None, None),
            Some(Said::Part(record)) => (self.fixes(record), None, Some(SHORT_CONTENT)),
            Some(Said::Words(words)) => {
                let kind = words.record.map_or(Kind::Event, |record| self.fixes(record));
                (kind, Some(words.text), None)
            }
            Some(Said::Heartbeat) => (Kind::Heartbeat, None, None),
            Some(Said::Ignored) => (Kind::Ignored, None, None),
            Some(Said::Unknown) => {
                let number = u32::from(frame.kind);
                (Kind::Error(DecodeError::Unknown { what: "protocol number", number }), None, None)
            }
            None => (Kind::Error(SHORT_CONTENT), None, None),
        };
        let mut message = self.session.said(kind).reply(reply).defect(defect);
        message.text = text.map(Into::into);
        message
    }

    fn fixes(&mut self, record: Record) -> Kind {
        let batch = record.finish();
        self.session.remember(&batch);
        Kind::Fixes(batch)
    }

    /// 0x01: IMEI, type of device, and of most time zone and language.
    fn login(&mut self, frame: &Frame<'_>) -> Message {
        let Some(device) = location::imei(frame.content).and_then(device) else {
            return self.session.failed(DecodeError::Login("the identity is no IMEI"));
        };
        self.session.device = Some(device);
        let zone = frame.content.get(10..).and_then(|rest| rest.first_chunk()).map(|zone| u16::from_be_bytes(*zone));
        self.zone_s = zone.map_or(0, zone_s);
        self.session.said(Kind::Login).reply(answer::to(frame, self.clock().now))
    }
}

fn device(digits: [u8; 15]) -> Option<DeviceId> {
    DeviceId::new(std::str::from_utf8(&digits).ok()?).ok()
}

/// Bits 4 to 15: hours and minutes as they are written, 530 for 5:30; bit 3: west.
fn zone_s(bits: u16) -> i64 {
    let written = i64::from(bits >> 4);
    let seconds = (written / 100 * 60 + written % 100) * 60;
    match (seconds <= MAX_ZONE_S, bits & 8 != 0) {
        (false, _) => 0,
        (true, true) => -seconds,
        (true, false) => seconds,
    }
}

/// What a message says, by its protocol number. `None` where its content is too short.
fn read(frame: &Frame<'_>, clock: Clock) -> Option<Said> {
    let content = frame.content;
    if let Some(count) = frame.access_points {
        return network::access_points(count, content, clock).map(Said::Record);
    }
    let is_gps = || location::is_gps(content, clock);
    if frame.is_long {
        let record = match frame.kind {
            0x21 => return words::long_command(content, clock).map(Said::Words),
            0x9b => return words::serial_port(content, clock).map(Said::Words),
            0xfd => return Some(Said::Words(words::version(content))),
            0x65 | 0x66 => return Some(Said::Words(words::vehicle_codes(content))),
            0x35 | 0x36 | 0x41 | 0x84 => return Some(Said::Ignored),
            0x94 => info::read(content, clock),
            0x32 | 0x33 => vehicle::watch(frame.kind, content, clock),
            0x70 => modules::long(content, clock),
            0xf2 => modules::peripherals(content, clock),
            _ => return read_any(frame, clock),
        };
        return record.map(Said::Record);
    }
    let record = match frame.kind {
        0x34 if content.len() != 50 => vehicle::logger(content, clock),
        0x35 => return Some(Said::Ignored),
        0x94 => info::short(content, clock),
        0xa3 if !is_gps() => status::personal(content, clock),
        0x36 if !(is_gps() && content.len() >= 27) => status::modular(content, clock),
        _ => return read_any(frame, clock),
    };
    record.map(Said::Record)
}

/// Kinds that mean the same in both forms.
fn read_any(frame: &Frame<'_>, clock: Clock) -> Option<Said> {
    let (kind, content) = (frame.kind, frame.content);
    let record = match kind {
        // A location without content says no more than a sign of life.
        0x08 => return Some(Said::Heartbeat),
        0x10..=0x12 | 0x22 if content.is_empty() => return Some(Said::Heartbeat),
        0x13 => status::heartbeat(content, clock),
        0x23 => status::short_heartbeat(content, clock),
        // Cells of several kinds, which only that maker can read.
        0x19 if content.len() >= 18 => return Some(Said::Ignored),
        0x19 | 0xa5 => status::with_cell(kind, content, clock),
        0x40 => status::battery_pack(content, clock),
        0x14 | 0x1f | 0x2a | 0x8a | 0xa7 => return Some(Said::Ignored),
        0x15 | 0x80..=0x82 => return words::command(content, clock).map(Said::Words),
        0x24 if content.len() != 41 => network::cells(kind, content, clock),
        0xa2 if !matches!(content.len(), 59 | 60) => network::cells(kind, content, clock),
        0x18 | 0x28 | 0x2c | 0x2e | 0x33 | 0x34 | 0xa1 => network::cells(kind, content, clock),
        0xf3 => network::counted_access_points(content, clock),
        0x8c => vehicle::diagnostics(content, clock),
        0x95 => vehicle::camera_alarm(content, clock),
        0x10..=0x12
        | 0x16
        | 0x17
        | 0x1a
        | 0x1e
        | 0x22
        | 0x24..=0x27
        | 0x2d
        | 0x31
        | 0x32
        | 0x36..=0x38
        | 0x61
        | 0xa0
        | 0xa2..=0xa4 => {
            let (record, is_whole) = location::read(kind, content, clock)?;
            return Some(if is_whole { Said::Record(record) } else { Said::Part(record) });
        }
        _ => return Some(Said::Unknown),
    };
    record.map(Said::Record)
}

/// Start bits, and a message whose check fits.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    let start = Likeness::any(input, &[(&frame::SHORT, Likeness::Likely), (&frame::LONG, Likeness::Likely)]);
    match frame::cut(input, false) {
        Cut::Frame(..) if start == Likeness::Likely => Likeness::Certain,
        _ => start,
    }
}
