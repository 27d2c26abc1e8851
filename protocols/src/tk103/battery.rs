//! Batteries that manage themselves, as `BS50` and `BS51` report them.

use model::{Fix, FixBatch, Known, Timestamp, Value};

use crate::bytes::Bytes;
use crate::put::Put;
use crate::text::hexadecimal;

/// Cells that `BS50` has room for, whether or not they are there.
const CELLS: usize = 24;
/// Temperature sensors that it has room for.
const SENSORS: usize = 7;
/// Most bytes of a report in hex.
const MAX_REPORT: usize = 1024;
/// Temperatures begin at 40 below zero.
const COLDEST_C: i64 = -40;

const CELL_NAMES: [&str; CELLS] = [
    "battery_cell_1_v",
    "battery_cell_2_v",
    "battery_cell_3_v",
    "battery_cell_4_v",
    "battery_cell_5_v",
    "battery_cell_6_v",
    "battery_cell_7_v",
    "battery_cell_8_v",
    "battery_cell_9_v",
    "battery_cell_10_v",
    "battery_cell_11_v",
    "battery_cell_12_v",
    "battery_cell_13_v",
    "battery_cell_14_v",
    "battery_cell_15_v",
    "battery_cell_16_v",
    "battery_cell_17_v",
    "battery_cell_18_v",
    "battery_cell_19_v",
    "battery_cell_20_v",
    "battery_cell_21_v",
    "battery_cell_22_v",
    "battery_cell_23_v",
    "battery_cell_24_v",
];
const SENSOR_NAMES: [&str; SENSORS] = [
    "battery_temperature_1_c",
    "battery_temperature_2_c",
    "battery_temperature_3_c",
    "battery_temperature_4_c",
    "battery_temperature_5_c",
    "battery_temperature_6_c",
    "battery_temperature_7_c",
];

/// One report in hex: three bytes, the number of cells, their millivolts and the rest below.
pub(super) fn whole(body: &[u8], now: Timestamp) -> Option<FixBatch> {
    let bytes = unhex(body)?;
    let mut report = Bytes(&bytes);
    report.skip(3)?;
    let cells = usize::from(report.u8()?);
    let mut batch = FixBatch::default();
    batch.push(Fix::nowhere(now));
    for (at, name) in CELL_NAMES.iter().enumerate() {
        let millivolts = report.u16_le()?;
        if at < cells {
            batch.put(name, Value::Float(f64::from(millivolts) / 1e3));
        }
    }
    batch.put("battery_charging", Value::Bool(report.u8()? == 0));
    batch.put("battery_current_a", Value::Float(f64::from(report.u16_le()?) / 10.0));
    batch.known(Known::BatteryVoltageV, Value::Float(f64::from(report.u16_le()?) / 100.0));
    let percent = report.u8()?;
    if percent <= 100 {
        batch.known(Known::BatteryPercent, Value::Int(i64::from(percent)));
    }
    for name in ["battery_overheated", "charge_protection", "discharge_protection"] {
        batch.put(name, Value::Bool(report.u8()? > 0));
    }
    report.skip(2)?;
    batch.put("battery_cycles", Value::Int(i64::from(report.u16_le()?)));
    batch.put("battery_fault", Value::Int(i64::from(report.u8()?)));
    report.skip(6)?;
    let sensors = usize::from(report.u8()?);
    for name in ["battery_power_temperature_c", "battery_balance_temperature_c"] {
        batch.put(name, Value::Int(i64::from(report.u8()?) + COLDEST_C));
    }
    for (at, name) in SENSOR_NAMES.iter().enumerate() {
        let degrees = report.u8()?;
        if at < sensors {
            batch.put(name, Value::Int(i64::from(degrees) + COLDEST_C));
        }
    }
    batch.put("battery_capacity_ah", Value::Float(f64::from(report.u16_le()?) / 100.0));
    batch.put("battery_discharged", Value::Int(i64::from(report.u32_le()?)));
    Some(batch)
}

/// `key:hex` with commas between, each the frame of that number of the battery's own bus.
pub(super) fn parts(body: &[u8], now: Timestamp) -> Option<FixBatch> {
    let mut batch = FixBatch::default();
    batch.push(Fix::nowhere(now));
    for part in body.split(|b| *b == b',').filter(|p| !p.is_empty()) {
        let (key, data) = part.split_at_checked(part.iter().position(|b| *b == b':')?)?;
        let bytes = unhex(data.get(1..)?)?;
        // A frame that is too short says less.
        let _ = part_of(hexadecimal(key)?, &bytes, &mut batch);
    }
    Some(batch)
}

fn part_of(key: u64, bytes: &[u8], batch: &mut FixBatch) -> Option<()> {
    let mut data = Bytes(bytes);
    let tenths = |raw: u16| Value::Float(f64::from(raw) / 10.0);
    let volts = |raw: u16| Value::Float(f64::from(raw) / 1e3);
    let celsius = |raw: u8| Value::Int(i64::from(raw) + COLDEST_C);
    match key {
        0x90 => {
            batch.known(Known::BatteryVoltageV, tenths(data.u16()?));
            batch.put("battery_gathered_v", tenths(data.u16()?));
            // Currents begin at 3,000 A below zero.
            batch.put("battery_current_a", Value::Float((f64::from(data.u16()?) - 30_000.0) / 10.0));
            let percent = i64::from(data.u16()? / 10);
            if percent <= 100 {
                batch.known(Known::BatteryPercent, Value::Int(percent));
            }
        }
        0x91 => {
            batch.put("battery_cell_max_v", volts(data.u16()?));
            batch.put("battery_cell_max", Value::Int(i64::from(data.u8()?)));
            batch.put("battery_cell_min_v", volts(data.u16()?));
            batch.put("battery_cell_min", Value::Int(i64::from(data.u8()?)));
        }
        0x92 => {
            batch.put("battery_temperature_max_c", celsius(data.u8()?));
            batch.put("battery_temperature_max", Value::Int(i64::from(data.u8()?)));
            batch.put("battery_temperature_min_c", celsius(data.u8()?));
            batch.put("battery_temperature_min", Value::Int(i64::from(data.u8()?)));
        }
        0x96 => {
            data.skip(1)?;
            for (name, raw) in SENSOR_NAMES.iter().zip(data.0.iter().filter(|raw| **raw != 0)) {
                batch.put(name, celsius(*raw));
            }
        }
        _ => {}
    }
    Some(())
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    (text.len() <= 2 * MAX_REPORT).then(|| hex::decode(text.trim_ascii()).ok()).flatten()
}
