//! The fields of FLEX records: sizes and meanings by number.

use model::{AttributeKey, Fix, FixBatch, Known, Timestamp, Value};

use super::place;
use crate::bytes::Bytes;
use crate::put::Put;
use crate::units::{heading, int, kmh, nearest, single};

/// Bytes of each field, from number 1. FLEX 1.0 ends with 69, 2.0 with 122, 3.0 with 255.
#[rustfmt::skip]
const SIZES: [u8; 255] = [
    // 1: number, event, time, states, GNSS
    4, 2, 4, 1, 1, 1, 1, 1, 4, 4, 4, 4, 4, 2, 4, 4, 2, 2,
    // 19: supply, analogue inputs, inputs and outputs, counters
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 4, 4, 2, 2, 4,
    // 38: fuel, temperatures, CAN
    2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 2, 1, 4, 2, 2, 2, 2, 2, 1, 1, 1, 2, 4, 2, 1,
    // 70: satellites by system, precise GNSS, cells, fuel
    8, 2, 1, 16, 4, 2, 4, 37, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    // 94: tyres, tachograph, accelerometer, passengers, announcer, camera
    6, 12, 24, 48, 1, 1, 2, 1, 4, 4, 1, 4, 2, 6, 2, 6, 2, 2, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 1,
    // 123: more states, counters, inclination, shock
    1, 1, 1, 1, 4, 4, 4, 4, 4, 4, 2, 2, 2, 2, 2, 2, 1, 1, 2, 3, 2, 1, 1, 3,
    // 147: sensors over radio
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1,
    // 171: more of CAN
    2, 4, 4, 4, 2, 4, 2, 2, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 6, 3, 1, 2, 2, 1, 4, 5, 4, 4,
    // 207: the user's, of 1, 2, 4 and 8 bytes
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    8, 8, 8,
];

/// Fuel sensors send their error codes from here on.
pub(super) const NO_LEVEL: u64 = 65_500;
/// What a temperature sensor sends that is not there.
pub(super) const NO_TEMPERATURE: i8 = -128;
/// GSM level when it is not known.
const NO_GSM: u64 = 99;

/// The fields that each record has, in order.
#[derive(Debug)]
pub(super) struct Mask {
    numbers: Vec<u8>,
    record_len: usize,
}

impl Mask {
    /// The field with number 1 is the highest bit of the first byte.
    pub fn read(count: u8, mask: &[u8]) -> Option<Self> {
        let bits = mask.get(..usize::from(count).div_ceil(8))?;
        let is_set = |number: &u8| {
            let bit = usize::from(*number) - 1;
            bits.get(bit / 8).is_some_and(|byte| byte >> (7 - bit % 8) & 1 == 1)
        };
        let numbers: Vec<u8> = (1..=count).filter(is_set).collect();
        let record_len = numbers.iter().map(|n| size(*n)).sum();
        (record_len > 0).then_some(Self { numbers, record_len })
    }

    /// Bytes of a record.
    pub fn record_len(&self) -> usize {
        self.record_len
    }

    /// Reads one record.
    pub fn record(&self, bytes: &[u8], batch: &mut FixBatch, fallback: Timestamp) -> Option<()> {
        record(&self.numbers, bytes, batch, fallback)
    }
}

/// Reads a record of the fields with these numbers.
pub(super) fn record(numbers: &[u8], bytes: &[u8], batch: &mut FixBatch, fallback: Timestamp) -> Option<()> {
    let mut rest = Bytes(bytes);
    batch.push(Fix::nowhere(fallback));
    let mut record = Record::default();
    for number in numbers {
        record.field(*number, rest.take(size(*number))?, batch);
    }
    record.finish(batch, fallback);
    Some(())
}

fn size(number: u8) -> usize {
    SIZES.get(usize::from(number).wrapping_sub(1)).copied().map_or(0, usize::from)
}

/// What of a record is not simply an attribute.
#[derive(Default)]
struct Record {
    event_time: Option<u32>,
    fix_time: Option<u32>,
    state: Option<u8>,
    lat: Option<i32>,
    lon: Option<i32>,
    altitude: Option<i32>,
    speed: Option<f32>,
    course: Option<u16>,
    hdop: Option<u8>,
    inputs: Option<i64>,
    outputs: Option<i64>,
}

impl Record {
    fn field(&mut self, number: u8, bytes: &[u8], batch: &mut FixBatch) {
        let mut rest = Bytes(bytes);
        let raw = bytes.iter().rev().take(8).fold(0u64, |sum, b| sum << 8 | u64::from(*b));
        let whole = Value::Int(int(raw));
        let low = bytes.first().copied().unwrap_or(0);
        match number {
            2 => batch.known(Known::Event, whole),
            3 => self.event_time = rest.u32_le(),
            4 => {
                // Bit 1: an alarm is being reported; bit 2: there is one.
                if low & 0b110 != 0 {
                    batch.known(Known::Alarm, Value::Bool(true));
                }
                number_of(number, whole, batch);
            }
            5 => {
                batch.known(Known::Ignition, Value::Bool(low & 0x80 != 0));
                number_of(number, whole, batch);
            }
            7 if raw == NO_GSM => {}
            7 => batch.known(Known::GsmSignal, whole),
            8 => self.state = Some(low),
            9 => self.fix_time = rest.u32_le(),
            10 => self.lat = rest.i32_le(),
            11 => self.lon = rest.i32_le(),
            12 => self.altitude = rest.i32_le(),
            13 => self.speed = rest.f32_le(),
            14 => self.course = rest.u16_le(),
            15 => odometer(rest.f32_le(), batch),
            19 => batch.known(Known::ExternalVoltageV, Value::Float(raw as f64 / 1000.0)),
            20 => batch.known(Known::BatteryVoltageV, Value::Float(raw as f64 / 1000.0)),
            29 => self.inputs = Some(self.inputs.unwrap_or(0) | i64::from(low)),
            30 => self.inputs = Some(self.inputs.unwrap_or(0) | i64::from(low) << 8),
            31 => self.outputs = Some(self.outputs.unwrap_or(0) | i64::from(low)),
            32 => self.outputs = Some(self.outputs.unwrap_or(0) | i64::from(low) << 8),
            71 => {
                self.hdop = Some(low);
                if let Some(pdop) = bytes.get(1) {
                    batch.known(Known::Pdop, Value::Float(f64::from(*pdop) / 10.0));
                }
            }
            _ => other(number, bytes, raw, batch),
        }
    }

    /// The receiver's time where its word is that the place is good, else the event's: the
    /// place, and its time, are then the last that were.
    fn finish(self, batch: &mut FixBatch, fallback: Timestamp) {
        let position = self.lat.zip(self.lon).and_then(|(lat, lon)| place(lat, lon));
        let valid = position.is_some() && self.state.is_none_or(|state| state & 2 != 0);
        let sent = |time: Option<u32>| time.filter(|t| *t != 0);
        let (event, fix_time) = (sent(self.event_time), sent(self.fix_time));
        let time = if valid { fix_time.or(event) } else { event.or(fix_time) };
        for (number, other) in [(3, event), (9, fix_time)] {
            if let Some(seconds) = other.filter(|_| other != time) {
                number_of(number, Value::Int(i64::from(seconds)), batch);
            }
        }
        if let Some(bits) = self.inputs {
            batch.known(Known::Inputs, Value::Int(bits));
        }
        if let Some(bits) = self.outputs {
            batch.known(Known::Outputs, Value::Int(bits));
        }
        if let Some(fix) = batch.fixes.last_mut() {
            fix.time = time.map_or(fallback, |t| Timestamp::from_secs(i64::from(t)));
            fix.position = position;
            fix.valid = valid;
            fix.altitude_m = position.and(self.altitude).map(|dm| single(f64::from(dm) / 10.0));
            fix.speed_mps = position.and(self.speed).and_then(speed);
            fix.heading_deg = position.and(self.course).and_then(|c| heading(f64::from(c)));
            fix.satellites = self.state.map(|state| state >> 2);
            fix.hdop = self.hdop.map(|tenths| single(f64::from(tenths) / 10.0));
        }
    }
}

/// Kilometres an hour in a float that may be anything.
pub(super) fn speed(kilometres: f32) -> Option<f32> {
    (kilometres.is_finite() && kilometres >= 0.0).then(|| kmh(f64::from(kilometres)))
}

/// Kilometres in a float that may be anything.
pub(super) fn odometer(kilometres: Option<f32>, batch: &mut FixBatch) {
    let metres = kilometres.filter(|km| *km >= 0.0).and_then(|km| nearest(f64::from(km) * 1000.0));
    if let Some(metres) = metres {
        batch.known(Known::OdometerM, Value::Int(metres));
    }
}

/// A field under its own number, unless it says that it has nothing to say.
fn other(number: u8, bytes: &[u8], raw: u64, batch: &mut FixBatch) {
    let mut rest = Bytes(bytes);
    let value = match number {
        38..=44 if raw >= NO_LEVEL => return,
        45..=52 | 56 | 78..=83 => match rest.i8() {
            Some(degrees) if degrees != NO_TEMPERATURE => Value::Int(i64::from(degrees)),
            _ => return,
        },
        53 | 66 if raw == 0x7fff || raw == 0xffff => return,
        55 | 58..=62 | 68 if raw == 0xffff => return,
        63..=65 | 69 if raw == 0xff => return,
        67 if raw == 0xffff_ffff => return,
        68 => Value::Int(i64::from(rest.i16_le().unwrap_or(0))),
        74 => Value::Int(i64::from(rest.i32_le().unwrap_or(0))),
        16 | 54 | 57 | 76 => match rest.f32_le() {
            Some(real) if real.is_finite() && real >= 0.0 => Value::Float(f64::from(real)),
            _ => return,
        },
        84..=93 => return fuel(number, rest, batch),
        70 | 73 | 77 | 94..=97 | 107 | 109 | 253..=255 => batch.bytes_value(bytes),
        _ if bytes.len() <= 4 => Value::Int(int(raw)),
        _ => batch.bytes_value(bytes),
    };
    number_of(number, value, batch);
}

/// Level and temperature of fuel sensors 7 to 16.
fn fuel(number: u8, mut rest: Bytes<'_>, batch: &mut FixBatch) {
    let (Some(level), Some(degrees)) = (rest.u16_le(), rest.i8()) else { return };
    if u64::from(level) < NO_LEVEL {
        number_of(number, Value::Int(i64::from(level)), batch);
        if degrees != NO_TEMPERATURE {
            let key = batch.numbered("fuel_", usize::from(number - 77), "_temperature_c");
            batch.attribute(key, Value::Int(i64::from(degrees)));
        }
    }
}

fn number_of(number: u8, value: Value, batch: &mut FixBatch) {
    batch.attribute(AttributeKey::Number(u32::from(number)), value);
}
