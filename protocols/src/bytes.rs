//! Reading numbers off the front of a slice.

/// What is left of a frame. Reading past the end gives `None` and leaves the rest as it was.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a>(pub &'a [u8]);

/// One reader for each width, big-endian and, with `_le`, little-endian.
macro_rules! numbers {
    ($($type:ident $le:ident),+) => { $(
        #[inline]
        pub fn $type(&mut self) -> Option<$type> {
            self.array().map($type::from_be_bytes)
        }

        #[inline]
        pub fn $le(&mut self) -> Option<$type> {
            self.array().map($type::from_le_bytes)
        }
    )+ };
}

impl<'a> Bytes<'a> {
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    #[inline]
    pub fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    /// Passes over so many bytes.
    #[inline]
    pub fn skip(&mut self, len: usize) -> Option<()> {
        self.take(len).map(drop)
    }

    /// Up to the byte `end`, which is passed over.
    #[inline]
    pub fn until(&mut self, end: u8) -> Option<&'a [u8]> {
        let at = self.0.iter().position(|b| *b == end)?;
        let head = self.take(at)?;
        self.skip(1)?;
        Some(head)
    }

    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    #[inline]
    pub fn i8(&mut self) -> Option<i8> {
        self.array().map(i8::from_be_bytes)
    }

    #[inline]
    pub fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    /// Three bytes, the highest first.
    #[inline]
    pub fn u24(&mut self) -> Option<u32> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Three bytes, the lowest first.
    #[inline]
    pub fn u24_le(&mut self) -> Option<u32> {
        self.array().map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
    }

    numbers!(u16 u16_le, i16 i16_le, u32 u32_le, i32 i32_le, u64 u64_le, f32 f32_le, f64 f64_le);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_rest_is_left_as_it_was() {
        let mut bytes = Bytes(&[1, 2, 3, 4, 5]);
        assert_eq!(bytes.u16_le(), Some(0x0201));
        assert_eq!(bytes.u32(), None);
        assert_eq!(bytes.u24(), Some(0x0003_0405));
        assert_eq!(bytes.u8(), None);
        assert_eq!(Bytes(b"ab,c").until(b','), Some(&b"ab"[..]));
        assert_eq!(Bytes(b"abc").until(b','), None);
    }
}
