//! Extended tags: what tag 0xFE holds, a number of two bytes before each value.

use model::{Known, Value};

use super::records::Records;
use super::tags::{signed, unsigned};
use crate::DecodeError;
use crate::bytes::Bytes;
use crate::put::Put;

/// Extended tags without a name are kept under their number with this added.
const OWN_NUMBER: u32 = 0x00fe_0000;
/// Modbus values are sent in hundredths.
const HUNDREDTH: f64 = 100.0;
/// Temperatures of tags 0x86 to 0x8D are sent in 1/256 of a degree.
const FRACTION: f64 = 256.0;
/// The number of a thermometer that is not connected.
const NO_THERMOMETER: u64 = 127;

/// Length of a value; `None` for tags that are not in the manual's list, or whose length it
/// leaves to the content.
const fn size(tag: u16) -> Option<usize> {
    Some(match tag {
        0x85 | 0x93 | 0xa4..=0xa8 | 0xb0..=0xb2 | 0xfc => 1,
        0x81..=0x84 => 2,
        0xd9..=0xfa => 3,
        0x01..=0x80 | 0x86..=0x91 | 0xa9 | 0xac => 4,
        0xad | 0xae | 0xb4..=0xb6 => 6,
        0xfd | 0xfe => 8,
        0xab | 0xb3 => 12,
        0xaf => 14,
        0x92 => 15,
        0x94 => 20,
        _ => return None,
    })
}

/// Adds the extended tags to the record that is open.
pub(super) fn read(block: &[u8], records: &mut Records<'_>) {
    let mut rest = Bytes(block);
    while let Some(tag) = rest.u16_le() {
        let Some(size) = size(tag) else {
            records.defect = Some(DecodeError::Unknown { what: "extended tag", number: u32::from(tag) });
            return;
        };
        let Some(value) = rest.take(size) else {
            records.defect = Some(DecodeError::Format("tag 0xFE ends before its last value does"));
            return;
        };
        one(tag, value, records);
    }
}

fn one(tag: u16, value: &[u8], records: &mut Records<'_>) {
    let number = u32::from(tag);
    let whole = Value::Int(i64::try_from(unsigned(value)).unwrap_or(i64::MAX));
    match tag {
        0x01..=0x20 => hundredths("modbus_", number - 0x01, value, records),
        0x61..=0x80 => hundredths("modbus_", number - 0x61 + 32, value, records),
        0x21..=0x60 => {
            let key = records.batch.numbered("bluetooth_", number - 0x21, "");
            records.attribute(key, Value::Int(signed(value)));
        }
        0x81 => records.named("cell_id", whole),
        0x82 => records.named("lac", whole),
        0x83 => records.named("mcc", whole),
        0x84 => records.named("mnc", whole),
        0x85 => records.named("rssi", Value::Int(signed(value))),
        0x86..=0x8d => {
            if let Some((id, temperature)) = value.split_first_chunk::<2>()
                && unsigned(id) != NO_THERMOMETER
            {
                let key = records.batch.numbered("sensor_temperature_", number - 0x86, "_c");
                records.attribute(key, Value::Float(signed(temperature) as f64 / FRACTION));
            }
        }
        0x92 | 0x94 => {
            let text = records.text(value);
            records.named(if tag == 0x92 { "imsi" } else { "iccid" }, text);
        }
        0xfc => records.known(Known::Event, whole),
        0xfd | 0xfe => key64(number, value, records),
        _ if value.len() > 4 => {
            let bytes = records.batch.bytes_value(value);
            records.number(OWN_NUMBER + number, bytes);
        }
        _ => records.number(OWN_NUMBER + number, whole),
    }
}

fn hundredths(name: &str, number: u32, value: &[u8], records: &mut Records<'_>) {
    let key = records.batch.numbered(name, number, "");
    records.attribute(key, Value::Float(signed(value) as f64 / HUNDREDTH));
}

/// A whole iButton number, in hex as it is engraved; zero where there is no key.
fn key64(number: u32, value: &[u8], records: &mut Records<'_>) {
    let mut digits = [0; 16];
    if unsigned(value) == 0 || hex::encode_to_slice(value, &mut digits).is_err() {
        return;
    }
    let key = records.text(&digits);
    if number == 0xfd {
        records.driver(key);
    } else {
        records.number(OWN_NUMBER + number, key);
    }
}
