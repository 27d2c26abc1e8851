//! Places of vehicles: heads 0x23 and 0x25, and with the engine's data 0x26.

use model::{FixBatch, Known, Timestamp, Value};

use super::gps::{self, number, put_byte};
use super::{CUT, Family, Owed};
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::put::Put;

pub(super) const IGNITION: u16 = 0x4000;
const POWER_CUT: u16 = 0x8000;
const AIR_CONDITIONER: u16 = 0x2000;
/// Inputs 2 to 6, from the highest bit down; input 2 is the air conditioner's.
const INPUTS: u16 = 0x3e00;
/// Kinds whose place is an alarm's.
const ALARMS: [u8; 4] = [0x04, 0x14, 0x18, 0x34];

/// What all vehicles send before their analogue inputs.
struct Settings {
    signal: u8,
    status: u8,
    io: u16,
}

fn settings(rest: &mut Bytes<'_>) -> Option<Settings> {
    // Intervals with and without ignition, angle and distance of reports.
    rest.skip(7)?;
    let limit = rest.u16()?;
    let status = rest.u8()?;
    // Sensitivity, telephones, heartbeat, relay and threshold of towing.
    rest.skip(6)?;
    Some(Settings { signal: u8::try_from(limit & 0x7f).unwrap_or_default(), status, io: rest.u16()? })
}

/// Types 0x02 and 0x04, and 0x16 and 0x18 with the sensor of acceleration.
pub(super) fn first(
    family: Family,
    kind: u8,
    rest: &mut Bytes<'_>,
    now: Timestamp,
    batch: &mut FixBatch,
) -> Result<Owed, DecodeError> {
    let settings = settings(rest).ok_or(CUT)?;
    let analogue = if family == Family::Vehicle { Some(rest.array::<4>().ok_or(CUT)?) } else { None };
    let [alarm, _] = rest.array().ok_or(CUT)?;
    let (metres, charge) = (rest.u32().ok_or(CUT)?, rest.u8().ok_or(CUT)?);
    place(&settings, rest, now, batch)?;
    happened(alarm, batch);
    batch.known_int(Known::OdometerM, metres);
    gps::put_charge(charge, batch);
    switches(settings.io, batch);
    batch.known_int(Known::Inputs, inputs(settings.io));
    if let Some([a, b, c, d]) = analogue {
        analogue_input(1, [a, b], batch);
        analogue_input(2, [c, d], batch);
        batch.known_int(Known::Outputs, (settings.io >> 7) & 0x07);
    }
    supply(rest, batch);
    if family == Family::Obd {
        engine(rest, batch);
    } else if matches!(kind, 0x16 | 0x18) {
        motion(rest, batch);
    }
    Ok(owed(kind, alarm))
}

/// Types 0x13 and 0x14, and 0x33 and 0x34 with the sensor of acceleration: five analogue inputs.
pub(super) fn second(
    kind: u8,
    rest: &mut Bytes<'_>,
    now: Timestamp,
    batch: &mut FixBatch,
) -> Result<Owed, DecodeError> {
    let settings = settings(rest).ok_or(CUT)?;
    let [outputs, _] = rest.array().ok_or(CUT)?;
    let analogue: [u8; 10] = rest.array().ok_or(CUT)?;
    let [alarm, _] = rest.array().ok_or(CUT)?;
    let (metres, charge) = (rest.u32().ok_or(CUT)?, rest.u8().ok_or(CUT)?);
    place(&settings, rest, now, batch)?;
    happened(alarm, batch);
    batch.known_int(Known::OdometerM, metres);
    gps::put_charge(charge, batch);
    switches(settings.io, batch);
    batch.known_int(Known::Inputs, inputs(settings.io) | i64::from(settings.io & 0x0100 != 0));
    batch.known_int(Known::Outputs, outputs);
    for (at, pair) in analogue.chunks_exact(2).enumerate() {
        if let [high, low] = pair {
            analogue_input(at + 1, [*high, *low], batch);
        }
    }
    if let Some(volts) = rest.array().and_then(number) {
        batch.known_float(Known::BatteryVoltageV, volts / 100.0);
    }
    supply(rest, batch);
    if let Some(rpm) = rest.u16().filter(|rpm| !matches!(rpm, 0x8000 | 0xffff)) {
        batch.put_int("rpm", rpm);
    }
    // Abilities of the device.
    if rest.skip(3).is_some()
        && let Some(degrees) = rest.u8()
    {
        gps::put_temperature("device_temperature_c", degrees, batch);
    }
    Ok(owed(kind, alarm))
}

/// The time, and the place or the cells.
fn place(settings: &Settings, rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Result<(), DecodeError> {
    let time = gps::time(rest, now)?;
    gps::push(settings.status, time, &rest.array().ok_or(CUT)?, batch);
    batch.known_int(Known::GsmSignal, settings.signal);
    Ok(())
}

/// The number of what happened; powers cut, batteries low, SOS, speed, fences, towing, shaking and jamming are alarms.
fn happened(alarm: u8, batch: &mut FixBatch) {
    if alarm != 0 {
        batch.known_int(Known::Event, alarm);
    }
    if matches!(alarm, 1..=8 | 10 | 21 | 23 | 24) {
        batch.known_bool(Known::Alarm, true);
    }
}

fn owed(kind: u8, alarm: u8) -> Owed {
    if ALARMS.contains(&kind) { Owed::Alarm(alarm) } else { Owed::Head }
}

fn switches(io: u16, batch: &mut FixBatch) {
    batch.known_bool(Known::Ignition, io & IGNITION != 0);
    batch.put_bool("air_conditioner", io & AIR_CONDITIONER != 0);
    if io & POWER_CUT != 0 {
        batch.put_bool("power_cut", true);
    }
}

/// Input 1 as bit 0.
fn inputs(io: u16) -> i64 {
    (1..6).filter(|input| io & INPUTS & (1 << (14 - input)) != 0).fold(0, |bits, input| bits | 1 << input)
}

fn analogue_input(input: usize, bytes: [u8; 2], batch: &mut FixBatch) {
    if let Some(volts) = number(bytes) {
        let key = batch.numbered("adc_", input, "_v");
        batch.attribute(key, Value::Float(volts / 100.0));
    }
}

fn supply(rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    if let Some(volts) = rest.array().and_then(number) {
        batch.known_float(Known::ExternalVoltageV, volts / 100.0);
    }
}

/// Acceleration and rotation, three axes each.
fn motion(rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    const AXES: [&str; 6] =
        ["acceleration_x", "acceleration_y", "acceleration_z", "rotation_x", "rotation_y", "rotation_z"];
    for name in AXES {
        if let Some(value) = rest.i16() {
            batch.put_int(name, value);
        }
    }
}

/// What the engine says by the diagnostic connector.
fn engine(rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    if let Some(tenths) = rest.array().and_then(number) {
        batch.put_float("obd_speed_kmh", tenths / 10.0);
    }
    for name in ["fuel_used_l", "fuel_consumption"] {
        if let Some(thousandths) = rest.u32().filter(|n| *n != u32::MAX) {
            batch.put_float(name, f64::from(thousandths) / 1000.0);
        }
    }
    if let Some(rpm) = rest.u16().filter(|rpm| *rpm != u16::MAX) {
        batch.put_int("rpm", rpm);
    }
    let fields = [
        ("air_input", 0),
        ("air_pressure_kpa", 0),
        ("coolant_temperature_c", 40),
        ("intake_temperature_c", 40),
        ("engine_load_percent", 0),
        ("throttle_percent", 0),
        ("fuel_percent", 0),
    ];
    for (name, offset) in fields {
        if let Some(byte) = rest.u8() {
            put_byte(name, byte, offset, batch);
        }
    }
}
