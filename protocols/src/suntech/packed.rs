//! What both binary forms share: decimal digits, and the sender made of them.

use model::LatLon;

use crate::DecodeError;
use crate::bytes::Bytes;

/// Digits of the sender in a binary message.
pub(super) const ID_DIGITS: usize = 10;
/// Where a binary message's fields end too early.
pub(super) const CUT: DecodeError = DecodeError::Format("message ends before its fields do");

/// The sender's five bytes as ten digits.
pub(super) fn sender<'a>(rest: &mut Bytes<'_>, id: &'a mut [u8; ID_DIGITS]) -> Result<&'a str, DecodeError> {
    let bytes: [u8; 5] = rest.array().ok_or(CUT)?;
    let nibbles = bytes.iter().flat_map(|b| [b >> 4, b & 0x0f]);
    for (place, nibble) in id.iter_mut().zip(nibbles) {
        if nibble > 9 {
            return Err(DecodeError::Field("device id"));
        }
        *place = b'0' + nibble;
    }
    std::str::from_utf8(id).map_err(|_| DecodeError::Field("device id"))
}

/// Two decimal digits in a byte.
pub(super) fn decimal(byte: u8) -> Option<u8> {
    (byte >> 4 < 10 && byte & 0x0f < 10).then_some((byte >> 4) * 10 + (byte & 0x0f))
}

/// A place where there is one.
pub(super) fn place(lat: f64, lon: f64) -> Option<LatLon> {
    LatLon::new(lat, lon).filter(|p| !p.is_null_island())
}

/// Time of day in seconds.
pub(super) fn seconds(hours: u8, minutes: u8, seconds: u8) -> Option<i64> {
    (hours < 24 && minutes < 60 && seconds <= 60)
        .then(|| (i64::from(hours) * 60 + i64::from(minutes)) * 60 + i64::from(seconds))
}
