//! Numbers of as many bytes as they need.

use super::CodecError;

/// Longest varint: 64 bits, seven a byte.
const MOST_VARINT: usize = 10;

/// Appending numbers.
pub(super) trait Output {
    fn varint(&mut self, value: u64);
    fn zigzag(&mut self, value: i64);
}

impl Output for Vec<u8> {
    #[inline]
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            let [low, ..] = value.to_le_bytes();
            self.push(low | 0x80);
            value >>= 7;
        }
        let [low, ..] = value.to_le_bytes();
        self.push(low);
    }

    #[inline]
    fn zigzag(&mut self, value: i64) {
        self.varint((value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned());
    }
}

/// What is left to read, and how much there was, for the error.
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    whole: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, whole: bytes.len() }
    }

    /// Bytes not yet read.
    pub(super) fn left(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.bytes
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (head, rest) = self.bytes.split_first_chunk::<N>().ok_or(CodecError::Length(self.whole))?;
        self.bytes = rest;
        Ok(*head)
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<u8, CodecError> {
        self.take::<1>().map(|[b]| b)
    }

    pub(super) fn i32(&mut self) -> Result<i32, CodecError> {
        self.take().map(i32::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, CodecError> {
        self.take().map(i64::from_le_bytes)
    }

    pub(super) fn f32(&mut self) -> Result<f32, CodecError> {
        self.take().map(f32::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Result<f64, CodecError> {
        self.take().map(f64::from_le_bytes)
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, CodecError> {
        let mut value = 0;
        for at in 0..MOST_VARINT {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(CodecError::Field("number"))
    }

    #[inline]
    pub(super) fn zigzag(&mut self) -> Result<i64, CodecError> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// A varint that fits.
    pub(super) fn number<T: TryFrom<u64>>(&mut self) -> Result<T, CodecError> {
        T::try_from(self.varint()?).map_err(|_| CodecError::Field("number"))
    }

    pub(super) fn count(&mut self) -> Result<usize, CodecError> {
        self.number()
    }

    pub(super) fn text(&mut self) -> Result<&'a str, CodecError> {
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

    proptest! {
        #[test]
        fn numbers_are_read_as_they_were_written(unsigned in any::<u64>(), shift in 0..64u32, signed in any::<i64>()) {
            let mut out = Vec::new();
            out.varint(unsigned >> shift);
            out.zigzag(signed >> shift);
            let mut input = Input::new(&out);
            prop_assert_eq!(input.varint().unwrap(), unsigned >> shift);
            prop_assert_eq!(input.zigzag().unwrap(), signed >> shift);
            prop_assert_eq!(input.left(), 0);
        }
    }

    #[test]
    fn a_number_without_end_is_refused() {
        assert_eq!(Input::new(&[0xff; 11]).varint(), Err(CodecError::Field("number")));
        assert_eq!(Input::new(&[0xff; 3]).varint(), Err(CodecError::Length(3)));
    }
}
