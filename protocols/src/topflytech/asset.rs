//! Places of assets, heads 0x27: with acceleration, battery and sun; networks, access points and locks.

use model::{Fix, FixBatch, Known, Timestamp, Value};

use super::gps::{self, STORED};
use super::{CUT, Owed, utf16};
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::put::Put;

/// Bit of the status by which access points stand for the place.
const ACCESS_POINTS: u8 = 0x20;

/// Types 0x02 and 0x04.
pub(super) fn position(
    kind: u8,
    rest: &mut Bytes<'_>,
    now: Timestamp,
    batch: &mut FixBatch,
) -> Result<Owed, DecodeError> {
    let [status, alarm] = rest.array().ok_or(CUT)?;
    let time = gps::time(rest, now)?;
    gps::push(status, time, &rest.array().ok_or(CUT)?, batch);
    happened(alarm, batch);
    condition(rest, batch);
    Ok(if kind == 0x04 { Owed::Alarm(alarm) } else { Owed::Head })
}

/// Types 0x24 and 0x25: a place with satellites and dilution, or access points, or cells.
pub(super) fn wifi_or_position(
    rest: &mut Bytes<'_>,
    now: Timestamp,
    batch: &mut FixBatch,
) -> Result<Owed, DecodeError> {
    let [status, alarm] = rest.array().ok_or(CUT)?;
    let time = gps::time(rest, now)?;
    let place: [u8; 27] = rest.array().ok_or(CUT)?;
    let mut place = Bytes(&place);
    if status & ACCESS_POINTS != 0 {
        batch.push(Fix::nowhere(time));
        stored(status, batch);
        access_points(&mut place, batch);
    } else {
        let block: [u8; 16] = place.array().ok_or(CUT)?;
        let mut fix = gps::fix(status, time, &block);
        if fix.valid
            && let (Some(satellites), Some(dilution)) = (place.u8(), place.u16())
        {
            fix.satellites = Some(satellites.min(254));
            fix.hdop = (dilution != 0 && dilution != u16::MAX).then(|| f32::from(dilution) / 10.0);
        }
        let is_valid = fix.valid;
        batch.push(fix);
        stored(status, batch);
        if !is_valid {
            gps::cells(&block, batch);
        }
    }
    happened(alarm, batch);
    condition(rest, batch);
    Ok(if alarm == 0 { Owed::Head } else { Owed::Alarm(alarm) })
}

fn stored(status: u8, batch: &mut FixBatch) {
    if status & STORED != 0 {
        batch.known_bool(Known::Archive, true);
    }
}

/// Removal, opening, SOS, falls, batteries, heat, movement, collision, tilting, fences and cold are alarms.
fn happened(alarm: u8, batch: &mut FixBatch) {
    if alarm != 0 {
        batch.known_int(Known::Event, alarm);
    }
    if matches!(alarm, 0x01..=0x06 | 0x08 | 0x09 | 0x10 | 0x11 | 0x14 | 0x15 | 0x30) {
        batch.known_bool(Known::Alarm, true);
    }
}

/// What follows the place. Short messages of older devices end before it.
fn condition(rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    if let Some(axes) = rest.array() {
        gps::acceleration(axes, batch);
    }
    let Some([charge, degrees, light, battery, sun]) = rest.array() else { return };
    gps::put_charge(charge, batch);
    gps::put_temperature("device_temperature_c", degrees, batch);
    gps::put_tenths("light", light, batch);
    if let Some(tenths) = gps::digits(battery) {
        batch.known_float(Known::BatteryVoltageV, f64::from(tenths) / 10.0);
    }
    gps::put_tenths("solar_voltage_v", sun, batch);
    let (Some(metres), Some(status)) = (rest.u32(), rest.u16()) else { return };
    batch.known_int(Known::OdometerM, metres);
    batch.known_bool(Known::Ignition, status & 0x04 != 0);
    batch.known_int(Known::GsmSignal, (status >> 4) & 0x7f);
    batch.put_bool("usb_charging", status & 0x8000 != 0);
    batch.put_bool("solar_charging", status & 0x08 != 0);
    // Intervals, angle, distance, heartbeat and settings; then the kind of lock.
    if rest.skip(15).is_some()
        && let Some(lock) = rest.u8()
    {
        batch.put_int("lock_type", lock);
    }
}

/// Type 0x17: who opened a lock, and where.
pub(super) fn lock(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Result<Owed, DecodeError> {
    let time = gps::time(rest, now)?;
    let status = rest.u8().ok_or(CUT)?;
    gps::push(status, time, &rest.array().ok_or(CUT)?, batch);
    let [kind, len] = rest.array().ok_or(CUT)?;
    batch.put_int("lock_type", kind);
    batch.put_hex("lock_id", rest.take(usize::from(len)).ok_or(CUT)?);
    Ok(Owed::Head)
}

/// Type 0x15: access points that were heard.
pub(super) fn wifi(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Result<Owed, DecodeError> {
    let time = gps::time(rest, now)?;
    batch.push(Fix::nowhere(time));
    access_points(rest, batch);
    Ok(Owed::Head)
}

/// The device's own address, and three access points with their levels.
fn access_points(rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    let Some(own) = rest.array::<6>() else { return };
    batch.put_hex("wifi_address", &own);
    for point in 1..=3 {
        let (Some(address), Some(level)) = (rest.array::<6>(), rest.i8()) else { return };
        if address == [0xff; 6] || address == [0; 6] {
            continue;
        }
        let key = batch.numbered("wifi_", point, "_id");
        let value = crate::put::hex_value(batch, &address);
        batch.attribute(key, value);
        let key = batch.numbered("wifi_", point, "_rssi");
        batch.attribute(key, Value::Int(i64::from(level)));
    }
}

/// Type 0x05, and 0x11 of vehicles: operator, technology, band, IMSI and SIM card.
pub(super) fn network(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Result<Owed, DecodeError> {
    let time = gps::time(rest, now)?;
    batch.push(Fix::nowhere(time));
    if let Some(operator) = counted(rest) {
        batch.put_text("operator", utf16(operator).as_bytes());
    }
    for name in ["network_technology", "network_band", "imsi", "iccid"] {
        if let Some(text) = counted(rest) {
            batch.put_text(name, text);
        }
    }
    Ok(Owed::Head)
}

fn counted<'a>(rest: &mut Bytes<'a>) -> Option<&'a [u8]> {
    let len = rest.u8()?;
    rest.take(usize::from(len))
}
