//! Digitransit's high-frequency positioning, version 2, over MQTT. `NOTE.md` describes topics
//! and payloads.

use model::{DeviceId, Fix, FixBatch, Known, Value as Held};

use crate::DecodeError;
use crate::common::convert;
use crate::json_value::{self, Object, attribute, flag, number, place, single, words};

/// Keys that have a field or a common name.
const FIELDS: [&str; 10] = ["oper", "veh", "tst", "tsi", "spd", "hdg", "lat", "long", "odo", "drst"];

/// Reads the event of one vehicle. The topic names the operator that owns it, the payload the
/// one that runs the trip; the vehicle's number is unique with the former.
pub(crate) fn decode(
    topic: &str,
    topic_device: Option<&DeviceId>,
    payload: &[u8],
) -> Result<Vec<(DeviceId, FixBatch)>, DecodeError> {
    let value = json_value::parse(payload)?;
    let envelope = value.as_object().ok_or(DecodeError::Format("payload is no object"))?;
    // An object with one key, the type of the event.
    let (kind, event) = envelope
        .iter()
        .find_map(|(kind, event)| Some((kind.as_str(), event.as_object()?)))
        .ok_or(DecodeError::Format("payload holds no event"))?;
    let device = of_topic(topic).or_else(|| topic_device.cloned()).or_else(|| of_event(event));
    let device = device.ok_or(DecodeError::Field("oper, veh"))?;
    let mut batch = FixBatch::default();
    record(kind, event, &mut batch)?;
    Ok(vec![(device, batch)])
}

/// `…/hfp/v2/journey/<temporal type>/<event>/<mode>/<operator>/<vehicle>/…`
fn of_topic(topic: &str) -> Option<DeviceId> {
    let mut levels = topic.split('/').skip_while(|level| *level != "hfp");
    let (version, _journey) = (levels.nth(1)?, levels.next()?);
    let mut rest = levels.skip(3);
    let (operator, vehicle) = (rest.next()?, rest.next()?);
    (version == "v2").then(|| named(operator, vehicle)).flatten()
}

fn of_event(event: &Object) -> Option<DeviceId> {
    named(&words(event.get("oper")?)?, &words(event.get("veh")?)?)
}

/// Numbers in topics are filled up with zeros, those in payloads are not.
fn named(operator: &str, vehicle: &str) -> Option<DeviceId> {
    let (operator, vehicle) = (operator.trim_start_matches('0'), vehicle.trim_start_matches('0'));
    let is_named = !operator.is_empty() && !vehicle.is_empty();
    is_named.then(|| DeviceId::new(&format!("{operator}/{vehicle}")).ok()).flatten()
}

fn record(kind: &str, event: &Object, batch: &mut FixBatch) -> Result<(), DecodeError> {
    let time = ["tst", "tsi"].iter().find_map(|key| json_value::time(event.get(*key)?));
    let time = time.ok_or(DecodeError::Field("tst"))?;
    let position = place(event.get("lat"), event.get("long"), None)?;
    // Other sources are the odometer, the driver and none.
    let is_satellites = event.get("loc").is_none_or(|source| matches!(source.as_str(), None | Some("GPS")));
    batch.push(Fix {
        position,
        valid: position.is_some() && is_satellites,
        speed_mps: event.get("spd").and_then(single),
        heading_deg: event.get("hdg").and_then(single).filter(|h| (0.0..=360.0).contains(h)),
        ..Fix::nowhere(time)
    });
    let key = batch.name("event_type");
    let value = batch.text_value(kind);
    batch.attribute(key, value);
    if let Some(metres) = event.get("odo").and_then(number)
        && let Some(metres) = convert(Known::OdometerM, Held::Float(metres.round()), batch)
    {
        batch.known(Known::OdometerM, metres);
    }
    // One for all doors: open where any is.
    if let Some(open) = event.get("drst").and_then(flag) {
        batch.known(Known::Door1, Held::Bool(open));
    }
    for (key, value) in event.iter().filter(|(key, _)| !FIELDS.contains(&key.as_str())) {
        let name = match key.as_str() {
            "acc" => "acceleration_mps2",
            "dl" => "timetable_offset_s",
            "desi" => "designation",
            "dir" => "direction",
            "oday" => "operating_day",
            "jrn" => "journey",
            "loc" => "location_source",
            "occu" => "occupancy_percent",
            other => other,
        };
        attribute(name, value, batch);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topic_names_the_owner() {
        let named = |topic: &str| of_topic(topic).map(String::from);
        let topic = "/hfp/v2/journey/ongoing/vp/bus/0018/00817/2550/1/Kuninkaanmäki/14:21/1442116/4/60;25/20/73/83";
        assert_eq!(named(topic).as_deref(), Some("18/817"));
        assert_eq!(named("city/hfp/v2/journey/ongoing/vp/tram/40/9").as_deref(), Some("40/9"));
        assert_eq!(named("/hfp/v1/journey/ongoing/bus/0018/00817"), None);
        assert_eq!(named("/hfp/v2/journey/ongoing/vp/bus/0018"), None);
        assert!(of_event(&Object::new()).is_none());
    }
}
