//! H02, the protocol of SinoTrack and many other makers, over TCP and UDP. `NOTE.md` describes
//! the wire format.

mod binary;
pub mod encode;
mod network;
mod sentence;
mod status;

use model::{DeviceId, FixBatch, Known, Timestamp, Value};

use crate::attributes::clock;
use crate::session::Session;
use crate::text::whole;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};
use binary::{Layout, Start};
use sentence::Sentence;

/// Longest sentence with its marks. Answers to commands in words are the longest.
pub const MAX_FRAME: usize = 2048;
/// Line ends before a message that count as its own.
const MAX_BLANK: usize = 8;
/// Longest sentence without them.
const MAX_SENTENCE: usize = MAX_FRAME - MAX_BLANK;
/// Bytes of no message after which the stream is given up.
const MAX_GARBAGE: usize = 1024;
/// Bytes that makers add to a record of bytes beyond the manual's.
const MAX_PADDING: usize = 3;

const NO_SENTENCE: DecodeError = DecodeError::Format("sentence is not `*XX,number,type…#`");

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct H02 {
    session: Session,
    /// The connection has shown records of bytes in the longer form.
    is_long: bool,
    /// What came before was a record of bytes, which some pad.
    after_binary: bool,
}

impl Decoder for H02 {
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

impl H02 {
    fn step(&mut self, input: &[u8], last: bool) -> Step {
        // Line ends between messages belong to the next one.
        let blank = input.iter().take(MAX_BLANK).take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let rest = input.get(blank..).unwrap_or_default();
        let step = match rest {
            _ if blank == MAX_BLANK => return self.session.said(Kind::Ignored).took(blank),
            [] if last && blank > 0 => return self.session.said(Kind::Ignored).took(blank),
            [] => return Step::Need,
            [b'*', ..] => self.sentence(rest, last),
            [b'$', ..] => self.binary(rest, last),
            [b'X', ..] => self.other_binary(rest, last),
            _ => self.garbage(rest, last),
        };
        match step {
            Step::Took { consumed, message } => message.took(blank + consumed),
            Step::Need => Step::Need,
        }
    }

    /// Up to the next byte with which a message can begin.
    fn garbage(&mut self, input: &[u8], last: bool) -> Step {
        let start = input.iter().skip(1).take(MAX_GARBAGE).position(|b| matches!(b, b'*' | b'$'));
        let len = match start {
            Some(at) => at + 1,
            None if input.len() > MAX_GARBAGE => {
                let error = DecodeError::Framing("no `*` or `$` begins a message");
                return self.session.failed(error).took(MAX_GARBAGE);
            }
            None if last => input.len(),
            None => return Step::Need,
        };
        if std::mem::take(&mut self.after_binary) && len <= MAX_PADDING {
            return self.session.said(Kind::Ignored).took(len);
        }
        self.session.failed(DecodeError::Format("bytes between messages")).took(len)
    }

    fn sentence(&mut self, input: &[u8], last: bool) -> Step {
        self.after_binary = false;
        let end = input.iter().take(MAX_SENTENCE).position(|b| *b == b'#');
        let (inner, len) = match end {
            Some(end) => (input.get(1..end).unwrap_or_default(), end + 1),
            None if input.len() >= MAX_SENTENCE => {
                let error = DecodeError::Length { what: "sentence", found: input.len(), limit: MAX_SENTENCE };
                return self.session.failed(error).took(MAX_SENTENCE);
            }
            None if last => (input.get(1..).unwrap_or_default(), input.len()),
            None => return Step::Need,
        };
        // A sentence that was cut short is followed by the start of the next.
        if let Some(at) = inner.windows(4).position(|w| matches!(w, [b'*', b'H' | b'h', b'Q' | b'q', b','])) {
            return self.session.failed(NO_SENTENCE).took(at + 1);
        }
        let Some(sentence) = Sentence::split(inner) else {
            return self.session.failed(NO_SENTENCE).took(len);
        };
        self.read(&sentence).took(len)
    }

    /// A sentence without a number is of whoever spoke before.
    fn read(&mut self, sentence: &Sentence<'_>) -> Message {
        if !sentence.number.is_empty() {
            match std::str::from_utf8(sentence.number).ok().and_then(|id| DeviceId::new(id).ok()) {
                Some(device) => self.session.device = Some(device),
                None => return self.session.failed(DecodeError::Field("number")),
            }
        }
        let (list, now) = (sentence.fields(), self.session.clock());
        let batch = match sentence.kind {
            b"" | b"XT" => return self.session.said(Kind::Heartbeat),
            b"V0" | b"HTBT" => return self.heartbeat(sentence),
            b"BASE" | b"BS" => return self.session.said(Kind::Ignored),
            b"SMS" => return self.event(sentence.body),
            b"NBR" => network::nbr(&list, now),
            b"LINK" => network::link(&list, now),
            b"V3" if list.position().is_none() => network::v3(&list, now),
            b"VP1" => network::vp1(sentence.body, &list, now),
            [b'V', ..] => return self.general(sentence),
            _ => return self.words(sentence),
        };
        match batch {
            Some(batch) => {
                let reply = self.confirmation(sentence);
                self.session.fixes(batch).reply(if sentence.kind == b"NBR" { reply } else { Reply::default() })
            }
            None => self.session.failed(DecodeError::Format("sentence has not the fields of its type")),
        }
    }

    /// `V1`, its kin, and `V4`, which answers a command and says where the terminal is besides.
    fn general(&mut self, sentence: &Sentence<'_>) -> Message {
        let list = sentence.fields();
        let place = list.position();
        let answer = (sentence.kind == b"V4").then(|| sentence::answer(sentence.body, &list, place));
        let batch = place.and_then(|at| sentence::position(&list, at, self.session.clock()));
        let mut message = match batch {
            Some(batch) => self.session.fixes(batch),
            None if answer.is_some() => self.session.said(Kind::Event),
            // Nothing but that it lives: it has no position yet.
            None => self.session.said(Kind::Heartbeat),
        };
        if sentence.kind == b"V1" {
            message = message.reply(self.confirmation(sentence));
        }
        match answer {
            Some(answer) => message.text(&answer),
            None => message,
        }
    }

    /// The sentence as it came, without what follows its type, is the answer.
    fn heartbeat(&mut self, sentence: &Sentence<'_>) -> Message {
        let reply = Reply::new(&[b"*", sentence.maker, b",", sentence.number, b",", sentence.kind, b"#"].concat());
        let percent = whole(sentence.body).filter(|p| (0..=100).contains(p));
        match percent {
            Some(percent) => {
                let mut batch = FixBatch::default();
                batch.push(model::Fix::nowhere(self.session.clock()));
                batch.known(Known::BatteryPercent, Value::Int(percent));
                self.session.fixes(batch).reply(reply)
            }
            None => self.session.said(Kind::Heartbeat).reply(reply),
        }
    }

    /// `*XX,number,V4,type,time#`, which the terminal takes as its record being there.
    fn confirmation(&self, sentence: &Sentence<'_>) -> Reply {
        let id = self.session.device.as_ref().map_or("", DeviceId::as_str);
        let (maker, kind) = (String::from_utf8_lossy(sentence.maker), String::from_utf8_lossy(sentence.kind));
        let time = clock(self.session.clock(), "%Y%m%d%H%M%S");
        Reply::new(format!("*{maker},{id},V4,{kind},{time}#").as_bytes())
    }

    fn event(&self, words: &[u8]) -> Message {
        self.session.said(Kind::Event).text(&String::from_utf8_lossy(words))
    }

    /// What a terminal answers to a command under the command's own name.
    fn words(&self, sentence: &Sentence<'_>) -> Message {
        let mut words = sentence.kind.to_vec();
        if !sentence.body.is_empty() {
            words.push(b',');
            words.extend_from_slice(sentence.body);
        }
        self.event(&words)
    }

    fn binary(&mut self, input: &[u8], last: bool) -> Step {
        let layout = match binary::start(input) {
            Start::Is(layout) => layout,
            Start::Possible if !last => return Step::Need,
            Start::Possible | Start::No => return self.garbage(input, last),
        };
        let len = match binary::length(input, layout, self.is_long) {
            Some(len) if len <= input.len() => len,
            _ if !last => return Step::Need,
            _ if input.len() >= binary::SHORT => input.len(),
            _ => return self.garbage(input, last),
        };
        self.is_long |= layout == Layout::Short && len == binary::EXTENDED;
        self.after_binary = true;
        let record = input.get(..len).unwrap_or(input);
        let Ok(device) = DeviceId::new(&binary::number(record, layout)) else {
            return self.session.failed(DecodeError::Field("number")).took(len);
        };
        self.session.device = Some(device);
        match binary::record(record, layout, self.session.clock()) {
            Some(batch) => self.session.fixes(batch).took(len),
            None => self.session.failed(DecodeError::Format("record of bytes is too short")).took(len),
        }
    }

    /// The manual's second kind of record of bytes, which says nothing of use here.
    fn other_binary(&mut self, input: &[u8], last: bool) -> Step {
        let is_number = input.iter().skip(1).take(5).all(|b| b >> 4 < 10 && b & 0xf < 10);
        if !is_number {
            return self.garbage(input, last);
        }
        match input.get(..binary::SHORT) {
            Some(_) => {
                self.after_binary = true;
                self.session.said(Kind::Ignored).took(binary::SHORT)
            }
            None if last => self.garbage(input, last),
            None => Step::Need,
        }
    }
}

/// `*`, two letters of the maker and the terminal's number; or a record of bytes whose digits
/// and ranges are right.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    let blank = input.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    match input.get(blank..).unwrap_or_default() {
        [] => Likeness::Possible,
        [b'*', rest @ ..] => {
            let letters = rest.iter().take(2).all(u8::is_ascii_alphabetic);
            let comma = rest.get(2).is_none_or(|b| *b == b',');
            let number = rest.get(3).is_none_or(|b| b.is_ascii_digit() || *b == b',');
            match letters && comma && number {
                false => Likeness::No,
                true if rest.len() < 4 => Likeness::Possible,
                true => Likeness::Certain,
            }
        }
        rest @ [b'$', ..] => match binary::start(rest) {
            Start::Is(_) => Likeness::Certain,
            Start::Possible => Likeness::Possible,
            Start::No => Likeness::No,
        },
        [b'X', rest @ ..] => {
            let number = rest.iter().take(5).all(|b| b >> 4 < 10 && b & 0xf < 10);
            if number { Likeness::Possible } else { Likeness::No }
        }
        _ => Likeness::No,
    }
}
