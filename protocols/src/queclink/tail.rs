//! What follows the last position: mileage, hours, analog inputs, battery and status, in an
//! order that depends on the model and, within it, on the version.

use model::{FixBatch, Known, Value};

use crate::text::{hexadecimal, whole};

use super::attributes as add;
use super::model::Model;
use super::report::Report;

/// Most fields before the status: mileage, hours, three inputs, one for later use, battery.
const MOST_BEFORE_STATUS: usize = 8;

/// Reads the fields from `from` on as those of a position report.
pub(super) fn read(report: &Report<'_>, from: usize, batch: &mut FixBatch) {
    let tail = report.range(from, report.end);
    if report.model == Model::Gl5 && gl5(tail, batch) {
        return;
    }
    if let Some(status) = status(tail) {
        before_status(tail, status, batch);
        after_status(tail.get(status + 1..).unwrap_or_default(), batch);
        return;
    }
    match tail {
        [only] if only.contains(&b'.') => add::odometer(batch, only),
        [only] => add::battery(batch, only),
        [first, battery] => {
            if first.contains(&b'.') {
                add::odometer(batch, first);
            } else if let Some(signal) = whole(first) {
                signalled(report, signal, batch);
            }
            add::battery(batch, battery);
        }
        _ if report.model == Model::Gv200 => gv200(tail, batch),
        [mileage, hours, adc1, adc2, battery, ..] => {
            odometer_and_hours(mileage, hours, batch);
            add::analog(batch, 0, adc1);
            add::analog(batch, 1, adc2);
            add::battery(batch, battery);
        }
        [mileage, ..] if mileage.contains(&b'.') => add::odometer(batch, mileage),
        _ => {}
    }
}

/// Where the status is: six hex digits that begin with a state, or the state alone behind the
/// percentage of the battery.
pub(super) fn status(tail: &[&[u8]]) -> Option<usize> {
    let is_status = |at: usize, field: &[u8]| {
        let battery = tail.get(at.checked_sub(1)?).copied().unwrap_or_default();
        let percent = battery.is_empty() || whole(battery).is_some_and(|p| (0..=100).contains(&p));
        let value = hexadecimal(field)?;
        let long = matches!(field.len(), 6 | 8 | 10) && add::is_state(value >> (4 * (field.len() - 2)));
        let short = field.len() == 2 && at >= 5 && !battery.is_empty() && add::is_state(value);
        (percent && (long || short)).then_some(at)
    };
    tail.iter().enumerate().take(MOST_BEFORE_STATUS).skip(1).find_map(|(at, field)| is_status(at, field))
}

/// Mileage, hours, analog inputs and battery, which end at the status.
pub(super) fn before_status(tail: &[&[u8]], status: usize, batch: &mut FixBatch) {
    let battery = status.saturating_sub(1);
    let field = |i: usize| if i < battery { tail.get(i).copied().unwrap_or_default() } else { b"" };
    odometer_and_hours(field(0), field(1), batch);
    for (index, at) in (2..5).enumerate() {
        add::analog(batch, index, field(at));
    }
    add::battery(batch, tail.get(battery).copied().unwrap_or_default());
    add::status(batch, tail.get(status).copied().unwrap_or_default());
}

/// Engine speed, consumption and level of the tank, of devices on a diagnostic socket.
fn after_status(tail: &[&[u8]], batch: &mut FixBatch) {
    let [rpm, consumption, level, ..] = tail else { return };
    add::int(batch, "rpm", whole(rpm));
    add::float(batch, "fuel_consumption_l_100km", crate::text::number(consumption));
    add::int(batch, "fuel_level_percent", whole(level));
}

fn odometer_and_hours(mileage: &[u8], hours: &[u8], batch: &mut FixBatch) {
    add::odometer(batch, mileage);
    if hours.contains(&b':') {
        add::hour_meter(batch, hours);
    }
}

/// Error rate, battery in millivolts, in percent, mode, movement, temperature.
fn gl5(tail: &[&[u8]], batch: &mut FixBatch) -> bool {
    let [error_rate, millivolts, battery, mode, moving, rest @ ..] = tail else { return false };
    let may_be = |field: &[u8], digits: usize| field.len() <= digits && field.iter().all(u8::is_ascii_digit);
    if !may_be(error_rate, 2) || !may_be(millivolts, 5) || !may_be(battery, 3) || !may_be(mode, 1) || !may_be(moving, 1)
    {
        return false;
    }
    if let Some(volts) = add::volts(millivolts).filter(|v| *v > 0.0) {
        batch.known(Known::BatteryVoltageV, Value::Float(volts));
    }
    add::battery(batch, battery);
    moves(moving, batch);
    if let [temperature, ..] = rest {
        add::float(batch, "temperature_1_c", crate::text::number(temperature));
    }
    true
}

/// Whether it moves, as `0` or `1`.
pub(super) fn moves(field: &[u8], batch: &mut FixBatch) {
    if let Some(moving) = whole(field) {
        batch.known(Known::Movement, Value::Bool(moving > 0));
    }
}

/// Mileage, hours, three analog inputs, inputs and outputs.
pub(super) fn gv200(tail: &[&[u8]], batch: &mut FixBatch) {
    let [mileage, hours, adc1, adc2, adc3, inputs, outputs, ..] = tail else { return };
    odometer_and_hours(mileage, hours, batch);
    for (index, adc) in [adc1, adc2, adc3].into_iter().enumerate() {
        add::analog(batch, index, adc);
    }
    for (key, field) in [(Known::Inputs, inputs), (Known::Outputs, outputs)] {
        if let Some(bits) = hexadecimal(field) {
            batch.known(key, Value::Int(crate::units::int(bits)));
        }
    }
}

/// Battery trackers that send the signal's strength here say by the report type whether they
/// move and charge.
fn signalled(report: &Report<'_>, signal: i64, batch: &mut FixBatch) {
    if !(0..=31).contains(&signal) {
        return;
    }
    batch.known(Known::GsmSignal, Value::Int(signal));
    if let Some(kind) = hexadecimal(report.get(5)).filter(|_| report.get(5).len() <= 2) {
        batch.known(Known::Movement, Value::Bool(kind & 1 != 0));
        add::flag(batch, "charging", kind & 2 != 0);
    }
}
