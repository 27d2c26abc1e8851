//! Records: `imei:…,keyword,date,phone,F|L,…`.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::local::{Clock, Local};
use crate::attributes::{altitude, decimal, hexadecimal_number, once, speed, text, whole_number};
use crate::put::Put;
use crate::text::{day_month_year, degrees_minutes, number, whole};
use crate::units::{heading, kmh, knots, satellites};

/// Most fields of a record that are looked at.
const MAX_FIELDS: usize = 40;
/// The manual's places of fields.
const KEYWORD: usize = 1;
const DATE: usize = 2;
const CARD: usize = 3;
const FIX: usize = 4;
const CLOCK: usize = 5;
const VALIDITY: usize = 6;
const AREA: usize = 7;
const CELL: usize = 9;
const ACC: usize = 14;

/// The fields by their places; what is past the end is empty.
pub(super) struct Record<'a> {
    fields: [&'a [u8]; MAX_FIELDS],
    len: usize,
}

impl<'a> Record<'a> {
    pub fn split(line: &'a [u8]) -> Self {
        let mut record = Self { fields: [&[]; MAX_FIELDS], len: 0 };
        for (field, place) in line.split(|b| *b == b',').zip(&mut record.fields) {
            *place = field.trim_ascii();
            record.len += 1;
        }
        record
    }

    pub fn at(&self, index: usize) -> &'a [u8] {
        self.fields.get(index).copied().unwrap_or_default()
    }

    fn from(&self, index: usize) -> &[&'a [u8]] {
        self.fields.get(index..self.len).unwrap_or_default()
    }

    pub fn keyword(&self) -> &'a [u8] {
        self.at(KEYWORD)
    }

    /// Whether it is one of the other layout, in which the date follows the time and degrees
    /// are decimal.
    pub fn is_alternative(&self) -> bool {
        let digits = |index| self.at(index).len() == 6 && self.at(index).iter().all(u8::is_ascii_digit);
        self.len >= 17 && digits(5) && digits(6) && self.at(9).contains(&b'.') && self.at(10).contains(&b'.')
    }
}

/// When a record is, from its own clock and the server's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub now: Timestamp,
    /// The offset of local time that the records before had.
    pub offset_s: i64,
}

impl Reader {
    /// A record of the manual's layout.
    pub fn regular(&mut self, record: &Record<'_>) -> Option<FixBatch> {
        let (local, clock) = (Local::read(record.at(DATE)), Clock::read(record.at(CLOCK)));
        let time = match (local, clock) {
            (Some(local), Some(clock)) => {
                let (time, offset) = local.with_clock(clock);
                self.offset_s = offset;
                time
            }
            (Some(local), None) => local.at_offset(self.offset_s),
            (None, Some(clock)) => clock.near(self.now),
            (None, None) => self.now,
        };
        let mut batch = FixBatch::default();
        batch.push(Fix::nowhere(time));
        match record.at(FIX) {
            b"F" | b"f" => located(record, &mut batch)?,
            b"L" | b"l" => {
                hexadecimal_number(&mut batch, "lac", record.at(AREA));
                hexadecimal_number(&mut batch, "cell", record.at(CELL));
                switches(record, ACC, &mut batch);
            }
            _ => return None,
        }
        keyword(record, &mut batch);
        Some(batch)
    }

    /// What the vehicle's bus says; `None` where it is silent, which shows in the missing voltage.
    pub fn bus(&self, record: &Record<'_>) -> Option<FixBatch> {
        let [odometer, instant, average, time, speed_field, load, coolant, throttle, rpm, volts] =
            [3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map(|index| record.at(index));
        let volts = number(volts)?;
        let local = Local::read(record.at(DATE)).map(|local| local.at_offset(self.offset_s));
        let mut batch = FixBatch::default();
        batch.push(Fix::nowhere(local.unwrap_or(self.now)));
        if let Some(km) = whole(odometer).and_then(|km| km.checked_mul(1000)) {
            batch.known(Known::OdometerM, Value::Int(km));
        }
        decimal(&mut batch, "fuel_rate", instant);
        decimal(&mut batch, "fuel_consumption", average);
        whole_number(&mut batch, "driving_time", time);
        whole_number(&mut batch, "obd_speed_kmh", speed_field);
        percent(&mut batch, "engine_load_percent", load);
        decimal(&mut batch, "coolant_temperature_c", coolant);
        percent(&mut batch, "throttle_percent", throttle);
        whole_number(&mut batch, "rpm", rpm);
        batch.known(Known::ExternalVoltageV, Value::Float(volts));
        let codes: Vec<&[u8]> = record.from(13).iter().copied().filter(|code| !code.is_empty()).collect();
        text(&mut batch, "dtcs", &codes.join(&b' '));
        Some(batch)
    }

    /// The other layout: name, event, sensor and its voltage, UTC and date, signal, position.
    pub fn alternative(&self, record: &Record<'_>) -> Option<FixBatch> {
        let place = LatLon::new(number(record.at(9))?, number(record.at(10))?).filter(|p| !p.is_null_island());
        let mut batch = FixBatch::default();
        batch.push(Fix {
            position: place,
            valid: place.is_some() && whole(record.at(8)).is_some_and(|status| status > 0),
            speed_mps: speed(record.at(11)).map(kmh),
            heading_deg: number(record.at(12)).and_then(heading),
            altitude_m: altitude(record.at(13)),
            hdop: altitude(record.at(14)).filter(|hdop| *hdop >= 0.0),
            satellites: whole(record.at(15)).and_then(|n| u64::try_from(n).ok()).map(satellites),
            ..Fix::nowhere(day_month_year(record.at(6), record.at(5)).unwrap_or(self.now))
        });
        let is_said = |field: &&[u8]| field.iter().any(|b| *b != b'-');
        for (name, index) in [("keyword", 2), ("sensor", 3), ("fault", 18)] {
            if let Some(field) = Some(record.at(index)).filter(is_said) {
                text(&mut batch, name, field);
            }
        }
        decimal(&mut batch, "sensor_v", record.at(4));
        if let Some(signal) = whole(record.at(7)) {
            batch.known(Known::GsmSignal, Value::Int(signal));
        }
        if let Some(on) = switch(record.at(16)) {
            batch.known(Known::Ignition, Value::Bool(on));
        }
        if let Some(on) = switch(record.at(17)) {
            batch.put("battery_charging", Value::Bool(on));
        }
        Some(batch)
    }
}

/// Validity, place, speed and what follows; the sides' letters may come first.
fn located(record: &Record<'_>, batch: &mut FixBatch) -> Option<()> {
    let mut at = VALIDITY + 1;
    let latitude = coordinate(record, &mut at, *b"NS")?;
    let longitude = coordinate(record, &mut at, *b"EW")?;
    let place = LatLon::new(latitude, longitude).filter(|p| !p.is_null_island());
    let fix = batch.fixes.last_mut()?;
    fix.position = place;
    fix.valid = place.is_some() && matches!(record.at(VALIDITY), b"A" | b"a");
    fix.speed_mps = speed(record.at(at)).map(knots);
    fix.heading_deg = number(record.at(at + 1)).and_then(heading);
    fix.altitude_m = altitude(record.at(at + 2));
    switches(record, at + 3, batch);
    Some(())
}

/// A coordinate with the letter of its side before or after it. Some lose the letter of
/// eastern and northern places.
fn coordinate(record: &Record<'_>, at: &mut usize, sides: [u8; 2]) -> Option<f64> {
    let side = |index: usize| match record.at(index) {
        [letter] if sides.contains(&letter.to_ascii_uppercase()) => Some(*letter),
        _ => None,
    };
    let before = side(*at);
    *at += usize::from(before.is_some());
    let digits = record.at(*at);
    *at += 1;
    let after = side(*at);
    let is_place_of_letter = after.is_some() || (before.is_none() && record.at(*at).is_empty());
    *at += usize::from(is_place_of_letter);
    let [positive, _] = sides;
    degrees_minutes(digits, after.or(before).unwrap_or(positive))
}

/// ACC, door, two levels of fuel and the temperature.
fn switches(record: &Record<'_>, at: usize, batch: &mut FixBatch) {
    if let Some(on) = switch(record.at(at)) {
        batch.known(Known::Ignition, Value::Bool(on));
    }
    if let Some(open) = switch(record.at(at + 1)) {
        batch.known(Known::Door1, Value::Bool(open));
    }
    if record.keyword().starts_with(b"oil") {
        // Levels of two tanks, without the sign for percent, from the door's place on.
        decimal(batch, "fuel_1", record.at(at + 1));
        decimal(batch, "fuel_2", record.at(at + 2));
        return;
    }
    percent(batch, "fuel_1", record.at(at + 2));
    match record.at(at + 3) {
        // With a vehicle's bus, kilometres in the place of the second tank.
        km if !km.is_empty() && km.iter().all(u8::is_ascii_digit) => {
            if let Some(metres) = whole(km).filter(|km| *km > 0).and_then(|km| km.checked_mul(1000)) {
                batch.known(Known::OdometerM, Value::Int(metres));
            }
        }
        level => percent(batch, "fuel_2", level),
    }
    decimal(batch, "temperature_1_c", record.at(at + 4));
}

fn switch(field: &[u8]) -> Option<bool> {
    match field {
        b"0" => Some(false),
        b"1" => Some(true),
        _ => None,
    }
}

/// A number with the sign for percent.
fn percent(batch: &mut FixBatch, name: &str, field: &[u8]) {
    if let Some(field) = field.strip_suffix(b"%") {
        decimal(batch, name, field);
    }
}

/// Why the record was sent.
fn keyword(record: &Record<'_>, batch: &mut FixBatch) {
    let keyword = record.keyword();
    match keyword {
        b"tracker" => return,
        b"acc on" => once(batch, Known::Ignition, Value::Bool(true)),
        b"acc off" => once(batch, Known::Ignition, Value::Bool(false)),
        b"rfid" => {
            if let Ok(card) = std::str::from_utf8(record.at(CARD))
                && !card.is_empty()
            {
                let value = batch.text_value(card);
                batch.known(Known::DriverId, value);
            }
        }
        b"DTC" => {
            let codes: Vec<&[u8]> = record.from(ACC).iter().copied().filter(|field| is_trouble(field)).collect();
            text(batch, "dtcs", &codes.join(&b' '));
        }
        [b'T', b':', celsius @ ..] => once_named(batch, "temperature_1_c", celsius),
        [b'o', b'i', b'l', b' ', level @ ..] => once_named(batch, "fuel_1", level),
        _ => {}
    }
    if is_alarm(keyword) {
        batch.known(Known::Alarm, Value::Bool(true));
    }
    text(batch, "keyword", keyword);
}

/// A number under that name, unless the fix has one already.
fn once_named(batch: &mut FixBatch, name: &str, field: &[u8]) {
    let has =
        batch.fixes.last().is_some_and(|fix| batch.attributes_of(fix).iter().any(|a| batch.key_name(a.key) == name));
    if !has {
        decimal(batch, name, field);
    }
}

/// A trouble code as SAE J2012 spells it.
fn is_trouble(field: &[u8]) -> bool {
    matches!(field, [b'P' | b'C' | b'B' | b'U', digits @ ..] if digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit))
}

fn is_alarm(keyword: &[u8]) -> bool {
    matches!(keyword, b"help me" | b"low battery" | b"stockade" | b"move" | b"speed" | b"DTC")
        || keyword.ends_with(b" alarm")
        || keyword.starts_with(b"oil")
        || keyword.starts_with(b"T:")
}
