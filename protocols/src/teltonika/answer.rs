//! What a device says outside records: answers to commands (Codecs 12 and 14) and messages of
//! its own or of a machine on its serial port (Codecs 12, 13 and 15).

use model::{DeviceId, Fix, FixBatch, Known, Timestamp, Value};

use crate::DecodeError;
use crate::bytes::Bytes;
use crate::text::Fields;

/// Message types that carry the words of a device.
const COMMAND: u8 = 0x05;
const RESPONSE: u8 = 0x06;
/// Codec 14: the command was meant for another IMEI.
const REFUSED: u8 = 0x11;
/// IMEI in BCD, at the start of a Codec 14 answer.
const IMEI: usize = 8;
/// Time at the start of a Codec 13 message, in seconds.
const SECONDS: usize = 4;
/// Time as newer firmware sends it there, in milliseconds.
const MILLIS: usize = 8;
/// The name under which a machine's words are kept in a record.
const WORDS: &str = "message";

const CUT: DecodeError = DecodeError::Format("answer ends before its text does");

#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// Words for an operator.
    Text(Box<str>),
    /// A record that the device makes of what a machine says to it, and the words.
    Record(FixBatch, Box<str>),
    /// Pictures and files, which are not taken.
    Binary,
}

/// Reads what follows the codec id, both counts included. Beside the answer comes the device
/// where the message names it.
pub(super) fn read(codec: u8, data: &[u8], now: Timestamp) -> Result<(Answer, Option<DeviceId>), DecodeError> {
    let mut rest = Bytes(data);
    let count = rest.u8().ok_or(CUT)?;
    let (_, content) = rest.0.split_last().ok_or(CUT)?;
    let mut rest = Bytes(content);
    let (Some(kind), Some(size)) = (rest.u8(), rest.u32()) else { return Err(CUT) };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let first = rest.0.get(..size).ok_or(CUT)?;
    // Some firmware leaves the time out of the size of a Codec 13 message, so more may follow;
    // but then it is the only one.
    let first = if count > 1 { first } else { rest.0 };
    let mut answer = one(codec, kind, first, now)?;
    rest.skip(first.len()).ok_or(CUT)?;
    for _ in 1..count {
        let (Some(kind), Some(size)) = (rest.u8(), rest.u32()) else { return Err(CUT) };
        let more = rest.take(usize::try_from(size).unwrap_or(usize::MAX)).ok_or(CUT)?;
        answer.0 = join(answer.0, one(codec, kind, more, now)?.0);
    }
    Ok(answer)
}

/// Several answers in one message are one answer of several lines.
fn join(before: Answer, after: Answer) -> Answer {
    match (before, after) {
        (Answer::Text(before), Answer::Text(after)) => Answer::Text([&*before, &*after].join("\n").into()),
        (Answer::Binary, after) => after,
        (before, _) => before,
    }
}

fn one(codec: u8, kind: u8, content: &[u8], now: Timestamp) -> Result<(Answer, Option<DeviceId>), DecodeError> {
    let mut rest = Bytes(content);
    let answer = match (codec, kind) {
        (0x0c, COMMAND | RESPONSE) => (scales(content, now).unwrap_or_else(|| Answer::Text(text(content))), None),
        (0x0d, COMMAND | RESPONSE) => (record(time(&mut rest).ok_or(CUT)?, rest.0), None),
        (0x0e, COMMAND | RESPONSE) => {
            let device = imei(rest.array().ok_or(CUT)?);
            (Answer::Text(text(rest.0)), device)
        }
        (0x0e, REFUSED) => (Answer::Text("the device refused a command for another IMEI".into()), None),
        (0x0f, _) => {
            let time = Timestamp::from_secs(i64::from(rest.u32().ok_or(CUT)?));
            let device = imei(rest.array().ok_or(CUT)?);
            (record(time, rest.0), device)
        }
        _ => (Answer::Binary, None),
    };
    Ok(answer)
}

/// Milliseconds since 1970 begin with two zero bytes until the year 10889, seconds never do.
fn time(rest: &mut Bytes<'_>) -> Option<Timestamp> {
    let len = if rest.0.starts_with(&[0, 0]) { MILLIS } else { SECONDS };
    let number = rest.take(len)?.iter().fold(0, |sum, b| sum << 8 | i64::from(*b));
    Some(if len == MILLIS { Timestamp::from_millis(number) } else { Timestamp::from_secs(number) })
}

/// Sixteen digits of which the first is a zero.
fn imei(digits: [u8; IMEI]) -> Option<DeviceId> {
    let digits = hex::encode(digits);
    let imei = digits.strip_prefix('0')?;
    imei.bytes().all(|b| b.is_ascii_digit()).then(|| DeviceId::new(imei).ok()).flatten()
}

/// What a machine on the serial port said, and when. Of a card reader (`GTSL|6|1|0|card|1|`)
/// the card too.
fn record(time: Timestamp, content: &[u8]) -> Answer {
    let words = text(content);
    let mut batch = FixBatch::default();
    batch.push(Fix::nowhere(time));
    if words.starts_with("GTSL")
        && let Some(card) = words.split('|').nth(4).filter(|card| !card.is_empty())
    {
        let value = batch.text_value(card);
        batch.known(Known::DriverId, value);
    }
    let (key, value) = (batch.name(WORDS), batch.text_value(&words));
    batch.attribute(key, value);
    Answer::Record(batch, words)
}

/// Scales on the axles, through the serial port: `UUUUww`, tonnes on each of eight axles, then of
/// truck and trailer now and in total, `SSS`.
fn scales(content: &[u8], now: Timestamp) -> Option<Answer> {
    const NAMES: [&str; 12] = [
        "axle_1_t",
        "axle_2_t",
        "axle_3_t",
        "axle_4_t",
        "axle_5_t",
        "axle_6_t",
        "axle_7_t",
        "axle_8_t",
        "load_truck_t",
        "load_trailer_t",
        "total_truck_t",
        "total_trailer_t",
    ];
    let numbers = content.trim_ascii().strip_prefix(b"UUUUww")?.strip_suffix(b"SSS")?;
    let mut fields = Fields::new(numbers, b';');
    let mut batch = FixBatch::default();
    batch.push(Fix::nowhere(now));
    for name in NAMES {
        let tonnes = fields.number()?;
        let key = batch.name(name);
        batch.attribute(key, Value::Float(tonnes));
    }
    Some(Answer::Record(batch, text(content)))
}

/// The words without their line end; in hex where they are none.
fn text(bytes: &[u8]) -> Box<str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.trim_end().contains(|c: char| c.is_control() && !c.is_whitespace()) => text.trim_end().into(),
        _ => hex::encode(bytes).into(),
    }
}
