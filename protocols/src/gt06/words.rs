//! What a device says in words: answers to commands, and what a machine on its serial port says.

use model::{Fix, LatLon, Timestamp};

use super::record::{Clock, Record};
use crate::put::Put;
use crate::text::{Fields, number};
use crate::units;

/// What is said, and the record that it makes, if any.
pub(super) struct Words {
    pub text: String,
    pub record: Option<Record>,
}

impl Words {
    fn new(bytes: &[u8]) -> Self {
        Self { text: text(bytes), record: None }
    }
}

/// The words without what fills them up.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_matches(|c: char| c.is_control() || c.is_whitespace()).to_owned()
}

/// 0x15, and 0x80 to 0x82 as the server sends them: length of flag and words, server flag,
/// words, language. Some leave the length at zero.
pub(super) fn command(content: &[u8], clock: Clock) -> Option<Words> {
    let (len, rest) = content.split_first()?;
    let body = rest.get(..usize::from(*len)).filter(|body| body.len() >= 4);
    Some(said(body.unwrap_or(rest).get(4..)?, clock))
}

/// 0x21: server flag, coding, words.
pub(super) fn long_command(content: &[u8], clock: Clock) -> Option<Words> {
    let [coding, words @ ..] = content.get(4..)? else { return None };
    if *coding == 1 {
        return Some(said(words, clock));
    }
    let units = words.chunks_exact(2).filter_map(|pair| pair.first_chunk().map(|pair| u16::from_be_bytes(*pair)));
    let text = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>();
    Some(said(text.as_bytes(), clock))
}

fn said(bytes: &[u8], clock: Clock) -> Words {
    let mut words = Words::new(bytes);
    let bytes = words.text.as_bytes();
    if let Some(number) = bytes.strip_prefix(b"<ICCID:").and_then(|rest| rest.split(|b| *b == b'>').next()) {
        let mut record = Record::nowhere(clock.now);
        record.batch.put_words("iccid", number);
        words.record = Some(record);
    } else if bytes.starts_with(b"Current position!") {
        words.record = position(bytes, clock);
    }
    words
}

/// `Current position!Lat:N54.7,Lon:E25.3,Course:126.5,Speed:0.0,DateTime:2017-05-26 10:27:47`.
fn position(words: &[u8], clock: Clock) -> Option<Record> {
    let body = words.get(words.iter().position(|b| *b == b'!')? + 1..)?;
    let field = |name: &[u8]| Fields::new(body, b',').find_map(|field| field.trim_ascii().strip_prefix(name));
    let side = |name: &[u8]| {
        let (side, degrees) = field(name)?.split_first()?;
        let sign = match side {
            b'N' | b'E' => 1.0,
            b'S' | b'W' => -1.0,
            _ => return None,
        };
        Some(sign * number(degrees)?)
    };
    let time = field(b"DateTime:").and_then(|text| written_time(text, clock)).unwrap_or(clock.now);
    let place = LatLon::new(side(b"Lat:")?, side(b"Lon:")?)?;
    Some(Record::new(Fix {
        heading_deg: field(b"Course:").and_then(number).and_then(units::heading),
        speed_mps: field(b"Speed:").and_then(number).map(units::kmh),
        ..Fix::at(time, place)
    }))
}

/// `2017-05-26 10:27:47`.
fn written_time(text: &[u8], clock: Clock) -> Option<Timestamp> {
    let mut parts = [0; 6];
    let mut fields = text.strip_prefix(b"20")?.split(|b| !b.is_ascii_digit()).filter(|field| !field.is_empty());
    for part in &mut parts {
        *part = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    }
    clock.time(parts)
}

/// 0x9b: the kind of device on the serial port and what it sent. A reader's card is a driver;
/// a number with a sign for degrees is a temperature.
pub(super) fn serial_port(content: &[u8], clock: Clock) -> Option<Words> {
    let (_device, data) = content.split_first()?;
    let is_printable = data.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace());
    let words = if is_printable { text(data) } else { hex::encode(data) };
    let mut record = Record::nowhere(clock.now);
    let core = data.trim_ascii();
    // A card between the control characters of a reader, STX and ETX.
    let framed = core.strip_prefix(b"\x02").map(|card| card.strip_suffix(b"\x03").unwrap_or(card).trim_ascii());
    let card = framed.or(is_printable.then_some(core)).filter(|card| card.len() >= 6);
    let degrees = core.iter().position(|b| *b >= 0x80).and_then(|at| core.get(..at)).and_then(number);
    match (card, degrees) {
        (Some(card), _) if card.iter().all(u8::is_ascii_hexdigit) => {
            record.driver(std::str::from_utf8(card).ok()?);
        }
        (_, Some(degrees)) => record.batch.put_float("temperature_1_c", degrees),
        _ => record.batch.put_words("serial", words.as_bytes()),
    }
    Some(Words { text: words, record: Some(record) })
}

/// 0xfd: IMEI, numbers of its own and, in brackets, the version.
pub(super) fn version(content: &[u8]) -> Words {
    let at = content.iter().position(|b| *b == b'[').unwrap_or(content.len());
    Words::new(content.get(at..).unwrap_or_default())
}

/// 0x65 and 0x66: date, ignition and codes of the vehicle in words.
pub(super) fn vehicle_codes(content: &[u8]) -> Words {
    let words = content.get(7..).unwrap_or_default();
    let end = words.iter().position(|b| !(b.is_ascii_graphic() || *b == b' ')).unwrap_or(words.len());
    let words = words.get(..end).unwrap_or_default();
    Words::new(words.strip_prefix(b",").unwrap_or(words))
}
