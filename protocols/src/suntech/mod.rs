//! Suntech: ST200 to ST900 and SA200 families, and the universal protocol of ST4000 and later,
//! over TCP and UDP. `NOTE.md` describes the wire format.

mod classic;
pub mod encode;
mod extension;
mod line;
mod packed;
mod universal;
mod zip;

use model::{DeviceId, FixBatch, Timestamp};

use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};
use line::{Header, Line};

/// Longest message. Lines with data of a serial device are the longest, and those end their data
/// at 500 bytes.
pub const MAX_FRAME: usize = 4096;
/// Longest binary message after its length field.
const MAX_PACKED: usize = 1024;
/// Longest device id: nine digits in older families, ten in newer ones.
const MAX_ID: usize = 20;
/// Ends a line; a line feed may follow it.
const END: u8 = b'\r';

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Suntech {
    session: Session,
}

impl Decoder for Suntech {
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

/// What a report says, whatever its form.
struct Report<'a> {
    device: &'a str,
    batch: FixBatch,
    /// The command that stops the device from repeating an emergency.
    reply: Reply,
    /// What of it could not be read.
    defect: Option<DecodeError>,
}

impl<'a> Report<'a> {
    /// One that is owed no answer.
    fn silent(device: &'a str, batch: FixBatch) -> Self {
        Self { device, batch, reply: Reply::default(), defect: None }
    }
}

impl Suntech {
    fn step(&mut self, input: &[u8], last: bool) -> Step {
        match input {
            [] => Step::Need,
            [END | b'\n', ..] => self.session.said(Kind::Ignored).took(1),
            [zip::STX | 0x80.., 0..=3, ..] => self.packed(input),
            [zip::STX | 0x80..] if !last => Step::Need,
            _ => self.text(input, last),
        }
    }

    /// A binary message of either kind: a byte for its type and two for its length.
    fn packed(&mut self, input: &[u8]) -> Step {
        let [kind, high, low, rest @ ..] = input else { return Step::Need };
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        if len > MAX_PACKED {
            return self.session.failed(DecodeError::Length { what: "message", found: len, limit: MAX_PACKED }).took(3);
        }
        // The older form has a mark after what the length counts.
        let end = usize::from(*kind == zip::STX);
        let Some((body, _)) = rest.split_at_checked(len + end) else { return Step::Need };
        let mut id = [0; packed::ID_DIGITS];
        let message = if *kind == zip::STX {
            match body.split_last() {
                Some((&zip::ETX, body)) => {
                    let report = zip::read(body, self.session.clock(), &mut id);
                    self.reported(report)
                }
                _ => self.session.failed(DecodeError::Framing("no mark at the end of a packed message")),
            }
        } else {
            let report = universal::packed(*kind, body, self.session.clock(), &mut id);
            self.reported(report)
        };
        message.took(3 + body.len())
    }

    fn text(&mut self, input: &[u8], last: bool) -> Step {
        let data = match extension::find(input) {
            extension::Search::Need if !last && input.len() < MAX_FRAME => return Step::Need,
            extension::Search::Found(data) => Some(data),
            _ => None,
        };
        let from = data.as_ref().map_or(0, |d| d.end);
        let end = input.iter().take(MAX_FRAME).skip(from).position(|b| *b == END).map(|at| from + at);
        let (line, next) = match end {
            Some(end) => (input.get(..end), end + 1),
            None if input.len() >= MAX_FRAME => {
                let error = DecodeError::Length { what: "line", found: MAX_FRAME, limit: MAX_FRAME - 1 };
                return self.session.failed(error).took(MAX_FRAME);
            }
            None if last => (Some(input), input.len()),
            None => return Step::Need,
        };
        self.line(&Line::split(line.unwrap_or(input), data.as_ref())).took(next)
    }

    fn line(&mut self, line: &Line<'_>) -> Message {
        let header = match Header::of(line.field(0)) {
            Some(header) => header,
            // Part of a crash is raw acceleration, of which nothing is kept.
            None if line.field(0) == b"CRR" => return self.session.said(Kind::Ignored),
            None => return self.session.failed(DecodeError::Format("line begins with no name of a report")),
        };
        let now = self.session.clock();
        match header {
            Header::Universal(b"STT" | b"ALT" | b"EMG" | b"EVT" | b"UEX") => {
                self.reported(universal::read(line, now).map(Some))
            }
            Header::Universal(b"BLE") => self.reported(universal::beacons(line, now).map(Some)),
            Header::Universal(b"ALV") | Header::Family(_, b"ALV") => self.spoke(line, Kind::Heartbeat),
            Header::Universal(b"BSA" | b"BDA" | b"BDI" | b"SNB" | b"HTE" | b"TRV") => self.spoke(line, Kind::Ignored),
            Header::Family(family, kind @ (b"STT" | b"EMG" | b"EVT" | b"ALT" | b"UEX")) => {
                self.reported(classic::read(line, family, kind, now).map(Some))
            }
            Header::Family(_, b"HTE") => self.reported(classic::travel(line, now).map(Some)),
            Header::Nine => match line.field(1) {
                b"Location" | b"Emergency" | b"Alert" => self.reported(classic::nine(line, now).map(Some)),
                _ => self.words(line, 2),
            },
            Header::Universal(_) | Header::Family(..) => {
                self.words(line, if line.field(1).eq_ignore_ascii_case(b"Res") { 2 } else { 1 })
            }
        }
    }

    /// A message of which only the sender matters.
    fn spoke(&mut self, line: &Line<'_>, kind: Kind) -> Message {
        match line::device(line.field(1)) {
            Ok(id) => {
                self.sent_by(id);
                self.session.said(kind)
            }
            Err(error) => self.session.failed(error),
        }
    }

    /// The answer to a command, or a kind of report that is kept as it reads.
    fn words(&mut self, line: &Line<'_>, id: usize) -> Message {
        if let Ok(id) = line::device(line.field(id)) {
            self.sent_by(id);
        }
        self.session.said(Kind::Event).text(&String::from_utf8_lossy(line.whole))
    }

    /// Every message names its sender, which is who it concerns.
    fn reported(&mut self, report: Result<Option<Report<'_>>, DecodeError>) -> Message {
        match report {
            Ok(Some(Report { device, batch, reply, defect })) => {
                self.sent_by(device);
                self.session.remember(&batch);
                let kind = if batch.fixes.is_empty() { Kind::Heartbeat } else { Kind::Fixes(batch) };
                self.session.said(kind).reply(reply).defect(defect)
            }
            Ok(None) => self.session.said(Kind::Ignored),
            Err(error) => self.session.failed(error),
        }
    }

    fn sent_by(&mut self, id: &str) {
        if self.session.device.as_ref().is_none_or(|known| known.as_str() != id) {
            self.session.device = DeviceId::new(id).ok();
        }
    }
}

/// The name of a report and the sender's digits, or a type, a length and the sender's digits.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    const TEXT: [&[u8]; 14] = [
        b"ST###;?",
        b"ST###???;#",
        b"ST###???;R",
        b"SA###???;#",
        b"SA###???;R",
        b"STT;#####",
        b"ALT;#####",
        b"BLE;#####",
        b"UEX;#####",
        b"ALV;#####",
        b"EMG;#####",
        b"BSA;#####",
        b"CRR;#####",
        b"RES;#####",
    ];
    match input {
        [] => Likeness::Possible,
        [zip::STX, rest @ ..] => {
            let [0, len, rest @ ..] = rest else { return start_of(rest) };
            match rest {
                [header, id @ ..] if zip::is_header(*header) && *len >= 6 => digits(id),
                [] if *len >= 6 => Likeness::Possible,
                _ => Likeness::No,
            }
        }
        [0x81..=0x8f, rest @ ..] => {
            let [0, len, rest @ ..] = rest else { return start_of(rest) };
            if *len >= 5 { digits(rest) } else { Likeness::No }
        }
        _ => TEXT.iter().map(|p| shape(input, p)).max().unwrap_or(Likeness::No),
    }
}

/// What there is of a length's high byte, which is zero, and its low byte.
fn start_of(rest: &[u8]) -> Likeness {
    if matches!(rest, [] | [0]) { Likeness::Possible } else { Likeness::No }
}

/// Five bytes of decimal digits.
fn digits(id: &[u8]) -> Likeness {
    let id = id.get(..5).unwrap_or(id);
    match id.iter().all(|b| b >> 4 < 10 && b & 15 < 10) {
        true if id.len() == 5 => Likeness::Certain,
        true => Likeness::Possible,
        false => Likeness::No,
    }
}

/// Bytes that are those of the pattern, in which `#` is any digit and `?` any letter.
fn shape(input: &[u8], pattern: &[u8]) -> Likeness {
    let same = input.iter().zip(pattern).all(|(byte, wanted)| match wanted {
        b'#' => byte.is_ascii_digit(),
        b'?' => byte.is_ascii_alphabetic(),
        _ => byte == wanted,
    });
    match same {
        true if input.len() >= pattern.len() => Likeness::Certain,
        true => Likeness::Possible,
        false => Likeness::No,
    }
}
