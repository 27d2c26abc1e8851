//! The JSON of the Traccar Client since version 9: a device and a location, or several.

use model::{DeviceId, Fix, FixBatch, Known, Value as Held};
use serde_json::Value;

use super::query;
use crate::DecodeError;
use crate::common::convert;
use crate::json_payload::MAX_RECORDS;
use crate::json_value::{Object, attribute, flag, known, number, place, single, time, words};

/// Keys of a location that have a field or a common name.
const FIELDS: [&str; 7] = ["timestamp", "coords", "battery", "odometer", "is_moving", "alarm", "extras"];
/// Keys of its coordinates that have one.
const COORDS: [&str; 7] = ["latitude", "longitude", "accuracy", "speed", "heading", "altitude", "floor"];

/// `None` where the object has no location. `named` is the device that the query names.
pub(super) fn read(value: &Value, named: Option<&str>) -> Result<Option<(DeviceId, FixBatch)>, DecodeError> {
    let Some(object) = value.as_object() else { return Ok(None) };
    let mut batch = FixBatch::default();
    match object.get("location") {
        Some(Value::Object(one)) => location(one, &mut batch)?,
        Some(Value::Array(several)) if !several.is_empty() => {
            if several.len() > MAX_RECORDS {
                let found = several.len();
                return Err(DecodeError::Count { what: "number of locations", stated: MAX_RECORDS, found });
            }
            for one in several {
                location(one.as_object().ok_or(DecodeError::Format("a location is no object"))?, &mut batch)?;
            }
        }
        _ => return Ok(None),
    }
    let id = ["device_id", "deviceid", "id"].iter().find_map(|key| words(object.get(*key)?));
    let id = id.as_deref().or(named).ok_or(DecodeError::Field("device_id"))?;
    Ok(Some((query::device(id)?, batch)))
}

fn location(object: &Object, batch: &mut FixBatch) -> Result<(), DecodeError> {
    let time = object.get("timestamp").and_then(time).ok_or(DecodeError::Field("timestamp"))?;
    let coords = object.get("coords").and_then(Value::as_object);
    let field = |key: &str| coords.and_then(|coords| coords.get(key));
    let position = place(field("latitude"), field("longitude"), None)?;
    batch.push(Fix {
        position,
        valid: position.is_some(),
        altitude_m: field("altitude").and_then(single),
        // Phones say -1 for what they do not know.
        speed_mps: field("speed").and_then(single).filter(|s| *s >= 0.0),
        heading_deg: field("heading").and_then(single).filter(|h| (0.0..=360.0).contains(h)),
        ..Fix::nowhere(time)
    });
    if let Some(accuracy) = field("accuracy") {
        attribute("accuracy_m", accuracy, batch);
    }
    for (key, value) in coords.into_iter().flatten().filter(|(key, _)| !COORDS.contains(&key.as_str())) {
        attribute(key, value, batch);
    }
    if let Some(battery) = object.get("battery").and_then(Value::as_object) {
        self::battery(battery, batch);
    }
    if let Some(metres) = object.get("odometer").and_then(number) {
        rounded(Known::OdometerM, metres, batch);
    }
    if let Some(moving) = object.get("is_moving").and_then(flag) {
        batch.known(Known::Movement, Held::Bool(moving));
    }
    let extras = object.get("extras").and_then(Value::as_object);
    if let Some(alarm) = object.get("alarm").or_else(|| extras?.get("alarm")) {
        self::alarm(alarm, batch);
    }
    for (key, value) in extras.into_iter().flatten().filter(|(key, _)| *key != "alarm") {
        attribute(key, value, batch);
    }
    for (key, value) in object.iter().filter(|(key, _)| !FIELDS.contains(&key.as_str())) {
        match (key.as_str(), value) {
            ("activity", Value::Object(activity)) => {
                let kind = activity.get("type").unwrap_or(&Value::Null);
                attribute("activity", kind, batch);
                for (key, value) in activity.iter().filter(|(key, _)| *key != "type") {
                    attribute(&format!("activity.{key}"), value, batch);
                }
            }
            _ => attribute(key, value, batch),
        }
    }
    Ok(())
}

/// A share of one, negative where it is not known, and whether it is being charged.
fn battery(battery: &Object, batch: &mut FixBatch) {
    if let Some(level) = battery.get("level").and_then(number).filter(|level| *level >= 0.0) {
        rounded(Known::BatteryPercent, level * 100.0, batch);
    }
    if let Some(charge) = battery.get("is_charging") {
        attribute("charge", charge, batch);
    }
}

fn rounded(key: Known, value: f64, batch: &mut FixBatch) {
    if let Some(value) = convert(key, Held::Float(value.round()), batch) {
        batch.known(key, value);
    }
}

/// Yes or no, or the name of an alarm.
fn alarm(alarm: &Value, batch: &mut FixBatch) {
    match alarm {
        Value::String(name) if !name.is_empty() => {
            batch.known(Known::Alarm, Held::Bool(true));
            attribute("alarm_type", alarm, batch);
        }
        _ => known(Known::Alarm, "alarm_type", alarm, batch),
    }
}
