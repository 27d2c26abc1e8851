//! Messages about the cells and access points around the device.

use super::record::{Clock, Record};
use crate::bytes::Bytes;
use crate::put::Put;
use crate::units;

/// Bytes of an access point: address and signal.
const ACCESS_POINT: usize = 7;

/// 0x18, 0x24, 0x28, 0x2c, 0x2e, 0x33, 0x34, 0xa1 and 0xa2: date, network, six or seven cells,
/// timing advance and, of some, access points.
pub(super) fn cells(kind: u8, content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    let mut record = Record::nowhere(clock.time(rest.array()?).unwrap_or(clock.now));
    // Two makers have the timing advance first, of which one counts the cells.
    let is_counted = kind == 0x24 && content.len() == 44;
    let is_advance_first = is_counted || kind == 0x34;
    if is_advance_first {
        rest.skip(1)?;
    }
    let country = rest.u16()?;
    let network = if country & 0x8000 != 0 || kind == 0x34 { rest.u16()? } else { u16::from(rest.u8()?) };
    let count = match kind {
        _ if is_counted => usize::from(rest.u8()?),
        0x33 => 6,
        _ => 7,
    };
    let (area, cell) = match kind {
        0xa1 | 0xa2 => (4, 8),
        0x33 | 0x34 => (2, 4),
        _ => (2, 3),
    };
    let width = area + cell + 1;
    let cells = rest.take((count * width).min(rest.0.len() / width * width))?;
    if let Some(serving) = cells.chunks_exact(width).find(|cell| cell.iter().any(|b| *b != 0)) {
        let number = |bytes: &[u8]| units::int(bytes.iter().fold(0, |sum, b| sum << 8 | u64::from(*b)));
        record.batch.put_int("mcc", country & 0x7fff);
        record.batch.put_int("mnc", network);
        record.batch.put_int("lac", number(serving.get(..area)?));
        record.batch.put_int("cell_id", number(serving.get(area..area + cell)?));
        record.batch.put_int("cell_signal", number(serving.get(area + cell..)?));
    }
    if count > 1 {
        let end = cells.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
        record.batch.put_bytes("cells", cells.get(..end)?);
    }
    if !is_advance_first {
        rest.u8();
    }
    if matches!(kind, 0x18 | 0x2c | 0x33 | 0xa2) {
        let points = usize::from(rest.u8().unwrap_or(0));
        record.batch.put_bytes("wifi", rest.take(points * ACCESS_POINT).unwrap_or_default());
    }
    Some(record)
}

/// 0x17 and 0x69: date in BCD, access points, then cells of one network.
pub(super) fn access_points(count: u8, content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    let mut record = Record::nowhere(clock.bcd_time(rest.array()?).unwrap_or(clock.now));
    record.batch.put_bytes("wifi", rest.take(usize::from(count) * ACCESS_POINT)?);
    rest.skip(1)?;
    record.batch.put_int("mcc", rest.u16()?);
    record.batch.put_int("mnc", rest.u8()?);
    if let Some((area, cell)) = rest.u16().zip(rest.u16()) {
        record.batch.put_int("lac", area);
        record.batch.put_int("cell_id", cell);
        record.batch.put_int("cell_signal", rest.u8()?);
        record.batch.put_bytes("cells", rest.0);
    }
    Some(record)
}

/// 0xf3: date and access points, each with its signal before its address.
pub(super) fn counted_access_points(content: &[u8], clock: Clock) -> Option<Record> {
    let mut rest = Bytes(content);
    let date = rest.array()?;
    let time = clock.time(date).or_else(|| clock.bcd_time(date));
    let mut record = Record::nowhere(time.unwrap_or(clock.now));
    let points = usize::from(rest.u8()?);
    record.batch.put_bytes("wifi", rest.take(points * 8)?);
    Some(record)
}
