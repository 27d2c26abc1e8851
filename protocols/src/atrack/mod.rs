//! ATrack: AT, AK, AL, AU, AX and AY series, over TCP and UDP. `NOTE.md` describes the wire format.

mod beacon;
mod binary;
mod custom;
pub(crate) mod encode;
mod lines;

use model::{DeviceId, FixBatch, Timestamp};

use crate::bytes::Bytes;
use crate::crc::crc16_arc;
use crate::session::Session;
use crate::text::{hexadecimal, whole};
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};
use custom::Form;

/// Longest message: reports that were stored while there was no network.
pub const MAX_FRAME: usize = 16 * 1024;
/// Most records of one message.
const MAX_RECORDS: usize = 1024;
/// Longest answer to a command.
const MAX_ANSWER: usize = 1024;

/// Sign of life: two bytes, the unit's id and a sequence number, which the acknowledgement has too.
const ALIVE: [u8; 2] = [0xfe, 0x02];
const ALIVE_LEN: usize = 12;
/// Prefix, checksum and length of a binary message.
const HEAD: usize = 6;
/// Sequence number and id of the unit.
const SENDER: usize = 10;
/// Prefix, comma, four digits of the checksum.
const TEXT_SUMMED: usize = 7;
/// The second letter of the prefix of a picture.
const PICTURE: u8 = b'R';

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Atrack {
    session: Session,
    /// What custom fields the device said it sends.
    form: Form,
}

impl Decoder for Atrack {
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

impl Atrack {
    fn step(&mut self, input: &[u8], last: bool) -> Step {
        match input {
            [] => Step::Need,
            [b'\r' | b'\n', ..] => self.session.said(Kind::Ignored).took(1),
            [0xfe, 0x02, ..] => match input.first_chunk() {
                Some(alive) => self.alive(alive),
                None if last => self.cut(input.len()),
                None => Step::Need,
            },
            [b'$', ..] => self.answer(input, last),
            [b'@', b'A'..=b'Z', ..] if is_text(input) => self.text(input, last),
            // It may yet be either.
            [b'@', b'A'..=b'Z', b',', ..] if input.len() < 8 && !last => Step::Need,
            [b'@', b'A'..=b'Z', ..] => self.binary(input, last),
            [0xfe | b'@'] if !last => Step::Need,
            _ => self.garbage(input, last),
        }
    }

    fn alive(&mut self, alive: &[u8; ALIVE_LEN]) -> Step {
        let mut rest = Bytes(alive);
        if let (Some(_), Some(id)) = (rest.u16(), rest.u64()) {
            self.sent_by(id);
        }
        self.session.said(Kind::Heartbeat).reply(Reply::new(alive)).took(ALIVE_LEN)
    }

    /// The answer to a command: a line.
    fn answer(&mut self, input: &[u8], last: bool) -> Step {
        let end = input.iter().take(MAX_ANSWER).position(|b| *b == b'\n');
        let (line, next) = match end {
            Some(end) => (input.get(..end).unwrap_or(input), end + 1),
            None if input.len() >= MAX_ANSWER => {
                let error = DecodeError::Length { what: "answer", found: MAX_ANSWER, limit: MAX_ANSWER - 1 };
                return self.session.failed(error).took(MAX_ANSWER);
            }
            None if last => (input, input.len()),
            None => return Step::Need,
        };
        let line = line.trim_ascii_end();
        if line.starts_with(b"$FORM") {
            self.form = Form::of(line);
        }
        let mut batch = FixBatch::default();
        let kind = match lines::information(line, self.session.clock(), &mut batch) {
            Some(device) => {
                self.session.device = DeviceId::new(device).ok();
                Kind::Fixes(batch)
            }
            None => Kind::Event,
        };
        self.session.said(kind).text(&String::from_utf8_lossy(line)).took(next)
    }

    fn binary(&mut self, input: &[u8], last: bool) -> Step {
        let mut rest = Bytes(input);
        let head = rest.u16().zip(rest.u16()).zip(rest.u16());
        let Some(((_, stated), len)) = head else { return if last { self.cut(input.len()) } else { Step::Need } };
        let len = usize::from(len);
        if HEAD + len > MAX_FRAME {
            return self
                .session
                .failed(DecodeError::Length { what: "message", found: len, limit: MAX_FRAME - HEAD })
                .took(HEAD);
        }
        if len < SENDER {
            return self.session.failed(DecodeError::Format("length is less than that of the sender")).took(HEAD);
        }
        let Some(message) = input.get(..HEAD + len) else { return Step::Need };
        let computed = crc16_arc(message.get(4..).unwrap_or_default());
        if stated != computed {
            let error = DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) };
            return self.session.failed(error).took(message.len());
        }
        self.read(message).took(message.len())
    }

    /// A binary message whose checksum is right.
    fn read(&mut self, message: &[u8]) -> Message {
        let mut rest = Bytes(message.get(HEAD..).unwrap_or_default());
        let (Some(sequence), Some(id)) = (rest.u16(), rest.u64()) else { return self.session.failed(binary::CUT) };
        self.sent_by(id);
        if message.get(1) == Some(&PICTURE) {
            return self.session.said(Kind::Ignored).reply(acknowledgement(id, sequence));
        }
        let mut batch = FixBatch::default();
        let read = binary::read(rest.0, &self.form, self.session.clock(), &mut batch);
        self.reported(batch, read.err(), Some(acknowledgement(id, sequence)))
    }

    /// `@P,checksum,length,sequence,id,` and records in lines.
    fn text(&mut self, input: &[u8], last: bool) -> Step {
        let digits = input.get(TEXT_SUMMED + 1..).unwrap_or_default();
        let comma = digits.iter().take(6).position(|b| *b == b',');
        let len = comma.and_then(|at| digits.get(..at)).and_then(whole).and_then(|n| usize::try_from(n).ok());
        let (comma, len) = match (comma, len) {
            (Some(at), Some(len)) => (TEXT_SUMMED + 1 + at, len),
            (None, _) if digits.len() < 6 && !last => return Step::Need,
            _ => return self.session.failed(DecodeError::Format("message has no length")).took(TEXT_SUMMED),
        };
        if comma + len > MAX_FRAME {
            return self
                .session
                .failed(DecodeError::Length { what: "message", found: len, limit: MAX_FRAME - comma })
                .took(comma);
        }
        let Some(message) = input.get(..comma + len) else {
            return if last { self.cut_lines(input, comma, len) } else { Step::Need };
        };
        // Some devices leave the last line feed out of the length.
        let more = match (message.last(), input.get(comma + len)) {
            (Some(b'\r'), Some(b'\n')) => 1,
            (Some(b'\r'), None) if !last => return Step::Need,
            _ => 0,
        };
        let whole = input.get(..message.len() + more).unwrap_or(message);
        let stated = input.get(3..TEXT_SUMMED).and_then(hexadecimal).unwrap_or_default();
        let sum = |message: &[u8]| crc16_arc(message.get(TEXT_SUMMED..).unwrap_or_default());
        if stated != u64::from(sum(message)) && stated != u64::from(sum(whole)) {
            let stated = u32::try_from(stated).unwrap_or(u32::MAX);
            let error = DecodeError::Crc { stated, computed: u32::from(sum(message)) };
            return self.session.failed(error).took(whole.len());
        }
        self.lines(whole.get(comma + 1..).unwrap_or_default(), None).took(whole.len())
    }

    /// A message that will not come whole: its lines are read, and not acknowledged, so that it is sent again.
    fn cut_lines(&mut self, input: &[u8], comma: usize, stated: usize) -> Step {
        let found = input.len() - comma;
        let error = DecodeError::Count { what: "bytes of the message", stated, found };
        self.lines(input.get(comma + 1..).unwrap_or_default(), Some(error)).took(input.len())
    }

    /// Sequence number, id, and records.
    fn lines(&mut self, content: &[u8], mut defect: Option<DecodeError>) -> Message {
        let mut fields = content.splitn(3, |b| *b == b',');
        let (Some(sequence), Some(id), Some(records)) = (fields.next(), fields.next(), fields.next()) else {
            return self.session.failed(DecodeError::Format("message ends before its records"));
        };
        let device = std::str::from_utf8(id).ok().filter(|id| id.bytes().all(|b| b.is_ascii_alphanumeric()));
        let Some(device) = device.and_then(|id| DeviceId::new(id).ok()) else {
            return self.session.failed(DecodeError::Login("the unit's id is no number"));
        };
        self.session.device = Some(device);
        let is_whole = defect.is_none();
        let mut batch = FixBatch::default();
        let now = self.session.clock();
        // Where the message is cut, the numbers of its last line may be.
        let end = records.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let (ended, open) = records.split_at_checked(end).unwrap_or((records, b""));
        let open = Some(open).filter(|line| is_whole || lines::is_up_to_text(line));
        for line in ended
            .split(|b| *b == b'\n')
            .chain(open)
            .map(<[u8]>::trim_ascii_end)
            .filter(|l| !l.is_empty())
            .take(MAX_RECORDS)
        {
            let read = lines::record(line, &self.form, now, &mut batch);
            defect = defect.or(read.err());
        }
        let number = |field: &[u8]| whole(field).and_then(|n| u64::try_from(n).ok());
        let acknowledged =
            number(id).zip(number(sequence)).and_then(|(id, n)| Some((id, u16::try_from(n & 0xffff).ok()?)));
        let reply = acknowledged.filter(|_| is_whole).map(|(id, sequence)| acknowledgement(id, sequence));
        self.reported(batch, defect, reply)
    }

    fn reported(&mut self, batch: FixBatch, defect: Option<DecodeError>, reply: Option<Reply>) -> Message {
        match defect {
            Some(error) if batch.fixes.is_empty() => self.session.failed(error),
            defect => {
                self.session.remember(&batch);
                let kind = if batch.fixes.is_empty() { Kind::Heartbeat } else { Kind::Fixes(batch) };
                self.session.said(kind).reply(reply.unwrap_or_default()).defect(defect)
            }
        }
    }

    fn sent_by(&mut self, id: u64) {
        let is_known = self.session.device.as_ref().is_some_and(|device| device.as_str().parse() == Ok(id));
        if !is_known {
            self.session.device = DeviceId::new(&id.to_string()).ok();
        }
    }

    /// Passes over what begins no message.
    fn garbage(&self, input: &[u8], last: bool) -> Step {
        let starts = |pair: &[u8]| matches!(pair, [0xfe, 0x02] | [b'@', b'A'..=b'Z']);
        let end = match input.windows(2).skip(1).position(starts) {
            Some(at) => at + 1,
            None if last || input.len() >= MAX_FRAME => input.len(),
            None => return Step::Need,
        };
        self.session.failed(DecodeError::Format("bytes between messages")).took(end)
    }

    fn cut(&self, len: usize) -> Step {
        self.session.failed(binary::CUT).took(len)
    }
}

/// Whether a prefix is followed by a checksum in text.
fn is_text(input: &[u8]) -> bool {
    let Some([b',', a, b, c, d, b',']) = input.get(2..8) else { return false };
    [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit())
}

/// The same to both forms of report.
fn acknowledgement(id: u64, sequence: u16) -> Reply {
    let mut bytes = [0; ALIVE_LEN];
    let parts = ALIVE.into_iter().chain(id.to_be_bytes()).chain(sequence.to_be_bytes());
    for (place, byte) in bytes.iter_mut().zip(parts) {
        *place = byte;
    }
    Reply::new(&bytes)
}

/// A sign of life, a prefix with a checksum and a length in either form, or the answer to a command.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    /// The highest bytes of the number of an IMEI.
    const IMEI: [u8; 2] = [0, 3];
    let is_id = |id: &[u8]| id.iter().zip(IMEI).all(|(byte, most)| *byte <= most);
    match input {
        [0xfe, 0x02, id @ ..] => match is_id(id) {
            true if id.len() >= 2 => Likeness::Certain,
            true => Likeness::Possible,
            false => Likeness::No,
        },
        [0xfe] | [] => Likeness::Possible,
        [b'@', rest @ ..] => {
            let [b'A'..=b'Z', rest @ ..] = rest else {
                return if rest.is_empty() { Likeness::Possible } else { Likeness::No };
            };
            reported(rest, &is_id)
        }
        _ => Likeness::any(
            input,
            &[
                (b"$OK\r\n", Likeness::Likely),
                (b"$ERROR=", Likeness::Likely),
                (b"$INFO=", Likeness::Likely),
                (b"$FORM=", Likeness::Likely),
            ],
        ),
    }
}

/// What follows a prefix.
fn reported(rest: &[u8], is_id: &dyn Fn(&[u8]) -> bool) -> Likeness {
    let text = rest.iter().enumerate().take(7).all(|(at, byte)| match at {
        0 | 5 => *byte == b',',
        6 => byte.is_ascii_digit(),
        _ => byte.is_ascii_hexdigit(),
    });
    let len = match rest {
        [_, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => SENDER,
    };
    let binary = (SENDER..=MAX_FRAME).contains(&len) && rest.get(6..).is_none_or(is_id);
    match (text, binary) {
        (true, _) if rest.len() >= 7 => Likeness::Certain,
        (false, true) if rest.len() >= 8 => Likeness::Certain,
        (true, _) | (_, true) => Likeness::Possible,
        _ => Likeness::No,
    }
}
