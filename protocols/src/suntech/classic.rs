//! Lines of the families before the universal protocol: `ST300STT;…`, `SA200EMG;…`, `ST410STT;…`, `ST910;Location;…`.
//!
//! What stands in a line depends on the family, on the firmware and on three settings of the device, none of which the
//! line tells. The date, the latitude and the backup voltage can be told by their form, and the rest by where it stands
//! from those.

use model::{Fix, FixBatch, Known, Value};

use super::line::{Line, Place, device, is_degrees, moment};
use super::{Report, extension};
use crate::put::Put;
use crate::text::{hexadecimal, number, whole};
use crate::{DecodeError, Reply};
use model::Timestamp;

/// Minutes of the hour meter in seconds.
const MINUTE_S: i64 = 60;
/// Fields of the seven cells that the ST4 families report before the date.
const CELL_FIELDS: usize = 42;
/// Digits of the shortest id of a driver's key.
const SHORTEST_KEY: usize = 8;

/// Alerts that call for somebody: speed, antenna, fence, battery, shock, power, driving, jamming.
pub(super) fn is_alarm(alert: i64) -> bool {
    matches!(alert, 1 | 3 | 5 | 6 | 8 | 13..=16 | 18 | 40..=42 | 45..=48 | 50)
}

/// A report with a place.
pub(super) fn read<'a>(line: &Line<'a>, family: &[u8], kind: &[u8], now: Timestamp) -> Result<Report<'a>, DecodeError> {
    let device = device(line.field(1))?;
    let date = line.date_at().ok_or(DecodeError::Field("date and time"))?;
    let mut batch = FixBatch::default();
    let mut defect = Ok(());
    if date > CELL_FIELDS {
        cells_first(line, kind, date, now, &mut batch)?;
    } else {
        let rest = placed(line, date, now, &mut batch)?;
        let rest = supply(rest, &mut batch);
        let rest = match (kind, rest) {
            (b"STT", [mode, count, rest @ ..]) => {
                put_whole("mode", mode, &mut batch);
                put_whole("message_number", count, &mut batch);
                rest
            }
            (b"UEX", [_, data, checksum, rest @ ..]) => {
                defect = extension::read(data, checksum, &mut batch);
                rest
            }
            (b"EMG" | b"EVT" | b"ALT", [event, rest @ ..]) => {
                happened(kind, whole(event), &mut batch);
                rest
            }
            _ => rest,
        };
        tail(rest, &mut batch);
    }
    let reply = if kind == b"EMG" { acknowledge(family, device) } else { Reply::default() };
    Ok(Report { device, batch, reply, defect: defect.err() })
}

/// The command by which the device stops repeating an emergency.
pub(super) fn acknowledge(family: &[u8], device: &str) -> Reply {
    let mut command = Vec::with_capacity(32);
    for part in [family, b"CMD;", device.as_bytes(), b";02;AckEmerg\r"] {
        command.extend_from_slice(part);
    }
    Reply::new(&command)
}

/// Emergency, event or alert.
pub(super) fn happened(kind: &[u8], number: Option<i64>, batch: &mut FixBatch) {
    if let Some(number) = number {
        batch.known_int(Known::Event, number);
    }
    if kind == b"EMG" || (kind == b"ALT" && number.is_some_and(is_alarm)) {
        batch.known_bool(Known::Alarm, true);
    }
}

/// Version, model, time, cell and place; returns what follows them.
fn placed<'l, 'a>(
    line: &'l Line<'a>,
    date: usize,
    now: Timestamp,
    batch: &mut FixBatch,
) -> Result<&'l [&'a [u8]], DecodeError> {
    let latitude = line.latitude_at(date).ok_or(DecodeError::Field("latitude"))?;
    let time = moment(line.field(date), line.field(date + 1)).unwrap_or(now);
    let [lat, lon, speed, course, rest @ ..] = line.from(latitude) else {
        return Err(DecodeError::Format("report ends before its place does"));
    };
    let place = Place { lat, lon, speed, course, satellites: rest.first().copied().unwrap_or_default() };
    let [_, has_fix, rest @ ..] = rest else {
        return Err(DecodeError::Format("report ends before its place does"));
    };
    batch.push(place.fix(time, *has_fix == b"1"));
    if date > 3 {
        put_whole("model", line.field(date - 2), batch);
    }
    put_whole("version", line.field(date - 1), batch);
    cell(line.from(date + 2).get(..latitude - date - 2).unwrap_or(&[]), batch);
    Ok(rest)
}

/// Cell in hexadecimal; in the ST600 family also country, network, area and level.
fn cell(fields: &[&[u8]], batch: &mut FixBatch) {
    let hex = |field: &[u8]| hexadecimal(field).and_then(|n| i64::try_from(n).ok()).filter(|n| *n > 0);
    let [cell, rest @ ..] = fields else { return };
    if let Some(cell) = hex(cell) {
        batch.put_int("cell_id", cell);
    }
    if let [country, network, area, level, ..] = rest {
        put_whole("mcc", country, batch);
        put_whole("mnc", network, batch);
        if let Some(area) = hex(area) {
            batch.put_int("lac", area);
        }
        if let Some(level) = whole(level) {
            batch.known_int(Known::GsmSignal, level);
        }
    }
}

/// Distance, supply, inputs and outputs; returns what follows them.
fn supply<'l, 'a>(fields: &'l [&'a [u8]], batch: &mut FixBatch) -> &'l [&'a [u8]] {
    let [distance, power, io, rest @ ..] = fields else { return &[] };
    if let Some(metres) = whole(distance) {
        batch.known_int(Known::OdometerM, metres);
    }
    if let Some(volts) = number(power) {
        batch.known_float(Known::ExternalVoltageV, volts);
    }
    match (*io, rest) {
        // The ST500 family has a field for ignition and one for the output.
        ([ignition], [[output @ (b'0' | b'1')], rest @ ..]) => {
            batch.known_bool(Known::Ignition, *ignition == b'1');
            batch.known_int(Known::Outputs, i64::from(*output == b'1'));
            rest
        }
        (io, rest) => {
            digits(io, batch);
            rest
        }
    }
}

/// A digit each: ignition, inputs, outputs. Three inputs and two outputs, or of eight digits four and three.
fn digits(io: &[u8], batch: &mut FixBatch) {
    if io.len() < 6 || !io.iter().all(|b| matches!(b, b'0' | b'1')) {
        return;
    }
    let inputs = if io.len() >= 8 { 5 } else { 4 };
    let bits = |digits: &[u8]| {
        digits.iter().enumerate().filter(|(_, digit)| **digit == b'1').fold(0, |bits, (at, _)| bits | (1i64 << at))
    };
    let (ins, outs) = io.split_at_checked(inputs).unwrap_or((io, b""));
    batch.known_bool(Known::Ignition, io.first() == Some(&b'1'));
    batch.known_int(Known::Inputs, bits(ins));
    batch.known_int(Known::Outputs, bits(outs));
}

/// Hour meter, backup voltage and whether it is live; then, by settings, analogue inputs and engine speed, a driver's key
/// and temperatures.
fn tail(fields: &[&[u8]], batch: &mut FixBatch) {
    let Some(at) = backup_at(fields) else { return others(fields, batch) };
    others(fields.get(..at - 1).unwrap_or(&[]), batch);
    let [hours, volts, rest @ ..] = fields.get(at - 1..).unwrap_or(&[]) else { return };
    if let Some(minutes) = whole(hours) {
        batch.put_int("engine_hours_s", minutes.saturating_mul(MINUTE_S));
    }
    if let Some(volts) = number(volts) {
        batch.known_float(Known::BatteryVoltageV, volts);
    }
    let [live, rest @ ..] = rest else { return };
    if *live == b"0" {
        batch.known_bool(Known::Archive, true);
    }
    let key = rest.windows(2).position(|pair| matches!(pair, [key, known] if is_key(key, known)));
    let analogue = key.unwrap_or_else(|| rest.iter().take_while(|f| f.is_empty() || is_degrees(f)).count());
    inputs(rest.get(..analogue).unwrap_or(&[]), batch);
    let rest = rest.get(analogue..).unwrap_or(&[]);
    let rest = match (key, rest) {
        (Some(_), [key, registered, rest @ ..]) => {
            driver(key, registered, batch);
            rest
        }
        _ => rest,
    };
    let sensors = rest.iter().take_while(|f| f.contains(&b':')).count();
    temperatures(rest.get(..sensors).unwrap_or(&[]), batch);
    others(rest.get(sensors..).unwrap_or(&[]), batch);
}

/// Which field is the backup voltage: volts and tenths after a whole number, and after it 0, 1 or nothing.
fn backup_at(fields: &[&[u8]]) -> Option<usize> {
    let is_backup = |field: &[u8]| match field {
        [b'0'..=b'9', b'.', rest @ ..] => matches!(rest.len(), 1 | 2) && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let is_meter = |field: &[u8]| !field.is_empty() && field.iter().all(u8::is_ascii_digit);
    (1..fields.len()).find(|at| {
        let near = |at: usize| fields.get(at).copied();
        near(at - 1).is_some_and(is_meter)
            && near(*at).is_some_and(is_backup)
            && near(at + 1).is_none_or(|live| live == b"0" || live == b"1")
    })
}

fn is_key(key: &[u8], registered: &[u8]) -> bool {
    matches!(registered, b"0" | b"1") && key.len() >= SHORTEST_KEY && key.iter().all(u8::is_ascii_hexdigit)
}

fn driver(key: &[u8], registered: &[u8], batch: &mut FixBatch) {
    if key.iter().all(|b| *b == b'0') {
        return;
    }
    if let Ok(key) = std::str::from_utf8(key) {
        batch.known_text(Known::DriverId, key);
        batch.put_bool("driver_registered", registered == b"1");
    }
}

/// Volts with a decimal point, and the speed of the engine without one.
fn inputs(fields: &[&[u8]], batch: &mut FixBatch) {
    let mut input = 0;
    for field in fields {
        if !field.is_empty() && !field.contains(&b'.') {
            put_whole("rpm", field, batch);
            continue;
        }
        input += 1;
        if let Some(volts) = number(field) {
            let key = batch.numbered("adc_", input, "_v");
            batch.attribute(key, Value::Float(volts));
        }
    }
}

/// The number of a sensor, a colon and degrees; the colon alone where there is no sensor.
fn temperatures(fields: &[&[u8]], batch: &mut FixBatch) {
    for (at, field) in fields.iter().enumerate() {
        let degrees = field.iter().position(|b| *b == b':').and_then(|colon| field.get(colon + 1..)).and_then(number);
        if let Some(degrees) = degrees {
            let key = batch.numbered("temperature_", at + 1, "_c");
            batch.attribute(key, Value::Float(degrees));
        }
    }
}

/// What some firmware adds without the manual telling what it is.
fn others(fields: &[&[u8]], batch: &mut FixBatch) {
    for (at, field) in fields.iter().enumerate().filter(|(_, field)| !field.is_empty()) {
        let key = batch.numbered("extra_", at + 1, "");
        let value = match number(field) {
            Some(number) => Value::Float(number),
            None => crate::put::text_or_bytes(batch, field),
        };
        batch.attribute(key, value);
    }
}

/// The ST4 families: seven cells, backup voltage, live, number and mode before the date, and the place at the end.
fn cells_first(
    line: &Line<'_>,
    kind: &[u8],
    date: usize,
    now: Timestamp,
    batch: &mut FixBatch,
) -> Result<(), DecodeError> {
    let time = moment(line.field(date), line.field(date + 1)).unwrap_or(now);
    let [lat, lon, speed, course, satellites, has_fix, ..] = line.from(date + 2) else {
        return Err(DecodeError::Format("report ends before its place does"));
    };
    batch.push(Place { lat, lon, speed, course, satellites }.fix(time, *has_fix == b"1"));
    put_whole("version", line.field(2), batch);
    put_whole("model", line.field(3), batch);
    let before = line.fields().get(..date).unwrap_or(&[]);
    let Some(volts) = before.iter().position(|field| is_degrees(field)) else { return Ok(()) };
    if let Some([cell, country, network, level, area, ..]) = volts.checked_sub(CELL_FIELDS).map(|at| line.from(at)) {
        for (name, field) in [("cell_id", cell), ("mcc", country), ("mnc", network), ("lac", area)] {
            put_whole(name, field, batch);
        }
        if let Some(level) = whole(level) {
            batch.known_int(Known::GsmSignal, level);
        }
    }
    let [voltage, live, count, mode, rest @ ..] = before.get(volts..).unwrap_or(&[]) else { return Ok(()) };
    if let Some(voltage) = number(voltage) {
        batch.known_float(Known::BatteryVoltageV, voltage);
    }
    if *live == b"0" {
        batch.known_bool(Known::Archive, true);
    }
    put_whole("message_number", count, batch);
    match kind {
        b"STT" | b"UEX" => put_whole("mode", mode, batch),
        _ => happened(kind, whole(mode), batch),
    }
    for field in rest {
        if is_degrees(field)
            && let Some(degrees) = number(field)
        {
            batch.put_float("temperature_1_c", degrees);
        }
    }
    Ok(())
}

/// The ST9 families: `ST910;Location;…`, `…;Emergency;…` and `…;Alert;…`, with or without version and cell.
pub(super) fn nine<'a>(line: &Line<'a>, now: Timestamp) -> Result<Report<'a>, DecodeError> {
    let device = device(line.field(2))?;
    let date = line.date_at().ok_or(DecodeError::Field("date and time"))?;
    let latitude = line.latitude_at(date).ok_or(DecodeError::Field("latitude"))?;
    let time = moment(line.field(date), line.field(date + 1)).unwrap_or(now);
    let [lat, lon, speed, course, has_fix, rest @ ..] = line.from(latitude) else {
        return Err(DecodeError::Format("report ends before its place does"));
    };
    let mut batch = FixBatch::default();
    batch.push(Place { lat, lon, speed, course, satellites: b"" }.fix(time, *has_fix == b"1"));
    if date > 3 {
        put_whole("version", line.field(3), &mut batch);
    }
    cell(line.from(date + 2).get(..latitude - date - 2).unwrap_or(&[]), &mut batch);
    if line.field(1) != b"Location" {
        batch.known_bool(Known::Alarm, true);
    }
    let rest = match rest {
        [volts, rest @ ..] if is_degrees(volts) => {
            if let Some(volts) = number(volts) {
                batch.known_float(Known::BatteryVoltageV, volts);
            }
            rest
        }
        [distance, percent, rest @ ..] => {
            if let Some(metres) = whole(distance) {
                batch.known_int(Known::OdometerM, metres);
            }
            if let Some(percent) = whole(percent).filter(|p| (0..=100).contains(p)) {
                batch.known_int(Known::BatteryPercent, percent);
            }
            rest
        }
        [_] | [] => &[],
    };
    if line.field(1) == b"Location" || date > 3 {
        let [live, rest @ ..] = rest else { return Ok(Report::silent(device, batch)) };
        if *live == b"0" {
            batch.known_bool(Known::Archive, true);
        }
        if let (b"Location", [mode, count, ..]) = (line.field(1), rest) {
            put_whole("mode", mode, &mut batch);
            put_whole("message_number", count, &mut batch);
        }
    }
    Ok(Report::silent(device, batch))
}

/// What was driven since the ignition came on: the place at the end, and the driver.
pub(super) fn travel<'a>(line: &Line<'a>, now: Timestamp) -> Result<Report<'a>, DecodeError> {
    let device = device(line.field(1))?;
    let time = line.date_at().and_then(|at| moment(line.field(at), line.field(at + 1))).unwrap_or(now);
    let mut places = line.fields().windows(2).filter(|pair| pair.iter().all(|f| is_signed_degrees(f)));
    let fix = match (places.next(), places.nth(1)) {
        (Some(_), Some([lat, lon])) => Place { lat, lon, speed: b"", course: b"", satellites: b"" }.fix(time, true),
        _ => Fix::nowhere(time),
    };
    let mut batch = FixBatch::default();
    batch.push(fix);
    if let Some([distance, power, io, ..]) = line.date_at().map(|at| line.from(at + 2)) {
        supply(&[*distance, *power, *io], &mut batch);
    }
    let key = line.fields().last().filter(|key| is_key(key, b"1") && key.iter().any(|b| *b != b'0'));
    if let Some(key) = key.and_then(|key| std::str::from_utf8(key).ok()) {
        batch.known_text(Known::DriverId, key);
    }
    Ok(Report::silent(device, batch))
}

fn is_signed_degrees(field: &[u8]) -> bool {
    matches!(field, [b'+' | b'-', ..]) && is_degrees(field)
}

/// A whole number under a name, where the field is one.
pub(super) fn put_whole(name: &str, field: &[u8], batch: &mut FixBatch) {
    if let Some(number) = whole(field) {
        batch.put_int(name, number);
    }
}
