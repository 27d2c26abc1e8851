//! The universal protocol of ST4000 and later, as lines and packed. A map of bits says which fields are there.

use model::{AttributeKey, Fix, FixBatch, Known, Timestamp, Value};

use super::line::{Line, Place, device, moment};
use super::packed::{self, CUT, ID_DIGITS};
use super::{Report, classic, extension};
use crate::bytes::Bytes;
use crate::civil::utc;
use crate::put::Put;
use crate::text::{hexadecimal, number, whole};
use crate::{DecodeError, units};

/// Fields of the map that a report of serial data has before the length of those.
pub(super) const BEFORE_DATA: u64 = 0x0007_fffe;
/// Fields of the map before those that the device's settings assign.
const FIXED: usize = 23;
/// The field of the map that is a map of assigned fields.
const ASSIGNED: u64 = 1 << 23;

const STATUS: u8 = 0x81;
const ALERT: u8 = 0x82;
/// The alert that a driver's key was read, with the key as its data.
const DRIVER: i64 = 59;
/// Most beacons of a report.
const MAX_BEACONS: usize = 32;

/// `STT`, `ALT` and kin.
pub(super) fn read<'a>(line: &Line<'a>, now: Timestamp) -> Result<Report<'a>, DecodeError> {
    let kind = line.field(0);
    let device = device(line.field(1))?;
    let map = hexadecimal(line.field(2)).ok_or(DecodeError::Field("report map"))?;
    let mut rest = line.from(3).iter().copied();
    let mut at: [&[u8]; FIXED] = [b""; FIXED];
    for (bit, place) in at.iter_mut().enumerate().skip(1).filter(|(bit, _)| map >> bit & 1 == 1) {
        *place = rest.next().unwrap_or_default();
        let _ = bit;
    }
    let [
        _,
        model,
        version,
        live,
        date,
        time,
        cell,
        country,
        network,
        area,
        level,
        lat,
        lon,
        speed,
        course,
        satellites,
        has_fix,
        inputs,
        outputs,
        first,
        second,
        third,
        _,
    ] = at;
    let mut batch = FixBatch::default();
    let place = Place { lat, lon, speed, course, satellites };
    batch.push(place.fix(moment(date, time).unwrap_or(now), has_fix == b"1"));
    classic::put_whole("model", model, &mut batch);
    batch.put_text("version", version);
    if live == b"0" {
        batch.known_bool(Known::Archive, true);
    }
    network_of(cell, country, network, area, level, &mut batch);
    if let Some(bits) = binary(inputs) {
        batch.known_bool(Known::Ignition, bits & 1 != 0);
        batch.known_int(Known::Inputs, bits);
    }
    if let Some(bits) = binary(outputs) {
        batch.known_int(Known::Outputs, bits);
    }
    let mut defect = Ok(());
    match kind {
        b"STT" => {
            for (name, field) in [("mode", first), ("reason", second), ("message_number", third)] {
                classic::put_whole(name, field, &mut batch);
            }
        }
        b"UEX" if !third.is_empty() => defect = extension::read(second, third, &mut batch),
        _ => alert(kind, first, second, third, &mut batch),
    }
    let assigned = if map & ASSIGNED == 0 { None } else { rest.next().and_then(hexadecimal) };
    assign(assigned, rest, &mut batch);
    Ok(Report { defect: defect.err(), ..Report::silent(device, batch) })
}

fn network_of(cell: &[u8], country: &[u8], network: &[u8], area: &[u8], level: &[u8], batch: &mut FixBatch) {
    let hex = |field| hexadecimal(field).and_then(|n| i64::try_from(n).ok());
    if let Some(cell) = hex(cell).filter(|cell| *cell > 0) {
        batch.put_int("cell_id", cell);
        classic::put_whole("mcc", country, batch);
        classic::put_whole("mnc", network, batch);
        if let Some(area) = hex(area) {
            batch.put_int("lac", area);
        }
    }
    if let Some(level) = whole(level) {
        batch.known_int(Known::GsmSignal, level);
    }
}

fn alert(kind: &[u8], number: &[u8], modifier: &[u8], data: &[u8], batch: &mut FixBatch) {
    let number = whole(number);
    classic::happened(kind, number, batch);
    classic::put_whole("alert_modifier", modifier, batch);
    if number == Some(DRIVER)
        && let Ok(key) = std::str::from_utf8(data)
        && !key.is_empty()
    {
        batch.known_text(Known::DriverId, key);
    } else {
        batch.put_text("alert_data", data);
    }
}

/// A digit a bit, the highest first.
fn binary(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 32 || !digits.iter().all(|b| matches!(b, b'0' | b'1')) {
        return None;
    }
    Some(digits.iter().fold(0, |bits, digit| bits << 1 | i64::from(digit - b'0')))
}

/// Fields of the device's settings: by a map, or, without one, as many as there are.
fn assign<'a>(map: Option<u64>, fields: impl Iterator<Item = &'a [u8]>, batch: &mut FixBatch) {
    let map = map.unwrap_or(0b111);
    let mut bits = (0..32u32).filter(|bit| map >> bit & 1 == 1);
    for field in fields {
        let Some(bit) = bits.next() else { return };
        if field.is_empty() {
            continue;
        }
        match (bit, number(field)) {
            (0, Some(volts)) => batch.known_float(Known::BatteryVoltageV, volts),
            (1, Some(volts)) => batch.known_float(Known::ExternalVoltageV, volts),
            (2, Some(_)) if whole(field).is_some() => {
                batch.known_int(Known::OdometerM, whole(field).unwrap_or_default());
            }
            (_, Some(value)) => batch.attribute(AttributeKey::Number(bit), Value::Float(value)),
            (_, None) => {
                let value = crate::put::text_or_bytes(batch, field);
                batch.attribute(AttributeKey::Number(bit), value);
            }
        }
    }
}

/// Beacons that were heard: a fixed head, a count, and seven fields each.
pub(super) fn beacons<'a>(line: &Line<'a>, now: Timestamp) -> Result<Report<'a>, DecodeError> {
    let device = device(line.field(1))?;
    let [model, version, date, time, lat, lon, count, rest @ ..] = line.from(2) else {
        return Err(DecodeError::Format("report ends before its place does"));
    };
    let mut batch = FixBatch::default();
    let place = Place { lat, lon, speed: b"", course: b"", satellites: b"" };
    batch.push(place.fix(moment(date, time).unwrap_or(now), true));
    classic::put_whole("model", model, &mut batch);
    batch.put_text("version", version);
    let count = whole(count).and_then(|n| usize::try_from(n).ok()).unwrap_or(0).min(MAX_BEACONS);
    for (at, tag) in rest.chunks_exact(7).take(count).enumerate() {
        let [level, _, _, address, samples, major, minor] = tag else { continue };
        for (name, field) in [("_rssi", level), ("_samples", samples), ("_major", major), ("_minor", minor)] {
            if let Some(value) = whole(field) {
                let key = batch.numbered("tag_", at + 1, name);
                batch.attribute(key, Value::Int(value));
            }
        }
        let key = batch.numbered("tag_", at + 1, "_id");
        let value = crate::put::text_or_bytes(&mut batch, address);
        batch.attribute(key, value);
    }
    Ok(Report::silent(device, batch))
}

/// The packed form: sender, map, and the map's fields in fixed widths.
pub(super) fn packed<'a>(
    kind: u8,
    body: &[u8],
    now: Timestamp,
    id: &'a mut [u8; ID_DIGITS],
) -> Result<Option<Report<'a>>, DecodeError> {
    let mut rest = Bytes(body);
    let device = packed::sender(&mut rest, id)?;
    let mut batch = FixBatch::default();
    if matches!(kind, STATUS | ALERT) {
        let map = rest.u24().ok_or(CUT)?;
        fields(kind, map, &mut rest, now, &mut batch).ok_or(CUT)?;
    } else if !rest.0.is_empty() {
        // Of the kinds that carry more than their sender, only these two are described.
        return Ok(None);
    }
    Ok(Some(Report::silent(device, batch)))
}

fn fields(kind: u8, map: u32, rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Option<()> {
    let has = |bit: u32| map >> bit & 1 == 1;
    let model = if has(1) { Some(rest.u8()?) } else { None };
    let version = if has(2) { Some(rest.array::<3>()?) } else { None };
    let stored = has(3) && rest.u8()? == 0;
    let date = if has(4) { Some(rest.array::<3>()?) } else { None };
    let clock = if has(5) { Some(rest.array::<3>()?) } else { None };
    let time = date.zip(clock).and_then(|([year, month, day], [h, m, s])| {
        utc(2000 + i64::from(year), month, day, packed::seconds(h, m, s)?, 0)
    });
    let cell = if has(6) { rest.u32()? } else { 0 };
    let country = if has(7) { rest.u16()? } else { 0 };
    let network = if has(8) { rest.u16()? } else { 0 };
    let area = if has(9) { rest.u16()? } else { 0 };
    let level = if has(10) { Some(rest.u8()?) } else { None };
    let lat = if has(11) { Some(signed(rest.u32()?)) } else { None };
    let lon = if has(12) { Some(signed(rest.u32()?)) } else { None };
    let speed = if has(13) { Some(f64::from(rest.u16()?) / 100.0) } else { None };
    let course = if has(14) { Some(f64::from(rest.u16()?) / 100.0) } else { None };
    let satellites = if has(15) { Some(rest.u8()?) } else { None };
    let has_fix = has(16) && rest.u8()? > 0;
    let position = lat.zip(lon).and_then(|(lat, lon)| packed::place(lat, lon));
    batch.push(Fix {
        position,
        valid: has_fix && position.is_some(),
        speed_mps: speed.map(units::kmh),
        heading_deg: course.and_then(units::heading),
        satellites: satellites.map(|n| n.min(254)),
        ..Fix::nowhere(time.unwrap_or(now))
    });
    if let Some(model) = model {
        batch.put_int("model", model);
    }
    if let Some([a, b, c]) = version {
        batch.put_int("version", (i64::from(a) * 100 + i64::from(b)) * 100 + i64::from(c));
    }
    if stored {
        batch.known_bool(Known::Archive, true);
    }
    if cell != 0 {
        for (name, value) in [("cell_id", cell), ("mcc", country.into()), ("mnc", network.into()), ("lac", area.into())]
        {
            batch.put_int(name, value);
        }
    }
    if let Some(level) = level {
        batch.known_int(Known::GsmSignal, level);
    }
    if has(17) {
        let inputs = rest.u8()?;
        batch.known_bool(Known::Ignition, inputs & 1 != 0);
        batch.known_int(Known::Inputs, inputs);
    }
    if has(18) {
        batch.known_int(Known::Outputs, rest.u8()?);
    }
    if kind == STATUS { status(map, rest, batch) } else { packed_alert(map, rest, batch) }
}

/// A number whose highest bit is its sign, in millionths.
fn signed(value: u32) -> f64 {
    let size = f64::from(value & 0x7fff_ffff) / 1e6;
    if value >> 31 == 1 { -size } else { size }
}

fn status(map: u32, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    for (bit, name) in [(19, "mode"), (20, "reason")] {
        if map >> bit & 1 == 1 {
            batch.put_int(name, rest.u8()?);
        }
    }
    if map >> 21 & 1 == 1 {
        batch.put_int("message_number", rest.u16()?);
    }
    packed_assigned(map, rest, batch);
    Some(())
}

fn packed_alert(map: u32, rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let number = if map >> 19 & 1 == 1 { Some(i64::from(rest.u8()?)) } else { None };
    classic::happened(b"ALT", number, batch);
    if map >> 20 & 1 == 1 {
        batch.put_int("alert_modifier", rest.u16()?);
    }
    // How long the data are, only the driver's key tells.
    if map >> 21 & 1 == 1 && number == Some(DRIVER) {
        let key: [u8; 8] = rest.array()?;
        batch.known_hex(Known::DriverId, &key);
        packed_assigned(map, rest, batch);
    } else if map >> 21 & 1 == 0 {
        packed_assigned(map, rest, batch);
    }
    Some(())
}

/// Backup voltage in tenths, supply in hundredths and odometer, which devices begin their assigned fields with.
fn packed_assigned(map: u32, rest: &mut Bytes<'_>, batch: &mut FixBatch) {
    if map >> 22 & 1 == 1 {
        return;
    }
    let (Some(backup), Some(supply), Some(metres)) = (rest.u16(), rest.u16(), rest.u32()) else { return };
    batch.known_float(Known::BatteryVoltageV, f64::from(backup) / 10.0);
    batch.known_float(Known::ExternalVoltageV, f64::from(supply) / 100.0);
    batch.known_int(Known::OdometerM, metres);
}
