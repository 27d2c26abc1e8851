//! Messages as the JSON objects that `marshrut decode` prints.

use model::{Fix, FixBatch, ValueRef};
use serde_json::{Map, Value, json};

use crate::{Kind, Message};

/// The JSON object of one message, found in input line `frame` (counted from 1). What is not
/// known is left out; replies and byte values are in hex.
///
/// `{"frame":1,"kind":"fixes","device":"…","fixes":[…],"reply":"00000001"}`; beside the keys
/// of the design there are `refusal`, `text` (what the device said in words) and `defect`
/// (part of the frame that could not be read).
pub fn message(frame: usize, message: &Message) -> Value {
    let mut object = Map::new();
    object.insert("frame".into(), frame.into());
    object.insert("kind".into(), message.kind.name().into());
    if let Some(device) = &message.device {
        object.insert("device".into(), device.as_str().into());
    }
    match &message.kind {
        Kind::Fixes(batch) => {
            object.insert("fixes".into(), batch.fixes.iter().map(|f| fix(batch, f)).collect());
        }
        Kind::Error(error) => {
            object.insert("error".into(), error.to_string().into());
        }
        Kind::Login | Kind::Heartbeat | Kind::Event | Kind::Ignored => {}
    }
    for (key, reply) in [("reply", &message.reply), ("refusal", &message.refusal)] {
        if !reply.is_empty() {
            object.insert(key.into(), hex::encode(reply).into());
        }
    }
    if let Some(text) = &message.text {
        object.insert("text".into(), text.as_ref().into());
    }
    if let Some(defect) = &message.defect {
        object.insert("defect".into(), defect.to_string().into());
    }
    Value::Object(object)
}

/// One fix of a batch with its attributes by name.
pub fn fix(batch: &FixBatch, fix: &Fix) -> Value {
    let mut object = Map::new();
    object.insert("time".into(), fix.time.to_string().into());
    object.insert("valid".into(), fix.valid.into());
    if let Some(position) = fix.position {
        object.insert("lat".into(), position.lat().into());
        object.insert("lon".into(), position.lon().into());
    }
    let measured = [
        ("altitude_m", fix.altitude_m),
        ("speed_mps", fix.speed_mps),
        ("heading_deg", fix.heading_deg),
        ("hdop", fix.hdop),
    ];
    for (key, value) in measured.into_iter().filter_map(|(k, v)| Some((k, v?))) {
        object.insert(key.into(), decimal(value));
    }
    if let Some(satellites) = fix.satellites {
        object.insert("satellites".into(), satellites.into());
    }
    let attributes = batch.attributes_of(fix);
    if !attributes.is_empty() {
        let named = attributes.iter().map(|a| (batch.key_name(a.key).into_owned(), attribute(batch.value(a.value))));
        object.insert("attributes".into(), Value::Object(named.collect()));
    }
    Value::Object(object)
}

fn attribute(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Bool(b) => b.into(),
        ValueRef::Int(i) => i.into(),
        ValueRef::Float(f) => json!(f),
        ValueRef::Text(t) => t.into(),
        ValueRef::Bytes(b) => hex::encode(b).into(),
    }
}

/// A single-precision number with the digits that it has, not those of its double.
fn decimal(value: f32) -> Value {
    json!(value.to_string().parse::<f64>().unwrap_or_else(|_| f64::from(value)))
}
