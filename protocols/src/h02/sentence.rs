//! Sentences: `*XX,number,TYPE,…#`, and the position that most of them carry.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::status;
use crate::attributes::{altitude, decimal, hexadecimal_number, speed, text, whole_number};
use crate::put::Put;
use crate::text::{day_month_year, degrees_minutes, hexadecimal, number, whole};
use crate::units::{heading, knots};

/// Most fields of a sentence that are looked at: NBR with 30 cells has 100.
const MAX_FIELDS: usize = 160;

/// A sentence apart: the maker's letters, the terminal's number, the type and its fields.
pub(super) struct Sentence<'a> {
    pub maker: &'a [u8],
    pub number: &'a [u8],
    pub kind: &'a [u8],
    /// What follows the type, commas included.
    pub body: &'a [u8],
}

impl<'a> Sentence<'a> {
    /// From what is between `*` and `#`.
    pub fn split(inner: &'a [u8]) -> Option<Self> {
        let mut parts = inner.splitn(4, |b| *b == b',');
        let (maker, number) = (parts.next()?, parts.next()?);
        let is_maker = (2..=4).contains(&maker.len()) && maker.iter().all(u8::is_ascii_alphanumeric);
        is_maker.then_some(Self {
            maker,
            number: number.trim_ascii(),
            kind: parts.next().unwrap_or_default().trim_ascii(),
            body: parts.next().unwrap_or_default(),
        })
    }

    pub fn fields(&self) -> List<'a> {
        List::new(self.body)
    }
}

/// The fields of a sentence by their places; what is past the end is empty.
pub(super) struct List<'a> {
    fields: [&'a [u8]; MAX_FIELDS],
    len: usize,
}

impl<'a> List<'a> {
    fn new(body: &'a [u8]) -> Self {
        let mut list = Self { fields: [&[]; MAX_FIELDS], len: 0 };
        for (field, place) in body.split(|b| *b == b',').zip(&mut list.fields) {
            *place = field.trim_ascii();
            list.len += 1;
        }
        list
    }

    pub fn at(&self, index: usize) -> &'a [u8] {
        self.fields.get(index).copied().unwrap_or_default()
    }

    pub fn from(&self, index: usize) -> &[&'a [u8]] {
        self.fields.get(index..self.len).unwrap_or_default()
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Where the position begins: the field of its validity, three before the longitude's.
    pub fn position(&self) -> Option<usize> {
        self.from(0)
            .windows(5)
            .position(|w| matches!(w, [_, _, [b'N' | b'S' | b'n' | b's'], _, [b'E' | b'W' | b'e' | b'w']]))
    }
}

/// The position at `at` and what follows it, as a batch of one fix; `None` where the terminal
/// leaves the place out, as it does when it knows none.
pub(super) fn position(list: &List<'_>, at: usize, now: Timestamp) -> Option<FixBatch> {
    let [validity, lat, north, lon, east] = [0, 1, 2, 3, 4].map(|i| list.at(at + i));
    let position = LatLon::new(coordinate(lat, north)?, coordinate(lon, east)?).filter(|p| !p.is_null_island());
    let (speed, course) = (speed(list.at(at + 5)), list.at(at + 6));

    // Some put the battery's bars before the date.
    let bars = matches!(list.at(at + 7).len(), 1..=3) && matches!(list.at(at + 8).len(), 0 | 6);
    let date_at = if bars { at + 8 } else { at + 7 };
    let clock = at.checked_sub(1).map(|i| list.at(i)).unwrap_or_default();
    let time = day_month_year(list.at(date_at), clock).unwrap_or(now);

    // A number instead of the letter is a coding scheme of positions that are good.
    let valid = matches!(validity, b"A" | b"a") || whole(validity).is_some();
    let mut batch = FixBatch::default();
    batch.push(Fix {
        position,
        valid: valid && position.is_some(),
        speed_mps: speed.map(knots),
        heading_deg: number(course).and_then(heading),
        ..Fix::nowhere(time)
    });
    if let Some(level) = whole(list.at(at + 7)).filter(|_| bars).and_then(status::battery) {
        batch.known(Known::BatteryPercent, Value::Int(level));
    }
    rest(list, date_at + 1, &mut batch);
    Some(batch)
}

/// Status, cell, odometer and what else the models add after the date.
fn rest(list: &List<'_>, at: usize, batch: &mut FixBatch) {
    let is_status = |field: &[u8]| field.len() == 8 && hexadecimal(field).is_some();
    let word = list.from(at).iter().position(|f| is_status(f));
    for field in list.from(at) {
        // ICCIDs begin with the telecommunication industry's 89.
        if (18..=21).contains(&field.len()) && field.starts_with(b"89") {
            text(batch, "iccid", field);
        }
    }
    let Some(index) = word.map(|w| at + w) else { return };
    let bits = hexadecimal(list.at(index)).and_then(|w| u32::try_from(w).ok());
    if let Some(word) = bits {
        status::add(word, batch);
    }
    // V19 has telephone or address before the status.
    for field in list.from(at).iter().take(index - at) {
        if !field.starts_with(b"89") && field.len() >= 7 {
            text(batch, "network", field);
        }
    }
    after_status(list, index + 1, batch);
}

fn after_status(list: &List<'_>, at: usize, batch: &mut FixBatch) {
    let fields = list.from(at);
    match fields {
        [odometer, temperature, fuel, height, lac, cell] if fuel.contains(&b'.') && whole(odometer).is_some() => {
            if let Some(metres) = whole(odometer) {
                batch.known(Known::OdometerM, Value::Int(metres));
            }
            decimal(batch, "temperature_1_c", temperature);
            decimal(batch, "fuel_1", fuel);
            if let Some(fix) = batch.fixes.last_mut() {
                fix.altitude_m = altitude(height);
            }
            hexadecimal_number(batch, "lac", lac);
            hexadecimal_number(batch, "cell", cell);
        }
        // Country, network, area and cell, in digits of ten or of sixteen, as the model has it,
        // and therefore kept as they are.
        [mcc, mnc, lac, cell, more @ ..] => {
            for (name, field) in [("mcc", mcc), ("mnc", mnc), ("lac", lac), ("cell", cell)] {
                text(batch, name, field);
            }
            numbered(more, 5, batch);
        }
        few => numbered(few, 1, batch),
    }
}

/// Fields whose meaning differs by the model: `io_1`, `io_2`…
fn numbered(fields: &[&[u8]], first: usize, batch: &mut FixBatch) {
    const NAMES: [&str; 12] =
        ["io_1", "io_2", "io_3", "io_4", "io_5", "io_6", "io_7", "io_8", "io_9", "io_10", "io_11", "io_12"];
    for (name, field) in NAMES.iter().skip(first - 1).zip(fields) {
        match field {
            field if field.len() >= 18 => {}
            field => whole_number_or_text(batch, name, field),
        }
    }
}

fn whole_number_or_text(batch: &mut FixBatch, name: &str, field: &[u8]) {
    match whole(field) {
        Some(_) => whole_number(batch, name, field),
        None => text(batch, name, field),
    }
}

/// `DDMM.MMMM`, the same without its point, or `-DD-MM.MMMM`, with the side's letter.
fn coordinate(field: &[u8], side: &[u8]) -> Option<f64> {
    let side = *side.first()?;
    if let [b'-', rest @ ..] = field {
        let (degrees, minutes) = rest.split_at_checked(rest.iter().position(|b| *b == b'-')?)?;
        let value = number(degrees)? + number(minutes.get(1..)?)?.max(0.0) / 60.0;
        return Some(if matches!(side.to_ascii_uppercase(), b'S' | b'W') { -value } else { value });
    }
    if field.len() > 6 && field.iter().all(u8::is_ascii_digit) {
        let scaled = number(field)? / 1e4;
        let whole = (scaled / 100.0).floor();
        let value = whole + (scaled - whole * 100.0) / 60.0;
        return Some(if matches!(side.to_ascii_uppercase(), b'S' | b'W') { -value } else { value });
    }
    degrees_minutes(field, side)
}

/// The command that a `V4` answers with what the terminal says of it, up to the position or
/// to the end.
pub(super) fn answer(body: &[u8], list: &List<'_>, position: Option<usize>) -> String {
    // The time before the position is the terminal's own.
    let fields = position.map_or(list.len(), |at| at.saturating_sub(1));
    let len: usize = body.split(|b| *b == b',').take(fields).map(|f| f.len() + 1).sum();
    String::from_utf8_lossy(body.get(..len.saturating_sub(1)).unwrap_or(body)).into_owned()
}

/// Cells of a network, in threes or fours of numbers: `cell_1`, `cell_2`…
pub(super) fn cells<'a>(batch: &mut FixBatch, cells: impl Iterator<Item = &'a [&'a [u8]]>) {
    const NAMES: [&str; 10] =
        ["cell_1", "cell_2", "cell_3", "cell_4", "cell_5", "cell_6", "cell_7", "cell_8", "cell_9", "cell_10"];
    for (name, cell) in NAMES.iter().zip(cells) {
        let value = cell.join(&b","[..]);
        text(batch, name, &value);
    }
}

/// Country and network.
pub(super) fn network(batch: &mut FixBatch, mcc: &[u8], mnc: &[u8]) {
    whole_number(batch, "mcc", mcc);
    whole_number(batch, "mnc", mnc);
}

/// A record without a position, at that time and date where they are such.
pub(super) fn nowhere(date: &[u8], clock: &[u8], now: Timestamp) -> FixBatch {
    let mut batch = FixBatch::default();
    batch.push(Fix::nowhere(day_month_year(date, clock).unwrap_or(now)));
    batch
}

/// The status word, where there is one.
pub(super) fn word(batch: &mut FixBatch, field: &[u8]) {
    if let Some(word) = hexadecimal(field).and_then(|w| u32::try_from(w).ok()) {
        status::add(word, batch);
    }
}

/// The raw number of a battery that is not in percent.
pub(super) fn battery_raw(batch: &mut FixBatch, field: &[u8]) {
    if let Some(raw) = hexadecimal(field).and_then(|raw| i64::try_from(raw).ok()) {
        batch.put("battery", Value::Int(raw));
    }
}
