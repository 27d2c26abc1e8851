//! Protocol Buffers as records use them: fields, and groups within groups.

use crate::bytes::Bytes;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field<'a> {
    Whole(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Begin,
    End,
    Fixed32(u32),
}

/// The next field and its number; `None` where the bytes are none.
pub(super) fn field<'a>(rest: &mut Bytes<'a>) -> Option<(u32, Field<'a>)> {
    let tag = varint(rest)?;
    let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0)?;
    let field = match tag & 0b111 {
        0 => Field::Whole(varint(rest)?),
        1 => Field::Fixed64(rest.u64_le()?),
        2 => {
            let len = usize::try_from(varint(rest)?).ok()?;
            Field::Bytes(rest.take(len)?)
        }
        3 => Field::Begin,
        4 => Field::End,
        5 => Field::Fixed32(rest.u32_le()?),
        _ => return None,
    };
    Some((number, field))
}

/// Seven bits a byte, the lowest first.
pub(super) fn varint(rest: &mut Bytes<'_>) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = rest.u8()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A whole number whose sign is its lowest bit.
pub(super) fn signed(value: u64) -> i64 {
    let half = (value >> 1).cast_signed();
    if value & 1 == 0 { half } else { !half }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_groups() {
        let mut rest = Bytes(&[0x14, 0x08, 0x96, 0x01, 0x13, 0x0a, 0x02, 0x11, 0x03]);
        assert_eq!(field(&mut rest), Some((2, Field::End)));
        assert_eq!(field(&mut rest), Some((1, Field::Whole(150))));
        assert_eq!(field(&mut rest), Some((2, Field::Begin)));
        assert_eq!(field(&mut rest), Some((1, Field::Bytes(&[0x11, 0x03]))));
        assert_eq!(field(&mut rest), None);
        assert_eq!([0, 1, 2, 3, u64::MAX].map(signed), [0, -1, 1, -2, i64::MIN]);
        assert_eq!(varint(&mut Bytes(&[0x80; 11])), None);
    }
}
