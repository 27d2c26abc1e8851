//! What a terminal says of itself, its driver and in words.

use std::fmt::Write as _;

use model::FixBatch;

use super::frame::Header;
use super::location::Context;
use super::record::{Record, trimmed};
use crate::bytes::Bytes;
use crate::put::Put;

/// 0x0002 of some: battery, signal, status.
pub(super) fn heartbeat(body: &[u8], context: &Context, batch: &mut FixBatch) {
    if let [percent, signal, status, ..] = *body {
        let mut record = Record::nowhere(batch, context.now);
        record.percent(percent);
        record.gsm_signal = Some(signal);
        record.batch.put_int("status", status);
        record.finish();
    }
}

/// 0x0107: kinds, maker, model, number, SIM card, versions.
pub(super) fn attributes(header: &Header, body: &[u8], context: &Context, batch: &mut FixBatch) -> Option<()> {
    let (model, id) = if header.version.is_some() { (30, 30) } else { (20, 7) };
    let mut rest = Bytes(body);
    let mut record = Record::nowhere(batch, context.now);
    record.batch.put_int("terminal_type", rest.u16()?);
    record.batch.put_words("maker", trimmed(rest.take(5)?));
    record.batch.put_words("model", trimmed(rest.take(model)?));
    record.batch.put_words("terminal_id", trimmed(rest.take(id)?));
    record.iccid(rest.take(10)?);
    for name in ["hardware", "firmware"] {
        let len = usize::from(rest.u8()?);
        record.batch.put_words(name, trimmed(rest.take(len)?));
    }
    record.finish();
    Some(())
}

/// 0x0702: in or out, time, how reading went, name, number, who gave it and until when.
pub(super) fn driver(body: &[u8], context: &Context, batch: &mut FixBatch) -> Option<()> {
    let mut rest = Bytes(body);
    let (status, date) = (rest.u8()?, rest.array()?);
    let mut record = Record::nowhere(batch, context.time(date));
    record.batch.put_int("card_status", status);
    let read = |rest: &mut Bytes<'_>, record: &mut Record<'_>| {
        record.batch.put_int("card_result", rest.u8()?);
        let name = usize::from(rest.u8()?);
        record.batch.put_words("driver", trimmed(rest.take(name)?));
        record.driver(rest.take(20)?);
        let agency = usize::from(rest.u8()?);
        record.batch.put_words("card_agency", trimmed(rest.take(agency)?));
        record.batch.put_hex("card_validity", rest.take(4)?);
        Some(())
    };
    // Without a card the rest is left out.
    let _ = read(&mut rest, &mut record);
    record.finish();
    Some(())
}

/// 0x2070: times and acceleration, which are kept as they are.
pub(super) fn acceleration(body: &[u8], context: &Context, batch: &mut FixBatch) -> Option<()> {
    let time = context.time(*body.first_chunk()?);
    let record = Record::nowhere(batch, time);
    record.batch.put_bytes("acceleration", body);
    record.finish();
    Some(())
}

/// 0x1300: two bytes, then words of two bytes a character.
pub(super) fn wide_words(body: &[u8]) -> String {
    let units = body.get(2..).unwrap_or_default().chunks_exact(2);
    let units = units.filter_map(|pair| pair.first_chunk().map(|pair| u16::from_be_bytes(*pair)));
    let words: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    words.trim_matches(|c: char| c.is_control() || c.is_whitespace()).to_owned()
}

/// Words as they are.
pub(super) fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(trimmed(bytes)).into_owned()
}

/// 0x0104: serial number of the question, count, then settings with numbers of four bytes.
pub(super) fn settings(body: &[u8]) -> Option<String> {
    let mut rest = Bytes(body);
    rest.skip(2)?;
    let mut words = String::new();
    for _ in 0..rest.u8()? {
        let (Some(id), Some(len)) = (rest.u32(), rest.u8()) else { break };
        let Some(data) = rest.take(usize::from(len)) else { break };
        let value = match data {
            [a] => a.to_string(),
            [a, b] => u16::from_be_bytes([*a, *b]).to_string(),
            [a, b, c, d] if !data.is_ascii() || data.contains(&0) => u32::from_be_bytes([*a, *b, *c, *d]).to_string(),
            _ if data.iter().all(|b| b.is_ascii_graphic() || *b == b' ') => String::from_utf8_lossy(data).into_owned(),
            _ => hex::encode(data),
        };
        if !words.is_empty() {
            words.push(';');
        }
        let _ = write!(words, "{id:04x}={value}");
    }
    Some(words)
}
