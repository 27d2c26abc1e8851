//! What stands around packages in a datagram, and the answers.

use crate::Reply;
use crate::bytes::Bytes;

/// Begins a package.
pub(super) const MARK: [u8; 2] = [0x67, 0x67];
/// Mark, size, checksum and IMEI of an envelope.
pub(super) const ENVELOPE: usize = 14;
/// Mark, type, size and sequence number of a package.
const PACKAGE: usize = 7;
/// Longest content of an answer: a login's.
const LONGEST: usize = 7;

/// What an envelope begins with.
pub(super) struct Head {
    pub stated: u16,
    pub imei: [u8; 8],
}

impl Head {
    pub fn of(envelope: &[u8]) -> Option<Self> {
        let mut rest = Bytes(envelope.get(4..)?);
        Some(Self { stated: rest.u16()?, imei: rest.array()? })
    }
}

/// All bytes added to the sum that is turned left by a bit each time.
pub(super) fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0u16, |sum, byte| sum.rotate_left(1).wrapping_add(u16::from(*byte)))
}

/// A package of the same type and sequence number, in an envelope if the request was.
pub(super) fn answer(imei: Option<[u8; 8]>, kind: u8, sequence: u16, content: &[u8]) -> Reply {
    let mut bytes = [0; ENVELOPE + PACKAGE + LONGEST];
    let (size_high, size_low) = (0, u8::try_from(content.len() + 2).unwrap_or(2));
    let [high, low] = sequence.to_be_bytes();
    let [mark, again] = MARK;
    let package = [mark, again, kind, size_high, size_low, high, low];
    let mut put = |at: usize, from: &[u8]| {
        if let Some(place) = bytes.get_mut(at..at + from.len()) {
            place.copy_from_slice(from);
        }
    };
    put(ENVELOPE, &package);
    put(ENVELOPE + PACKAGE, content);
    let end = ENVELOPE + PACKAGE + content.len().min(LONGEST);
    let Some(imei) = imei else { return Reply::new(bytes.get(ENVELOPE..end).unwrap_or_default()) };
    put(0, &[b'E', b'L', 0, u8::try_from(end - 4).unwrap_or_default()]);
    put(6, &imei);
    let [high, low] = checksum(bytes.get(6..end).unwrap_or_default()).to_be_bytes();
    if let Some(place) = bytes.get_mut(4..6) {
        place.copy_from_slice(&[high, low]);
    }
    Reply::new(bytes.get(..end).unwrap_or_default())
}
