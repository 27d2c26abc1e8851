//! Subrecords of the teledata service that say what sensors measure.

use model::{FixBatch, Known, Value};

use crate::bytes::Bytes;
use crate::put::Put;

/// The range of types that [`read`] knows.
pub(super) const FIRST: u8 = AD_SENSORS_DATA;
pub(super) const LAST: u8 = PASSENGERS_COUNTERS;

const AD_SENSORS_DATA: u8 = 18;
const COUNTERS_DATA: u8 = 19;
/// By the first edition of the standard the state has the number of the accelerometer; the
/// length tells them apart.
const ACCEL_DATA: u8 = 20;
const STATE_DATA: u8 = 21;
const STATE_LEN: usize = 5;
const LOOPIN_DATA: u8 = 22;
const ABS_DIG_SENS_DATA: u8 = 23;
const ABS_AN_SENS_DATA: u8 = 24;
const ABS_CNTR_DATA: u8 = 25;
const ABS_LOOPIN_DATA: u8 = 26;
const LIQUID_LEVEL_SENSOR: u8 = 27;
const PASSENGERS_COUNTERS: u8 = 28;

/// Reads one subrecord into the fix pushed last.
pub(super) fn read(kind: u8, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    match kind {
        AD_SENSORS_DATA => inputs(rest, batch),
        COUNTERS_DATA => {
            let mask = rest.u8()?;
            masked(mask, "counter_", rest, batch)
        }
        STATE_DATA => state(rest, batch),
        ACCEL_DATA if rest.0.len() == STATE_LEN => state(rest, batch),
        ACCEL_DATA => {
            let (key, value) = (batch.name("acceleration"), batch.bytes_value(rest.0));
            batch.attribute(key, value);
            Some(())
        }
        LOOPIN_DATA => loops(rest, batch),
        ABS_DIG_SENS_DATA => absolute_bits("digital_", rest, batch),
        ABS_LOOPIN_DATA => absolute_bits("loop_", rest, batch),
        ABS_AN_SENS_DATA => absolute(rest, "adc_", batch),
        ABS_CNTR_DATA => absolute(rest, "counter_", batch),
        LIQUID_LEVEL_SENSOR => liquid(rest, batch),
        PASSENGERS_COUNTERS => passengers(rest, batch),
        _ => Some(()),
    }
}

fn whole(batch: &mut FixBatch, before: &str, number: u32, value: i64) {
    let key = batch.numbered(before, number, "");
    batch.attribute(key, Value::Int(value));
}

/// Outputs, more inputs in bytes of eight, analogue inputs.
fn inputs(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let (digital, outputs, analogue) = (rest.u8()?, rest.u8()?, rest.u8()?);
    batch.known(Known::Outputs, Value::Int(i64::from(outputs)));
    for bit in 0..8 {
        if digital >> bit & 1 == 1 {
            whole(batch, "inputs_", bit + 1, i64::from(rest.u8()?));
        }
    }
    masked(analogue, "adc_", rest, batch)
}

/// Values of three bytes, one for each bit that is set.
fn masked(mask: u8, name: &str, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    for bit in 0..8 {
        if mask >> bit & 1 == 1 {
            whole(batch, name, bit + 1, i64::from(rest.u24_le()?));
        }
    }
    Some(())
}

/// Mode, then main, backup and internal voltage in tenths, and which of them is in use.
fn state(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let [mode, main, backup, internal, flags] = rest.array()?;
    whole_named(batch, "mode", mode);
    batch.known(Known::ExternalVoltageV, Value::Float(f64::from(main) / 10.0));
    batch.known(Known::BatteryVoltageV, Value::Float(f64::from(backup) / 10.0));
    let key = batch.name("internal_battery_v");
    batch.attribute(key, Value::Float(f64::from(internal) / 10.0));
    whole_named(batch, "state", flags);
    Some(())
}

fn whole_named(batch: &mut FixBatch, name: &str, value: u8) {
    let key = batch.name(name);
    batch.attribute(key, Value::Int(i64::from(value)));
}

/// Four bits for each loop that is there.
fn loops(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let mask = rest.u8()?;
    let mut half: Option<u8> = None;
    for bit in 0..8 {
        if mask >> bit & 1 == 1 {
            let value = if let Some(high) = half.take() {
                high
            } else {
                let byte = rest.u8()?;
                half = Some(byte >> 4);
                byte & 0x0f
            };
            whole(batch, "loop_", bit + 1, i64::from(value));
        }
    }
    Some(())
}

/// Four bits of state under the four low bits of a number, then its other eight.
fn absolute_bits(name: &str, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let [low, high] = rest.array()?;
    let number = u32::from(low >> 4) | u32::from(high) << 4;
    whole(batch, name, number, i64::from(low & 0x0f));
    Some(())
}

fn absolute(rest: &mut Bytes<'_>, name: &str, batch: &mut FixBatch) -> Option<()> {
    let (number, value) = (rest.u8()?, rest.u24_le()?);
    whole(batch, name, u32::from(number), i64::from(value));
    Some(())
}

/// A level as the sensor's number says, in units that the flags tell; an error is no level.
fn liquid(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let (flags, _address) = (rest.u8()?, rest.u16_le()?);
    let number = u32::from(flags & 0b111);
    if flags & 0x08 != 0 {
        let (key, value) = (batch.numbered("fuel_", number, "_raw"), batch.bytes_value(rest.0));
        batch.attribute(key, value);
        return Some(());
    }
    let level = rest.u32_le()?;
    if flags & 0x40 != 0 {
        let key = batch.numbered("fuel_", number, "_error");
        batch.attribute(key, Value::Bool(true));
        return Some(());
    }
    let (unit, value) = match flags >> 4 & 0b11 {
        1 => ("_percent", Value::Int(i64::from(level))),
        2 => ("_l", Value::Float(f64::from(level) / 10.0)),
        _ => ("", Value::Int(i64::from(level))),
    };
    let key = batch.numbered("fuel_", number, unit);
    batch.attribute(key, value);
    Some(())
}

/// Doors as bits, those that opened while counting, and entered and left at each door.
fn passengers(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let (flags, doors, opened, _address) = (rest.u8()?, rest.u8()?, rest.u8()?, rest.u16_le()?);
    whole_named(batch, "doors_opened", opened);
    if flags & 1 != 0 {
        let (key, value) = (batch.name("passengers_raw"), batch.bytes_value(rest.0));
        batch.attribute(key, value);
        return Some(());
    }
    let (mut entered, mut left) = (0, 0);
    for bit in 0..8 {
        if doors >> bit & 1 == 1 {
            let [at_door, from_door] = rest.array()?;
            whole(batch, "passengers_in_", bit + 1, i64::from(at_door));
            whole(batch, "passengers_out_", bit + 1, i64::from(from_door));
            entered += i64::from(at_door);
            left += i64::from(from_door);
        }
    }
    batch.known(Known::PassengersIn, Value::Int(entered));
    batch.known(Known::PassengersOut, Value::Int(left));
    Some(())
}
