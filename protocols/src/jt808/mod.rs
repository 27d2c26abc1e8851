//! JT/T 808 of 2011, 2013 and 2019 with what the field adds, over TCP and UDP. `NOTE.md`
//! describes the wire format.

pub mod encode;
mod extensions;
mod frame;
mod items;
mod location;
mod lock;
mod parts;
mod record;
mod terminal;
mod transparent;

use model::{DeviceId, FixBatch, Timestamp};

pub use frame::MAX_FRAME;

use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step, civil};
use frame::{Cut, FLAG, Header, OTHER_FLAG};
use location::Context;
use parts::Parts;
use transparent::Passed;

const SHORT: DecodeError = DecodeError::Format("body ends before its fields do");
/// Results of the general response.
const DONE: u8 = 0;
const FAILED: u8 = 1;
const WRONG: u8 = 2;
const UNSUPPORTED: u8 = 3;
/// Result of a registration: there is no such terminal.
const NO_SUCH_TERMINAL: u8 = 4;

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Jt808 {
    session: Session,
    has_doors: bool,
    /// Serial number of the next message to the terminal.
    serial: u16,
    parts: Parts,
    /// Number of the picture that is coming in parts.
    picture: u32,
}

impl Decoder for Jt808 {
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

/// What a message says, and what is owed beside the general response.
struct Said {
    kind: Kind,
    text: Option<String>,
    defect: Option<DecodeError>,
    answer: Answer,
}

#[derive(Clone, Copy)]
enum Answer {
    General(u8),
    None,
    Registration,
    Time,
    ServerTime,
    Picture,
    /// 0x4401, of locks.
    Lock,
}

impl Said {
    fn new(kind: Kind) -> Self {
        Self { kind, text: None, defect: None, answer: Answer::General(DONE) }
    }

    fn words(text: String) -> Self {
        Self { text: Some(text), ..Self::new(Kind::Event) }
    }

    /// What was read; `None` of too short a body, `Some(false)` of one that was read in part.
    fn fixes(batch: FixBatch, whole: Option<bool>) -> Self {
        let defect = (whole != Some(true)).then_some(SHORT);
        match defect {
            Some(error) if batch.fixes.is_empty() => Self::new(Kind::Error(error)).answer(Answer::General(WRONG)),
            None if batch.fixes.is_empty() => Self::new(Kind::Ignored),
            defect => Self { defect, ..Self::new(Kind::Fixes(batch)) },
        }
    }

    fn answer(self, answer: Answer) -> Self {
        Self { answer, ..self }
    }
}

impl Jt808 {
    fn step(&mut self, input: &[u8], last: bool) -> Step {
        match frame::cut(input, last) {
            Cut::Need => Step::Need,
            Cut::Message(consumed, header, content) => {
                let body = Cut::body(&header, &content);
                self.message(&header, body).took(consumed)
            }
            Cut::Words(consumed, words) => self.words(words).took(consumed),
            Cut::Bad(consumed, error) => self.session.failed(error).took(consumed),
            Cut::Garbage(consumed) => self.session.failed(DecodeError::Format("bytes between messages")).took(consumed),
        }
    }

    fn message(&mut self, header: &Header, body: &[u8]) -> Message {
        let mut said = if header.is_encrypted() {
            self.identify_by(header, &[]);
            Said::new(Kind::Error(DecodeError::Encrypted("RSA"))).answer(Answer::General(UNSUPPORTED))
        } else {
            self.identify_by(header, body);
            match header.part {
                None => self.read(header, body),
                Some(part) => self.part(header, part, body),
            }
        };
        let stated = header.body_len();
        if stated != body.len() && said.defect.is_none() && !matches!(said.kind, Kind::Error(_)) {
            said.defect = Some(DecodeError::Count { what: "length of the body", stated, found: body.len() });
        }
        if let Kind::Fixes(batch) = &said.kind {
            self.session.remember(batch);
        }
        let (reply, refusal) = self.answer(header, said.answer, &said.kind);
        let mut message = self.session.said(said.kind).reply(reply).refusal(refusal).defect(said.defect);
        message.text = said.text.map(Into::into);
        message
    }

    /// Every message names its terminal, by its phone number, its IMEI or a number of its own.
    /// Terminals without one send zeros, some of them with the IMEI in an item.
    fn identify_by(&mut self, header: &Header, body: &[u8]) {
        let device = device(header.id()).or_else(|| {
            let known = self.session.device.is_some() || header.kind != 0x0200;
            if known { None } else { imei_item(body.get(location::BASE..)?) }
        });
        self.session.device = device.or(self.session.device.take());
    }

    fn context(&self) -> Context {
        Context { now: self.session.clock(), has_doors: self.has_doors }
    }

    fn part(&mut self, header: &Header, part: (u16, u16), body: &[u8]) -> Said {
        if header.kind == 0x0801 {
            // Pictures are not kept, only their number for the answer.
            if let (1, Some(number)) = (part.1, body.first_chunk()) {
                self.picture = u32::from_be_bytes(*number);
            }
            let answer = if part.0 == part.1 { Answer::Picture } else { Answer::General(DONE) };
            return Said::new(Kind::Ignored).answer(answer);
        }
        match self.parts.add(header, part, body) {
            Ok(Some(whole)) => self.read(header, &whole),
            // What is confirmed must be durable, and a part is not before the whole is.
            Ok(None) => Said::new(Kind::Ignored).answer(Answer::None),
            Err(error) => Said::new(Kind::Error(error)).answer(Answer::General(FAILED)),
        }
    }

    /// What a whole message says, by its id.
    fn read(&mut self, header: &Header, body: &[u8]) -> Said {
        let mut context = self.context();
        let mut batch = FixBatch::default();
        let said = match header.kind {
            0x0001 | 0x0005 => Said::new(Kind::Ignored).answer(Answer::None),
            0x0002 => {
                terminal::heartbeat(body, &context, &mut batch);
                Said::new(if batch.fixes.is_empty() { Kind::Heartbeat } else { Kind::Fixes(batch) })
            }
            0x0004 => Said::new(Kind::Heartbeat).answer(Answer::ServerTime),
            0x0109 => Said::new(Kind::Heartbeat).answer(Answer::Time),
            0x0506 => Said::new(Kind::Heartbeat),
            0x0100 => Said::new(Kind::Login).answer(Answer::Registration),
            0x0102 => Said::new(Kind::Login),
            0x0104 => Said::words(terminal::settings(body).unwrap_or_default()),
            0x0107 => {
                let whole = terminal::attributes(header, body, &context, &mut batch);
                Said::fixes(batch, Some(whole.is_some()))
            }
            0x0200 => {
                let whole = location::read(body, false, &mut context, &mut batch);
                Said::fixes(batch, whole)
            }
            // Answers to a question: its serial number first.
            0x0201 | 0x0500 => {
                let whole = body.get(2..).and_then(|body| location::read(body, false, &mut context, &mut batch));
                Said::fixes(batch, whole)
            }
            0x0210 | 0x0704 => {
                let whole = location::batch(header.kind, body, &mut context, &mut batch);
                Said::fixes(batch, Some(whole))
            }
            0x0702 => Self::of(terminal::driver(body, &context, &mut batch), batch),
            0x0705 => Self::of(transparent::bus(body, &context, &mut batch), batch),
            0x1005 => Self::of(transparent::passengers(body, &context, &mut batch), batch),
            0x2070 => Self::of(terminal::acceleration(body, &context, &mut batch), batch),
            0x0801 => {
                self.picture = body.first_chunk().map_or(0, |number| u32::from_be_bytes(*number));
                Said::new(Kind::Ignored).answer(Answer::Picture)
            }
            0x0900 => passed(transparent::read(body, &mut context, &mut batch), batch),
            0x5501 | 0x5502 => {
                let whole = lock::read(header.kind, body, context.now, &mut batch);
                let wants = header.properties & 0x8000 != 0;
                Said::fixes(batch, whole).answer(if wants { Answer::Lock } else { Answer::None })
            }
            kind => other(kind, body),
        };
        self.has_doors = context.has_doors;
        said
    }

    fn of(whole: Option<()>, batch: FixBatch) -> Said {
        Said::fixes(batch, Some(whole.is_some()))
    }

    /// What is owed, and what instead where the terminal or the message is not wanted.
    fn answer(&mut self, header: &Header, answer: Answer, kind: &Kind) -> (Reply, Reply) {
        let none = Reply::default;
        let now = self.context().now;
        let [a, b] = header.serial.to_be_bytes();
        let [c, d] = header.kind.to_be_bytes();
        let serial = self.serial;
        let send = |id: u16, body: &[u8]| Reply::new(&frame::seal(header, id, serial, body));
        let (reply, refusal) = match answer {
            Answer::None => return (none(), none()),
            Answer::General(result) => {
                let refusal = if matches!(kind, Kind::Login | Kind::Fixes(_)) {
                    send(0x8001, &[a, b, c, d, FAILED])
                } else {
                    none()
                };
                (send(0x8001, &[a, b, c, d, result]), refusal)
            }
            Answer::Registration => {
                // The code that the terminal is to prove itself with is its own number.
                let mut body = vec![a, b, DONE];
                body.extend_from_slice(self.session.device.as_ref().map_or("", DeviceId::as_str).as_bytes());
                (send(0x8100, &body), send(0x8100, &[a, b, NO_SUCH_TERMINAL]))
            }
            Answer::Time => {
                let [year, rest @ ..] = civil::two_digit_parts(now);
                let mut body = (2000 + u16::from(year)).to_be_bytes().to_vec();
                body.extend_from_slice(&rest);
                (send(0x8109, &body), none())
            }
            Answer::ServerTime => {
                let bcd = civil::two_digit_parts(now).map(|part| ((part / 10) << 4) | (part % 10));
                (send(0x8004, &bcd), none())
            }
            Answer::Picture => (send(0x8800, &self.picture.to_be_bytes()), none()),
            Answer::Lock => (Reply::new(&frame::seal(header, 0x4401, 1, &[c, d, DONE])), none()),
        };
        self.serial = self.serial.wrapping_add(1);
        (reply, refusal)
    }

    /// `(id,1,001,BASE,2,TIME)` asks what time it is; others are answers to commands.
    fn words(&mut self, words: &[u8]) -> Message {
        let inner = words.get(1..words.len().saturating_sub(1)).unwrap_or_default();
        let mut fields = inner.split(|b| *b == b',');
        if self.session.device.is_none() {
            let id = fields.next().filter(|id| !id.is_empty() && id.iter().all(u8::is_ascii_digit));
            self.session.device = id.and_then(|id| DeviceId::new(std::str::from_utf8(id).ok()?).ok());
        }
        let text = String::from_utf8_lossy(words);
        if !text.contains("BASE,2") {
            return self.session.said(Kind::Event).text(&text);
        }
        let digits = civil::two_digit_parts(self.context().now).map(|part| format!("{part:02}"));
        let answer = text.replace("TIME", &format!("20{}", digits.concat()));
        self.session.said(Kind::Heartbeat).reply(Reply::new(answer.as_bytes()))
    }
}

fn passed(passed: Option<Passed>, batch: FixBatch) -> Said {
    match passed {
        Some(Passed::Record) => Said::fixes(batch, Some(true)),
        Some(Passed::Part) => Said::fixes(batch, Some(false)),
        Some(Passed::Words(text)) => Said::words(text),
        Some(Passed::Other) => Said::new(Kind::Ignored),
        None => Said::new(Kind::Error(SHORT)).answer(Answer::General(WRONG)),
    }
}

/// Messages without a record.
fn other(kind: u16, body: &[u8]) -> Said {
    match kind {
        0x0701 => Said::words(terminal::words(body.get(4..).unwrap_or_default())).answer(Answer::None),
        0x1300 => Said::words(terminal::wide_words(body)),
        0x6006 => Said::words(terminal::words(body.get(1..).unwrap_or_default())),
        0x0003
        | 0x0108
        | 0x0301..=0x0303
        | 0x0608
        | 0x0700
        | 0x0800
        | 0x0802
        | 0x0805
        | 0x0901
        | 0x0a00
        | 0x0b02
        | 0x0b19
        | 0x1003
        | 0x1205
        | 0x1206
        | 0x1210..=0x1212
        | 0x8888 => Said::new(Kind::Ignored),
        number => {
            let error = DecodeError::Unknown { what: "message", number: u32::from(number) };
            Said::new(Kind::Error(error)).answer(Answer::General(UNSUPPORTED))
        }
    }
}

/// The number of the terminal: 12 or 14 digits as they are, 20 digits without the zeros before
/// them, or 48 bits that are the first 14 digits of an IMEI. Zeros are none.
fn device(id: &[u8]) -> Option<DeviceId> {
    if id.iter().all(|b| *b == 0) {
        return None;
    }
    let mut digits = [0; 2 * frame::MAX_ID];
    let digits = digits.get_mut(..id.len() * 2)?;
    hex::encode_to_slice(id, digits).ok()?;
    if digits.iter().all(u8::is_ascii_digit) {
        let text = std::str::from_utf8(digits).ok()?;
        return DeviceId::new(if id.len() == frame::MAX_ID { text.trim_start_matches('0') } else { text }).ok();
    }
    if id.len() != 6 {
        return DeviceId::new(std::str::from_utf8(digits).ok()?).ok();
    }
    let number = id.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    DeviceId::new(&format!("{number}{}", luhn(number))).ok()
}

/// The digit that ISO/IEC 7812 puts after a number.
fn luhn(mut number: u64) -> u64 {
    let (mut sum, mut doubled) = (0, true);
    while number > 0 {
        let digit = number % 10 * if doubled { 2 } else { 1 };
        sum += digit / 10 + digit % 10;
        doubled = !doubled;
        number /= 10;
    }
    (10 - sum % 10) % 10
}

/// The IMEI in item 0xf6.
fn imei_item(mut items: &[u8]) -> Option<DeviceId> {
    while let [id, len, rest @ ..] = items {
        let (data, later) = rest.split_at_checked(usize::from(*len))?;
        if (*id, *len) == (0xf6, 8) {
            return DeviceId::new(std::str::from_utf8(&extensions::imei(data)?).ok()?).ok();
        }
        items = later;
    }
    None
}

/// A flag and the high byte of a message that terminals send, and once it is whole a sum that
/// fits; or words that begin with a number and two others.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    match input {
        [] | [FLAG | OTHER_FLAG] => Likeness::Possible,
        [b'(', rest @ ..] => words_likeness(rest),
        [FLAG | OTHER_FLAG, 0x00..=0x03 | 0x05..=0x0b | 0x10 | 0x12 | 0x13 | 0x20 | 0x55 | 0x60 | 0x88, ..] => {
            match frame::cut(input, false) {
                Cut::Message(..) => Likeness::Certain,
                _ => Likeness::Likely,
            }
        }
        _ => Likeness::No,
    }
}

/// `740190311185,1,001,ELOCK,…`: numbers of 10 to 15, one and three digits, then letters.
fn words_likeness(rest: &[u8]) -> Likeness {
    let mut fields = rest.split(|b| *b == b',');
    for (least, most) in [(10, 15), (1, 1), (3, 3)] {
        let Some(field) = fields.next() else { return Likeness::Possible };
        let is_last = fields.clone().next().is_none();
        let fits = field.iter().all(u8::is_ascii_digit) && field.len() <= most && (is_last || field.len() >= least);
        if !fits {
            return Likeness::No;
        }
        if is_last {
            return Likeness::Possible;
        }
    }
    match fields.next().and_then(|field| field.first()) {
        Some(letter) if letter.is_ascii_uppercase() => Likeness::Certain,
        Some(_) => Likeness::No,
        None => Likeness::Possible,
    }
}
