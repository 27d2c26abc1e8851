//! Payloads of messages whose transport has framed and acknowledges them, such as MQTT's.
//!
//! A format is a pure function from topic and payload to the records of one or more devices.

use model::{DeviceId, FixBatch};

use crate::mapped::Mapping;
use crate::{DecodeError, flespi, hfp, json_payload, owntracks, teltonika};

/// Longest payload that any format takes.
pub const MAX_PAYLOAD: usize = json_payload::MAX_PAYLOAD;

/// The records of each device of one payload, in the order sent; none where it has nothing to
/// keep.
pub type Reports = Vec<(DeviceId, FixBatch)>;

/// Reads a payload that came with a topic, which may name a device.
pub type Decode = fn(topic: &str, topic_device: Option<&DeviceId>, payload: &[u8]) -> Result<Reports, DecodeError>;

/// One format of payloads.
#[derive(Clone, Copy, Debug)]
pub struct PayloadFormat {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Whether a level of the topic may be set to name the device. Others have it named in
    /// the payload, or in topics of their own shape.
    pub device_in_topic: bool,
    /// Reads one payload.
    pub decode: Decode,
}

/// The name of the format that is described by a [`Mapping`].
pub const MAPPED: &str = "mapped";

/// One line a format, in alphabetical order. [`MAPPED`] comes beside them.
#[rustfmt::skip]
pub static PAYLOADS: &[PayloadFormat] = &[
    PayloadFormat { name: "flespi", title: "flespi", device_in_topic: false, decode: flespi::payload::decode },
    PayloadFormat { name: "hfp", title: "Digitransit HFP v2", device_in_topic: false, decode: hfp::decode },
    PayloadFormat { name: "json", title: "plain JSON", device_in_topic: true, decode: json },
    PayloadFormat { name: "owntracks", title: "OwnTracks", device_in_topic: false, decode: owntracks::payload::decode },
    PayloadFormat { name: "teltonika-json", title: "Teltonika JSON", device_in_topic: true, decode: teltonika_json },
];

/// The format of that name; `_` counts as `-` and case does not matter.
pub fn payload_by_name(name: &str) -> Option<&'static PayloadFormat> {
    PAYLOADS.iter().find(|format| name.replace('_', "-").eq_ignore_ascii_case(format.name))
}

/// How a source's payloads are read.
#[derive(Clone, Debug)]
pub enum Payload {
    /// As a format of the list says.
    Format(&'static PayloadFormat),
    /// As the configuration says.
    Mapped(Box<Mapping>),
}

impl Payload {
    /// The format of that name, with the fields of a mapping where it is [`MAPPED`]. The error
    /// says what is wrong and what there is.
    pub fn new<'a>(name: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let mut fields = fields.into_iter().peekable();
        if name.eq_ignore_ascii_case(MAPPED) {
            return Mapping::new(fields)
                .map(|mapping| Self::Mapped(mapping.into()))
                .map_err(|error| format!("fields: {error}"));
        }
        let Some(format) = payload_by_name(name) else {
            let names: Vec<_> = PAYLOADS.iter().map(|format| format.name).chain([MAPPED]).collect();
            return Err(format!("`{name}` is no format of payloads; there are {}", names.join(", ")));
        };
        if fields.peek().is_some() {
            return Err(format!("fields are for the format `{MAPPED}`; `{}` has its own", format.name));
        }
        Ok(Self::Format(format))
    }

    /// Its name in the configuration.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Format(format) => format.name,
            Self::Mapped(_) => MAPPED,
        }
    }

    /// Whether a level of the topic may be set to name the device.
    pub const fn device_in_topic(&self) -> bool {
        match self {
            Self::Format(format) => format.device_in_topic,
            Self::Mapped(mapping) => !mapping.names_device(),
        }
    }

    /// Reads one payload.
    pub fn decode(&self, topic: &str, topic_device: Option<&DeviceId>, payload: &[u8]) -> Result<Reports, DecodeError> {
        match self {
            Self::Format(format) => (format.decode)(topic, topic_device, payload),
            Self::Mapped(mapping) => mapping.decode(topic_device, payload),
        }
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::Format(&PayloadFormat { name: "json", title: "plain JSON", device_in_topic: true, decode: json })
    }
}

fn teltonika_json(_topic: &str, topic_device: Option<&DeviceId>, payload: &[u8]) -> Result<Reports, DecodeError> {
    // The answer to a command holds no record.
    let report = teltonika::json::decode(topic_device, payload)?;
    Ok(if report.1.fixes.is_empty() { Vec::new() } else { vec![report] })
}

fn json(_topic: &str, topic_device: Option<&DeviceId>, payload: &[u8]) -> Result<Reports, DecodeError> {
    json_payload::decode(topic_device, payload).map(|report| vec![report])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_found_and_others_refused_with_what_there_is() {
        for format in PAYLOADS {
            assert_eq!(payload_by_name(&format.name.to_uppercase().replace('-', "_")).unwrap().name, format.name);
            assert_eq!(Payload::new(format.name, []).unwrap().name(), format.name);
        }
        assert!(PAYLOADS.is_sorted_by_key(|format| format.name));
        assert_eq!(Payload::default().name(), "json");
        let error = Payload::new("jsn", []).unwrap_err();
        assert!(PAYLOADS.iter().all(|format| error.contains(format.name)) && error.contains(MAPPED), "{error}");
        assert!(Payload::new("json", [("lat", "x")]).unwrap_err().contains(MAPPED));
        assert!(Payload::new("mapped", [("time", "t"), ("device", "d")]).is_ok_and(|p| !p.device_in_topic()));
        assert!(Payload::new("mapped", []).unwrap_err().contains("time"));
    }
}
