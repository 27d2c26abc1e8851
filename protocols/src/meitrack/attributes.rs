//! Adding what a record says to the fix pushed last.

use model::{FixBatch, Known, Value};

use super::event;

/// A whole number under a name of ours.
pub(super) fn int(batch: &mut FixBatch, name: &str, value: Option<i64>) {
    if let Some(value) = value {
        let key = batch.name(name);
        batch.attribute(key, Value::Int(value));
    }
}

/// A measurement under a name of ours.
pub(super) fn float(batch: &mut FixBatch, name: &str, value: Option<f64>) {
    if let Some(value) = value {
        let key = batch.name(name);
        batch.attribute(key, Value::Float(value));
    }
}

/// Text under a name of ours, where there is any.
pub(super) fn text(batch: &mut FixBatch, name: &str, field: &[u8]) {
    if let Ok(field) = std::str::from_utf8(field)
        && !field.is_empty()
    {
        let key = batch.name(name);
        let value = batch.text_value(field);
        batch.attribute(key, value);
    }
}

/// The driver's card or key.
pub(super) fn driver(batch: &mut FixBatch, card: &str) {
    let value = batch.text_value(card);
    batch.known(Known::DriverId, value);
}

/// The event code, and whether it is an alarm.
pub(super) fn event(batch: &mut FixBatch, code: u32) {
    batch.known(Known::Event, Value::Int(i64::from(code)));
    if event::is_alarm(code) {
        batch.known(Known::Alarm, Value::Bool(true));
    }
}

/// Country, network, area, cell.
pub(super) fn cell(batch: &mut FixBatch, cell: [Option<i64>; 4]) {
    for (name, value) in ["mcc", "mnc", "lac", "cell"].into_iter().zip(cell) {
        int(batch, name, value);
    }
}

/// Inputs and outputs as bits.
pub(super) fn ports(batch: &mut FixBatch, inputs: u64, outputs: u64) {
    batch.known(Known::Inputs, Value::Int(crate::units::int(inputs)));
    batch.known(Known::Outputs, Value::Int(crate::units::int(outputs)));
}
