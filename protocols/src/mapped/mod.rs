//! JSON of any shape: the configuration says where each field lies. `NOTE.md` describes the
//! mapping.

use std::fmt;

use model::{DeviceId, Fix, FixBatch, Known};
use serde_json::Value;

use crate::DecodeError;
use crate::common::by_name;
use crate::json_payload::MAX_RECORDS;
use crate::json_value::{self, byte, flag, number, place, single, words};
use crate::units;

/// Fields that a mapping may place, beside the common attributes.
const FIELDS: [&str; 12] = [
    "records",
    "device",
    "time",
    "lat",
    "lon",
    "altitude",
    "speed",
    "speed_unit",
    "heading",
    "satellites",
    "hdop",
    "valid",
];
/// Most steps of a path.
const MAX_STEPS: usize = 16;

/// Where each field lies in a payload.
///
/// Paths are keys apart by dots, such as `data.gps.lat`;
/// a number stands for a place in an array, and a key may hold dots itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    records: Option<String>,
    device: Option<String>,
    time: Option<String>,
    lat: Option<String>,
    lon: Option<String>,
    altitude: Option<String>,
    speed: Option<String>,
    speed_unit: SpeedUnit,
    heading: Option<String>,
    satellites: Option<String>,
    hdop: Option<String>,
    valid: Option<String>,
    attributes: Vec<(Known, String)>,
}

/// In what a payload gives speeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SpeedUnit {
    #[default]
    KilometresPerHour,
    MetresPerSecond,
    Knots,
    MilesPerHour,
}

/// Why a mapping cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingError(String);

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MappingError {}

impl Mapping {
    /// From fields and their paths; `speed_unit` is `km/h`, `m/s`, `kn` or `mph`.
    pub fn new<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, MappingError> {
        let mut mapping = Self::default();
        for (field, path) in fields {
            if path.is_empty() || path.split('.').count() > MAX_STEPS {
                return Err(MappingError(format!("the path of `{field}` is empty or has more than {MAX_STEPS} steps")));
            }
            mapping.set(field, path)?;
        }
        if mapping.time.is_none() {
            return Err(MappingError("it does not say where the time lies; add `time = \"…\"`".to_owned()));
        }
        if mapping.lat.is_some() != mapping.lon.is_some() {
            return Err(MappingError("one of `lat` and `lon` is missing".to_owned()));
        }
        Ok(mapping)
    }

    fn set(&mut self, field: &str, path: &str) -> Result<(), MappingError> {
        let place = match field {
            "records" => &mut self.records,
            "device" => &mut self.device,
            "time" => &mut self.time,
            "lat" => &mut self.lat,
            "lon" => &mut self.lon,
            "altitude" => &mut self.altitude,
            "speed" => &mut self.speed,
            "heading" => &mut self.heading,
            "satellites" => &mut self.satellites,
            "hdop" => &mut self.hdop,
            "valid" => &mut self.valid,
            "speed_unit" => {
                self.speed_unit = SpeedUnit::named(path)?;
                return Ok(());
            }
            other => {
                let Some(known) = by_name(other.as_bytes()) else {
                    let names = FIELDS.into_iter().chain(Known::ALL.into_iter().map(Known::name));
                    let names: Vec<_> = names.collect();
                    return Err(MappingError(format!("`{other}` is no field; there are {}", names.join(", "))));
                };
                self.attributes.push((known, path.to_owned()));
                return Ok(());
            }
        };
        *place = Some(path.to_owned());
        Ok(())
    }

    /// Whether payloads say whose they are.
    pub const fn names_device(&self) -> bool {
        self.device.is_some()
    }

    /// Reads a record, or an array of records, each with its device where the mapping says
    /// where that lies, else of whom the topic names.
    pub fn decode(
        &self,
        topic_device: Option<&DeviceId>,
        payload: &[u8],
    ) -> Result<Vec<(DeviceId, FixBatch)>, DecodeError> {
        let value = json_value::parse(payload)?;
        let inner = match &self.records {
            Some(path) => at(&value, path).ok_or(DecodeError::Field("records"))?,
            None => &value,
        };
        let records = match inner {
            Value::Array(records) => records.as_slice(),
            one => std::slice::from_ref(one),
        };
        if records.len() > MAX_RECORDS {
            return Err(DecodeError::Count { what: "number of records", stated: MAX_RECORDS, found: records.len() });
        }
        let mut reports: Vec<(DeviceId, FixBatch)> = Vec::new();
        for record in records {
            let device = self.whose(record, &value, topic_device)?;
            match reports.last_mut() {
                Some((last, batch)) if *last == device => self.record(record, batch)?,
                _ => {
                    let mut batch = FixBatch::default();
                    self.record(record, &mut batch)?;
                    reports.push((device, batch));
                }
            }
        }
        if reports.is_empty() { Err(DecodeError::Format("payload holds no records")) } else { Ok(reports) }
    }

    /// The record's device, or the envelope's. The topic's goes before both where it is known:
    /// a broker's access rules are about topics.
    fn whose(&self, record: &Value, envelope: &Value, topic: Option<&DeviceId>) -> Result<DeviceId, DecodeError> {
        let bad = DecodeError::Field("device");
        let named = self.device.as_ref().and_then(|path| at(record, path).or_else(|| at(envelope, path)));
        let named = match named {
            None | Some(Value::Null) => None,
            Some(value) => Some(words(value).and_then(|id| DeviceId::new(&id).ok()).ok_or(bad.clone())?),
        };
        match (topic, named) {
            (Some(topic), Some(named)) if *topic != named => Err(bad),
            (Some(topic), _) => Ok(topic.clone()),
            (None, Some(named)) => Ok(named),
            (None, None) => Err(bad),
        }
    }

    fn record(&self, record: &Value, batch: &mut FixBatch) -> Result<(), DecodeError> {
        let find = |path: &Option<String>| path.as_ref().and_then(|path| at(record, path));
        let time = find(&self.time).and_then(json_value::time).ok_or(DecodeError::Field("time"))?;
        let satellites = find(&self.satellites).and_then(byte);
        let position = place(find(&self.lat), find(&self.lon), satellites)?;
        let is_valid = find(&self.valid).and_then(flag).unwrap_or(true);
        batch.push(Fix {
            position,
            valid: position.is_some() && is_valid,
            altitude_m: find(&self.altitude).and_then(single),
            speed_mps: find(&self.speed).and_then(number).map(|s| self.speed_unit.mps(s)).filter(|s| s.is_finite()),
            heading_deg: find(&self.heading).and_then(single).filter(|h| (0.0..=360.0).contains(h)),
            satellites,
            hdop: find(&self.hdop).and_then(single),
            ..Fix::nowhere(time)
        });
        for (key, path) in &self.attributes {
            if let Some(value) = at(record, path) {
                json_value::known(*key, path, value, batch);
            }
        }
        Ok(())
    }
}

impl SpeedUnit {
    fn named(name: &str) -> Result<Self, MappingError> {
        match name {
            "km/h" | "kmh" => Ok(Self::KilometresPerHour),
            "m/s" | "mps" => Ok(Self::MetresPerSecond),
            "kn" | "knots" => Ok(Self::Knots),
            "mph" => Ok(Self::MilesPerHour),
            other => Err(MappingError(format!("`{other}` is no unit of speed; there are km/h, m/s, kn, mph"))),
        }
    }

    fn mps(self, value: f64) -> f32 {
        match self {
            Self::KilometresPerHour => units::kmh(value),
            Self::MetresPerSecond => units::single(value),
            Self::Knots => units::knots(value),
            Self::MilesPerHour => units::mph(value),
        }
    }
}

/// What lies at a path. A whole path that is a key goes before its steps.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let direct = match value {
        Value::Object(object) => object.get(path),
        Value::Array(values) => path.parse().ok().and_then(|place: usize| values.get(place)),
        _ => return None,
    };
    // The longest first key that is there is taken.
    direct.or_else(|| {
        path.rmatch_indices('.').find_map(|(dot, _)| {
            let (first, rest) = (path.get(..dot)?, path.get(dot + 1..)?);
            let inner = match value {
                Value::Object(object) => object.get(first),
                Value::Array(values) => values.get(first.parse::<usize>().ok()?),
                _ => None,
            };
            at(inner?, rest)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_that_cannot_work_says_why() {
        let error = |fields: &[(&'static str, &'static str)]| Mapping::new(fields.iter().copied()).unwrap_err().0;
        assert!(error(&[("time", "t"), ("latt", "x")]).contains("ignition"));
        assert!(error(&[("lat", "x"), ("lon", "y")]).contains("`time"));
        assert!(error(&[("time", "t"), ("lat", "x")]).contains("lon"));
        assert!(error(&[("time", "t"), ("speed_unit", "c")]).contains("km/h"));
        assert!(error(&[("time", "")]).contains("empty"));
    }

    #[test]
    fn paths_go_through_objects_arrays_and_dotted_keys() {
        let value: Value = serde_json::from_str(r#"{"a":{"b.c":[1,{"d":2}]},"a.x":3}"#).unwrap();
        assert_eq!(at(&value, "a.b.c.1.d"), Some(&Value::from(2)));
        assert_eq!(at(&value, "a.x"), Some(&Value::from(3)));
        assert_eq!(at(&value, "a.b.c.7"), None);
    }
}
