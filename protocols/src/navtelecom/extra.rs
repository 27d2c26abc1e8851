//! Records of the additional packets of FLEX 2.0, `~E` and `~X`.

use model::{FixBatch, Timestamp};

use super::fields;
use crate::DecodeError;
use crate::bytes::Bytes;

/// Longest record taken; the manual's have a fixed part of 37 bytes and a few more.
const MAX_RECORD: usize = 1020;
/// The structure that every such record has: a fixed part as long as it says, then the rest.
const STRUCTURE: u8 = 0x0a;
/// Number, event, time, and GNSS to the odometer, as they are numbered in a plain record.
const FIXED: [u8; 11] = [1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15];
/// Bytes of these.
const FIXED_LEN: usize = 37;

/// Reads one record with its length; `None` while it is not all there.
pub(super) fn record(
    rest: &mut Bytes<'_>,
    batch: &mut FixBatch,
    fallback: Timestamp,
) -> Result<Option<()>, DecodeError> {
    let Some([low, high]) = rest.array::<2>() else { return Ok(None) };
    // The manual has the low byte first; devices with the high byte first are known, and no
    // record is as long as the other order would have it.
    let len = usize::from(if low == 0 { u16::from_be_bytes([low, high]) } else { u16::from_le_bytes([low, high]) });
    if len > MAX_RECORD {
        return Err(DecodeError::Length { what: "additional record", found: len, limit: MAX_RECORD });
    }
    let Some(record) = rest.take(len) else { return Ok(None) };
    let [STRUCTURE, fixed, content @ ..] = record else { return Ok(Some(())) };
    let parts = content.split_at_checked(usize::from(*fixed));
    if let Some((fixed, more)) = parts
        && let Some(fixed) = fixed.get(..FIXED_LEN)
        && fields::record(&FIXED, fixed, batch, fallback).is_some()
        && !more.is_empty()
    {
        let (key, value) = (batch.name("extra"), batch.bytes_value(more));
        batch.attribute(key, value);
    }
    Ok(Some(()))
}
