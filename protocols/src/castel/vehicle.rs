//! What the vehicle's bus says: measurements by their numbers, and trouble codes.

use model::{AttributeKey, FixBatch, Value};

use crate::attributes::text;
use crate::bytes::Bytes;
use crate::put::Put;

/// Most measurements of a report.
const MAX_MEASUREMENTS: usize = 255;
/// "P0123".
const CODE: usize = 5;

/// Numbers and values one after the other; in groups, how many and how long the groups are comes
/// between, and the first group is read.
pub(super) fn measurements(bytes: &mut Bytes<'_>, is_grouped: bool, batch: &mut FixBatch) -> Option<()> {
    let count = usize::from(bytes.u8()?).min(MAX_MEASUREMENTS);
    let mut numbers = Bytes(bytes.take(count * 2)?);
    if is_grouped {
        bytes.skip(2)?;
    }
    while let Some(number) = numbers.u16_le() {
        let [_, parameter] = number.to_be_bytes();
        let value = match width(parameter) {
            Some(1) => i64::from(bytes.u8()?),
            Some(2) => i64::from(bytes.u16_le()?),
            Some(_) => i64::from(bytes.i32_le()?),
            // What follows a value of unknown width cannot be told apart.
            None => return Some(()),
        };
        match name(parameter) {
            Some(name) => batch.put(name, Value::Int(value)),
            None => batch.attribute(AttributeKey::Number(number.into()), Value::Int(value)),
        }
    }
    Some(())
}

/// Bytes of a value, by the parameter's number in SAE J1979, which is the lower half of the
/// device's. Values come converted: degrees Celsius, percent, revolutions.
const fn width(parameter: u8) -> Option<u8> {
    match parameter {
        0x04..=0x09
        | 0x0b
        | 0x0d..=0x0f
        | 0x11..=0x13
        | 0x1c..=0x1e
        | 0x2c..=0x30
        | 0x33
        | 0x43
        | 0x45..=0x4c
        | 0x51
        | 0x52
        | 0x5a => Some(1),
        0x02
        | 0x03
        | 0x0a
        | 0x0c
        | 0x10
        | 0x14..=0x1b
        | 0x1f
        | 0x21..=0x23
        | 0x31
        | 0x32
        | 0x3c..=0x3f
        | 0x42
        | 0x44
        | 0x4d
        | 0x4e
        | 0x50
        | 0x53..=0x59 => Some(2),
        0x00 | 0x01 | 0x20 | 0x24..=0x2b | 0x34..=0x3b | 0x40 | 0x41 | 0x4f => Some(4),
        _ => None,
    }
}

const fn name(parameter: u8) -> Option<&'static str> {
    Some(match parameter {
        0x04 => "engine_load_percent",
        0x05 => "coolant_temperature_c",
        0x0b => "intake_pressure_kpa",
        0x0c => "rpm",
        0x0d => "obd_speed_kmh",
        0x0f => "intake_temperature_c",
        0x11 => "throttle_percent",
        0x21 => "distance_with_fault_km",
        0x2f => "fuel_1",
        0x31 => "distance_since_clearing_km",
        _ => return None,
    })
}

/// A flag, the number of codes and the codes, each with nothing, a byte or two of its own after it.
pub(super) fn codes(bytes: &mut Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let (_flag, count) = (bytes.u8()?, usize::from(bytes.u8()?));
    let Some(size) = bytes.0.len().checked_div(count).filter(|size| *size >= 2) else {
        return (count == 0).then_some(());
    };
    let mut words = Vec::with_capacity(count * (CODE + 1));
    for code in bytes.0.chunks_exact(size).take(count) {
        let [low, high, ..] = code else { continue };
        if !words.is_empty() {
            words.push(b' ');
        }
        words.extend_from_slice(&spell(u16::from_le_bytes([*low, *high])));
    }
    text(batch, "dtcs", &words);
    Some(())
}

/// A code as SAE J2012 spells it: two bits of letter, two of digit and three digits.
fn spell(code: u16) -> [u8; CODE] {
    let hex = |shift: u16, mask: u16| match code >> shift & mask {
        digit @ 0..=9 => b'0' + digit.to_be_bytes()[1],
        digit => b'A' - 10 + digit.to_be_bytes()[1],
    };
    let letter = match code >> 14 {
        0 => b'P',
        1 => b'C',
        2 => b'B',
        _ => b'U',
    };
    [letter, hex(12, 3), hex(8, 0xf), hex(4, 0xf), hex(0, 0xf)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_spelt_with_their_letter() {
        for (code, spelt) in
            [(0x0326, "P0326"), (0x1351, "P1351"), (0x4abc, "C0ABC"), (0x9234, "B1234"), (0xc100, "U0100")]
        {
            assert_eq!(spell(code), spelt.as_bytes());
        }
    }
}
