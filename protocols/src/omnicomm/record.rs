//! Records of the archive: groups of measurements, each with a number and fields of its own.

use std::io::Write;

use model::{AttributeKey, Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::EPOCH;
use super::wire::{Field, field, signed, varint};
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::put::Put;
use crate::units::{heading, int, kmh, satellites, single};

/// Groups within groups; the manual has two.
const MAX_DEPTH: usize = 4;
/// Most CAN parameters beyond the list of one record.
const MAX_CAN: usize = 24;
/// A temperature sensor that is not there.
const NO_TEMPERATURE: i64 = -128;
/// Bits of the flags.
pub(super) const IGNITION: u64 = 1;
pub(super) const GPS_VALID: u64 = 1 << 2;
const ALARM: u64 = 1 << 5;
const OUTPUT: u64 = 1 << 7;

const BROKEN: DecodeError = DecodeError::Format("record is no message of Protocol Buffers");

/// Tenths of microdegrees.
pub(super) const DEGREE: f64 = 1e7;

/// Groups, by their numbers.
pub(super) const GENERAL: u32 = 2;
const PHOTO: u32 = 4;
pub(super) const NAVIGATION: u32 = 5;
const UNIVERSAL: u32 = 6;
const CAN: u32 = 7;
const FUEL: u32 = 8;
const OTHER: u32 = 9;
const ONE_WIRE: u32 = 1;
const PERIPHERY: u32 = 2;
const MORE_CAN: u32 = 3;
const PASSENGERS: u32 = 5;

/// Reads one record as a fix; what came before something broken is kept.
pub(super) fn read(
    content: &[u8],
    batch: &mut FixBatch,
    fallback: Timestamp,
    known: Option<LatLon>,
    priority: u8,
) -> Result<(), DecodeError> {
    batch.push(Fix::nowhere(fallback));
    if priority != 0 {
        batch.known(Known::Priority, Value::Int(i64::from(priority)));
    }
    let mut record = Record::default();
    let result = walk(content, &mut record, batch);
    record.finish(batch, known);
    result
}

/// The groups that are open.
#[derive(Default)]
struct Path {
    groups: [u32; MAX_DEPTH],
    depth: usize,
}

impl Path {
    fn open(&self) -> &[u32] {
        self.groups.get(..self.depth).unwrap_or_default()
    }

    fn begin(&mut self, number: u32) -> Option<()> {
        *self.groups.get_mut(self.depth)? = number;
        self.depth += 1;
        Some(())
    }

    fn end(&mut self, number: u32) -> Option<()> {
        (self.open().last() == Some(&number)).then(|| self.depth -= 1)
    }
}

fn walk(content: &[u8], record: &mut Record, batch: &mut FixBatch) -> Result<(), DecodeError> {
    let (mut rest, mut path) = (Bytes(content), Path::default());
    while !rest.0.is_empty() {
        let (number, field) = field(&mut rest).ok_or(BROKEN)?;
        match field {
            Field::Begin => path.begin(number).ok_or(BROKEN)?,
            Field::End => path.end(number).ok_or(BROKEN)?,
            _ => record.field(path.open(), number, field, batch),
        }
    }
    if path.depth == 0 { Ok(()) } else { Err(BROKEN) }
}

/// What of a record is not simply an attribute.
#[derive(Default)]
struct Record {
    time: Option<u64>,
    gps_time: Option<u64>,
    flags: Option<u64>,
    lat: Option<i64>,
    lon: Option<i64>,
    altitude: Option<i64>,
    speed: Option<u64>,
    course: Option<u64>,
    satellites: Option<u64>,
    events: u32,
    can: [u32; MAX_CAN],
    can_numbers: usize,
    can_values: usize,
    /// Entered and left, of several sensors.
    passengers: Option<(i64, i64)>,
}

impl Record {
    fn field(&mut self, groups: &[u32], number: u32, field: Field<'_>, batch: &mut FixBatch) {
        match (groups, number, field) {
            ([], 1, Field::Whole(event)) => self.event(event, batch),
            ([], 1, Field::Bytes(events)) => {
                let mut rest = Bytes(events);
                while let Some(event) = varint(&mut rest) {
                    self.event(event, batch);
                }
            }
            ([GENERAL], _, Field::Whole(value)) => self.general(number, value, batch),
            ([GENERAL], 3, Field::Bytes(key)) => driver(key, batch),
            ([GENERAL], 15, Field::Bytes(card)) => card_of(card, batch),
            // Parts of pictures.
            ([PHOTO], ..) => {}
            ([NAVIGATION], _, Field::Whole(value)) => self.navigation(number, value),
            ([UNIVERSAL], _, Field::Whole(value)) => whole(batch, "universal_", number, "", signed(value)),
            ([CAN], _, Field::Whole(value)) => {
                batch.attribute(AttributeKey::Number(number), Value::Int(int(value)));
            }
            ([FUEL], 1..=24, Field::Whole(value)) => fuel(number, value, batch),
            ([OTHER, ONE_WIRE], _, Field::Whole(value)) => {
                if signed(value) != NO_TEMPERATURE {
                    whole(batch, "temperature_", number, "_c", signed(value));
                }
            }
            ([OTHER, PERIPHERY], 1..=3, Field::Whole(value)) => periphery(number, value, batch),
            ([OTHER, MORE_CAN], 1 | 2, Field::Whole(value)) => self.more_can(number, value, batch),
            ([OTHER, PASSENGERS], 5..=12, Field::Whole(value)) => self.counted(number, int(value), batch),
            _ => other(groups, number, field, batch),
        }
    }

    /// The first event has the common name.
    fn event(&mut self, event: u64, batch: &mut FixBatch) {
        self.events = self.events.saturating_add(1);
        if self.events == 1 {
            batch.known(Known::Event, Value::Int(int(event)));
        } else {
            whole(batch, "event_", self.events, "", int(event));
        }
    }

    fn general(&mut self, number: u32, value: u64, batch: &mut FixBatch) {
        let (name, value) = match number {
            1 => return self.time = Some(value),
            2 => ("fas_id", Value::Int(int(value))),
            4 => return self.flags(value, batch),
            // Since the record before.
            5 => ("distance_m", Value::Float(int(value) as f64 / 10.0)),
            6 => ("sensor_speed_kmh", Value::Int(int(value))),
            7 => ("rpm", Value::Int(int(value))),
            8 => return batch.known(Known::ExternalVoltageV, Value::Float(int(value) as f64 / 10.0)),
            9 => return batch.known(Known::BatteryPercent, Value::Int(int(value))),
            10 => ("acceleration", Value::Int(signed(value))),
            12 => ("acceleration_x", Value::Int(signed(value))),
            13 => ("acceleration_y", Value::Int(signed(value))),
            14 => ("acceleration_z", Value::Int(signed(value))),
            18 => return batch.known(Known::GsmSignal, Value::Int(int(value))),
            _ => return other(&[GENERAL], number, Field::Whole(value), batch),
        };
        let key = batch.name(name);
        batch.attribute(key, value);
    }

    fn flags(&mut self, flags: u64, batch: &mut FixBatch) {
        self.flags = Some(flags);
        batch.known(Known::Ignition, Value::Bool(flags & IGNITION != 0));
        batch.known(Known::Outputs, Value::Int(i64::from(flags & OUTPUT != 0)));
        if flags & ALARM != 0 {
            batch.known(Known::Alarm, Value::Bool(true));
        }
        let key = batch.name("flags");
        batch.attribute(key, Value::Int(int(flags)));
    }

    fn navigation(&mut self, number: u32, value: u64) {
        match number {
            1 => self.lat = Some(signed(value)),
            2 => self.lon = Some(signed(value)),
            3 => self.speed = Some(value),
            4 => self.course = Some(value),
            5 => self.satellites = Some(value),
            6 => self.altitude = Some(signed(value)),
            7 => self.gps_time = Some(value),
            _ => {}
        }
    }

    /// Numbers by the list of J1939 first, then the values in the same order.
    fn more_can(&mut self, number: u32, value: u64, batch: &mut FixBatch) {
        if number == 1 {
            if let (Some(place), Ok(spn)) = (self.can.get_mut(self.can_numbers), u32::try_from(value)) {
                *place = spn;
                self.can_numbers += 1;
            }
            return;
        }
        if let Some(spn) = self.can.get(self.can_values).filter(|_| self.can_values < self.can_numbers) {
            batch.attribute(AttributeKey::Number(*spn), Value::Int(int(value)));
            self.can_values += 1;
        }
    }

    /// In and out by turns, from the first sensor.
    fn counted(&mut self, number: u32, count: i64, batch: &mut FixBatch) {
        let (sensor, is_out) = ((number - 5) / 2 + 1, (number - 5) % 2 == 1);
        let (entered, left) = self.passengers.unwrap_or_default();
        if is_out {
            whole(batch, "passengers_out_", sensor, "", count);
            self.passengers = Some((entered, left.saturating_add(count)));
        } else {
            whole(batch, "passengers_in_", sensor, "", count);
            self.passengers = Some((entered.saturating_add(count), left));
        }
    }

    /// A record without a place is of the place that was last.
    fn finish(self, batch: &mut FixBatch, known: Option<LatLon>) {
        if let Some((entered, left)) = self.passengers {
            batch.known(Known::PassengersIn, Value::Int(entered));
            batch.known(Known::PassengersOut, Value::Int(left));
        }
        let degrees = |value: i64| value as f64 / DEGREE;
        let sent = self.lat.zip(self.lon).and_then(|(lat, lon)| LatLon::new(degrees(lat), degrees(lon)));
        let sent = sent.filter(|p| !p.is_null_island());
        let valid = sent.is_some() && self.flags.is_none_or(|flags| flags & GPS_VALID != 0);
        let gps_time = self.gps_time.filter(|time| valid && *time != 0);
        if let Some(fix) = batch.fixes.last_mut() {
            let seconds = gps_time.or(self.time).and_then(|seconds| u32::try_from(seconds).ok());
            fix.time = seconds.map_or(fix.time, |seconds| Timestamp::from_secs(EPOCH + i64::from(seconds)));
            fix.position = sent.or(known);
            fix.valid = valid;
            fix.altitude_m = sent.and(self.altitude).map(|dm| single(dm as f64 / 10.0));
            fix.speed_mps = sent.and(self.speed).map(|speed| kmh(int(speed) as f64 / 10.0));
            fix.heading_deg = sent.and(self.course).and_then(|course| heading(int(course) as f64));
            fix.satellites = self.satellites.map(satellites);
        }
    }
}

fn whole(batch: &mut FixBatch, before: &str, number: u32, after: &str, value: i64) {
    let key = batch.numbered(before, number, after);
    batch.attribute(key, Value::Int(value));
}

/// Temperature, level and state of each sensor by turns.
fn fuel(number: u32, value: u64, batch: &mut FixBatch) {
    let sensor = (number - 1) / 3 + 1;
    match (number - 1) % 3 {
        0 => whole(batch, "fuel_", sensor, "_temperature_c", signed(value)),
        1 => whole(batch, "fuel_", sensor, "", int(value)),
        _ => whole(batch, "fuel_", sensor, "_state", signed(value)),
    }
}

fn periphery(number: u32, value: u64, batch: &mut FixBatch) {
    match number {
        1 => batch.known(Known::PassengersIn, Value::Int(int(value))),
        2 => batch.known(Known::PassengersOut, Value::Int(int(value))),
        _ => {
            for (bit, door) in [Known::Door1, Known::Door2, Known::Door3, Known::Door4].into_iter().enumerate() {
                batch.known(door, Value::Bool(value >> bit & 1 == 1));
            }
        }
    }
}

/// An iButton, in hex; zeros are none.
fn driver(key: &[u8], batch: &mut FixBatch) {
    let mut digits = [0; 32];
    let digits = digits.get_mut(..2 * key.len());
    if let Some(digits) = digits.filter(|_| key.iter().any(|b| *b != 0))
        && hex::encode_to_slice(key, digits).is_ok()
        && let Ok(text) = std::str::from_utf8(digits)
    {
        let value = batch.text_value(text);
        batch.known(Known::DriverId, value);
    }
}

/// A tachograph card, as text up to a zero byte.
fn card_of(card: &[u8], batch: &mut FixBatch) {
    let end = card.iter().position(|b| *b == 0).unwrap_or(card.len());
    let text = card.get(..end).and_then(|text| std::str::from_utf8(text).ok()).map(str::trim);
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        let value = batch.text_value(text);
        batch.known(Known::DriverId, value);
    }
}

/// A field without a name here, under the numbers of its groups and its own, such as `9.6.1`.
fn other(groups: &[u32], number: u32, field: Field<'_>, batch: &mut FixBatch) {
    let value = match field {
        Field::Whole(value) | Field::Fixed64(value) => Value::Int(int(value)),
        Field::Fixed32(bits) => Value::Float(f64::from(f32::from_bits(bits))),
        Field::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.trim_end().contains(char::is_control) => batch.text_value(text.trim_end()),
            _ => batch.bytes_value(bytes),
        },
        Field::Begin | Field::End => return,
    };
    if matches!(value, Value::Float(real) if !real.is_finite()) {
        return;
    }
    let mut name = [0; 64];
    let mut rest = name.as_mut_slice();
    for group in groups {
        let _ = write!(rest, "{group}.");
    }
    let _ = write!(rest, "{number}");
    let used = 64 - rest.len();
    let key = batch.name(name.get(..used).and_then(|n| std::str::from_utf8(n).ok()).unwrap_or_default());
    batch.attribute(key, value);
}
