//! Castel (Sinocastel): OBD trackers and their older kin, over TCP and UDP. `NOTE.md` describes
//! the wire format.

pub(crate) mod encode;
mod frame;
mod other;
mod record;
mod smart;
mod vehicle;

use model::{DeviceId, FixBatch, Timestamp};

use crate::bytes::Bytes;
use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};
use frame::{Dialect, Frame, HEAD, MAX_LEN, MIN_LEN};
use smart::Track;

/// Longest message.
pub const MAX_FRAME: usize = MAX_LEN;
/// Bytes of no message after which the stream is given up.
const MAX_GARBAGE: usize = 1024;

const SHORT: DecodeError = DecodeError::Format("content has not what its type has");

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Castel {
    session: Session,
}

impl Decoder for Castel {
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

impl Castel {
    fn step(&mut self, input: &[u8], last: bool) -> Step {
        let len = match input {
            [] => return Step::Need,
            [b'@', b'@', low, high, ..] | [b'$', b'$', low, high, ..] => usize::from(u16::from_le_bytes([*low, *high])),
            [b'@' | b'$'] | [b'@', b'@', ..] | [b'$', b'$', ..] if !last => return Step::Need,
            _ => return self.garbage(input, last),
        };
        if !(MIN_LEN..=MAX_LEN).contains(&len) {
            return self.session.failed(DecodeError::Length { what: "frame", found: len, limit: MAX_LEN }).took(HEAD);
        }
        match input.get(..len) {
            Some(bytes) => self.frame(bytes).took(len),
            None if last => {
                self.session.failed(DecodeError::Format("frame is shorter than its length")).took(input.len())
            }
            None => Step::Need,
        }
    }

    /// Up to the next mark.
    fn garbage(&self, input: &[u8], last: bool) -> Step {
        let marks = input.windows(2).take(MAX_GARBAGE).skip(1);
        let len = match marks.into_iter().position(|w| matches!(w, b"@@" | b"$$")) {
            Some(at) => at + 1,
            None if input.len() > MAX_GARBAGE + 1 => {
                return self.session.failed(DecodeError::Framing("no `@@` or `$$` begins a message")).took(MAX_GARBAGE);
            }
            None if last => input.len(),
            None => return Step::Need,
        };
        self.session.failed(DecodeError::Format("bytes between messages")).took(len)
    }

    fn frame(&mut self, bytes: &[u8]) -> Message {
        let frame = match Frame::open(bytes) {
            Ok(frame) => frame,
            Err(error) => return self.session.failed(error),
        };
        match frame.device() {
            Some(device) => self.session.device = Some(device),
            None => return self.session.failed(DecodeError::Login("the id is empty or no text")),
        }
        match frame.dialect {
            Dialect::Smart(_) => self.smart(&frame),
            Dialect::Control(_) => self.control(&frame),
            Dialect::Mpip => self.mpip(&frame),
        }
    }

    fn smart(&mut self, frame: &Frame<'_>) -> Message {
        let (content, now) = (frame.content, self.session.clock());
        let track = |after: usize| content.get(after..).and_then(|rest| Track::read(Bytes(rest), now));
        match frame.kind {
            0x1001 => {
                let batch = track(0).map(Track::plain);
                self.login(frame, batch)
            }
            0x1002 => self.records(track(0).map(Track::plain)),
            0x1003 => self.session.said(Kind::Heartbeat).reply(reply(frame, 0x9003, &[])),
            0x4001 => self.records(Track::gps(content, now)),
            0x4002 => self.records(smart::measurements(content, now)),
            0x4003 => self.records(smart::acceleration(content, now)),
            0x4005 => self.records(smart::snapshot(content, now)),
            0x4006 | 0x400b => self.records(smart::trouble(content, now)),
            0x4007 => self.alarm(frame),
            0x4008 => self.records(smart::cell(content, now)),
            0x4009 => self.records(smart::single(content, 4, now)),
            0x400e => self.records(track(0).map(Track::with_fuel)),
            0x5101 => self.records(smart::single(content, 0, now)),
            0xa002 => match smart::answer(content) {
                Some(words) => self.session.said(Kind::Event).text(&words),
                None => self.session.failed(SHORT),
            },
            0xb001 => self.records(track(2).map(Track::plain)),
            // Which parameters the vehicle has, and what a server says.
            0x4004 | 0x9001..=0x9fff | 0xc001..=0xcfff => self.session.said(Kind::Ignored),
            number => self.session.failed(DecodeError::Unknown { what: "type", number: number.into() }),
        }
    }

    /// No other server to go to, and the time.
    fn login(&mut self, frame: &Frame<'_>, batch: Option<FixBatch>) -> Message {
        let seconds = u32::try_from(self.session.clock().as_secs()).unwrap_or(0);
        let answer = [&[0xff, 0xff, 0xff, 0xff, 0, 0][..], &seconds.to_le_bytes()].concat();
        let message = match batch {
            Some(batch) if !batch.fixes.is_empty() => self.session.fixes(batch),
            _ => self.session.said(Kind::Login),
        };
        message.reply(reply(frame, 0x9001, &answer))
    }

    /// The number of the alarm's frame is confirmed.
    fn alarm(&mut self, frame: &Frame<'_>) -> Message {
        let Some((number, rest)) = frame.content.split_first_chunk::<4>() else { return self.session.failed(SHORT) };
        let Some(track) = Track::read(Bytes(rest), self.session.clock()) else { return self.session.failed(SHORT) };
        let (batch, alarms) = track.with_alarms();
        let message = if batch.fixes.is_empty() {
            let kinds: Vec<String> = alarms.iter().map(|alarm| format!("alarm {:#04x}", alarm.kind)).collect();
            self.session.said(Kind::Event).text(&kinds.join(" "))
        } else {
            self.session.fixes(batch)
        };
        message.reply(reply(frame, 0xc007, number))
    }

    fn control(&mut self, frame: &Frame<'_>) -> Message {
        let now = self.session.clock();
        match frame.kind {
            0x4001 => match other::control_login(frame.content, now) {
                Some(batch) => self.session.fixes(batch).reply(reply(frame, 0x8001, &[])),
                None => self.session.said(Kind::Login).reply(reply(frame, 0x8001, &[])),
            },
            0x4206 => match other::control_places(frame.content, now) {
                Some(batch) if batch.fixes.is_empty() => {
                    self.session.said(Kind::Heartbeat).reply(reply(frame, 0x8206, &[]))
                }
                Some(batch) => self.session.fixes(batch).reply(reply(frame, 0x8206, &[])),
                None => self.session.failed(SHORT).reply(reply(frame, 0x8206, &[])),
            },
            number => self.session.failed(DecodeError::Unknown { what: "type", number: number.into() }),
        }
    }

    fn mpip(&mut self, frame: &Frame<'_>) -> Message {
        let now = self.session.clock();
        match frame.kind {
            0x4001 => self.records(other::mpip(frame.content, 0, now)).reply(reply(frame, 0x4001, &[])),
            0x2001 => {
                let answer = [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
                self.records(other::mpip(frame.content, 9, now)).reply(reply(frame, 0x1001, &answer))
            }
            0x4201 | 0x4202 | 0x4206 => self.records(other::mpip(frame.content, 0, now)),
            0x4204 => self.records(other::mpip_places(frame.content, now)),
            number => self.session.failed(DecodeError::Unknown { what: "type", number: number.into() }),
        }
    }

    /// Records, or a sign of life where the frame has room for some and none is there.
    fn records(&mut self, batch: Option<FixBatch>) -> Message {
        match batch {
            Some(batch) if batch.fixes.is_empty() => self.session.said(Kind::Heartbeat),
            Some(batch) => self.session.fixes(batch),
            None => self.session.failed(SHORT),
        }
    }
}

fn reply(frame: &Frame<'_>, kind: u16, content: &[u8]) -> Reply {
    Reply::new(&frame.answer(kind, content))
}

/// The mark, a length that is one, and an id in ASCII filled with zeros.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    let (mark, head) = match input {
        [] | [b'@' | b'$'] => return Likeness::Possible,
        [b'@', b'@', rest @ ..] => (b'@', rest),
        [b'$', b'$', rest @ ..] => (b'$', rest),
        _ => return Likeness::No,
    };
    let Some((len, rest)) = head.split_first_chunk::<2>() else { return Likeness::Possible };
    let len = usize::from(u16::from_le_bytes(*len));
    let id = if mark == b'@' { rest.get(1..).unwrap_or_default() } else { rest };
    let id = id.get(..frame::ID).unwrap_or(id);
    let letters = id.iter().take_while(|b| b.is_ascii_graphic() || **b == b' ').count();
    let is_filled = id.get(letters..).is_some_and(|fill| fill.iter().all(|b| *b == 0));
    let is_right = (MIN_LEN..=MAX_LEN).contains(&len) && is_filled && (letters > 0 || id.is_empty());
    match is_right {
        false => Likeness::No,
        true if id.len() < frame::ID => Likeness::Possible,
        true => match input.get(..len) {
            Some(bytes) if Frame::open(bytes).is_err() => Likeness::Likely,
            Some(_) => Likeness::Certain,
            None => Likeness::Likely,
        },
    }
}
