//! 0x5501 and 0x5502, reports of container locks: a place in BCD, then values and items.

use std::io::Write as _;

use model::{Fix, FixBatch, LatLon, Timestamp};

use super::items::lock_command;
use super::record::{Record, bcd};
use crate::bytes::Bytes;
use crate::civil::utc;
use crate::put::Put;
use crate::units;

/// 0x5502 comes from the buffer.
const FROM_BUFFER: u16 = 0x5502;

/// Adds the record. `None` where the body is too short for one, `Some(false)` where it ends
/// within an item.
pub(super) fn read(kind: u16, body: &[u8], now: Timestamp, batch: &mut FixBatch) -> Option<bool> {
    let mut rest = Bytes(body);
    let fix = place(&mut rest, now)?;
    let mut record = Record::new(batch, fix);
    record.is_archive = kind == FROM_BUFFER;
    let is_whole = state(&mut rest, &mut record).is_some() && items(&mut rest, &mut record).is_some();
    record.finish();
    Some(is_whole)
}

/// `DDMMYYhhmmss` in UTC, `DDMM.MMMM`, `DDDMM.MMMM`, half a byte of flags (bit 0 positioned,
/// 1 north, 2 east), speed in knots and half the heading.
fn place(rest: &mut Bytes<'_>, now: Timestamp) -> Option<Fix> {
    let date = rest.array()?;
    let latitude = degrees(digits(&rest.array::<4>()?));
    let longitude: [u8; 5] = rest.array()?;
    let (speed, heading) = (rest.u8()?, rest.u8()?);
    let flags = longitude.last()? & 0x0f;
    let longitude = degrees(digits(&longitude).map(|all| all / 10));
    let signed = |value: Option<f64>, bit: u8| value.map(|v| if flags & bit != 0 { v } else { -v });
    let position = signed(latitude, 2).zip(signed(longitude, 4)).and_then(|(lat, lon)| LatLon::new(lat, lon));
    let valid = flags & 1 != 0;
    let position = position.filter(|p| !p.is_null_island());
    Some(Fix {
        position,
        valid: valid && position.is_some(),
        speed_mps: position.and(bcd(speed)).map(|knots| units::knots(f64::from(knots))),
        heading_deg: position.and_then(|_| units::heading(f64::from(heading) * 2.0)),
        ..Fix::nowhere(time(date).unwrap_or(now))
    })
}

fn time(bytes: [u8; 6]) -> Option<Timestamp> {
    let [day, month, year, hour, minute, second] = bytes.map(bcd);
    let (hour, minute, second) = (hour?, minute?, second?);
    let in_range = hour < 24 && minute < 60 && second < 60;
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    in_range.then(|| utc(2000 + i64::from(year?), month?, day?, seconds, 0)).flatten()
}

/// The digits as one number, the last of them whatever it is.
fn digits(bytes: &[u8]) -> Option<u64> {
    let (last, head) = bytes.split_last()?;
    let head = head.iter().try_fold(0, |sum, byte| Some(sum * 100 + u64::from(bcd(*byte)?)))?;
    let (high, low) = (last >> 4, last & 0x0f);
    (high <= 9).then(|| head * 100 + u64::from(high) * 10 + u64::from(low.min(9)))
}

/// Ten-thousandths of minutes under degrees.
fn degrees(packed: Option<u64>) -> Option<f64> {
    let packed = packed?;
    Some((packed / 1_000_000) as f64 + (packed % 1_000_000) as f64 / 600_000.0)
}

/// Signal, satellites, distance, battery, cell, product, status and alarms.
fn state(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    record.gsm_signal = Some(rest.u8()?);
    record.satellites(rest.u8()?);
    record.odometer_m = Some(i64::from(rest.u32()?) * 1000);
    match rest.u8()? {
        0xaa | 0xab => record.charge = Some(true),
        percent => record.percent(percent),
    }
    let (cell, area) = (rest.u32()?, rest.u16()?);
    if cell != 0 {
        record.batch.put_int("cell_id", cell);
        record.batch.put_int("lac", area);
    }
    let (product, status, alarms) = (rest.u8()?, rest.u16()?, rest.u16()?);
    record.batch.put_int("product", product);
    record.batch.put_int("status", status);
    if product == 3 {
        record.batch.put_bool("blocked", status & 0x20 != 0);
    }
    if alarms != 0 {
        record.batch.put_int("alarms", alarms);
        // Of the locks all are, of the first products only the battery.
        record.alarm = if product == 3 { alarms & 0x6f != 0 } else { alarms & 1 != 0 };
    }
    Some(())
}

fn items(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    while !rest.0.is_empty() {
        let (id, len) = (rest.u8()?, rest.u8()?);
        let data = rest.take(usize::from(len))?;
        let mut value = Bytes(data);
        match (id, len) {
            (0x02, 2) => {
                let metres = value.i16()?;
                record.fix(|fix| fix.altitude_m = fix.position.map(|_| f32::from(metres)));
            }
            (0x0a, 3) => {
                record.batch.put_int("mcc", value.u16()?);
                record.batch.put_int("mnc", value.u8()?);
            }
            (0x0b, 1..) => lock_command(data, record)?,
            (0x0c, 6) => tilt([value.i16()?, value.i16()?, value.i16()?], record),
            (0x10, 1) => record.batch.put_int("wake_source", value.u8()?),
            (0xfc, 1) => record.batch.put_int("geofence", value.u8()?),
            _ => record.other(u16::from(id), data),
        }
    }
    Some(())
}

fn tilt([x, y, z]: [i16; 3], record: &mut Record<'_>) {
    let mut words = [0; 32];
    let mut free = &mut words[..];
    let len = 32 - if write!(free, "[{x},{y},{z}]").is_ok() { free.len() } else { 32 };
    record.batch.put_words("tilt", words.get(..len).unwrap_or_default());
}
