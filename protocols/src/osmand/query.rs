//! Parameters of a query or form.

use model::{DeviceId, Fix, FixBatch, Known, LatLon, Timestamp, Value};

use super::Report;
use crate::common::convert;
use crate::http::{Parameters, kept};
use crate::json_value::unix;
use crate::text::{iso_time, number};
use crate::units::{finite, heading, knots, satellites};
use crate::{DecodeError, Kind};

/// The names of each field; the first parameter that has one counts.
pub(super) const DEVICE: &[&str] = &["id", "deviceid", "device_id"];
const TIME: &[&str] = &["timestamp", "time"];
const VALID: &[&str] = &["valid"];
const LAT: &[&str] = &["lat", "latitude"];
const LON: &[&str] = &["lon", "lng", "longitude"];
const PLACE: &[&str] = &["location"];
const SPEED: &[&str] = &["speed"];
const HEADING: &[&str] = &["bearing", "heading", "course"];
const ALTITUDE: &[&str] = &["altitude", "alt"];
const SATELLITES: &[&str] = &["sat", "satellites"];
const HDOP: &[&str] = &["hdop"];
const FIELDS: [&[&str]; 11] = [DEVICE, TIME, VALID, LAT, LON, PLACE, SPEED, HEADING, ALTITUDE, SATELLITES, HDOP];

/// Where the phone is told to send messages to: a secret, and nothing about the ride.
const NOT_KEPT: &str = "notificationToken";

/// Names of the common attributes beside ours.
const ALIASES: [(&str, Known); 14] = [
    ("driverUniqueId", Known::DriverId),
    ("motion", Known::Movement),
    ("is_moving", Known::Movement),
    ("batteryLevel", Known::BatteryPercent),
    ("battery", Known::BatteryVoltageV),
    ("power", Known::ExternalVoltageV),
    ("odometer", Known::OdometerM),
    ("rssi", Known::GsmSignal),
    ("input", Known::Inputs),
    ("output", Known::Outputs),
    ("door", Known::Door1),
    ("passengersIn", Known::PassengersIn),
    ("passengersOut", Known::PassengersOut),
    ("pdop", Known::Pdop),
];

/// Reads the parameters of one record.
pub(super) fn read(parameters: &Parameters<'_>, now: Timestamp) -> Result<Report, DecodeError> {
    let device = device(parameters.get(DEVICE).ok_or(DecodeError::Field("id"))?)?;
    let (fix, defect) = fix(parameters, now)?;
    let mut batch = FixBatch::default();
    batch.push(fix);
    attributes(parameters, &mut batch);
    let says_anything = fix.position.is_some() || !batch.attributes.is_empty() || fix != Fix::nowhere(fix.time);
    let kind = if says_anything { Kind::Fixes(batch) } else { Kind::Heartbeat };
    Ok(Report { device, kind, defect })
}

/// The device of that name.
pub(super) fn device(name: &str) -> Result<DeviceId, DecodeError> {
    DeviceId::new(name).map_err(|_| DecodeError::Field("id"))
}

/// The record, and its time where that makes no sense: it is then the time of receipt.
fn fix(parameters: &Parameters<'_>, now: Timestamp) -> Result<(Fix, Option<DecodeError>), DecodeError> {
    let (time, defect) = match parameters.get(TIME).map(time) {
        None => (now, None),
        Some(Some(time)) => (time, None),
        Some(None) => (now, Some(DecodeError::Field("timestamp"))),
    };
    let value = |names: &[&str]| parameters.get(names).and_then(|text| number(text.as_bytes()));
    let satellites = value(SATELLITES).filter(|n| *n >= 0.0).map(whole);
    let position = place(parameters)?.filter(|p| satellites.is_some_and(|s| s > 0) || !p.is_null_island());
    let is_valid = parameters.get(VALID).is_none_or(|text| text == "1" || text.eq_ignore_ascii_case("true"));
    let fix = Fix {
        position,
        valid: position.is_some() && is_valid,
        altitude_m: value(ALTITUDE).and_then(finite),
        speed_mps: value(SPEED).filter(|s| *s >= 0.0).map(knots).filter(|s| s.is_finite()),
        heading_deg: value(HEADING).and_then(heading),
        satellites,
        hdop: value(HDOP).and_then(finite),
        ..Fix::nowhere(time)
    };
    Ok((fix, defect))
}

fn whole(count: f64) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "float-to-integer casts saturate")]
    satellites(count as u64)
}

/// `location` is both, apart by a comma.
fn place(parameters: &Parameters<'_>) -> Result<Option<LatLon>, DecodeError> {
    let bad = DecodeError::Field("lat, lon");
    let (lat, lon) = match (parameters.get(LAT), parameters.get(LON), parameters.get(PLACE)) {
        (Some(lat), Some(lon), _) => (lat, lon),
        (None, None, Some(both)) => both.split_once(',').ok_or(bad.clone())?,
        (None, None, None) => return Ok(None),
        _ => return Err(bad),
    };
    let both = number(lat.as_bytes()).zip(number(lon.as_bytes()));
    both.and_then(|(lat, lon)| LatLon::new(lat, lon)).map(Some).ok_or(bad)
}

/// Seconds or milliseconds since 1970, or a date and time of day.
fn time(text: &str) -> Option<Timestamp> {
    number(text.as_bytes()).and_then(unix).or_else(|| iso_time(text.as_bytes()))
}

fn attributes(parameters: &Parameters<'_>, batch: &mut FixBatch) {
    let others = parameters.iter().filter(|(name, value)| {
        !value.is_empty() && *name != NOT_KEPT && !FIELDS.iter().any(|names| names.contains(name))
    });
    // Cells and networks in sight come under one name each.
    let (mut cells, mut networks) = (0u32, 0u32);
    for (name, value) in others {
        match name {
            "cell" => numbered("cell", &mut cells, value, batch),
            "wifi" => numbered("wifi", &mut networks, value, batch),
            "accuracy" => kept(None, "accuracy_m", value, batch),
            "batt" => battery(value, batch),
            "alarm" => alarm(value, batch),
            _ => {
                let known = ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, known)| *known);
                kept(known, name, value, batch);
            }
        }
    }
}

fn numbered(name: &str, count: &mut u32, text: &str, batch: &mut FixBatch) {
    *count += 1;
    let (key, value) = (batch.name(&format!("{name}_{count}")), batch.text_value(text));
    batch.attribute(key, value);
}

/// Percent, with decimals or not.
fn battery(text: &str, batch: &mut FixBatch) {
    let percent = number(text.as_bytes()).map(|n| Value::Float(n.round()));
    match percent.and_then(|percent| convert(Known::BatteryPercent, percent, batch)) {
        Some(percent) => batch.known(Known::BatteryPercent, percent),
        None => kept(None, "batt", text, batch),
    }
}

/// Yes or no, or the name of an alarm.
fn alarm(text: &str, batch: &mut FixBatch) {
    let named = batch.text_value(text);
    if let Some(value) = convert(Known::Alarm, named, batch) {
        batch.known(Known::Alarm, value);
    } else {
        batch.known(Known::Alarm, Value::Bool(true));
        let key = batch.name("alarm_type");
        batch.attribute(key, named);
    }
}
