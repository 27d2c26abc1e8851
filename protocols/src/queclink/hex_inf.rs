//! `+INF` in HEX: the state of the device.

use ::model::{Fix, FixBatch, Known, Timestamp, Value};

use crate::Kind;
use crate::bytes::Bytes;

use super::attributes as add;
use super::hex::{self, Read};

/// Bits of the mask.
const LENGTH: u16 = 1 << 0;
const NAME: u16 = 1 << 1;
const DEVICE_TYPE: u16 = 1 << 2;
const PROTOCOL: u16 = 1 << 3;
const FIRMWARE: u16 = 1 << 4;
const SEND_TIME: u16 = 1 << 5;
const COUNT: u16 = 1 << 6;
const VERSIONS: u16 = 1 << 8;
const INPUTS: u16 = 1 << 9;

/// Hardware and controller versions, and two bytes for later use.
const VERSIONS_LEN: usize = 6;
/// A byte for later use, three analog inputs, inputs and outputs.
const INPUTS_LEN: usize = 8;
/// ICCID in BCD; all begin with 89.
const ICCID_LEN: usize = 10;
const ICCID_START: u8 = 0x89;
/// Millivolts of a lithium cell.
const CELL_MV: std::ops::RangeInclusive<u16> = 2500..=4600;
const MILLI: f64 = 1000.0;

/// Pushes a record without a position.
pub(super) fn read(
    content: &[u8],
    is_archive: bool,
    now: Timestamp,
    batch: &mut FixBatch,
    read: &mut Read,
) -> Option<()> {
    let mut rest = Bytes(content);
    let kind = rest.u8()?;
    let mask = rest.u16()?;
    let sized = |bit: u16, len: usize| if mask & bit != 0 { len } else { 0 };
    rest.skip(sized(LENGTH, 2))?;
    read.identity = hex::identity(rest.array()?, mask & NAME != 0);
    rest.skip(sized(DEVICE_TYPE, 1) + sized(PROTOCOL, 2))?;
    let firmware = if mask & FIRMWARE != 0 { Some(rest.u16()?) } else { None };
    rest.skip(sized(VERSIONS, VERSIONS_LEN) + sized(INPUTS, INPUTS_LEN))?;
    let end = sized(SEND_TIME, 7) + sized(COUNT, 2);
    let tail = rest.0.len().checked_sub(end)?;
    let mut sent = Bytes(rest.0.get(tail..)?);
    let sent = if mask & SEND_TIME != 0 { hex::time(sent.array()?) } else { None };
    let body = rest.0.get(..tail)?;
    read.kind = Kind::Heartbeat;
    batch.push(Fix::nowhere(sent.unwrap_or(now)));
    batch.known(Known::Event, Value::Int(i64::from(kind)));
    if is_archive {
        batch.known(Known::Archive, Value::Bool(true));
    }
    add::int(batch, "firmware", firmware.map(i64::from));
    if let Some(state) = body.first() {
        add::state(batch, u64::from(*state));
    }
    let iccid_at = body.windows(ICCID_LEN).position(|w| w.first() == Some(&ICCID_START) && is_bcd(w));
    if let Some(at) = iccid_at {
        supply(body.get(..at)?, batch);
        let iccid = hex_digits(body.get(at..at + ICCID_LEN)?);
        add::text(batch, "iccid", iccid.trim_end_matches('f').as_bytes());
        if let Some(signal) = body.get(at + ICCID_LEN).filter(|s| **s <= 31) {
            batch.known(Known::GsmSignal, Value::Int(i64::from(*signal)));
        }
    }
    Some(())
}

/// External supply and battery, which stand before the ICCID: a byte of flags, both in
/// millivolts, and in some models the percentage.
fn supply(before: &[u8], batch: &mut FixBatch) {
    let (millivolts, percent) = match before {
        [.., a, b, c, d, percent] if CELL_MV.contains(&u16::from_be_bytes([*c, *d])) && *percent <= 100 => {
            ([*a, *b, *c, *d], Some(*percent))
        }
        [.., a, b, c, d] if CELL_MV.contains(&u16::from_be_bytes([*c, *d])) => ([*a, *b, *c, *d], None),
        _ => return,
    };
    let [a, b, c, d] = millivolts;
    let volts = |high, low| Value::Float(f64::from(u16::from_be_bytes([high, low])) / MILLI);
    batch.known(Known::ExternalVoltageV, volts(a, b));
    batch.known(Known::BatteryVoltageV, volts(c, d));
    if let Some(percent) = percent {
        batch.known(Known::BatteryPercent, Value::Int(i64::from(percent)));
    }
}

/// Digits, filled up with `f`.
fn is_bcd(bytes: &[u8]) -> bool {
    let (last, whole) = bytes.split_last().map_or((0, bytes), |(last, whole)| (*last, whole));
    whole.iter().all(|b| b >> 4 <= 9 && b & 0xf <= 9) && last >> 4 <= 9
}

fn hex_digits(bytes: &[u8]) -> String {
    ::hex::encode(bytes)
}
