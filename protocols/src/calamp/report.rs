//! Bodies with a place: event and locate reports, user data, and the mini forms.

use model::{AttributeKey, Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::{MAX_BODY, kind};
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::put::Put;
use crate::units::{heading, kmh, single};

/// Fields of a place and the unit's state, which most bodies begin with.
const COMMON: usize = 36;
/// The same of the mini forms, up to and with the inputs.
const MINI: usize = 18;

/// Bits of the fix status (chapter "Event report"); the mini forms have these four in the
/// upper half, in another order.
pub(super) mod fix_status {
    pub const LAST_KNOWN: u8 = 1 << 2;
    pub const INVALID: u8 = 1 << 3;
    pub const HISTORIC: u8 = 1 << 5;
    pub const INVALID_TIME: u8 = 1 << 6;
    pub const MINI_INVALID_TIME: u8 = 1 << 4;
    pub const MINI_INVALID: u8 = 1 << 5;
    pub const MINI_LAST_KNOWN: u8 = 1 << 6;
    pub const MINI_HISTORIC: u8 = 1 << 7;
}

/// Bytes of a report with accumulators; `None` while their count has not come.
pub(super) fn len(kind: u8, body: &[u8]) -> Option<usize> {
    let (count_at, list_at) = match kind {
        kind::EVENT => (COMMON + 2, COMMON + 4),
        kind::LOCATE => (COMMON, COMMON + 2),
        _ => (MINI + 1, MINI + 2),
    };
    let (thresholds, count) = accumulators(*body.get(count_at)?);
    Some(list_at + usize::from(thresholds) * 8 + count * 4)
}

/// Whether a threshold and a mask come before the accumulators, and how many there are.
fn accumulators(byte: u8) -> (bool, usize) {
    (byte >> 6 == 1, usize::from(byte & 0x3f))
}

/// Bytes of a body with user or application data; `None` while their length has not come.
pub(super) fn user_len(kind: u8, body: &[u8]) -> Option<usize> {
    let mut rest = Bytes(body);
    rest.skip(if kind == kind::MINI_USER { MINI } else { COMMON })?;
    rest.skip(2)?;
    let data = usize::from(rest.u16()?);
    let end = body.len() - rest.0.len() + data;
    // What passes the bound is not waited for.
    if kind != kind::USER_ACCUMULATORS || end > MAX_BODY {
        return Some(end);
    }
    // After the data the accumulators' count and a spare byte, and the accumulators.
    let (thresholds, count) = accumulators(*body.get(end)?);
    Some(end + 2 + usize::from(thresholds) * 8 + count * 4)
}

/// The data of a user message.
pub(super) fn user_data(kind: u8, body: &[u8]) -> Option<&[u8]> {
    let mut rest = Bytes(body);
    rest.skip(if kind == kind::MINI_USER { MINI } else { COMMON })?;
    rest.skip(2)?;
    let len = usize::from(rest.u16()?);
    Some(rest.0.get(..len).unwrap_or(rest.0))
}

/// Adds the record of a body, and gives what a user message says.
pub(super) fn read<'a>(
    kind: u8,
    body: &'a [u8],
    now: Timestamp,
    batch: &mut FixBatch,
) -> Result<Option<&'a [u8]>, DecodeError> {
    let mut rest = Bytes(body);
    let short = DecodeError::Format("the report ends before its fields do");
    let is_read = if kind == kind::MINI_EVENT { mini(&mut rest, now, batch) } else { common(&mut rest, now, batch) };
    is_read.ok_or(short.clone())?;
    match kind {
        kind::EVENT => {
            let (index, code) = rest.u8().zip(rest.u8()).ok_or(short.clone())?;
            batch.put_int("event_index", index);
            batch.known(Known::Event, Value::Int(i64::from(code)));
            list(&mut rest, true, batch).ok_or(short)?;
        }
        kind::LOCATE => list(&mut rest, true, batch).ok_or(short)?,
        kind::MINI_EVENT => {
            let code = rest.u8().ok_or(short.clone())?;
            batch.known(Known::Event, Value::Int(i64::from(code)));
            list(&mut rest, false, batch).ok_or(short)?;
        }
        _ => {
            let (route, id) = rest.u8().zip(rest.u8()).ok_or(short.clone())?;
            batch.put_int("message_route", route);
            batch.put_int("message_id", id);
            let len = usize::from(rest.u16().ok_or(short)?);
            return Ok(Some(rest.0.get(..len).unwrap_or(rest.0)));
        }
    }
    Ok(None)
}

fn common(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Option<()> {
    let (update_time, fix_time) = (rest.u32()?, rest.u32()?);
    let position = place(rest)?;
    let (altitude_cm, speed_cmps) = (rest.i32()?, rest.u32()?);
    let (course, satellites, status) = (rest.u16()?, rest.u8()?, rest.u8()?);
    let (carrier, rssi, comm_state, hdop) = (rest.u16()?, rest.i16()?, rest.u8()?, rest.u8()?);
    let (inputs, unit_status) = (rest.u8()?, rest.u8()?);
    let has = |bits: u8| status & bits != 0;
    let is_valid = !has(fix_status::INVALID | fix_status::LAST_KNOWN);
    batch.push(Fix {
        position,
        valid: position.is_some() && is_valid,
        altitude_m: position.map(|_| single(f64::from(altitude_cm) / 100.0)),
        speed_mps: position.map(|_| single(f64::from(speed_cmps) / 100.0)),
        heading_deg: position.and_then(|_| heading(f64::from(course))),
        satellites: Some(satellites),
        hdop: Some(single(f64::from(hdop) / 10.0)),
        ..Fix::nowhere(time(update_time, fix_time, now))
    });
    batch.known(Known::GsmSignal, Value::Int(i64::from(rssi)));
    state(inputs, has(fix_status::HISTORIC), batch);
    batch.put_int("fix_status", status & !(fix_status::HISTORIC | fix_status::INVALID_TIME));
    batch.put_int("carrier", carrier);
    batch.put_int("comm_state", comm_state);
    batch.put_int("unit_status", unit_status);
    if fix_time != 0 && fix_time < update_time {
        batch.put_int("fix_age_s", update_time - fix_time);
    }
    Some(())
}

fn mini(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Option<()> {
    let update_time = rest.u32()?;
    let position = place(rest)?;
    let (course, speed, status) = (rest.u16()?, rest.u8()?, rest.u8()?);
    let (comm_state, inputs) = (rest.u8()?, rest.u8()?);
    let has = |bits: u8| status & bits != 0;
    let is_valid = !has(fix_status::MINI_INVALID | fix_status::MINI_LAST_KNOWN);
    batch.push(Fix {
        position,
        valid: position.is_some() && is_valid,
        speed_mps: position.map(|_| kmh(f64::from(speed))),
        heading_deg: position.and_then(|_| heading(f64::from(course))),
        satellites: Some(status & 0xf),
        ..Fix::nowhere(time(update_time, 0, now))
    });
    state(inputs, has(fix_status::MINI_HISTORIC), batch);
    batch.put_int("comm_state", comm_state);
    if has(fix_status::MINI_INVALID_TIME) {
        batch.put_int("invalid_time", 1);
    }
    Some(())
}

/// The time of the report; of the fix or of receipt where the device does not know it.
fn time(update: u32, fix: u32, now: Timestamp) -> Timestamp {
    match (update, fix) {
        (0, 0) => now,
        (0, seconds) | (seconds, _) => Timestamp::from_secs(i64::from(seconds)),
    }
}

/// In 10⁻⁷ degrees.
#[expect(clippy::option_option, reason = "a place that is not there, or bytes that are not")]
fn place(rest: &mut Bytes<'_>) -> Option<Option<LatLon>> {
    let (lat, lon) = (rest.i32()?, rest.i32()?);
    Some(LatLon::new(f64::from(lat) / 1e7, f64::from(lon) / 1e7).filter(|p| !p.is_null_island()))
}

/// Input 0 is the ignition.
fn state(inputs: u8, is_historic: bool, batch: &mut FixBatch) {
    batch.known(Known::Ignition, Value::Bool(inputs & 1 == 1));
    batch.known(Known::Inputs, Value::Int(i64::from(inputs)));
    if is_historic {
        batch.known(Known::Archive, Value::Bool(true));
    }
}

/// Accumulators under their number; a datagram may have fewer than it says.
fn list(rest: &mut Bytes<'_>, has_append: bool, batch: &mut FixBatch) -> Option<()> {
    let (thresholds, count) = accumulators(rest.u8()?);
    if has_append {
        rest.skip(1)?;
    }
    if thresholds {
        rest.skip(8)?;
    }
    for number in 0..u32::try_from(count).unwrap_or(0) {
        let Some(value) = rest.u32() else { break };
        batch.attribute(AttributeKey::Number(number), Value::Int(i64::from(value)));
    }
    Some(())
}
