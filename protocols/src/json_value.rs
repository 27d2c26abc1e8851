//! Reading fields of JSON objects.

use model::{FixBatch, LatLon, Timestamp, Value as Held};
use serde_json::{Map, Value};

use crate::DecodeError;
use crate::common::{by_name, convert};
use crate::text::iso_time;

/// Most other keys kept of one record.
pub(crate) const MAX_ATTRIBUTES: usize = 256;
/// How deep objects inside a record are looked into; what lies deeper is kept as text.
pub(crate) const MAX_DEPTH: usize = 4;
/// Longest name of an object that is looked into; those of its keys begin with it.
const MAX_PREFIX: usize = 40;
/// Longest payload taken.
pub(crate) const MAX_PAYLOAD: usize = 256 * 1024;

/// Unix times above this are milliseconds: as seconds it lies in the year 5138.
const MAX_SECONDS: f64 = 1e11;

/// An object of JSON.
pub(crate) type Object = Map<String, Value>;

/// The JSON of a payload.
pub(crate) fn parse(payload: &[u8]) -> Result<Value, DecodeError> {
    if payload.len() > MAX_PAYLOAD {
        return Err(DecodeError::Length { what: "payload", found: payload.len(), limit: MAX_PAYLOAD });
    }
    serde_json::from_slice(payload).map_err(|_| DecodeError::Format("payload is no JSON"))
}

/// A number, or text that is one.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(text) => crate::text::number(text.as_bytes()),
        _ => None,
    }
}

/// A number in single precision.
pub(crate) fn single(value: &Value) -> Option<f32> {
    number(value).and_then(crate::units::finite)
}

/// A count as a fix has it.
pub(crate) fn byte(value: &Value) -> Option<u8> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range")]
    number(value).filter(|n| *n >= 0.0).map(|n| n.min(254.0) as u8)
}

/// Yes or no, also as a number.
pub(crate) fn flag(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| number(value).map(|n| n != 0.0))
}

/// Text, or a whole number as text.
pub(crate) fn words(value: &Value) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.to_string().into()),
        _ => None,
    }
}

/// ISO 8601, or seconds or milliseconds since 1970.
pub(crate) fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => {
            Timestamp::parse(text).or_else(|| iso_time(text.as_bytes())).or_else(|| number(value).and_then(unix))
        }
        _ => number(value).and_then(unix),
    }
}

/// Seconds or milliseconds since 1970.
pub(crate) fn unix(number: f64) -> Option<Timestamp> {
    let seconds = if number.abs() > MAX_SECONDS { number / 1000.0 } else { number };
    (seconds.is_finite() && seconds.abs() <= MAX_SECONDS).then(|| Timestamp::from_secs(0).plus_seconds(seconds))
}

/// A place, where there is one: both numbers within the earth's bounds, and not the point
/// that devices send for want of one, unless satellites were seen.
pub(crate) fn place(
    lat: Option<&Value>,
    lon: Option<&Value>,
    satellites: Option<u8>,
) -> Result<Option<LatLon>, DecodeError> {
    let given = |value: Option<&Value>| match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => number(value).map(Some).ok_or(DecodeError::Field("lat, lon")),
    };
    let position = match (given(lat)?, given(lon)?) {
        (Some(lat), Some(lon)) => LatLon::new(lat, lon).ok_or(DecodeError::Field("lat, lon"))?,
        (None, None) => return Ok(None),
        _ => return Err(DecodeError::Field("lat, lon")),
    };
    Ok(Some(position).filter(|p| satellites.is_some_and(|s| s > 0) || !p.is_null_island()))
}

/// Keeps what has no field of its own; keys inside objects are joined with dots.
pub(crate) fn attribute(name: &str, value: &Value, batch: &mut FixBatch) {
    nested(name, value, 0, batch);
}

fn nested(name: &str, value: &Value, depth: usize, batch: &mut FixBatch) {
    let kept = batch.fixes.last().map_or(0, |fix| usize::from(fix.attributes_len));
    if kept >= MAX_ATTRIBUTES {
        return;
    }
    if let Value::Object(inner) = value
        && depth < MAX_DEPTH
        && name.len() <= MAX_PREFIX
    {
        for (key, value) in inner {
            nested(&format!("{name}.{key}"), value, depth + 1, batch);
        }
        return;
    }
    let Some(held) = held(value, batch) else { return };
    let known = by_name(name.as_bytes()).and_then(|key| Some((key, convert(key, held, batch)?)));
    if let Some((key, value)) = known {
        batch.known(key, value);
    } else {
        let key = batch.name(name);
        batch.attribute(key, held);
    }
}

/// Keeps a value under a common name where it fits it, else under its own.
pub(crate) fn known(key: model::Known, name: &str, value: &Value, batch: &mut FixBatch) {
    let converted = held(value, batch).and_then(|held| convert(key, held, batch));
    match converted {
        Some(held) => batch.known(key, held),
        None => attribute(name, value, batch),
    }
}

fn held(value: &Value, batch: &mut FixBatch) -> Option<Held> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(b) => Held::Bool(*b),
        Value::String(text) => batch.text_value(text),
        Value::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(whole), _) => Held::Int(whole),
            (None, Some(float)) if n.is_f64() => Held::Float(float),
            _ => batch.text_value(&n.to_string()),
        },
        Value::Array(_) | Value::Object(_) => batch.text_value(&value.to_string()),
    })
}
