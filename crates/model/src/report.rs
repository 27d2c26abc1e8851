//! What one device delivered at once, and its bytes in the journal.
//!
//! Layout, version 2. "varint" is LEB128 as in protobuf, "zigzag" a signed number made a
//! varint with the sign in its lowest bit; all else is little-endian.
//!
//! | part | bytes |
//! | --- | --- |
//! | version, device, vehicle, protocol | 1, then three times length (1) and text |
//! | received_at; counts of fixes, attributes and text bytes | 8; three varints |
//! | each fix: what it has ([`fix`]), time since the one before (the first: since received_at), count of attributes | 1, zigzag, varint |
//! | … latitude and longitude, in 1e-7 degrees where that is exact | 4 and 4, or 8 and 8 |
//! | … those of altitude, speed, heading, hdop, satellites that it has | 4, 4, 4, 4, 1 |
//! | each attribute: kind of key and of value ([`attribute`]), key, value | 1, varints, 0 to 10 |
//! | text | as counted |
//!
//! A record of a dozen attributes takes some 80 bytes: the disk is what bounds how many
//! records a second can be acknowledged.

mod attribute;
mod fix;
mod wire;

use compact_str::CompactString;

use self::wire::{Input, Output};
use crate::{DeviceId, FixBatch, Timestamp, VehicleId};

/// Most fixes that one report may hold.
pub const MAX_REPORT_FIXES: usize = 65_536;

const VERSION: u8 = 2;

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
        let fixed = 64 + batch.text.len();
        out.reserve(fixed + batch.fixes.len() * fix::MOST_BYTES + batch.attributes.len() * attribute::USUAL_BYTES);
        out.push(VERSION);
        for text in [self.device.as_str(), self.vehicle.as_str(), self.protocol.as_str()] {
            let len = u8::try_from(text.len()).unwrap_or(u8::MAX);
            out.push(len);
            out.extend_from_slice(text.as_bytes().get(..usize::from(len)).unwrap_or_default());
        }
        out.extend_from_slice(&self.received_at.as_micros().to_le_bytes());
        for count in [batch.fixes.len(), batch.attributes.len(), batch.text.len()] {
            out.varint(count as u64);
        }
        let mut before = self.received_at;
        for fix in &batch.fixes {
            fix::encode(fix, before, out);
            before = fix.time;
        }
        batch.attributes.iter().for_each(|attribute| attribute::encode(attribute, out));
        out.extend_from_slice(&batch.text);
    }

    /// The vehicle of a report's bytes, without reading the rest of them.
    pub fn vehicle_of(bytes: &[u8]) -> Result<VehicleId, CodecError> {
        let mut input = Input::new(bytes);
        let version = input.u8()?;
        if version != VERSION {
            return Err(CodecError::Version(version));
        }
        input.text()?;
        VehicleId::new(input.text()?).map_err(|_| CodecError::Field("vehicle"))
    }

    /// Reads what [`Report::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut input = Input::new(bytes);
        let version = input.u8()?;
        if version != VERSION {
            return Err(CodecError::Version(version));
        }
        let device = DeviceId::new(input.text()?).map_err(|_| CodecError::Field("device"))?;
        let vehicle = VehicleId::new(input.text()?).map_err(|_| CodecError::Field("vehicle"))?;
        let protocol = CompactString::new(input.text()?);
        let received_at = Timestamp::from_micros(input.i64()?);
        let (fixes, attributes, text) = (input.count()?, input.count()?, input.count()?);
        let least = fixes
            .saturating_mul(fix::LEAST_BYTES)
            .saturating_add(attributes.saturating_mul(attribute::LEAST_BYTES))
            .saturating_add(text);
        if fixes > MAX_REPORT_FIXES || least > input.left() {
            return Err(CodecError::Length(bytes.len()));
        }
        let mut batch =
            FixBatch { fixes: Vec::with_capacity(fixes), attributes: Vec::with_capacity(attributes), text: Vec::new() };
        let (mut start, mut before) = (0, received_at);
        for _ in 0..fixes {
            let fix = fix::decode(&mut input, before, start)?;
            start += u32::from(fix.attributes_len);
            before = fix.time;
            batch.fixes.push(fix);
        }
        for _ in 0..attributes {
            batch.attributes.push(attribute::decode(&mut input)?);
        }
        if input.left() != text {
            return Err(CodecError::Length(bytes.len()));
        }
        batch.text = input.rest().to_vec();
        Ok(Self { device, vehicle, protocol, received_at, batch })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{AttributeKey, Fix, Known, LatLon, Value};

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
                    batch.known(Known::ExternalVoltageV, Value::Float(f64::from(number % 30_000) / 1e3));
                    batch.known(Known::Pdop, Value::Float(f64::from_bits(int.cast_unsigned() >> 2)));
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
            prop_assert_eq!(Report::vehicle_of(&bytes).unwrap(), report.vehicle.clone());
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
            let _ = (Report::decode(&bytes), Report::vehicle_of(&bytes));
            if let Some(first) = bytes.first_mut() { *first = VERSION; }
            let _ = (Report::decode(&bytes), Report::vehicle_of(&bytes));
        }
    }
}
