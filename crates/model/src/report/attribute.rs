//! An attribute's bytes.

use super::CodecError;
use super::wire::{Input, Output};
use crate::fix::{Attribute, AttributeKey, Known, Value};

/// What one takes as a rule.
pub(super) const USUAL_BYTES: usize = 8;
/// The least that one takes.
pub(super) const LEAST_BYTES: usize = 2;

/// The first byte holds the kind of key in its upper half and that of the value in its lower.
const KEY: u8 = 4;
const KNOWN: u8 = 0;
const NUMBER: u8 = 1;
const NAME: u8 = 2;

const FALSE: u8 = 0;
const TRUE: u8 = 1;
const INT: u8 = 2;
const FLOAT: u8 = 3;
const TEXT: u8 = 4;
const BYTES: u8 = 5;
/// A whole number of thousandths: volts, litres and degrees as trackers send them.
const THOUSANDTHS: u8 = 6;

const THOUSAND: f64 = 1e3;
/// Thousandths up to here are tried.
const MOST_THOUSANDTHS: f64 = 1e12;

pub(super) fn encode(attribute: &Attribute, out: &mut Vec<u8>) {
    let thousandths = match attribute.value {
        Value::Float(float) => thousandths(float),
        _ => None,
    };
    let value = match attribute.value {
        Value::Bool(false) => FALSE,
        Value::Bool(true) => TRUE,
        Value::Int(_) => INT,
        Value::Float(_) if thousandths.is_some() => THOUSANDTHS,
        Value::Float(_) => FLOAT,
        Value::Text { .. } => TEXT,
        Value::Bytes { .. } => BYTES,
    };
    match attribute.key {
        AttributeKey::Known(known) => {
            out.push(KNOWN << KEY | value);
            out.varint(u64::from(known as u16));
        }
        AttributeKey::Number(number) => {
            out.push(NUMBER << KEY | value);
            out.varint(u64::from(number));
        }
        AttributeKey::Name { start, len } => {
            out.push(NAME << KEY | value);
            out.varint(u64::from(start));
            out.varint(u64::from(len));
        }
    }
    match attribute.value {
        Value::Bool(_) => {}
        Value::Int(int) => out.zigzag(int),
        Value::Float(float) => match thousandths {
            Some(thousandths) => out.zigzag(thousandths),
            None => out.extend_from_slice(&float.to_le_bytes()),
        },
        Value::Text { start, len } | Value::Bytes { start, len } => {
            out.varint(u64::from(start));
            out.varint(u64::from(len));
        }
    }
}

pub(super) fn decode(input: &mut Input<'_>) -> Result<Attribute, CodecError> {
    let kinds = input.u8()?;
    let key = match kinds >> KEY {
        KNOWN => AttributeKey::Known(Known::from_number(input.number()?).ok_or(CodecError::Field("attribute key"))?),
        NUMBER => AttributeKey::Number(input.number()?),
        NAME => AttributeKey::Name { start: input.number()?, len: input.number()? },
        _ => return Err(CodecError::Field("kind of attribute key")),
    };
    let value = match kinds & ((1 << KEY) - 1) {
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        INT => Value::Int(input.zigzag()?),
        FLOAT => Value::Float(input.f64()?),
        TEXT => Value::Text { start: input.number()?, len: input.number()? },
        BYTES => Value::Bytes { start: input.number()?, len: input.number()? },
        THOUSANDTHS => Value::Float(input.zigzag()? as f64 / THOUSAND),
        _ => return Err(CodecError::Field("kind of attribute value")),
    };
    Ok(Attribute { key, value })
}

/// A measurement as a whole number of thousandths, where it is exactly that many.
fn thousandths(float: f64) -> Option<i64> {
    if float.abs() * THOUSAND > MOST_THOUSANDTHS {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "within bounds, and compared with what it was just below")]
    let whole = (float * THOUSAND + 0.5_f64.copysign(float)) as i64;
    ((whole as f64 / THOUSAND).to_bits() == float.to_bits()).then_some(whole)
}
