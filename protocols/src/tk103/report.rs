//! Bodies without a position: batteries, cells, wireless networks, a vehicle's number.

use model::{Fix, FixBatch, Known, Timestamp, Value};

use crate::attributes::{battery_percent, text, whole_number};
use crate::text::{day_month_year, hexadecimal, number, whole};
use crate::units::int;

/// Most cells or wireless networks kept of a report.
const NETWORKS: [&str; 8] =
    ["network_1", "network_2", "network_3", "network_4", "network_5", "network_6", "network_7", "network_8"];
/// Seventeen characters, as ISO 3779 has it.
const VIN: usize = 17;

fn nowhere(time: Timestamp) -> FixBatch {
    let mut batch = FixBatch::default();
    batch.push(Fix::nowhere(time));
    batch
}

/// `ZC20`: `DDMMYY,HHMMSS,level,battery,supply,installed`.
pub(super) fn supplies(body: &[u8], now: Timestamp) -> Option<FixBatch> {
    let mut fields = body.split(|b| *b == b',').skip_while(|f| f.is_empty());
    let (date, clock) = (fields.next()?, fields.next()?);
    let mut batch = nowhere(day_month_year(date, clock).unwrap_or(now));
    battery_percent(&mut batch, whole(fields.next()?).and_then(level));
    let volts = |field: &[u8], unit: f64| number(field).filter(|raw| *raw != 65_535.0).map(|raw| raw / unit);
    if let Some(volts) = volts(fields.next()?, 100.0) {
        batch.known(Known::BatteryVoltageV, Value::Float(volts));
    }
    if let Some(volts) = volts(fields.next()?, 10.0) {
        batch.known(Known::ExternalVoltageV, Value::Float(volts));
    }
    Some(batch)
}

/// The steps of a battery's level, in percent.
const fn level(step: i64) -> Option<i64> {
    match step {
        6 => Some(100),
        5 => Some(80),
        4 => Some(50),
        3 => Some(20),
        2 => Some(10),
        1 => Some(0),
        _ => None,
    }
}

/// `DW5x`: `mcc,mnc,lac,cell,count`, the wireless networks, `DDMMYY,HHMMSS`.
pub(super) fn networks(body: &[u8], now: Timestamp) -> Option<FixBatch> {
    let body = body.strip_prefix(b",").unwrap_or(body);
    let count = whole(body.split(|b| *b == b',').nth(4)?).and_then(|n| usize::try_from(n).ok())?;
    let mut later = body.split(|b| *b == b',').skip(count.checked_add(5)?);
    let (date, clock) = (later.next()?, later.next()?);
    let mut batch = nowhere(day_month_year(date, clock).unwrap_or(now));
    let mut fields = body.split(|b| *b == b',');
    for name in ["mcc", "mnc", "lac", "cell"] {
        whole_number(&mut batch, name, fields.next()?);
    }
    for (name, network) in NETWORKS.iter().zip(fields.skip(1).take(count)) {
        text(&mut batch, name, network);
    }
    Some(batch)
}

/// `BZ00` and others: cells in braces, a line each, or with commas in hex; then the odometer.
pub(super) fn cells(body: &[u8], now: Timestamp) -> Option<FixBatch> {
    let at = body.iter().position(|b| *b == b',')?;
    let list = body.get(at + 1..)?;
    let mut batch = nowhere(now);
    if list.starts_with(b"{") {
        let braced = list.split(|b| *b == b'{').skip(1).filter_map(|part| part.split(|b| *b == b'}').next());
        for (name, cell) in NETWORKS.iter().zip(braced) {
            text(&mut batch, name, cell);
        }
    } else {
        let mut fields = list.split(|b| *b == b',');
        whole_number(&mut batch, "mcc", fields.next()?);
        whole_number(&mut batch, "mnc", fields.next()?);
        for name in ["lac", "cell"] {
            crate::attributes::hexadecimal_number(&mut batch, name, fields.next()?);
        }
        text(&mut batch, "cells", list);
    }
    let last = list.rsplit(|b| *b == b',').next().filter(|field| field.len() == 8);
    if let Some(metres) = last.and_then(hexadecimal) {
        batch.known(Known::OdometerM, Value::Int(int(metres)));
    }
    Some(batch)
}

/// `BV00`: the vehicle's number.
pub(super) fn vehicle(body: &[u8], now: Timestamp) -> Option<FixBatch> {
    let body = body.trim_ascii();
    (body.len() == VIN && body.iter().all(u8::is_ascii_alphanumeric)).then(|| {
        let mut batch = nowhere(now);
        text(&mut batch, "vin", body);
        batch
    })
}

/// The words between two `$` of an answer to a command.
pub(super) fn words(body: &[u8]) -> Option<&[u8]> {
    let at = body.iter().position(|b| *b == b'$')?;
    body.get(at + 1..)?.split(|b| *b == b'$').next()
}
