//! `GTINF`: the state of the device.

use model::{FixBatch, Known, Timestamp, Value};

use crate::text::{hexadecimal, number, whole};

use super::attributes as add;
use super::report::{Report, is_digits, is_mac};

/// Millivolts below which a number is no supply.
const LEAST_SUPPLY_MV: f64 = 1000.0;
/// Seconds of a minute and of an hour.
const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

/// Pushes a record without a position with what the device says of itself.
pub(super) fn read(report: &Report<'_>, now: Timestamp, batch: &mut FixBatch) {
    let state_at = if report.vin().is_some() { 5 } else { 4 };
    let battery_at = battery(report, state_at);
    let fixed_at = (state_at + 6..report.end).find(|i| is_digits(report.get(*i), 14));
    let zone_at = fixed_at.and_then(|at| (at + 1..report.end).find(|i| zone(report.get(*i)).is_some()));
    report.push_nowhere(now, batch);
    if let (Some(fix), Some(offset)) = (batch.fixes.last_mut(), zone_at.and_then(|at| zone(report.get(at))))
        && let Some(sent) = report.sent
    {
        fix.time = Timestamp::from_secs(sent.as_secs() - offset);
    }
    if let Some(state) = hexadecimal(report.get(state_at)) {
        add::state(batch, state);
    }
    add::text(batch, "iccid", report.get(state_at + 1));
    if let Some(signal) = whole(report.get(state_at + 2)) {
        batch.known(Known::GsmSignal, Value::Int(signal));
    }
    supply(report, state_at + 5, battery_at, batch);
    match fixed_at {
        // Battery trackers have the percentage of their battery behind the time of the last fix.
        Some(at) if report.model.is_portable() => add::battery(batch, report.get(at + 1)),
        Some(at) => {
            if let Some(zone_at) = zone_at {
                inputs(report, at, zone_at, batch);
            }
        }
        None => {}
    }
}

/// Where the battery's voltage is: its fields before it depend on the model.
fn battery(report: &Report<'_>, state_at: usize) -> Option<usize> {
    let is_volts = |i: usize| {
        report.get(i).contains(&b'.') && number(report.get(i)).is_some_and(|volts| (2.0..=5.0).contains(&volts))
    };
    (state_at + 6..state_at + 11).find(|i| is_volts(*i))
}

/// What stands between the external supply and the battery, and the battery.
fn supply(report: &Report<'_>, from: usize, battery_at: Option<usize>, batch: &mut FixBatch) {
    let mut from = from;
    if let Some(mac) = (from..from + 3).find(|i| is_mac(report.get(*i)) && battery_at.is_none_or(|at| *i < at)) {
        add::text(batch, "sensor_id", report.get(mac));
        add::float(batch, "device_temperature_c", number(report.get(mac + 1)));
        add::float(batch, "humidity_1", number(report.get(mac + 2)));
        from = mac + 3;
    }
    let first = report.get(from);
    if first.contains(&b'.') {
        add::odometer(batch, first);
    } else if is_supply(first) {
        add::external(batch, first);
    }
    if battery_at.is_some_and(|at| at > from + 1) && is_supply(report.get(from + 1)) {
        add::float(batch, "external_voltage_2_v", add::volts(report.get(from + 1)));
    }
    if let Some(at) = battery_at {
        if let Some(volts) = number(report.get(at)) {
            batch.known(Known::BatteryVoltageV, Value::Float(volts));
        }
        if let Some(charging) = whole(report.get(at + 1)) {
            add::flag(batch, "charging", charging == 1);
        }
    }
}

fn is_supply(field: &[u8]) -> bool {
    number(field).is_some_and(|mv| mv == 0.0 || mv >= LEAST_SUPPLY_MV)
}

/// Analog inputs, inputs and outputs, which end before the time zone.
fn inputs(report: &Report<'_>, fixed_at: usize, zone_at: usize, batch: &mut FixBatch) {
    let Some(outputs_at) = zone_at.checked_sub(1).filter(|at| *at >= fixed_at + 3) else { return };
    for (index, at) in (fixed_at + 2..outputs_at - 1).take(3).enumerate() {
        add::analog(batch, index, report.get(at));
    }
    for (key, at) in [(Known::Inputs, outputs_at - 1), (Known::Outputs, outputs_at)] {
        if let Some(bits) = hexadecimal(report.get(at)) {
            batch.known(key, Value::Int(crate::units::int(bits)));
        }
    }
}

/// `+HHMM` in seconds.
fn zone(field: &[u8]) -> Option<i64> {
    let (sign, digits) = match field {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = is_digits(digits, 4).then(|| digits.split_at_checked(2))??;
    Some(sign * (whole(hours)? * HOUR + whole(minutes)? * MINUTE))
}
