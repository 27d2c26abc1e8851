//! The contents of the two older dialects.

use model::{FixBatch, Known, Timestamp, Value};

use super::record::{PLACE, place};
use crate::attributes::battery_percent;
use crate::bytes::Bytes;
use crate::put::Put;

/// Places of an MPIP report that has several.
const PLACES: usize = 8;
/// What follows each of them.
const BETWEEN: usize = 31;
/// A place of the petrol cut-off's dialect with its state and cell.
const ITEM: usize = PLACE + 16;

/// Adds a place with status, battery, odometer, fences and cell.
fn item(bytes: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Option<()> {
    batch.push(place(bytes, now)?);
    batch.put("status", Value::Int(bytes.u32_le()?.into()));
    battery_percent(batch, Some(bytes.u8()?.into()));
    batch.known(Known::OdometerM, Value::Int(bytes.u32_le()?.into()));
    bytes.skip(3)?; // fence, which of its bounds, and flags
    for name in ["lac", "cell"] {
        batch.put(name, Value::Int(bytes.u16_le()?.into()));
    }
    Some(())
}

/// The login of the petrol cut-off's dialect: a place and the names of soft- and hardware.
pub(super) fn control_login(content: &[u8], now: Timestamp) -> Option<FixBatch> {
    let mut batch = FixBatch::default();
    item(&mut Bytes(content), now, &mut batch)?;
    Some(batch)
}

/// Its heartbeat, which brings the places: whether they are old, how many, and they.
pub(super) fn control_places(content: &[u8], now: Timestamp) -> Option<FixBatch> {
    let mut bytes = Bytes(content);
    let (is_archive, count) = (bytes.u8()? != 0, usize::from(bytes.u8()?));
    if count * ITEM > bytes.0.len() {
        return None;
    }
    let mut batch = FixBatch::default();
    for _ in 0..count {
        item(&mut bytes, now, &mut batch)?;
        if is_archive {
            batch.known(Known::Archive, Value::Bool(true));
        }
    }
    Some(batch)
}

/// A place after so many bytes, and what follows it.
pub(super) fn mpip(content: &[u8], after: usize, now: Timestamp) -> Option<FixBatch> {
    let mut bytes = Bytes(content);
    bytes.skip(after)?;
    let mut batch = FixBatch::default();
    batch.push(place(&mut bytes, now)?);
    if bytes.0.iter().any(|b| *b != 0) {
        let value = batch.bytes_value(bytes.0);
        batch.put("extra", value);
    }
    Some(batch)
}

/// Eight places.
pub(super) fn mpip_places(content: &[u8], now: Timestamp) -> Option<FixBatch> {
    let mut bytes = Bytes(content);
    let mut batch = FixBatch::default();
    for at in 0..PLACES {
        batch.push(place(&mut bytes, now)?);
        if bytes.skip(BETWEEN).is_none() && at + 1 < PLACES {
            return None;
        }
    }
    Some(batch)
}
