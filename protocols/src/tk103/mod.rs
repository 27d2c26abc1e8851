//! TK103, the protocol in brackets of Xexun and others, over TCP and UDP. `NOTE.md` describes
//! the wire format.

mod battery;
pub mod encode;
mod frame;
mod position;
mod report;

use model::{DeviceId, FixBatch, Known, Timestamp, Value};

use crate::attributes::once;
use crate::session::Session;
use crate::text::{hexadecimal, whole};
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};
use frame::Frame;
use position::Found;

/// Longest frame with its brackets. Answers to commands in words are the longest.
pub const MAX_FRAME: usize = 4096;
/// Blanks and line ends before a frame that count as its own.
const MAX_BLANK: usize = 8;
/// Longest frame without them.
const MAX_BRACKETS: usize = MAX_FRAME - MAX_BLANK;
/// Bytes of no message after which the stream is given up.
const MAX_GARBAGE: usize = 1024;

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Tk103 {
    session: Session,
}

impl Decoder for Tk103 {
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

impl Tk103 {
    fn step(&mut self, input: &[u8], last: bool) -> Step {
        // Line ends between frames belong to the next one.
        let blank = input.iter().take(MAX_BLANK).take_while(|b| b.is_ascii_whitespace()).count();
        let rest = input.get(blank..).unwrap_or_default();
        let step = match rest {
            _ if blank == MAX_BLANK => return self.session.said(Kind::Ignored).took(blank),
            [] if last && blank > 0 => return self.session.said(Kind::Ignored).took(blank),
            [] => return Step::Need,
            [b'(', ..] => self.frame(rest, b')', last),
            [b'[', ..] => self.frame(rest, b']', last),
            _ => self.garbage(rest, last),
        };
        match step {
            Step::Took { consumed, message } => message.took(blank + consumed),
            Step::Need => Step::Need,
        }
    }

    /// Up to the next opening bracket.
    fn garbage(&self, input: &[u8], last: bool) -> Step {
        let len = match input.iter().take(MAX_GARBAGE).position(|b| matches!(b, b'(' | b'[')) {
            Some(at) => at,
            None if input.len() >= MAX_GARBAGE => {
                return self.session.failed(DecodeError::Framing("no bracket opens a message")).took(MAX_GARBAGE);
            }
            None if last => input.len(),
            None => return Step::Need,
        };
        self.session.failed(DecodeError::Format("bytes between messages")).took(len)
    }

    fn frame(&mut self, input: &[u8], close: u8, last: bool) -> Step {
        let window = input.get(..MAX_BRACKETS).unwrap_or(input);
        let is_full = input.len() >= MAX_BRACKETS;
        let (inner, len) = match frame::end(window, close, last || is_full) {
            Some(end) => (input.get(1..end).unwrap_or_default(), end + 1),
            None if is_full => {
                let error = DecodeError::Length { what: "frame", found: input.len(), limit: MAX_BRACKETS };
                return self.session.failed(error).took(MAX_BRACKETS);
            }
            None if last => (input.get(1..).unwrap_or_default(), input.len()),
            None => return Step::Need,
        };
        if let Some(frame) = Frame::split(inner) {
            return self.sent(&frame).took(len);
        }
        // A frame that was cut short is followed by the start of the next.
        let next = inner.iter().position(|b| *b == b'(').map_or(len, |at| at + 1);
        self.session.failed(DecodeError::Format("frame is not a number and a command")).took(next)
    }

    fn sent(&mut self, frame: &Frame<'_>) -> Message {
        match std::str::from_utf8(frame.number).ok().and_then(|id| DeviceId::new(id).ok()) {
            Some(device) => self.session.device = Some(device),
            None => return self.session.failed(DecodeError::Field("number")),
        }
        let now = self.session.clock();
        if frame.command == b"BP00" {
            return self.session.said(Kind::Heartbeat).reply(answer(frame, "AP01HSO"));
        }
        if let Some(found) = position::find(frame.body) {
            return self.located(frame, &found);
        }
        let batch = match frame.command {
            b"BP05" => return self.login(frame),
            b"ZC20" => report::supplies(frame.body, now),
            b"BV00" => report::vehicle(frame.body, now),
            b"BS50" => battery::whole(frame.body, now),
            b"BS51" => battery::parts(frame.body, now),
            b"BQ86" => return self.session.said(Kind::Ignored),
            [b'D', b'W', b'5' | b'6', _] => report::networks(frame.body, now).map(|mut batch| {
                happened(frame, &[], &mut batch);
                batch
            }),
            b"BZ00" => report::cells(frame.body, now),
            _ if frame.body.contains(&b'{') => report::cells(frame.body, now),
            _ => return self.words(frame),
        };
        match batch {
            Some(batch) => self.session.fixes(batch),
            None => self.session.failed(DecodeError::Format("body has not the fields of its command")),
        }
    }

    fn located(&mut self, frame: &Frame<'_>, found: &Found<'_>) -> Message {
        let mut batch = found.read(frame, self.session.clock());
        happened(frame, found.before, &mut batch);
        let message = self.session.fixes(batch);
        match frame.command {
            b"BP05" => message.reply(answer(frame, "AP05")),
            b"BO01" => {
                let alarm = found.before.first().filter(|b| b.is_ascii_digit()).map_or('0', |b| char::from(*b));
                message.reply(answer(frame, &format!("AS01{alarm}")))
            }
            _ => message,
        }
    }

    /// A login without a position.
    fn login(&self, frame: &Frame<'_>) -> Message {
        self.session.said(Kind::Login).reply(answer(frame, "AP05"))
    }

    /// The answer to a command, in words or in the command's own fields.
    fn words(&self, frame: &Frame<'_>) -> Message {
        let message = self.session.said(Kind::Event);
        if let Some(words) = report::words(frame.body) {
            return message.text(&String::from_utf8_lossy(words));
        }
        message.text(&format!("{}{}", String::from_utf8_lossy(frame.command), String::from_utf8_lossy(frame.body)))
    }
}

fn answer(frame: &Frame<'_>, body: &str) -> Reply {
    Reply::new(&[b"(", frame.number, body.as_bytes(), b")"].concat())
}

/// What the command itself says, besides the position: alarms, and ACC switched.
fn happened(frame: &Frame<'_>, before: &[u8], batch: &mut FixBatch) {
    let (event, alarm) = match frame.command {
        // The first digit is what happened.
        b"BO01" => (before.get(..1).and_then(whole), true),
        b"BQ81" => (before.split(|b| *b == b',').nth(2).and_then(whole), true),
        [b'Z', b'C', number @ ..] | [b'D', b'W', number @ ..] => (number_of(number), false),
        _ => (None, false),
    };
    let Some(event) = event else { return };
    batch.known(Known::Event, Value::Int(event));
    // Numbers of the one family, and those of the other two brought to it.
    let same = match frame.command {
        [b'D', b'W', b'3' | b'4', _] => event,
        [b'D', b'W', ..] => event - 0x20,
        [b'Z', b'C', b'1', _] => event + 0x20,
        [b'Z', b'C', ..] => event + 0x19,
        _ => 0,
    };
    match same {
        0x35 | 0x42 => once(batch, Known::Ignition, Value::Bool(true)),
        0x36 => once(batch, Known::Ignition, Value::Bool(false)),
        // Moved, battery low, supply cut, removed, panic button, opened, supply low.
        0x31..=0x33 | 0x37 | 0x3e..=0x40 => once(batch, Known::Alarm, Value::Bool(true)),
        _ if alarm => once(batch, Known::Alarm, Value::Bool(true)),
        _ => {}
    }
}

fn number_of(digits: &[u8]) -> Option<i64> {
    hexadecimal(digits).and_then(|n| i64::try_from(n).ok())
}

/// A bracket, a number of digits and a command, or twelve characters and a command.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    let input = input.trim_ascii_start();
    let [b'(' | b'[', inner @ ..] = input else {
        return if input.is_empty() { Likeness::Possible } else { Likeness::No };
    };
    let digits = inner.iter().take_while(|b| b.is_ascii_digit()).count();
    let later = inner.get(digits..).unwrap_or_default();
    match later {
        [] if digits <= 20 => Likeness::Possible,
        [b',', ..] if digits >= 6 => Likeness::Certain,
        [a] if digits >= 9 && a.is_ascii_uppercase() => Likeness::Possible,
        [a, b, ..] if digits >= 9 && a.is_ascii_uppercase() && b.is_ascii_uppercase() => Likeness::Certain,
        _ => {
            let (number, command) = inner.split_at_checked(12).unwrap_or((inner, &[]));
            let is_number = number.iter().all(u8::is_ascii_alphanumeric);
            let is_command = command.iter().take(2).all(u8::is_ascii_uppercase)
                && command.iter().skip(2).take(2).all(u8::is_ascii_alphanumeric);
            match (is_number && is_command, command.len()) {
                (false, _) => Likeness::No,
                (true, 0..4) => Likeness::Possible,
                (true, _) => Likeness::Likely,
            }
        }
    }
}
