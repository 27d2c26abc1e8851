//! The data packet: a place, and blocks as the bits of its type say.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::HEADER;
use crate::bytes::Bytes;
use crate::put::Put;
use crate::units::{heading, int, kmh, satellites, single};

/// Bits of the type.
const ACCELEROMETER: u8 = 1 << 2;
const ANALOGUE: u8 = 1 << 3;
const COUNTERS: u8 = 1 << 4;
const FUEL: u8 = 1 << 5;
const CAN: u8 = 1 << 6;
const ODOMETER: u8 = 1 << 7;
/// The place, without header.
const PLACE_LEN: usize = 30;
/// Bits of the state: the place is not good; an alarm.
pub(super) const NOT_VALID: u16 = 1 << 5;
const ALARM: u16 = 1 << 8;
/// A fuel sensor that does not answer.
const NO_LEVEL: u16 = u16::MAX;

/// Whether the packet has a block that says its own length.
pub(super) fn has_can(kind: u8) -> bool {
    kind & CAN != 0
}

/// The size of a packet of that type, without the block whose length is its own.
pub(super) fn base_len(kind: u8) -> usize {
    let blocks = [(ACCELEROMETER, 4), (ANALOGUE, 12), (COUNTERS, 8), (FUEL, 9), (ODOMETER, 4)];
    HEADER + PLACE_LEN + blocks.iter().filter(|(bit, _)| kind & bit != 0).map(|(_, len)| len).sum::<usize>()
}

/// Whether the content may be that of a data packet of that type.
pub(super) fn is_plausible(kind: u8, content: &[u8]) -> bool {
    let mut batch = FixBatch::default();
    let mut rest = Bytes(content);
    let place = Bytes(content.get(5..).unwrap_or_default());
    read(kind, &mut rest, &mut batch).is_some() && rest.0.is_empty() && on_earth(place).is_some()
}

fn on_earth(mut rest: Bytes<'_>) -> Option<LatLon> {
    LatLon::new(f64::from(rest.f32_le()?), f64::from(rest.f32_le()?))
}

/// Reads the content into a new fix; `None` where it ends too early.
pub(super) fn read(kind: u8, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    place(rest, batch)?;
    if kind & ACCELEROMETER != 0 {
        let [vibration, vibrations, outputs, alarms] = rest.array()?;
        whole(batch, "vibration", i64::from(vibration));
        whole(batch, "vibration_count", i64::from(vibrations));
        batch.known(Known::Outputs, Value::Int(i64::from(outputs & 0x0f)));
        whole(batch, "alarm_inputs", i64::from(alarms));
    }
    if kind & ANALOGUE != 0 {
        for number in 1..=6 {
            let (key, millivolts) = (batch.numbered("adc_", number, "_v"), rest.u16_le()?);
            batch.attribute(key, Value::Float(f64::from(millivolts) / 1000.0));
        }
    }
    if kind & COUNTERS != 0 {
        for number in 1..=2 {
            let (key, count) = (batch.numbered("counter_", number, ""), rest.u32_le()?);
            batch.attribute(key, Value::Int(i64::from(count)));
        }
    }
    if kind & FUEL != 0 {
        fuel(rest, batch)?;
    }
    if has_can(kind) {
        can(rest, batch)?;
    }
    if kind & ODOMETER != 0 {
        batch.known(Known::OdometerM, Value::Int(i64::from(rest.u32_le()?)));
    }
    Some(())
}

fn place(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let (firmware, index, state) = (rest.u8()?, rest.u16_le()?, rest.u16_le()?);
    let (lat, lon) = (f64::from(rest.f32_le()?), f64::from(rest.f32_le()?));
    let (course, speed, acceleration) = (rest.u16_le()?, rest.u16_le()?, rest.u8()?);
    let (altitude, hdop, seen, seconds) = (rest.i16_le()?, rest.u8()?, rest.u8()?, rest.u32_le()?);
    let (supply, battery) = (rest.u16_le()?, rest.u16_le()?);
    let position = LatLon::new(lat, lon).filter(|p| !p.is_null_island());
    batch.push(Fix {
        position,
        valid: position.is_some() && state & NOT_VALID == 0,
        altitude_m: position.map(|_| f32::from(altitude)),
        speed_mps: position.map(|_| kmh(f64::from(speed) / 10.0)),
        heading_deg: position.and(heading(f64::from(course) / 10.0)),
        // GPS in the low four bits, GLONASS in the high.
        satellites: Some(satellites(u64::from(seen & 0x0f) + u64::from(seen >> 4))),
        hdop: Some(single(f64::from(hdop) / 10.0)),
        ..Fix::nowhere(Timestamp::from_secs(i64::from(seconds)))
    });
    batch.known(Known::ExternalVoltageV, Value::Float(f64::from(supply) / 1000.0));
    batch.known(Known::BatteryVoltageV, Value::Float(f64::from(battery) / 1000.0));
    if state & ALARM != 0 {
        batch.known(Known::Alarm, Value::Bool(true));
    }
    whole(batch, "state", i64::from(state));
    whole(batch, "index", i64::from(index));
    whole(batch, "firmware", i64::from(firmware));
    let key = batch.name("acceleration");
    batch.attribute(key, Value::Float(f64::from(acceleration) / 10.0));
    Some(())
}

/// Three levels, then their temperatures.
fn fuel(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let levels = [rest.u16_le()?, rest.u16_le()?, rest.u16_le()?];
    for (number, level) in (1..).zip(levels) {
        let degrees = rest.i8()?;
        if level != NO_LEVEL {
            let key = batch.numbered("fuel_", number, "");
            batch.attribute(key, Value::Int(i64::from(level)));
            let key = batch.numbered("temperature_", number, "_c");
            batch.attribute(key, Value::Int(i64::from(degrees)));
        }
    }
    Some(())
}

/// A length that counts itself, then numbers with the lengths of their values in the high two
/// bits.
fn can(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let len = rest.u8()?;
    let mut block = Bytes(rest.take(usize::from(len).checked_sub(1)?)?);
    while let Some(tag) = block.u8() {
        let value = match tag >> 6 {
            0 => block.u8().map(u64::from),
            1 => block.u16_le().map(u64::from),
            2 => block.u32_le().map(u64::from),
            _ => block.u64_le(),
        };
        let key = batch.numbered("can_", usize::from(tag & 0x3f), "");
        batch.attribute(key, Value::Int(int(value?)));
    }
    Some(())
}

fn whole(batch: &mut FixBatch, name: &str, value: i64) {
    let key = batch.name(name);
    batch.attribute(key, Value::Int(value));
}
