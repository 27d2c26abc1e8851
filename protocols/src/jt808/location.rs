//! The location body of 0x0200 and what carries it: alarms, status, place, time, then items.

use model::{Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::items;
use super::record::{Record, bcd};
use crate::bytes::Bytes;
use crate::civil::utc;
use crate::put::Put;
use crate::units;

/// Times are in Beijing's.
pub(super) const ZONE_S: i64 = 8 * 3600;
/// Degrees are sent multiplied by this.
const DEGREE: f64 = 1e6;
/// Bytes before the items.
pub(super) const BASE: usize = 28;
/// Items of locks that send fixed fields instead.
const FIXED: usize = 18;

/// What locations of a connection share.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context {
    pub now: Timestamp,
    /// A door has been open, so that closed ones mean something.
    pub has_doors: bool,
}

impl Context {
    /// `YYMMDDhhmmss` in BCD, in Beijing's time; the server's time where there is none.
    pub fn time(&self, bytes: [u8; 6]) -> Timestamp {
        time(bytes).map_or(self.now, |local| Timestamp::from_secs(local.as_secs() - ZONE_S))
    }
}

/// As it is written, in whatever zone.
pub(super) fn time(bytes: [u8; 6]) -> Option<Timestamp> {
    let [year, month, day, hour, minute, second] = bytes.map(bcd);
    let (hour, minute, second) = (hour?, minute?, second?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    utc(2000 + i64::from(year?), month?, day?, seconds.min(86_399), 0)
}

/// Latitude and longitude by the status: bit 1 positioned, 2 south, 3 west.
pub(super) fn place(status: u32, latitude: u32, longitude: u32) -> (Option<LatLon>, bool) {
    let is = |bit: u32| status >> bit & 1 != 0;
    let signed = |value: u32, negative: bool| f64::from(value) / DEGREE * if negative { -1.0 } else { 1.0 };
    let position = LatLon::new(signed(latitude, is(2)), signed(longitude, is(3)));
    // Without a fix it is the last known place, or 0, 0 where there never was one.
    let position = position.filter(|p| !p.is_null_island());
    (position, is(1) && position.is_some())
}

/// Ignition, oil cut and doors.
pub(super) fn state(status: u32, context: &mut Context, record: &mut Record<'_>) {
    let is = |bit: u32| status >> bit & 1 != 0;
    record.batch.put_int("status", status);
    record.ignition = Some(is(0));
    record.batch.put_bool("blocked", is(10));
    context.has_doors |= (13..=17).any(is);
    if context.has_doors {
        for (bit, door) in [(13, Known::Door1), (14, Known::Door2), (15, Known::Door3), (16, Known::Door4)] {
            record.known(door, Value::Bool(is(bit)));
        }
        record.batch.put_bool("door_5", is(17));
    }
    if is(26) {
        record.charge = Some(true);
    }
}

/// Adds the record. `None` where the body is too short for one, `Some(false)` where it ends
/// within an item.
pub(super) fn read(body: &[u8], is_archive: bool, context: &mut Context, batch: &mut FixBatch) -> Option<bool> {
    let mut rest = Bytes(body);
    let (alarms, status) = (rest.u32()?, rest.u32()?);
    let (position, valid) = place(status, rest.u32()?, rest.u32()?);
    let (altitude, speed, heading) = (rest.i16()?, rest.u16()?, rest.u16()?);
    let date = rest.array()?;
    let fix = Fix {
        position,
        valid,
        altitude_m: position.map(|_| f32::from(altitude)),
        speed_mps: position.map(|_| units::kmh(f64::from(speed) / 10.0)),
        heading_deg: position.and_then(|_| units::heading(f64::from(heading))),
        ..Fix::nowhere(context.time(date))
    };
    let mut record = Record::new(batch, fix);
    record.is_archive = is_archive;
    if alarms != 0 {
        record.batch.put_int("alarms", alarms);
        record.alarm = true;
    }
    state(status, context, &mut record);
    let is_whole = if rest.0.len() == FIXED && !items::is_list(rest.0) {
        fixed(&mut rest, &mut record).is_some()
    } else {
        items::read(rest.0, &mut record)
    };
    if let (Some(zone_s), Some(local)) = (record.zone_s, time(date)) {
        record.fix(|fix| fix.time = Timestamp::from_secs(local.as_secs() - zone_s));
    }
    record.finish();
    Some(is_whole)
}

/// Battery and distance left, total distance in km, battery voltage, area, signal.
fn fixed(rest: &mut Bytes<'_>, record: &mut Record<'_>) -> Option<()> {
    rest.skip(4)?;
    record.odometer_m = Some(i64::from(rest.u32()?) * 1000);
    record.battery_v = Some(f64::from(rest.u16()?) / 10.0);
    record.batch.put_int("area", rest.u32()?);
    record.gsm_signal = Some(rest.u8()?);
    Some(())
}

/// 0x0704: count, whether they come from the buffer, then locations with lengths of two
/// bytes. 0x0210: locations with lengths of one byte.
pub(super) fn batch(kind: u16, body: &[u8], context: &mut Context, batch: &mut FixBatch) -> bool {
    let mut rest = Bytes(body);
    let (stated, is_archive) = if kind == 0x0704 {
        match (rest.u16(), rest.u8()) {
            (Some(count), Some(source)) => (Some(usize::from(count)), source == 1),
            _ => return false,
        }
    } else {
        (None, false)
    };
    let (mut is_whole, mut count) = (true, 0);
    while !rest.0.is_empty() {
        let len = if kind == 0x0704 { rest.u16().map(usize::from) } else { rest.u8().map(usize::from) };
        let Some(one) = len.and_then(|len| rest.take(len)) else { return false };
        is_whole &= read(one, is_archive, context, batch).unwrap_or(false);
        count += 1;
    }
    is_whole && stated.is_none_or(|stated| stated == count)
}
