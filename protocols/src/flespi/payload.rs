//! Messages with the parameters that flespi gives the same names for all makes.

use std::collections::HashMap;

use model::{DeviceId, Fix, FixBatch, Known, Value as Held};
use serde_json::Value;

use crate::DecodeError;
use crate::common::convert;
use crate::json_payload::MAX_RECORDS;
use crate::json_value::{self, Object, attribute, byte, flag, known, number, place, single, words};
use crate::units::kmh;

/// Parameters that have a field of their own.
const FIELDS: [&str; 10] = [
    "ident",
    "timestamp",
    "position.latitude",
    "position.longitude",
    "position.altitude",
    "position.speed",
    "position.direction",
    "position.satellites",
    "position.hdop",
    "position.valid",
];
/// Parameters that say whether the position is a real one; `false` in any says that it is not.
const VALID: [&str; 3] = ["position.valid", "time.valid.status", "gps.status"];
/// Parameters with a common name.
const KNOWN: [(&str, Known); 27] = [
    ("engine.ignition.status", Known::Ignition),
    ("ignition.status", Known::Ignition),
    ("movement.status", Known::Movement),
    ("door.open.status", Known::Door1),
    ("door.status", Known::Door1),
    ("door.1.open.status", Known::Door1),
    ("door.2.open.status", Known::Door2),
    ("door.3.open.status", Known::Door3),
    ("door.4.open.status", Known::Door4),
    ("driver.id", Known::DriverId),
    ("driver.card.id", Known::DriverId),
    ("ibutton.code", Known::DriverId),
    ("rfid.code", Known::DriverId),
    ("external.powersource.voltage", Known::ExternalVoltageV),
    ("battery.voltage", Known::BatteryVoltageV),
    ("battery.level", Known::BatteryPercent),
    ("gsm.signal.level", Known::GsmSignal),
    ("event.enum", Known::Event),
    ("report.code", Known::Event),
    ("alarm.event.trigger", Known::Alarm),
    ("din", Known::Inputs),
    ("dout", Known::Outputs),
    ("message.buffered.status", Known::Archive),
    ("position.pdop", Known::Pdop),
    ("event.priority.enum", Known::Priority),
    ("passengers.in.count", Known::PassengersIn),
    ("passengers.out.count", Known::PassengersOut),
];
/// The odometer, in kilometres: the vehicle's own before one that the tracker counts.
const MILEAGE: [&str; 3] = ["can.vehicle.mileage", "vehicle.mileage", "gps.vehicle.mileage"];
/// Parameters that raise an alarm where they are true. They also stay under their own name.
const ALARMS: [&str; 16] = [
    "alarm.event.trigger",
    "alarm.mode.status",
    "alarm.status",
    "panic.event.trigger",
    "sos.event.trigger",
    "sos.status",
    "towing.event.trigger",
    "towing.alarm.status",
    "shock.event.trigger",
    "crash.event.trigger",
    "overspeeding.event.trigger",
    "harsh.acceleration.event.trigger",
    "harsh.braking.event.trigger",
    "harsh.cornering.event.trigger",
    "geofence.event.enter",
    "geofence.event.exit",
];

/// For MQTT: messages name their device, topics a channel.
pub(crate) fn decode(
    _topic: &str,
    _device: Option<&DeviceId>,
    payload: &[u8],
) -> Result<Vec<(DeviceId, FixBatch)>, DecodeError> {
    read(payload)
}

/// Reads one message or an array of them: the records of each device, in the order in which
/// the devices come.
pub(crate) fn read(payload: &[u8]) -> Result<Vec<(DeviceId, FixBatch)>, DecodeError> {
    let value = json_value::parse(payload)?;
    let messages = match &value {
        Value::Array(messages) => messages.as_slice(),
        Value::Object(_) => std::slice::from_ref(&value),
        _ => return Err(DecodeError::Format("payload holds no messages")),
    };
    if messages.len() > MAX_RECORDS {
        return Err(DecodeError::Count { what: "number of messages", stated: MAX_RECORDS, found: messages.len() });
    }
    let mut reports: Vec<(DeviceId, FixBatch)> = Vec::new();
    let mut places: HashMap<DeviceId, usize> = HashMap::new();
    for message in messages {
        let message = message.as_object().ok_or(DecodeError::Format("a message is no object"))?;
        let device = message.get("ident").and_then(words).and_then(|ident| DeviceId::new(&ident).ok());
        let device = device.ok_or(DecodeError::Field("ident"))?;
        let place = *places.entry(device).or_insert_with_key(|device| {
            reports.push((device.clone(), FixBatch::default()));
            reports.len() - 1
        });
        if let Some((_, batch)) = reports.get_mut(place) {
            record(message, batch)?;
        }
    }
    Ok(reports)
}

fn record(message: &Object, batch: &mut FixBatch) -> Result<(), DecodeError> {
    let time = message.get("timestamp").and_then(json_value::time).ok_or(DecodeError::Field("timestamp"))?;
    let satellites = message.get("position.satellites").and_then(byte);
    let position = place(message.get("position.latitude"), message.get("position.longitude"), satellites)?;
    let is_valid = VALID.iter().all(|name| message.get(*name).and_then(flag) != Some(false));
    batch.push(Fix {
        position,
        valid: position.is_some() && is_valid,
        altitude_m: message.get("position.altitude").and_then(single),
        speed_mps: message.get("position.speed").and_then(number).map(kmh).filter(|s| s.is_finite()),
        heading_deg: message.get("position.direction").and_then(single).filter(|h| (0.0..=360.0).contains(h)),
        satellites,
        hdop: message.get("position.hdop").and_then(single),
        ..Fix::nowhere(time)
    });
    let mileage = MILEAGE.iter().find_map(|name| Some((*name, number(message.get(*name)?)?)));
    let odometer = mileage.and_then(|(name, kilometres)| {
        Some((name, convert(Known::OdometerM, Held::Float((kilometres * 1000.0).round()), batch)?))
    });
    if let Some((_, metres)) = odometer {
        batch.known(Known::OdometerM, metres);
    }
    let alarm = ALARMS.iter().filter_map(|name| flag(message.get(*name)?)).reduce(|a, b| a || b);
    if let Some(alarm) = alarm {
        batch.known(Known::Alarm, Held::Bool(alarm));
    }
    let is_odometer = |name: &str| odometer.is_some_and(|(odometer, _)| odometer == name);
    let others = message.iter().filter(|(name, _)| !FIELDS.contains(&name.as_str()) && !is_odometer(name));
    for (name, value) in others {
        match KNOWN.iter().find(|(theirs, _)| theirs == name).map(|(_, common)| *common) {
            Some(Known::Alarm) => {}
            Some(Known::Archive) if flag(value) == Some(false) => {}
            Some(common) => known(common, name, value, batch),
            None => attribute(name, value, batch),
        }
    }
    Ok(())
}
