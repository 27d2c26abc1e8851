//! Type 11: modules of variable length (chapter "Modular message").

use model::{AttributeKey, Fix, FixBatch, Timestamp, Value};

use super::status::{Place, time};
use crate::DecodeError;
use crate::bytes::Bytes;

/// Most values taken from one message.
const MAX_VALUES: usize = 512;

/// Modules that are read here. Others are passed over.
mod module {
    /// Values of sensors, each with its number.
    pub const SENSORS: u8 = 2;
    pub const PLACE: u8 = 6;
    pub const TIME: u8 = 7;
}

/// Adds the record that the modules make; gives whether there is one.
pub(super) fn read(rest: &mut Bytes<'_>, now: Timestamp, batch: &mut FixBatch) -> Result<bool, DecodeError> {
    let short = DecodeError::Format("a module ends before its fields do");
    // Packet control, length of what follows, two numbers that are not used.
    rest.skip(7).ok_or(short.clone())?;
    let (mut place, mut instant) = (None, None);
    let mut scan = *rest;
    while let Some((kind, content)) = next(&mut scan).transpose()? {
        match kind {
            module::PLACE => place = Some(Stamp::read(content).ok_or(short.clone())?),
            module::TIME => instant = stamp_time(content).ok_or(short.clone())?,
            _ => {}
        }
    }
    let instant = instant.unwrap_or(now);
    match &place {
        Some(stamp) => batch.push(Fix {
            valid: stamp.place.position.is_some(),
            satellites: Some(stamp.satellites),
            hdop: (stamp.hdop > 0).then(|| f32::from(stamp.hdop) / 10.0),
            ..stamp.place.fix(instant)
        }),
        None => batch.push(Fix::nowhere(instant)),
    }
    if let Some(stamp) = &place {
        for (name, value) in [("mode_1", stamp.mode_1), ("mode_2", stamp.mode_2)] {
            let key = batch.name(name);
            batch.attribute(key, Value::Int(i64::from(value)));
        }
    }
    let mut values = 0;
    while let Some((kind, content)) = next(rest).transpose()? {
        if kind == module::SENSORS {
            values += sensors(content, MAX_VALUES - values, batch).ok_or(short.clone())?;
        }
    }
    Ok(place.is_some() || values > 0)
}

/// The next module: its number, the length of its content, the content.
fn next<'a>(rest: &mut Bytes<'a>) -> Option<Result<(u8, Bytes<'a>), DecodeError>> {
    let kind = rest.u8()?;
    let content = rest.u16_le().and_then(|len| rest.take(usize::from(len)));
    Some(
        content.map(|content| (kind, Bytes(content))).ok_or(DecodeError::Format("a module is longer than its message")),
    )
}

/// Module 6.
struct Stamp {
    hdop: u8,
    mode_1: u8,
    mode_2: u8,
    satellites: u8,
    place: Place,
}

impl Stamp {
    fn read(mut content: Bytes<'_>) -> Option<Self> {
        let [hdop, mode_1, mode_2, satellites] = content.array()?;
        let (lon, lat, altitude_cm) = (content.i32_le()?, content.i32_le()?, content.i32_le()?);
        // One byte of metres a second.
        let (speed, course) = (content.u8()?, content.u16_le()?);
        let place = Place::of(lon, lat, altitude_cm, f64::from(speed), course);
        Some(Self { hdop, mode_1, mode_2, satellites, place })
    }
}

/// Module 7: validity, second, minute, hour, day, month, year of this century.
#[expect(clippy::option_option, reason = "a time that is not set, or bytes that are not there")]
fn stamp_time(mut content: Bytes<'_>) -> Option<Option<Timestamp>> {
    let [_validity, second, minute, hour, day, month, year] = content.array()?;
    Some(time(2000 + i64::from(year), month, day, [hour, minute, second]))
}

/// Module 2: the driver, a signature, a count, and numbers with values of any length.
fn sensors(mut content: Bytes<'_>, most: usize, batch: &mut FixBatch) -> Option<usize> {
    let operator = content.u16_le()?;
    content.skip(4)?;
    let count = usize::from(content.u8()?);
    if operator != 0 {
        let key = batch.name("operator_id");
        batch.attribute(key, Value::Int(i64::from(operator)));
    }
    for number in 0..count.min(most) {
        let (Some(id), Some(len)) = (content.u16_le(), content.u8()) else { return Some(number) };
        // The upper half says how the variable is made.
        let Some(bytes) = content.take(usize::from(len & 0x0f)) else { return Some(number) };
        let value = match bytes.len() {
            0..=7 => Value::Int(bytes.iter().rev().fold(0, |value, byte| value << 8 | i64::from(*byte))),
            _ => batch.bytes_value(bytes),
        };
        batch.attribute(AttributeKey::Number(u32::from(id)), value);
    }
    Some(count.min(most))
}
