//! Teltonika's records as JSON over MQTT ("Codec JSON"):
//! `{"state":{"reported":{"ts":…,"pr":0,"latlng":"54.7,25.2","alt":…,"ang":…,"sat":…,"sp":…,"evt":0,"239":1,…}}}`,
//! to the topic `<imei>/data`. Elements are numbers under their AVL ids.

use model::{DeviceId, Fix, FixBatch, Known, LatLon, Timestamp, Value as Held};
use serde_json::{Map, Value};

use super::elements::{CARDS, Elements};
use crate::DecodeError;
use crate::units::{heading, kmh, satellites, single};

/// Longest payload taken.
pub const MAX_PAYLOAD: usize = 64 * 1024;
/// Most records taken from one payload.
pub const MAX_RECORDS: usize = 255;
/// Most elements kept of one record.
pub const MAX_ELEMENTS: usize = 512;

/// Unix times above this are milliseconds: as seconds it lies in the year 5138.
const MAX_SECONDS: f64 = 1e11;
/// Fields of a record that are no elements.
const FIELDS: &[&str] = &["ts", "pr", "latlng", "lat", "lng", "alt", "ang", "sat", "sp", "evt"];
/// What it holds where a command is answered: words, and no record.
const ANSWER: &str = "RSP";

/// Reads one payload. `topic_device` is whom the topic names, since the payload does not. The
/// answer to a command is a batch without records.
pub fn decode(topic_device: Option<&DeviceId>, payload: &[u8]) -> Result<(DeviceId, FixBatch), DecodeError> {
    if payload.len() > MAX_PAYLOAD {
        return Err(DecodeError::Length { what: "payload", found: payload.len(), limit: MAX_PAYLOAD });
    }
    let value: Value = serde_json::from_slice(payload).map_err(|_| DecodeError::Format("payload is no JSON"))?;
    let device = topic_device.cloned().ok_or(DecodeError::Field("topic"))?;
    let mut batch = FixBatch::default();
    let reported = value.get("state").map_or(&value, |state| state.get("reported").unwrap_or(state));
    match reported {
        Value::Object(object) if object.contains_key(ANSWER) => {}
        Value::Object(object) => record(object, &mut batch)?,
        Value::Array(records) if records.len() > MAX_RECORDS => {
            return Err(DecodeError::Count { what: "number of records", stated: MAX_RECORDS, found: records.len() });
        }
        Value::Array(records) if !records.is_empty() => records.iter().try_for_each(|value| match value {
            Value::Object(object) => record(object, &mut batch),
            _ => Err(DecodeError::Format("a record is no object")),
        })?,
        _ => return Err(DecodeError::Format("payload holds no object with records")),
    }
    Ok((device, batch))
}

fn record(object: &Map<String, Value>, batch: &mut FixBatch) -> Result<(), DecodeError> {
    batch.push(fix(object)?);
    for (key, known) in [("pr", Known::Priority), ("evt", Known::Event)] {
        if let Some(number) = object.get(key).and_then(Value::as_i64).filter(|n| *n != 0) {
            batch.known(known, Held::Int(number));
        }
    }
    let before = batch.attributes.len();
    let mut elements = Elements::default();
    for (key, value) in object.iter().filter(|(key, _)| !FIELDS.contains(&key.as_str())).take(MAX_ELEMENTS) {
        element(key, value, &mut elements, batch);
    }
    elements.finish(batch);
    let count = u16::try_from(batch.attributes.len() - before).unwrap_or(u16::MAX);
    if let Some(fix) = batch.fixes.last_mut() {
        fix.attributes_len = fix.attributes_len.saturating_add(count);
        fix.hdop = elements.hdop;
    }
    Ok(())
}

/// The fields that a fix has, without its attributes.
fn fix(object: &Map<String, Value>) -> Result<Fix, DecodeError> {
    let number = |key: &str| object.get(key).and_then(number);
    let time = number("ts").ok_or(DecodeError::Field("ts"))?;
    let seconds = if time.abs() > MAX_SECONDS { time / 1000.0 } else { time };
    if seconds.abs() > MAX_SECONDS {
        return Err(DecodeError::Field("ts"));
    }
    let place = match object.get("latlng") {
        Some(Value::String(text)) => {
            let (lat, lon) = text.split_once(',').ok_or(DecodeError::Field("latlng"))?;
            lat.trim().parse().ok().zip(lon.trim().parse().ok()).ok_or(DecodeError::Field("latlng")).map(Some)?
        }
        _ => number("lat").zip(number("lng")),
    };
    let seen = number("sat");
    let has_satellites = seen.is_some_and(|n| n > 0.0);
    // As in Codec 8: without satellites the place is the last known.
    let position = place.and_then(|(lat, lon)| LatLon::new(lat, lon)).filter(|p| has_satellites || !p.is_null_island());
    let valid = position.is_some() && (has_satellites || seen.is_none());
    Ok(Fix {
        position,
        valid,
        altitude_m: number("alt").filter(|_| position.is_some()).map(single),
        speed_mps: number("sp").filter(|_| valid).map(kmh),
        heading_deg: number("ang").filter(|_| valid).and_then(heading),
        satellites: seen.and_then(whole).map(satellites),
        ..Fix::nowhere(Timestamp::from_secs(0).plus_seconds(seconds))
    })
}

/// A finite number, also one in quotation marks.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|n: &f64| n.is_finite())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "float-to-integer casts saturate")]
fn whole(number: f64) -> Option<u64> {
    (number >= 0.0).then_some(number as u64)
}

/// One element under its AVL id; what has another name is kept under that.
fn element(key: &str, value: &Value, elements: &mut Elements, batch: &mut FixBatch) {
    let Ok(id) = key.parse::<u16>() else { return named(key, value, batch) };
    let held = match value {
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => return elements.add_unsized(id, whole, batch),
            (None, Some(float)) if number.is_f64() => Held::Float(float),
            _ => batch.text_value(&number.to_string()),
        },
        // A card's number, as it is printed.
        Value::String(text) if CARDS.contains(&id) && elements.driver(text, batch) => return,
        Value::String(text) => match text.parse() {
            Ok(whole) => return elements.add_unsized(id, whole, batch),
            Err(_) => match hex::decode(text) {
                // Values of variable length are sent in hex.
                Ok(bytes) if !bytes.is_empty() => return elements.add_variable(id, &bytes, batch),
                _ => batch.text_value(text),
            },
        },
        Value::Bool(flag) => return elements.add_unsized(id, i64::from(*flag), batch),
        _ => return,
    };
    batch.attributes.push(model::Attribute { key: model::AttributeKey::Number(u32::from(id)), value: held });
}

fn named(key: &str, value: &Value, batch: &mut FixBatch) {
    let held = match value {
        Value::Bool(flag) => Held::Bool(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Held::Int(whole),
            (None, Some(float)) => Held::Float(float),
            _ => return,
        },
        Value::String(text) => batch.text_value(text),
        _ => return,
    };
    let key = batch.name(key);
    batch.attributes.push(model::Attribute { key, value: held });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn imei() -> DeviceId {
        DeviceId::new("352093081452251").unwrap()
    }

    fn read(payload: &str) -> Vec<Value> {
        let (device, batch) = decode(Some(&imei()), payload.as_bytes()).unwrap();
        assert_eq!(device, imei());
        batch.fixes.iter().map(|fix| json::fix(&batch, fix)).collect()
    }

    #[test]
    fn a_record_is_read_as_from_codec_8() {
        let payload = r#"{"state":{"reported":{"ts":1768608000000,"pr":1,"latlng":"48.850000,-37.600000","alt":71,"ang":252,
            "sat":12,"sp":36,"evt":239,"239":1,"240":1,"21":5,"66":27250,"67":4050,"16":1193046,"1":1,"2":0,"179":1,"181":16,
            "182":11,"78":"A5B6C7D8","24":36,"72":-104,"236":1}}}"#;
        let expected = serde_json::json!([{
            "time": "2026-01-17T00:00:00Z", "valid": true, "lat": 48.85, "lon": -37.6, "altitude_m": 71.0,
            "speed_mps": 10.0, "heading_deg": 252.0, "satellites": 12, "hdop": 1.1,
            "attributes": {
                "priority": 1, "event": 239, "ignition": true, "movement": true, "gsm_signal": 5,
                "external_voltage_v": 27.25, "battery_voltage_v": 4.05, "odometer_m": 1_193_046, "inputs": 1,
                "outputs": 1, "pdop": 1.6, "driver_id": "A5B6C7D8", "24": 36, "72": -104, "alarm": true
            }
        }]);
        assert_eq!(Value::from(read(payload)), expected);
    }

    #[test]
    fn without_satellites_the_place_is_the_last_or_none() {
        let fixes = read(
            r#"{"state":{"reported":[
                {"ts":1768608000,"latlng":"48.85,37.6","sat":0,"sp":0,"ang":0},
                {"ts":1768608001,"latlng":"0.000000,0.000000","sat":0,"custom":2.5}
            ]}}"#,
        );
        let expected = serde_json::json!([
            {"time": "2026-01-17T00:00:00Z", "valid": false, "lat": 48.85, "lon": 37.6, "satellites": 0},
            {"time": "2026-01-17T00:00:01Z", "valid": false, "satellites": 0, "attributes": {"custom": 2.5}}
        ]);
        assert_eq!(Value::from(fixes), expected);
    }

    #[test]
    fn an_answer_holds_no_records() {
        assert_eq!(read(r#"{"RSP":"Ver:03.28.07_00 GPS:AXN_5.1.9"}"#), Vec::<Value>::new());
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let fail = |payload: &str| decode(Some(&imei()), payload.as_bytes()).unwrap_err();
        assert_eq!(fail("[]"), DecodeError::Format("payload holds no object with records"));
        assert_eq!(fail("{"), DecodeError::Format("payload is no JSON"));
        assert_eq!(fail(r#"{"state":{"reported":{"latlng":"1,2"}}}"#), DecodeError::Field("ts"));
        assert_eq!(fail(r#"{"state":{"reported":{"ts":1,"latlng":"1"}}}"#), DecodeError::Field("latlng"));
        assert_eq!(decode(None, b"{\"ts\":1}").unwrap_err(), DecodeError::Field("topic"));
        assert_eq!(fail(&" ".repeat(MAX_PAYLOAD + 1)).reason(), "length");
    }
}
