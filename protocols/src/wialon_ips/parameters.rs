//! Additional parameters, `name:type:value` with commas between.

use std::io::Write;

use model::{FixBatch, Known, Value};

use super::record::{present, whole};
use crate::common::{by_name, convert};
use crate::text::number;

/// Text that is longer is not looked at for a number.
const LONGEST_NUMBER: usize = 18;

/// Names under which devices send what has a common name here, beside the common names
/// themselves. `SOS` is the manual's; the others are those that Wialon's own device
/// integrations use.
const ALIASES: [(&str, Known); 11] = [
    ("SOS", Known::Alarm),
    ("motion", Known::Movement),
    ("ign", Known::Ignition),
    ("bat", Known::BatteryPercent),
    ("battery", Known::BatteryPercent),
    ("pwr_ext", Known::ExternalVoltageV),
    ("pwr_int", Known::BatteryVoltageV),
    ("gsm", Known::GsmSignal),
    ("avl_driver", Known::DriverId),
    ("avl_inputs", Known::Inputs),
    ("avl_outputs", Known::Outputs),
];

/// Adds the parameters to the fix pushed last; `None` where one has no such shape.
pub(super) fn read(params: &[u8], batch: &mut FixBatch) -> Option<()> {
    for param in params.split(|b| *b == b',').map(<[u8]>::trim_ascii).filter(|p| !p.is_empty()) {
        let mut parts = param.splitn(3, |b| *b == b':');
        let (name, kind, value) = (parts.next()?, parts.next()?, parts.next()?);
        if name.is_empty() {
            return None;
        }
        let value = present(value);
        // A number that is none is kept as the text that it is: a position is worth more
        // than a sensor's spelling.
        let key = alias(name).or_else(|| by_name(name));
        let value = match kind {
            _ if value.is_empty() => continue,
            b"1" => whole(value).ok().flatten().map(Value::Int).or_else(|| decimal(value)),
            b"2" => decimal(value),
            b"3" if key == Some(Known::DriverId) => None,
            b"3" => plain(value),
            _ => return None,
        }
        .unwrap_or_else(|| text(value, batch));
        add(key, name, value, batch);
    }
    Some(())
}

fn decimal(value: &[u8]) -> Option<Value> {
    number(value).map(Value::Float)
}

/// Text that is nothing but a number or `true` or `false`, as devices send those too: where
/// it would be written the same way again, nothing is lost.
fn plain(value: &[u8]) -> Option<Value> {
    match value {
        b"true" => return Some(Value::Bool(true)),
        b"false" => return Some(Value::Bool(false)),
        [b'0'..=b'9' | b'-', ..] if value.len() <= LONGEST_NUMBER => {}
        _ => return None,
    }
    let same = |again: std::fmt::Arguments<'_>| {
        let mut written = [0u8; 2 * LONGEST_NUMBER];
        let mut rest = written.as_mut_slice();
        rest.write_fmt(again).is_ok() && {
            let len = 2 * LONGEST_NUMBER - rest.len();
            written.get(..len) == Some(value)
        }
    };
    if let Ok(Some(number)) = whole(value) {
        return same(format_args!("{number}")).then_some(Value::Int(number));
    }
    number(value).filter(|number| same(format_args!("{number}"))).map(Value::Float)
}

/// Text as a value; bytes where it is no UTF-8.
pub(super) fn text(bytes: &[u8], batch: &mut FixBatch) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => batch.text_value(text),
        Err(_) => batch.bytes_value(bytes),
    }
}

/// Adds one parameter to the fix pushed last, under the common name where it has one.
pub(crate) fn parameter(name: &[u8], value: Value, batch: &mut FixBatch) {
    let key = alias(name).or_else(|| by_name(name));
    let value = match value {
        Value::Int(code) if key == Some(Known::DriverId) => batch.text_value(&code.to_string()),
        other => other,
    };
    add(key, name, value, batch);
}

fn add(key: Option<Known>, name: &[u8], value: Value, batch: &mut FixBatch) {
    if let Some((key, value)) = key.and_then(|key| Some((key, convert(key, value, batch)?))) {
        batch.known(key, value);
        return;
    }
    let key = match std::str::from_utf8(name) {
        Ok(name) => batch.name(name),
        Err(_) => batch.name(&String::from_utf8_lossy(name)),
    };
    batch.attribute(key, value);
}

fn alias(name: &[u8]) -> Option<Known> {
    ALIASES.into_iter().find(|(n, _)| name.eq_ignore_ascii_case(n.as_bytes())).map(|(_, key)| key)
}
