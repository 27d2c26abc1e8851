//! The vehicle status: four bytes in which a bit of zero says that something is so.

use model::{FixBatch, Known, Value};

use crate::put::Put;
use crate::units::int;

/// Bits of the fourth byte: theft or shock, robbery or panic button, speed, ignition without
/// leave, and the two of fences; of the second byte: panic button, main supply cut or removed.
const ALARMS: u32 = 1 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 7 | 1 << 18 | 1 << 19 | 1 << 20;
/// Third byte: door open, alarm armed, ACC off.
const DOOR_OPEN: u32 = 1 << 8;
const ARMED: u32 = 1 << 9;
const ACC_OFF: u32 = 1 << 10;

/// Adds what the word says to the fix pushed last.
pub(super) fn add(word: u32, batch: &mut FixBatch) {
    let is = |bits: u32| !word & bits != 0;
    batch.known(Known::Ignition, Value::Bool(!is(ACC_OFF)));
    batch.known(Known::Door1, Value::Bool(is(DOOR_OPEN)));
    if is(ALARMS) {
        batch.known(Known::Alarm, Value::Bool(true));
    }
    if is(ARMED) {
        batch.put("armed", Value::Bool(true));
    }
    batch.put("status", Value::Int(int(u64::from(word))));
}

/// Percent of the battery from the byte or field that says it in bars of six or in percent.
pub(super) fn battery(level: i64) -> Option<i64> {
    match level {
        1..=3 => Some((level - 1) * 10),
        4..=6 => Some((level - 1) * 20),
        7..=100 => Some(level),
        // Newer trackers mark the bars with the upper half of the byte.
        0xf1..=0xf6 => battery(level - 0xf0),
        _ => None,
    }
}
