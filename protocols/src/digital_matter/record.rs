//! Data records of fields of variable length (chapter "Data record").

use model::{AttributeKey, Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::instant;
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::put::Put;
use crate::units::{heading, single};

/// Most records taken from one message.
const MAX_RECORDS: usize = 2048;
/// A place older than its record by more is the last known one.
const MAX_AGE_S: f64 = 120.0;
/// Length byte that says that the length is in the two bytes that follow.
const LONG: u8 = 0xff;

/// Reasons that are alarms: harsh braking, acceleration and cornering, speeding, tow, accident,
/// tamper, and the borders of geofences.
pub(super) const ALARMS: [u8; 9] = [12, 13, 14, 18, 20, 23, 29, 44, 45];

/// Fields of a record.
pub(super) mod field {
    pub const PLACE: u8 = 0;
    pub const DEBUG: u8 = 1;
    pub const DIGITAL: u8 = 2;
    pub const DRIVER: u8 = 3;
    pub const ANALOGUE: u8 = 6;
    pub const ANALOGUE_LONG: u8 = 7;
    pub const TRIP: u8 = 26;
    pub const TOTALS: u8 = 27;
}

/// Bits of the status of the digital field.
mod status {
    pub const BATTERY_GOOD: u16 = 1 << 1;
    pub const TAMPER: u16 = 1 << 6;
}

/// Adds the records of one message, up to the first that cannot be read.
pub(super) fn read(content: &[u8], now: Timestamp, batch: &mut FixBatch) -> Result<(), DecodeError> {
    const SHORTEST: usize = 11;
    let mut rest = Bytes(content);
    for _ in 0..MAX_RECORDS {
        if rest.0.is_empty() {
            return Ok(());
        }
        // The length counts itself.
        let len = rest.u16_le().map(usize::from).filter(|len| *len >= SHORTEST);
        let record = len.and_then(|len| rest.take(len - 2));
        record
            .and_then(|record| self::record(record, now, batch))
            .ok_or(DecodeError::Format("a record is shorter than it says"))?;
    }
    Err(DecodeError::Count { what: "number of records", stated: MAX_RECORDS, found: MAX_RECORDS + 1 })
}

fn record(record: &[u8], now: Timestamp, batch: &mut FixBatch) -> Option<()> {
    let mut rest = Bytes(record);
    let (index, seconds, reason) = (rest.u32_le()?, rest.u32_le()?, rest.u8()?);
    let fields = rest;
    let mut place = None;
    while let Some((id, content)) = next(&mut rest)? {
        if id == field::PLACE {
            place = Some(Place::read(content)?);
        }
    }
    let time = instant(seconds);
    batch.push(match &place {
        Some(place) => place.fix(time, now),
        None => Fix::nowhere(time.unwrap_or(now)),
    });
    batch.known(Known::Event, Value::Int(i64::from(reason)));
    batch.put("record_index", Value::Int(i64::from(index)));
    if let Some(place) = place {
        batch.known(Known::Pdop, Value::Float(f64::from(place.pdop) / 10.0));
        batch.put("accuracy_m", Value::Int(i64::from(place.accuracy_m)));
    }
    let (mut rest, mut is_alarm) = (fields, ALARMS.contains(&reason));
    while let Some((id, content)) = next(&mut rest)? {
        is_alarm |= other(id, content, batch)?;
    }
    if is_alarm {
        batch.known(Known::Alarm, Value::Bool(true));
    }
    Some(())
}

/// The next field: its id, its length, its content. The outer `None` where it is cut off.
#[expect(clippy::option_option, reason = "no more fields, or a field that is cut off")]
fn next<'a>(rest: &mut Bytes<'a>) -> Option<Option<(u8, Bytes<'a>)>> {
    let Some(id) = rest.u8() else { return Some(None) };
    let len = match rest.u8()? {
        LONG => usize::from(rest.u16_le()?),
        len => usize::from(len),
    };
    rest.take(len).map(|content| Some((id, Bytes(content))))
}

/// Field 0.
struct Place {
    time: Option<Timestamp>,
    position: Option<LatLon>,
    altitude_m: i16,
    speed_cmps: u16,
    course: u8,
    pdop: u8,
    accuracy_m: u8,
    /// Bit 0: a solution.
    status: u8,
}

impl Place {
    fn read(mut content: Bytes<'_>) -> Option<Self> {
        let (seconds, lat, lon) = (content.u32_le()?, content.i32_le()?, content.i32_le()?);
        let (altitude_m, speed_cmps) = (content.i16_le()?, content.u16_le()?);
        let (_speed_accuracy, course) = (content.u8()?, content.u8()?);
        let (pdop, accuracy_m, status) = (content.u8()?, content.u8()?, content.u8()?);
        let position = LatLon::new(f64::from(lat) / 1e7, f64::from(lon) / 1e7).filter(|p| !p.is_null_island());
        Some(Self { time: instant(seconds), position, altitude_m, speed_cmps, course, pdop, accuracy_m, status })
    }

    /// The record: when the receiver took the place, unless that is long ago.
    fn fix(&self, record: Option<Timestamp>, now: Timestamp) -> Fix {
        let is_old = match (self.time, record) {
            (Some(place), Some(record)) => record.seconds_since(place).abs() > MAX_AGE_S,
            (None, _) => true,
            (Some(_), None) => false,
        };
        let time = if is_old { record } else { self.time.or(record) };
        let known = self.position.is_some();
        Fix {
            position: self.position,
            valid: known && self.status & 1 == 1 && !is_old,
            altitude_m: known.then(|| f32::from(self.altitude_m)),
            speed_mps: known.then(|| single(f64::from(self.speed_cmps) / 100.0)),
            heading_deg: heading(f64::from(self.course) * 2.0).filter(|_| known),
            ..Fix::nowhere(time.unwrap_or(now))
        }
    }
}

/// Keeps a field that is no place; gives whether it raises an alarm.
fn other(id: u8, mut content: Bytes<'_>, batch: &mut FixBatch) -> Option<bool> {
    match id {
        field::PLACE => {}
        field::DEBUG => {
            // The module and the event, then words.
            let (module, event) = (content.u8()?, content.u8()?);
            batch.put("debug_module", Value::Int(i64::from(module)));
            batch.put("debug_event", Value::Int(i64::from(event)));
            if !content.0.is_empty() {
                text("debug", content.0, batch);
            }
        }
        field::DIGITAL => {
            let (inputs, outputs, status) = (content.u32_le()?, content.u16_le()?, content.u16_le()?);
            batch.known(Known::Ignition, Value::Bool(inputs & 1 == 1));
            batch.known(Known::Inputs, Value::Int(i64::from(inputs)));
            batch.known(Known::Outputs, Value::Int(i64::from(outputs)));
            batch.put("status", Value::Int(i64::from(status)));
            return Some(status & status::BATTERY_GOOD == 0 || status & status::TAMPER != 0);
        }
        field::DRIVER => driver(content.u8()?, content.0, batch),
        field::ANALOGUE => {
            while let Some(number) = content.u8() {
                analogue(number, content.i16_le()?, batch);
            }
        }
        field::ANALOGUE_LONG => {
            while let Some(number) = content.u8() {
                let value = i64::from(content.i32_le()?);
                batch.attribute(AttributeKey::Number(u32::from(number)), Value::Int(value));
            }
        }
        field::TRIP => {
            batch.put("trip_m", Value::Int(i64::from(content.u32_le()?)));
            batch.put("trip_s", Value::Int(i64::from(content.u32_le()?)));
        }
        field::TOTALS => {
            batch.known(Known::OdometerM, Value::Int(i64::from(content.u32_le()?)));
            batch.put("engine_hours_s", Value::Int(i64::from(content.u32_le()?)));
        }
        other => {
            let key = batch.name(&format!("field_{other}"));
            let value = batch.bytes_value(content.0);
            batch.attribute(key, value);
        }
    }
    Some(false)
}

/// Channels 1 to 5 have a meaning, the others are the installer's.
fn analogue(number: u8, value: i16, batch: &mut FixBatch) {
    let unsigned = f64::from(value.cast_unsigned());
    match number {
        1 => batch.known(Known::BatteryVoltageV, Value::Float(unsigned / 1000.0)),
        2 => batch.known(Known::ExternalVoltageV, Value::Float(unsigned / 100.0)),
        3 => batch.put("device_temperature_c", Value::Float(f64::from(value) / 100.0)),
        4 => batch.known(Known::GsmSignal, Value::Int(i64::from(value.cast_unsigned()))),
        5 => batch.put("solar_voltage_v", Value::Float(unsigned / 1000.0)),
        _ => batch.attribute(AttributeKey::Number(u32::from(number)), Value::Int(i64::from(value.cast_unsigned()))),
    }
}

/// Cards and buttons as bytes in hex digits, keypads and stripes as text.
fn driver(kind: u8, id: &[u8], batch: &mut FixBatch) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    /// Longest id; what follows is left out.
    const LONGEST: usize = 32;
    let id = match kind {
        2 => id.get(..6).unwrap_or(id),
        3 => id.get(..4).unwrap_or(id),
        1 | 4 => id.get(..5).unwrap_or(id),
        _ => id.get(..LONGEST).unwrap_or(id),
    };
    let mut digits = [0; 2 * LONGEST];
    let is_text = matches!(kind, 3..=6);
    let id = match std::str::from_utf8(id) {
        Ok(text) if is_text => text.trim_end_matches('\0'),
        _ => {
            let nibbles = id.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
            for (place, nibble) in digits.iter_mut().zip(nibbles) {
                *place = DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
            }
            digits.get(..2 * id.len()).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default()
        }
    };
    if !id.is_empty() {
        let id = batch.text_value(id);
        batch.known(Known::DriverId, id);
    }
}

fn text(name: &str, bytes: &[u8], batch: &mut FixBatch) {
    let key = batch.name(name);
    let value = match std::str::from_utf8(bytes) {
        Ok(text) => batch.text_value(text.trim_end_matches('\0')),
        Err(_) => batch.bytes_value(bytes),
    };
    batch.attribute(key, value);
}
