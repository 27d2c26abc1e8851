//! Data of a device on the serial port, within a `UEX` report: length, that many bytes, checksum.
//!
//! The bytes may be semicolons and line ends, so that their length says where the line goes on.

use model::{FixBatch, Known, Value};

use super::line::{is_date, is_degrees};
use crate::put::Put;
use crate::text::{hexadecimal, number, whole};
use crate::{DecodeError, crc};

/// Most bytes that a length may say; the manual ends data at 500.
const MAX_DATA: usize = 1024;
/// Stands before each 0x00 and 0x01 of the data, which are sent plus 0x10.
const ESCAPE: u8 = 0x01;
/// Fields between the latitude and the length of the data.
const BEFORE_LENGTH: usize = 9;

/// Where the data are in the line.
#[derive(Clone, Copy)]
pub(super) struct Data {
    pub start: usize,
    pub end: usize,
}

pub(super) enum Search {
    /// It is another report, or the data are not where their length says.
    None,
    /// Not all data have come.
    Need,
    Found(Data),
}

/// Looks for the data of a `UEX` report at the start of the input.
pub(super) fn find(input: &[u8]) -> Search {
    let name = input.iter().take(9).position(|b| *b == b';').and_then(|at| input.get(..at));
    let length = match name {
        Some(b"UEX") => universal_length(input),
        Some(name) if name.len() == 8 && name.ends_with(b"UEX") => classic_length(input),
        _ => None,
    };
    let Some((start, len)) = length.filter(|(_, len)| *len <= MAX_DATA) else { return Search::None };
    let plain = input.get(start..start + len);
    if plain.is_some_and(|data| !data.contains(&ESCAPE)) {
        return at_semicolon(input, start, start + len);
    }
    let (mut end, mut counted) = (start, 0);
    while counted < len {
        let Some(byte) = input.get(end) else { return Search::Need };
        end += if *byte == ESCAPE { 2 } else { 1 };
        counted += 1;
    }
    at_semicolon(input, start, end)
}

fn at_semicolon(input: &[u8], start: usize, end: usize) -> Search {
    match input.get(end) {
        Some(b';') => Search::Found(Data { start, end }),
        Some(_) => Search::None,
        None => Search::Need,
    }
}

/// The fields of the line so far that are whole, each with where the next begins.
fn whole_fields(input: &[u8]) -> impl Iterator<Item = (&[u8], usize)> {
    let end = input.iter().position(|b| *b == super::END).unwrap_or(input.len());
    let line = input.get(..end).unwrap_or(input);
    let mut next = 0;
    line.split_inclusive(|b| *b == b';').map_while(move |field| {
        next += field.len();
        field.strip_suffix(b";").map(|field| (field, next))
    })
}

fn universal_length(input: &[u8]) -> Option<(usize, usize)> {
    let mask = whole_fields(input).nth(2).and_then(|(mask, _)| hexadecimal(mask))?;
    let at = 3 + usize::try_from((mask & super::universal::BEFORE_DATA).count_ones()).ok()?;
    let (field, next) = whole_fields(input).nth(at)?;
    Some((next, usize::try_from(whole(field)?).ok()?))
}

fn classic_length(input: &[u8]) -> Option<(usize, usize)> {
    let fields = whole_fields(input).map(|(field, _)| field);
    let date = fields.zip(whole_fields(input).skip(1)).skip(2).position(|(date, (time, _))| is_date(date, time))? + 2;
    let latitude = whole_fields(input).skip(date + 2).position(|(field, _)| is_degrees(field))? + date + 2;
    let (field, next) = whole_fields(input).nth(latitude + BEFORE_LENGTH)?;
    Some((next, usize::try_from(whole(field)?).ok()?))
}

/// The data as the serial device sent them.
fn sent(data: &[u8]) -> impl Iterator<Item = u8> {
    let mut escaped = false;
    data.iter().filter_map(move |byte| {
        let was = escaped;
        escaped = !was && *byte == ESCAPE;
        match (was, escaped) {
            (true, _) => Some(byte & 0x0f),
            (false, true) => None,
            (false, false) => Some(*byte),
        }
    })
}

/// Adds what the data say, where their checksum is right.
pub(super) fn read(data: &[u8], checksum: &[u8], batch: &mut FixBatch) -> Result<(), DecodeError> {
    let computed = sent(data).fold(0, u8::wrapping_add);
    let stated = hexadecimal(checksum).ok_or(DecodeError::Field("checksum of the data"))?;
    if stated != u64::from(computed) {
        let stated = u32::try_from(stated).unwrap_or(u32::MAX);
        return Err(DecodeError::Crc { stated, computed: u32::from(computed) });
    }
    if data.contains(&ESCAPE) {
        let bytes: Vec<u8> = sent(data).collect();
        batch.put_text("serial", &bytes);
        return Ok(());
    }
    debug_assert_eq!(computed, crc::sum(data));
    content(data.trim_ascii(), batch);
    Ok(())
}

/// What is known of the devices that are put on the port; anything else is kept as it is.
fn content(data: &[u8], batch: &mut FixBatch) {
    let mut fuel = Fuel::default();
    let known = if data.starts_with(b"CabAVL") {
        for (at, field) in data.split(|b| *b == b',').skip(2).take(2).enumerate() {
            fuel.add(at + 1, number(field).filter(|litres| *litres > 0.0), batch);
        }
        true
    } else if data.starts_with(b"GTSL") {
        let card = data.split(|b| *b == b'|').nth(4).and_then(|card| std::str::from_utf8(card).ok());
        card.filter(|card| !card.is_empty()).inspect(|card| batch.known_text(Known::DriverId, card)).is_some()
    } else {
        let mut any = false;
        data.split(|b| *b == b';').for_each(|pair| any |= sensor(pair, &mut fuel, batch).is_some());
        any
    };
    if !known {
        batch.put_text("serial", data);
    }
    fuel.finish(batch);
}

/// `t_1=15`, `N_1=01F4.0` and `Q_D=05`: temperature, fuel level and quality of driving, in hexadecimal.
fn sensor(pair: &[u8], fuel: &mut Fuel, batch: &mut FixBatch) -> Option<()> {
    let [letter, b'_', which, b'=', value @ ..] = pair else { return None };
    let value = value.split(|b| *b == b'.').next().and_then(hexadecimal).and_then(|n| i64::try_from(n).ok())?;
    let number = usize::from(which.wrapping_sub(b'0'));
    match letter {
        b't' if which.is_ascii_digit() => {
            let key = batch.numbered("temperature_", number, "_c");
            batch.attribute(key, Value::Int(value));
        }
        b'N' if which.is_ascii_digit() => fuel.add(number, Some(value as f64), batch),
        b'Q' => batch.put_int("driving_quality", value),
        _ => return None,
    }
    Some(())
}

/// Levels of several tanks and their sum.
#[derive(Default)]
struct Fuel {
    sum: f64,
}

impl Fuel {
    fn add(&mut self, tank: usize, level: Option<f64>, batch: &mut FixBatch) {
        if let Some(level) = level {
            self.sum += level;
            let key = batch.numbered("fuel_", tank, "");
            batch.attribute(key, Value::Float(level));
        }
    }

    fn finish(self, batch: &mut FixBatch) {
        if self.sum > 0.0 {
            batch.put_float("fuel", self.sum);
        }
    }
}
