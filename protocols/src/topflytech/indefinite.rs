//! Types 0x62 and 0x64: places of newer devices, whose fields have numbers and stand in groups of three types.

use model::{Fix, FixBatch, Known, LatLon, Timestamp};

use super::gps;
use super::{CUT, Owed};
use crate::bytes::Bytes;
use crate::put::Put;
use crate::{DecodeError, units};

/// Bits of the byte of information.
const STORED: u8 = 0x80;
const WANTS_ANSWER: u8 = 0x40;
const ENCRYPTED: u8 = 0x30;

pub(super) fn read(kind: u8, rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Result<Owed, DecodeError> {
    let [_checksum, information] = rest.array().ok_or(CUT)?;
    if information & ENCRYPTED != 0 {
        return Err(DecodeError::Format("message is encrypted, which is not read; turn the tracker's encryption off"));
    }
    let mut fix = Fix::nowhere(gps::time(rest, now)?);
    fields(rest.0, &mut |group, number, value| place(group, number, value, &mut fix));
    batch.push(fix);
    if information & STORED != 0 {
        batch.known_bool(Known::Archive, true);
    }
    let mut alarm = 0;
    fields(rest.0, &mut |group, number, value| {
        if (group, number) == (2, 0x01) {
            alarm = value.first().copied().unwrap_or_default();
        }
        attribute(group, number, value, batch);
    });
    if kind == 0x64 {
        batch.known_bool(Known::Alarm, true);
    }
    Ok(match (kind, information & WANTS_ANSWER != 0) {
        (0x64, _) => Owed::Alarm(alarm),
        (_, true) => Owed::Head,
        _ => Owed::Nothing,
    })
}

/// Calls back for each field: a byte for the type of the group, a count, and that many numbers with values, of which the
/// number tells the width, or in the third type a byte of length.
fn fields(content: &[u8], each: &mut dyn FnMut(u8, u16, &[u8])) {
    let mut rest = Bytes(content);
    while let Some(group) = rest.u8() {
        let count = if group == 3 { rest.u16() } else { rest.u8().map(u16::from) };
        for _ in 0..count.unwrap_or(0) {
            let number = if group == 3 { rest.u16() } else { rest.u8().map(u16::from) };
            let width = match (group, number) {
                (1, Some(0x00..=0x7f)) | (2, Some(0x00..=0x5f)) => Some(1),
                (1, Some(0x80..=0xbf)) | (2, Some(0x60..=0x9f)) => Some(2),
                (1, Some(0xc0..=0xef)) | (2, Some(0xa0..=0xff)) => Some(4),
                (1, Some(0xf0..=0xff)) => Some(8),
                (3, Some(_)) => rest.u8().map(usize::from),
                _ => None,
            };
            let Some((number, value)) = number.zip(width.and_then(|width| rest.take(width))) else { return };
            each(group, number, value);
        }
    }
}

fn place(group: u8, number: u16, value: &[u8], fix: &mut Fix) {
    let mut rest = Bytes(value);
    match (group, number) {
        (3, 0x01) => {
            let read = rest.f32_le().zip(rest.f32_le().zip(rest.f32_le())).zip(rest.u16());
            let Some(((altitude, (lon, lat)), course)) = read else { return };
            fix.position = LatLon::new(f64::from(lat), f64::from(lon)).filter(|p| !p.is_null_island());
            fix.valid = fix.position.is_some();
            fix.altitude_m = (fix.valid && altitude.is_finite()).then_some(altitude);
            fix.heading_deg = if fix.valid { units::heading(f64::from(course)) } else { None };
            fix.satellites = value.get(16).map(|n| (*n).min(254));
        }
        (2, 0x62) => fix.speed_mps = rest.u16().filter(|kmh| *kmh != u16::MAX).map(|kmh| units::kmh(f64::from(kmh))),
        _ => {}
    }
}

fn attribute(group: u8, number: u16, value: &[u8], batch: &mut FixBatch) {
    let mut rest = Bytes(value);
    let byte = value.first().copied().unwrap_or_default();
    let word = || Bytes(value).u16().unwrap_or_default();
    let mut long = || rest.u32().unwrap_or_default();
    match (group, number) {
        (2, 0x01) if byte != 0 => batch.known_int(Known::Event, byte),
        (2, 0x02) if byte & STORED != 0 => batch.known_bool(Known::Archive, true),
        (2, 0x03) => batch.known_int(Known::GsmSignal, byte),
        (2, 0x04) => batch.known_int(Known::Outputs, byte),
        (2, 0x05) => batch.known_int(Known::Inputs, byte),
        (2, 0x07) if byte <= 100 => batch.known_int(Known::BatteryPercent, byte),
        (2, 0x0a) => gps::put_temperature("device_temperature_c", byte, batch),
        (2, 0x0f) => batch.put_int("lock_type", byte),
        (2, 0x60) => batch.known_float(Known::BatteryVoltageV, f64::from(word()) / 1000.0),
        (2, 0x61) => {
            batch.known_bool(Known::Ignition, byte & 0x80 != 0);
            batch.put_bool("air_conditioner", byte & 0x40 != 0);
            batch.put_bool("usb_charging", byte & 0x10 != 0);
            batch.put_bool("solar_charging", byte & 0x08 != 0);
        }
        (2, 0x63) => batch.put_float("solar_voltage_v", f64::from(word()) / 10.0),
        (2, 0x64) => batch.put_float("temperature_1_c", signed_hundredths(value)),
        (2, 0x65) => batch.put_float("humidity_1", signed_hundredths(value)),
        (2, 0xa0) => batch.known_int(Known::OdometerM, long()),
        (2, 0xa1) => batch.known_float(Known::ExternalVoltageV, f64::from(long()) / 1000.0),
        (2, 0xa2) => batch.put_int("light", long()),
        (3, 0x05) => axes(["acceleration_x", "acceleration_y", "acceleration_z"], value, batch),
        (3, 0x06) => axes(["rotation_x", "rotation_y", "rotation_z"], value, batch),
        _ => {}
    }
}

/// A sign bit and a whole number, then hundredths.
fn signed_hundredths(value: &[u8]) -> f64 {
    let [whole, part, ..] = value else { return 0.0 };
    let size = f64::from(whole & 0x7f) + f64::from(*part) / 100.0;
    if whole & 0x80 == 0 { size } else { -size }
}

fn axes(names: [&str; 3], value: &[u8], batch: &mut FixBatch) {
    let mut rest = Bytes(value);
    for name in names {
        if let Some(axis) = rest.i16() {
            batch.put_int(name, axis);
        }
    }
}
