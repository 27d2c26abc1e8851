//! What one device delivered at once, and its bytes in the journal.
//!
//! Layout, version 1, little-endian. Absent numbers are NaN, absent satellites 255.
//!
//! | part | bytes |
//! | --- | --- |
//! | version, device, vehicle, protocol | 1, then three times length (1) and text |
//! | received_at, counts of fixes, attributes and text bytes | 8, 4, 4, 4 |
//! | each fix: time, lat, lon, altitude, speed, heading, hdop, satellites, valid, attributes | 8, 8, 8, 4, 4, 4, 4, 1, 1, 2 |
//! | each attribute: kind of key, kind of value, length of a name, key, value | 1, 1, 2, 4, 8 |
//! | text | as counted |

use compact_str::CompactString;

use crate::{Attribute, AttributeKey, DeviceId, Fix, FixBatch, Known, LatLon, Timestamp, Value, VehicleId};

/// Most fixes that one report may hold.
pub const MAX_REPORT_FIXES: usize = 65_536;

const VERSION: u8 = 1;
const FIX_BYTES: usize = 44;
const ATTRIBUTE_BYTES: usize = 16;

/// The fixes that one device delivered at once, who it is and when they came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What the tracker calls itself.
    pub device: DeviceId,
    /// What the public calls the vehicle that carries it.
    pub vehicle: VehicleId,
    /// The protocol's name in the registry of `protocols`.
    pub protocol: CompactString,
    /// When the gateway took it in.
    pub received_at: Timestamp,
    /// What it said.
    pub batch: FixBatch,
}

/// Why bytes are no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Written by a version that this one does not know.
    #[error("report version {0} is not known here; was the journal written by a newer marshrut?")]
    Version(u8),
    /// Cut short, or followed by more than was counted.
    #[error("report of {0} bytes does not hold what it counts")]
    Length(usize),
    /// A field holds what no writer writes.
    #[error("report field `{0}` is damaged")]
    Field(&'static str),
}

impl Report {
    /// Appends the report's bytes to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let batch = &self.batch;
        out.reserve(64 + batch.fixes.len() * FIX_BYTES + batch.attributes.len() * ATTRIBUTE_BYTES + batch.text.len());
        out.push(VERSION);
        for text in [self.device.as_str(), self.vehicle.as_str(), self.protocol.as_str()] {
            let len = u8::try_from(text.len()).unwrap_or(u8::MAX);
            out.push(len);
            out.extend_from_slice(text.as_bytes().get(..usize::from(len)).unwrap_or_default());
        }
        out.extend_from_slice(&self.received_at.as_micros().to_le_bytes());
        for count in [batch.fixes.len(), batch.attributes.len(), batch.text.len()] {
            out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        }
        batch.fixes.iter().for_each(|fix| encode_fix(fix, out));
        batch.attributes.iter().for_each(|attribute| encode_attribute(attribute, out));
        out.extend_from_slice(&batch.text);
    }

    /// Reads what [`Report::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut input = Input { bytes, whole: bytes.len() };
        let version = input.u8()?;
        if version != VERSION {
            return Err(CodecError::Version(version));
        }
        let device = DeviceId::new(input.text()?).map_err(|_| CodecError::Field("device"))?;
        let vehicle = VehicleId::new(input.text()?).map_err(|_| CodecError::Field("vehicle"))?;
        let protocol = CompactString::new(input.text()?);
        let received_at = Timestamp::from_micros(input.i64()?);
        let (fixes, attributes, text) = (input.u32()? as usize, input.u32()? as usize, input.u32()? as usize);
        let expected = fixes
            .saturating_mul(FIX_BYTES)
            .saturating_add(attributes.saturating_mul(ATTRIBUTE_BYTES))
            .saturating_add(text);
        if fixes > MAX_REPORT_FIXES || expected != input.bytes.len() {
            return Err(CodecError::Length(bytes.len()));
        }
        let mut batch =
            FixBatch { fixes: Vec::with_capacity(fixes), attributes: Vec::with_capacity(attributes), text: Vec::new() };
        let mut start = 0;
        for _ in 0..fixes {
            let fix = decode_fix(&mut input, start)?;
            start += u32::from(fix.attributes_len);
            batch.fixes.push(fix);
        }
        for _ in 0..attributes {
            batch.attributes.push(decode_attribute(&mut input)?);
        }
        batch.text = input.bytes.to_vec();
        Ok(Self { device, vehicle, protocol, received_at, batch })
    }
}

fn encode_fix(fix: &Fix, out: &mut Vec<u8>) {
    let (lat, lon) = fix.position.map_or((f64::NAN, f64::NAN), |p| (p.lat(), p.lon()));
    out.extend_from_slice(&fix.time.as_micros().to_le_bytes());
    out.extend_from_slice(&lat.to_le_bytes());
    out.extend_from_slice(&lon.to_le_bytes());
    for number in [fix.altitude_m, fix.speed_mps, fix.heading_deg, fix.hdop] {
        out.extend_from_slice(&number.unwrap_or(f32::NAN).to_le_bytes());
    }
    out.push(fix.satellites.unwrap_or(u8::MAX));
    out.push(u8::from(fix.valid));
    out.extend_from_slice(&fix.attributes_len.to_le_bytes());
}

fn decode_fix(input: &mut Input<'_>, attributes_start: u32) -> Result<Fix, CodecError> {
    let present = |v: f32| (!v.is_nan()).then_some(v);
    let time = Timestamp::from_micros(input.i64()?);
    let (lat, lon) = (f64::from_bits(input.u64()?), f64::from_bits(input.u64()?));
    Ok(Fix {
        time,
        position: LatLon::new(lat, lon),
        altitude_m: present(input.f32()?),
        speed_mps: present(input.f32()?),
        heading_deg: present(input.f32()?),
        hdop: present(input.f32()?),
        satellites: Some(input.u8()?).filter(|s| *s != u8::MAX),
        valid: input.u8()? != 0,
        attributes_start,
        attributes_len: input.u16()?,
    })
}

fn encode_attribute(attribute: &Attribute, out: &mut Vec<u8>) {
    let (key_kind, name_len, key) = match attribute.key {
        AttributeKey::Known(known) => (0u8, 0, u32::from(known as u16)),
        AttributeKey::Number(number) => (1, 0, number),
        AttributeKey::Name { start, len } => (2, len, start),
    };
    let span = |start: u32, len: u16| u64::from(start) | u64::from(len) << 32;
    let (value_kind, value) = match attribute.value {
        Value::Bool(b) => (0u8, u64::from(b)),
        Value::Int(i) => (1, u64::from_le_bytes(i.to_le_bytes())),
        Value::Float(f) => (2, f.to_bits()),
        Value::Text { start, len } => (3, span(start, len)),
        Value::Bytes { start, len } => (4, span(start, len)),
    };
    out.extend_from_slice(&[key_kind, value_kind]);
    out.extend_from_slice(&name_len.to_le_bytes());
    out.extend_from_slice(&key.to_le_bytes());
    out.extend_from_slice(&value.to_le_bytes());
}

fn decode_attribute(input: &mut Input<'_>) -> Result<Attribute, CodecError> {
    let (key_kind, value_kind, name_len) = (input.u8()?, input.u8()?, input.u16()?);
    let (key, value) = (input.u32()?, input.u64()?);
    let key = match key_kind {
        0 => AttributeKey::Known(
            u16::try_from(key).ok().and_then(Known::from_number).ok_or(CodecError::Field("attribute key"))?,
        ),
        1 => AttributeKey::Number(key),
        2 => AttributeKey::Name { start: key, len: name_len },
        _ => return Err(CodecError::Field("kind of attribute key")),
    };
    #[expect(clippy::cast_possible_truncation, reason = "takes the two halves apart")]
    let (start, len) = (value as u32, (value >> 32) as u16);
    let value = match value_kind {
        0 => Value::Bool(value != 0),
        1 => Value::Int(i64::from_le_bytes(value.to_le_bytes())),
        2 => Value::Float(f64::from_bits(value)),
        3 => Value::Text { start, len },
        4 => Value::Bytes { start, len },
        _ => return Err(CodecError::Field("kind of attribute value")),
    };
    Ok(Attribute { key, value })
}

/// What is left to read, and how much there was, for the error.
struct Input<'a> {
    bytes: &'a [u8],
    whole: usize,
}

impl<'a> Input<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (head, rest) = self.bytes.split_first_chunk::<N>().ok_or(CodecError::Length(self.whole))?;
        self.bytes = rest;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<u8, CodecError> {
        self.take::<1>().map(|[b]| b)
    }

    fn u16(&mut self) -> Result<u16, CodecError> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, CodecError> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, CodecError> {
        self.take().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Result<i64, CodecError> {
        self.take().map(i64::from_le_bytes)
    }

    fn f32(&mut self) -> Result<f32, CodecError> {
        self.take().map(f32::from_le_bytes)
    }

    fn text(&mut self) -> Result<&'a str, CodecError> {
        let len = usize::from(self.u8()?);
        let (head, rest) = self.bytes.split_at_checked(len).ok_or(CodecError::Length(self.whole))?;
        self.bytes = rest;
        std::str::from_utf8(head).map_err(|_| CodecError::Field("text"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fix() -> impl Strategy<Value = Fix> {
        let small = || proptest::option::of(-1e6f32..1e6);
        (any::<i64>(), -90.0..90.0, -180.0..180.0, any::<bool>(), small(), small(), small(), small(), 0..254u8)
            .prop_map(|(time, lat, lon, valid, altitude_m, speed_mps, heading_deg, hdop, satellites)| Fix {
                position: valid.then(|| LatLon::new(lat, lon).unwrap()),
                valid,
                altitude_m,
                speed_mps,
                heading_deg,
                hdop,
                satellites: valid.then_some(satellites),
                ..Fix::nowhere(Timestamp::from_micros(time))
            })
    }

    fn report() -> impl Strategy<Value = Report> {
        proptest::collection::vec(
            (fix(), proptest::collection::vec((any::<u32>(), any::<i64>(), ".{0,12}"), 0..5)),
            0..20,
        )
        .prop_map(|records| {
            let mut batch = FixBatch::default();
            for (fix, attributes) in records {
                batch.push(fix);
                for (number, int, text) in attributes {
                    batch.attribute(AttributeKey::Number(number), Value::Int(int));
                    let (key, value) = (batch.name(&text), batch.text_value(&text));
                    batch.attribute(key, value);
                    batch.known(Known::ALL[(number % 22) as usize], Value::Bool(int > 0));
                    batch.known(Known::BatteryVoltageV, Value::Float(int as f64));
                }
            }
            Report {
                device: DeviceId::new("352093081452251").unwrap(),
                vehicle: VehicleId::new("автобус 12").unwrap(),
                protocol: "teltonika".into(),
                received_at: Timestamp::from_secs(5),
                batch,
            }
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(report in report()) {
            let mut bytes = Vec::new();
            report.encode(&mut bytes);
            prop_assert_eq!(Report::decode(&bytes).unwrap(), report);
        }

        #[test]
        fn a_cut_report_is_refused(report in report(), cut in 1..40usize) {
            let mut bytes = Vec::new();
            report.encode(&mut bytes);
            bytes.truncate(bytes.len().saturating_sub(cut));
            prop_assert!(Report::decode(&bytes).is_err());
        }

        #[test]
        fn noise_is_refused_without_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Report::decode(&bytes);
            if let Some(first) = bytes.first_mut() { *first = VERSION; }
            let _ = Report::decode(&bytes);
        }
    }
}
