//! A fix's attributes as one JSON object.

use std::fmt::Write as _;

use model::{Fix, FixBatch, ValueRef};

/// The attributes of a fix by name, in the order in which the device sent them; empty text
/// where it sent none. Bytes are in hex. Numbers that JSON cannot hold are `null`, and NUL
/// characters, which PostgreSQL cannot hold, become U+FFFD.
pub(crate) fn json(batch: &FixBatch, fix: &Fix) -> String {
    let attributes = batch.attributes_of(fix);
    if attributes.is_empty() {
        return String::new();
    }
    let mut out = String::with_capacity(attributes.len() * 24);
    for attribute in attributes {
        out.push(if out.is_empty() { '{' } else { ',' });
        push_text(&mut out, &batch.key_name(attribute.key));
        out.push(':');
        push_value(&mut out, batch.value(attribute.value));
    }
    out.push('}');
    out
}

/// Writing to a `String` cannot fail, so its results are let go.
fn push_value(out: &mut String, value: ValueRef<'_>) {
    match value {
        ValueRef::Bool(b) => out.push_str(if b { "true" } else { "false" }),
        ValueRef::Int(i) => _ = write!(out, "{i}"),
        // `{:?}` gives the shortest text that reads back as the same number.
        ValueRef::Float(f) if f.is_finite() => _ = write!(out, "{f:?}"),
        ValueRef::Float(_) => out.push_str("null"),
        ValueRef::Text(text) => push_text(out, text),
        ValueRef::Bytes(bytes) => {
            out.push('"');
            for byte in bytes {
                _ = write!(out, "{byte:02x}");
            }
            out.push('"');
        }
    }
}

fn push_text(out: &mut String, text: &str) {
    let text = serde_json::Value::String(text.replace('\0', "\u{fffd}"));
    _ = write!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use model::{AttributeKey, Known, Timestamp, Value};

    use super::*;

    #[test]
    fn attributes_become_one_object_that_any_database_takes() {
        let mut batch = FixBatch::default();
        batch.push(Fix::nowhere(Timestamp::from_secs(1)));
        batch.push(Fix::nowhere(Timestamp::from_secs(2)));
        batch.known(Known::Ignition, Value::Bool(true));
        batch.known(Known::BatteryVoltageV, Value::Float(12.5));
        batch.known(Known::Pdop, Value::Float(f64::NAN));
        batch.attribute(AttributeKey::Number(385), Value::Int(-7));
        let (key, value) = (batch.name("note \"a\""), batch.text_value("пів\0бака\n"));
        batch.attribute(key, value);
        let bytes = batch.bytes_value(&[0, 255]);
        batch.known(Known::DriverId, bytes);

        assert_eq!(json(&batch, &batch.fixes[0]), "");
        let text = json(&batch, &batch.fixes[1]);
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            read,
            serde_json::json!({"ignition": true, "battery_voltage_v": 12.5, "pdop": null, "385": -7,
                "note \"a\"": "пів\u{fffd}бака\n", "driver_id": "00ff"})
        );
    }
}
