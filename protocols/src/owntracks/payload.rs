//! One JSON object of an OwnTracks app or of a gateway that speaks like one.

use model::{DeviceId, Fix, FixBatch, Known, Value as Held};
use serde_json::Value;

use crate::DecodeError;
use crate::common::convert;
use crate::json_value::{self, Object, attribute, flag, known, number, place, single, words};
use crate::units::kmh;

/// What topics begin with.
const ROOT: &str = "owntracks/";
/// Keys of a report that have a field of their own.
const FIELDS: [&str; 11] = ["_type", "lat", "lon", "tst", "vel", "cog", "alt", "topic", "t", "odometer", "acc"];
/// Keys with a common name. Those from `ign` on come from vehicle trackers behind a gateway.
const KNOWN: [(&str, Known); 7] = [
    ("batt", Known::BatteryPercent),
    ("ign", Known::Ignition),
    ("motion", Known::Movement),
    ("uext", Known::ExternalVoltageV),
    ("ubatt", Known::BatteryVoltageV),
    ("rssi", Known::GsmSignal),
    ("sos", Known::Alarm),
];
/// Keys that another name says better.
const RENAMED: [(&str, &str); 6] = [
    ("bs", "battery_status"),
    ("vac", "vertical_accuracy_m"),
    ("p", "pressure_kpa"),
    ("m", "monitoring_mode"),
    ("conn", "connectivity"),
    ("hmc", "engine_hours_s"),
];

/// What an object holds.
pub(crate) enum Content {
    /// A record.
    Report(FixBatch),
    /// Cards, waypoints, settings and the like.
    Nothing,
}

/// For MQTT: the topic names user and device.
pub(crate) fn decode(
    topic: &str,
    topic_device: Option<&DeviceId>,
    payload: &[u8],
) -> Result<Vec<(DeviceId, FixBatch)>, DecodeError> {
    // Cards and waypoints have topics under the device's.
    let own = topic.strip_prefix(ROOT).map(|rest| {
        let end = rest.match_indices('/').nth(1).map_or(rest.len(), |(at, _)| at);
        rest.get(..end).unwrap_or(rest)
    });
    match read(own, topic_device, payload)? {
        (Some(device), Content::Report(batch)) => Ok(vec![(device, batch)]),
        (None, Content::Report(_)) => Err(DecodeError::Field("topic")),
        (_, Content::Nothing) => Ok(Vec::new()),
    }
}

/// Reads one object. The device is that of the connection's topic, else that of the topic
/// that the object names, else `device`, else the two letters that the user chose.
pub(crate) fn read(
    topic: Option<&str>,
    device: Option<&DeviceId>,
    payload: &[u8],
) -> Result<(Option<DeviceId>, Content), DecodeError> {
    let value = json_value::parse(payload)?;
    let object = value.as_object().ok_or(DecodeError::Format("payload is no object"))?;
    let kind = object.get("_type").and_then(Value::as_str).ok_or(DecodeError::Field("_type"))?;
    let named = object.get("topic").and_then(Value::as_str).map(|topic| topic.strip_prefix(ROOT).unwrap_or(topic));
    let id = |text: &str| DeviceId::new(text).ok();
    let device = topic
        .and_then(id)
        .or_else(|| named.and_then(id))
        .or_else(|| device.cloned())
        .or_else(|| id(&words(object.get("tid")?)?));
    match kind {
        "location" | "transition" => {
            let device = device.ok_or(DecodeError::Field("tid"))?;
            Ok((Some(device), Content::Report(report(kind, object)?)))
        }
        "encrypted" => Err(DecodeError::Format("the payload is encrypted: take the key out of the app's settings")),
        "lwt" | "waypoint" | "waypoints" | "card" | "cmd" | "configuration" | "dump" | "status" | "steps"
        | "beacon" | "request" | "msg" => Ok((device, Content::Nothing)),
        _ => Err(DecodeError::Field("_type")),
    }
}

/// A place, or the border of a region that was crossed.
fn report(kind: &str, object: &Object) -> Result<FixBatch, DecodeError> {
    let time = object.get("tst").and_then(json_value::time).ok_or(DecodeError::Field("tst"))?;
    let position = place(object.get("lat"), object.get("lon"), None)?;
    let mut batch = FixBatch::default();
    batch.push(Fix {
        position,
        valid: position.is_some(),
        altitude_m: object.get("alt").and_then(single),
        // Phones say -1 for what they do not know.
        speed_mps: object.get("vel").and_then(number).filter(|v| *v >= 0.0).map(kmh).filter(|v| v.is_finite()),
        heading_deg: object.get("cog").and_then(single).filter(|h| (0.0..=360.0).contains(h)),
        ..Fix::nowhere(time)
    });
    if let Some(accuracy) = object.get("acc") {
        attribute("accuracy_m", accuracy, &mut batch);
    }
    if let Some(kilometres) = object.get("odometer").and_then(number)
        && let Some(metres) = convert(Known::OdometerM, Held::Float((kilometres * 1000.0).round()), &batch)
    {
        batch.known(Known::OdometerM, metres);
    }
    if let Some(trigger) = object.get("t") {
        self::trigger(trigger, object, &mut batch);
    }
    for (key, value) in object.iter().filter(|(key, _)| !FIELDS.contains(&key.as_str())) {
        if kind == "transition" && key == "event" {
            attribute("transition", value, &mut batch);
        } else if let Some((_, common)) = KNOWN.iter().find(|(name, _)| name == key) {
            known(*common, key, value, &mut batch);
        } else {
            let name = RENAMED.iter().find(|(name, _)| name == key).map_or(key.as_str(), |(_, better)| better);
            attribute(name, value, &mut batch);
        }
    }
    Ok(batch)
}

/// Why the record was sent. Vehicle trackers behind a gateway have letters of their own:
/// ignition on and off, tow, overspeed, harsh driving, power lost and battery low.
fn trigger(trigger: &Value, object: &Object, batch: &mut FixBatch) {
    attribute("trigger", trigger, batch);
    let has_ignition = object.get("ign").and_then(flag).is_some();
    match trigger.as_str() {
        Some("i") if !has_ignition => batch.known(Known::Ignition, Held::Bool(true)),
        Some("I") if !has_ignition => batch.known(Known::Ignition, Held::Bool(false)),
        Some("9" | "e" | "!" | "s" | "h") => batch.known(Known::Alarm, Held::Bool(true)),
        _ => {}
    }
}
