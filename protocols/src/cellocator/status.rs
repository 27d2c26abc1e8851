//! Type 0: status and location (chapter "Status/Location message").

use std::f64::consts::PI;

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use crate::bytes::Bytes;
use crate::civil::utc;
use crate::units::{heading, kmh, single};

/// Reasons for the message that are alarms: distress, main power gone, main power low.
const ALARMS: [u8; 3] = [70, 80, 81];
/// Modes of the receiver with a solution of three satellites or more.
const SOLUTIONS: std::ops::RangeInclusive<u8> = 3..=6;

/// Angles of places come in units of so many in a radian.
pub(super) const ANGLE: f64 = 1e8;

/// Bits of the first byte of inputs and outputs.
const DOOR: u32 = 1 << 0;
pub(super) const IGNITION: u32 = 1 << 5;
/// Bit of the last one.
const CHARGER: u32 = 1 << 31;

/// Adds the record that the fields after the numerator make.
pub(super) fn read(
    rest: &mut Bytes<'_>,
    control: u16,
    has_degrees: bool,
    now: Timestamp,
    batch: &mut FixBatch,
) -> Option<()> {
    let (hardware, firmware, protocol) = (rest.u8()?, rest.u8()?, rest.u8()?);
    // The upper half and the byte after it are digits of the operator.
    let unit_status = rest.u8()? & 0xf;
    rest.skip(1)?;
    let (reason_data, reason, mode) = (rest.u8()?, rest.u8()?, rest.u8()?);
    let ports = rest.u32_le()?;
    rest.skip(1)?;
    let analogue = rest.array::<4>()?;
    let mileage = rest.u24_le()?;
    let (multi_purpose, last_fix) = (rest.array::<6>()?, rest.u16_le()?);
    let (location_status, mode_1, mode_2, satellites) = (rest.u8()?, rest.u8()?, rest.u8()?, rest.u8()?);
    let place = Place::read(rest, has_degrees)?;
    let (second, minute, hour) = (rest.u8()?, rest.u8()?, rest.u8()?);
    let (day, month, year) = (rest.u8()?, rest.u8()?, rest.u16_le()?);
    // The later family does not say the receiver's mode.
    let is_solved = SOLUTIONS.contains(&mode_1) || has_degrees;
    batch.push(Fix {
        valid: place.position.is_some() && is_solved,
        satellites: Some(satellites),
        ..place.fix(time(i64::from(year), month, day, [hour, minute, second]).unwrap_or(now))
    });
    batch.known(Known::Ignition, Value::Bool(ports & IGNITION != 0));
    batch.known(Known::Door1, Value::Bool(ports & DOOR != 0));
    batch.known(Known::Inputs, Value::Int(i64::from(ports)));
    batch.known(Known::Event, Value::Int(i64::from(reason)));
    if ALARMS.contains(&reason) {
        batch.known(Known::Alarm, Value::Bool(true));
    }
    if multi_purpose != [0; 6] {
        driver(multi_purpose, batch);
    }
    let mut named = |name: &str, value: Value| {
        let key = batch.name(name);
        batch.attribute(key, value);
    };
    named("charger", Value::Bool(ports & CHARGER != 0));
    for (name, value) in [
        ("hardware_version", u32::from(hardware)),
        ("firmware_version", u32::from(firmware)),
        ("protocol_version", u32::from(protocol)),
        ("communication_control", u32::from(control)),
        ("unit_status", u32::from(unit_status)),
        ("event_data", u32::from(reason_data)),
        ("mode", u32::from(mode)),
        // In units that are programmed.
        ("mileage_counter", mileage),
        ("last_fix", u32::from(last_fix)),
        ("location_status", u32::from(location_status)),
        ("mode_1", u32::from(mode_1)),
        ("mode_2", u32::from(mode_2)),
    ] {
        named(name, Value::Int(i64::from(value)));
    }
    if has_degrees {
        let [a, b, c, d] = analogue;
        named("adc_1", Value::Int(i64::from(u16::from_le_bytes([a, b]))));
        named("adc_2", Value::Int(i64::from(u16::from_le_bytes([c, d]))));
    } else {
        for (name, value) in ["adc_1", "adc_2", "adc_3", "adc_4"].into_iter().zip(analogue) {
            named(name, Value::Int(i64::from(value)));
        }
    }
    Some(())
}

/// The card of the driver, as the bytes come.
fn driver(card: [u8; 6], batch: &mut FixBatch) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 12];
    let digits = card.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    for (place, digit) in text.iter_mut().zip(digits) {
        *place = DIGITS.get(usize::from(digit)).copied().unwrap_or(b'0');
    }
    let card = batch.text_value(std::str::from_utf8(&text).unwrap_or_default());
    batch.known(Known::DriverId, card);
}

/// Where and how fast.
pub(super) struct Place {
    pub position: Option<LatLon>,
    altitude_m: f32,
    speed_mps: f32,
    heading_deg: Option<f32>,
}

impl Place {
    fn read(rest: &mut Bytes<'_>, has_degrees: bool) -> Option<Self> {
        let (first, second) = (rest.i32_le()?, rest.i32_le()?);
        let (altitude_cm, speed, course) = (rest.i32_le()?, rest.u32_le()?, rest.u16_le()?);
        Some(if has_degrees {
            // Latitude comes first here, in 10⁻⁷ degrees; speed in km/h, direction in 10⁻³ degrees.
            Self {
                position: position(f64::from(first) / 1e7, f64::from(second) / 1e7),
                altitude_m: single(f64::from(altitude_cm) / 100.0),
                speed_mps: kmh(f64::from(speed)),
                heading_deg: heading(f64::from(course) / 1e3),
            }
        } else {
            Self::of(first, second, altitude_cm, f64::from(speed) / 100.0, course)
        })
    }

    /// From radians in 10⁻⁸, centimetres, metres a second and milliradians.
    pub fn of(lon: i32, lat: i32, altitude_cm: i32, speed_mps: f64, course: u16) -> Self {
        let degrees = |radians: i32| f64::from(radians) / ANGLE * 180.0 / PI;
        Self {
            position: position(degrees(lat), degrees(lon)),
            altitude_m: single(f64::from(altitude_cm) / 100.0),
            speed_mps: single(speed_mps),
            heading_deg: heading(f64::from(course) / 1e3 * 180.0 / PI),
        }
    }

    /// A record there and then.
    pub fn fix(&self, time: Timestamp) -> Fix {
        let known = self.position.is_some();
        Fix {
            position: self.position,
            altitude_m: known.then_some(self.altitude_m),
            speed_mps: known.then_some(self.speed_mps),
            heading_deg: self.heading_deg.filter(|_| known),
            ..Fix::nowhere(time)
        }
    }
}

fn position(lat: f64, lon: f64) -> Option<LatLon> {
    LatLon::new(lat, lon).filter(|p| !p.is_null_island())
}

/// In UTC; `None` where the clock is not set.
pub(super) fn time(year: i64, month: u8, day: u8, [hour, minute, second]: [u8; 3]) -> Option<Timestamp> {
    let is_clock = hour < 24 && minute < 60 && second <= 60 && year >= 2000;
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    is_clock.then(|| utc(year, month, day, seconds, 0)).flatten()
}
