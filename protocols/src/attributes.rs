//! Attributes under names that we give to what the manual describes but does not name.

use model::{FixBatch, Known, Timestamp, Value};

use crate::put::Put;
use crate::text::{hexadecimal, number, whole};
use crate::units::{int, single};

/// A field as text under a name of ours, where there is something in it.
pub(crate) fn text(batch: &mut FixBatch, name: &str, field: &[u8]) {
    if let Ok(text) = std::str::from_utf8(field.trim_ascii())
        && !text.is_empty()
    {
        let key = batch.name(name);
        let value = batch.text_value(text);
        batch.attribute(key, value);
    }
}

/// A field as a whole number under a name of ours, where it is one.
pub(crate) fn whole_number(batch: &mut FixBatch, name: &str, field: &[u8]) {
    if let Some(value) = whole(field) {
        batch.put(name, Value::Int(value));
    }
}

/// A field in hexadecimal digits as a number under a name of ours, where it is one.
pub(crate) fn hexadecimal_number(batch: &mut FixBatch, name: &str, field: &[u8]) {
    if let Some(value) = hexadecimal(field) {
        batch.put(name, Value::Int(int(value)));
    }
}

/// A field as a decimal number under a name of ours, where it is one.
pub(crate) fn decimal(batch: &mut FixBatch, name: &str, field: &[u8]) {
    if let Some(value) = number(field) {
        batch.put(name, Value::Float(value));
    }
}

/// A field as percent under the common name, where it is within 0 and 100.
pub(crate) fn battery_percent(batch: &mut FixBatch, percent: Option<i64>) {
    if let Some(percent) = percent.filter(|p| (0..=100).contains(p)) {
        batch.known(Known::BatteryPercent, Value::Int(percent));
    }
}

/// `YYYYMMDDHHMMSS` or whatever else the format says, as answers carry the time.
pub(crate) fn clock(time: Timestamp, format: &str) -> String {
    time.to_jiff().strftime(format).to_string()
}

/// A field as a speed in the protocol's unit: not below zero, nor beyond any vehicle's.
pub(crate) fn speed(field: &[u8]) -> Option<f64> {
    number(field).filter(|speed| (0.0..=10_000.0).contains(speed))
}

/// A field as metres above the sea, within what a receiver can be at.
pub(crate) fn altitude(field: &[u8]) -> Option<f32> {
    number(field).filter(|metres| (-20_000.0..=100_000.0).contains(metres)).map(single)
}

/// A common attribute of the fix pushed last, where it has not got it yet.
pub(crate) fn once(batch: &mut FixBatch, key: Known, value: Value) {
    if batch.fixes.last().is_some_and(|fix| batch.get(fix, key).is_none()) {
        batch.known(key, value);
    }
}

#[cfg(test)]
mod tests {
    use model::{Fix, ValueRef};

    use super::*;

    #[test]
    fn what_is_none_or_beyond_bounds_is_left_out() {
        let mut batch = FixBatch::default();
        batch.push(Fix::nowhere(Timestamp::from_secs(1_768_564_800)));
        text(&mut batch, "empty", b"  ");
        whole_number(&mut batch, "whole", b"1.5");
        decimal(&mut batch, "decimal", b"x");
        battery_percent(&mut batch, Some(101));
        assert!(batch.attributes.is_empty());

        once(&mut batch, Known::Alarm, Value::Bool(true));
        once(&mut batch, Known::Alarm, Value::Bool(false));
        hexadecimal_number(&mut batch, "cell", b"22b1");
        assert_eq!(batch.attributes.len(), 2);
        let fix = batch.fixes[0];
        assert_eq!(batch.get(&fix, Known::Alarm), Some(ValueRef::Bool(true)));

        assert_eq!((speed(b"12.5"), speed(b"-1"), speed(b"1e300")), (Some(12.5), None, None));
        assert_eq!((altitude(b"-5"), altitude(b"1e39")), (Some(-5.0), None));
        assert_eq!(clock(fix.time, "%Y%m%d%H%M%S"), "20260116120000");
    }
}
