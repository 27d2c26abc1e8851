//! Plain JSON over MQTT or HTTP. `NOTE.md` describes the keys.

use model::{DeviceId, Fix, FixBatch, LatLon, Timestamp};
use serde_json::{Map, Value};

use crate::units::finite;
use crate::{DecodeError, json_value};

/// Longest payload taken.
pub const MAX_PAYLOAD: usize = json_value::MAX_PAYLOAD;
/// Most records taken from one payload.
pub const MAX_RECORDS: usize = 4096;
/// Most other keys kept of one record.
pub const MAX_ATTRIBUTES: usize = json_value::MAX_ATTRIBUTES;
/// How deep objects inside a record are looked into; what lies deeper is kept as text.
pub const MAX_DEPTH: usize = json_value::MAX_DEPTH;

const KMH: f64 = 3.6;

/// The keys of each field, the first that is there counts.
const DEVICE: &[&str] = &["device_id", "device", "imei", "id"];
/// The same where the topic names the device: there `id` may well be the message's.
const DEVICE_BESIDE_TOPIC: &[&str] = &["device_id", "device", "imei"];
const RECORDS: &[&str] = &["records", "positions", "fixes", "data"];
const TIME: &[&str] = &["time", "timestamp", "ts", "tst"];
const LAT: &[&str] = &["lat", "latitude"];
const LON: &[&str] = &["lon", "lng", "longitude"];
const ALTITUDE: &[&str] = &["altitude_m", "altitude", "alt"];
const SPEED_MPS: &[&str] = &["speed_mps"];
const SPEED_KMH: &[&str] = &["speed_kmh"];
const HEADING: &[&str] = &["heading_deg", "heading", "course", "bearing"];
const SATELLITES: &[&str] = &["satellites", "sat"];
const HDOP: &[&str] = &["hdop"];
const VALID: &[&str] = &["valid"];

/// Reads one payload: a record, an array of records, or an object that names the device and
/// holds an array of records under `records`, `positions`, `fixes` or `data`.
///
/// `topic_device` is whom the topic names. A payload that names another is refused, since a
/// broker's access rules are about topics.
pub fn decode(topic_device: Option<&DeviceId>, payload: &[u8]) -> Result<(DeviceId, FixBatch), DecodeError> {
    let value = json_value::parse(payload)?;
    let mut reader = Reader {
        device_keys: if topic_device.is_some() { DEVICE_BESIDE_TOPIC } else { DEVICE },
        device: topic_device.cloned(),
        batch: FixBatch::default(),
    };
    let no_records = DecodeError::Format("payload holds no object with records");
    match &value {
        Value::Array(records) => reader.list(records)?,
        Value::Object(object) => match find(object, RECORDS) {
            Some(Value::Array(records)) => {
                reader.whose(object)?;
                reader.list(records)?;
            }
            _ => reader.record(object)?,
        },
        _ => return Err(no_records),
    }
    if reader.batch.fixes.is_empty() {
        return Err(no_records);
    }
    let device = reader.device.ok_or(DecodeError::Field("device_id"))?;
    Ok((device, reader.batch))
}

struct Reader {
    device_keys: &'static [&'static str],
    device: Option<DeviceId>,
    batch: FixBatch,
}

impl Reader {
    fn list(&mut self, records: &[Value]) -> Result<(), DecodeError> {
        if records.len() > MAX_RECORDS {
            return Err(DecodeError::Count { what: "number of records", stated: MAX_RECORDS, found: records.len() });
        }
        records.iter().try_for_each(|value| match value {
            Value::Object(object) => self.record(object),
            _ => Err(DecodeError::Format("a record is no object")),
        })
    }

    /// Notes whom an object names. Topic, envelope and all records must name the same.
    fn whose(&mut self, object: &Map<String, Value>) -> Result<(), DecodeError> {
        let bad = DecodeError::Field("device_id");
        let id = match find(object, self.device_keys) {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::String(id)) => DeviceId::new(id),
            Some(Value::Number(id)) => DeviceId::new(&id.to_string()),
            Some(_) => return Err(bad),
        };
        match (&self.device, id) {
            (Some(known), Ok(id)) if *known == id => Ok(()),
            (None, Ok(id)) => {
                self.device = Some(id);
                Ok(())
            }
            _ => Err(bad),
        }
    }

    fn record(&mut self, object: &Map<String, Value>) -> Result<(), DecodeError> {
        self.whose(object)?;
        self.batch.push(fix(object)?);
        let fields =
            [self.device_keys, TIME, LAT, LON, ALTITUDE, SPEED_MPS, SPEED_KMH, HEADING, SATELLITES, HDOP, VALID];
        let others = object.iter().filter(|(key, _)| !fields.iter().any(|keys| keys.contains(&key.as_str())));
        for (key, value) in others {
            json_value::attribute(key, value, &mut self.batch);
        }
        Ok(())
    }
}

/// The fields that a fix has, without its attributes.
fn fix(object: &Map<String, Value>) -> Result<Fix, DecodeError> {
    let (lat, lon) = (number(object, LAT, "lat")?, number(object, LON, "lon")?);
    let position = match (lat, lon) {
        (Some(lat), Some(lon)) => Some(LatLon::new(lat, lon).ok_or(DecodeError::Field("lat, lon"))?),
        (None, None) => None,
        _ => return Err(DecodeError::Field("lat, lon")),
    };
    let valid = match find(object, VALID) {
        None | Some(Value::Null) => true,
        Some(value) => value.as_bool().ok_or(DecodeError::Field("valid"))?,
    };
    let satellites = number(object, SATELLITES, "satellites")?;
    // Nothing less than a satellite makes 0,0 a place.
    let position = position.filter(|p| satellites.is_some_and(|s| s > 0.0) || !p.is_null_island());
    let speed_kmh = number(object, SPEED_KMH, "speed_kmh")?.map(|s| s / KMH);
    Ok(Fix {
        position,
        valid: valid && position.is_some(),
        altitude_m: number(object, ALTITUDE, "altitude_m")?.and_then(finite),
        speed_mps: number(object, SPEED_MPS, "speed_mps")?.or(speed_kmh).and_then(finite),
        heading_deg: number(object, HEADING, "heading_deg")?.filter(|h| (0.0..=360.0).contains(h)).and_then(finite),
        satellites: satellites.map(byte),
        hdop: number(object, HDOP, "hdop")?.and_then(finite),
        ..Fix::nowhere(time(object)?)
    })
}

fn find<'a>(object: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().find_map(|key| object.get(*key))
}

fn time(object: &Map<String, Value>) -> Result<Timestamp, DecodeError> {
    find(object, TIME).and_then(json_value::time).ok_or(DecodeError::Field("time"))
}

fn number(object: &Map<String, Value>, keys: &[&str], name: &'static str) -> Result<Option<f64>, DecodeError> {
    match find(object, keys) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(n)) => n.as_f64().map(Some).ok_or(DecodeError::Field(name)),
        Some(Value::String(text)) => {
            text.trim().parse().ok().filter(|n: &f64| n.is_finite()).map(Some).ok_or(DecodeError::Field(name))
        }
        Some(_) => Err(DecodeError::Field(name)),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "float-to-integer casts saturate")]
fn byte(value: f64) -> u8 {
    value as u8
}
