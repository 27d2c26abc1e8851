//! Where a message ends: start bits, length, content, serial number, error check, stop bits.

use crate::DecodeError;
use crate::bytes::Bytes;
use crate::crc::crc16_x25;

/// Longest message taken. One length byte allows 260 bytes; pictures and files of the long
/// form come in pieces of a few kilobytes.
pub const MAX_FRAME: usize = 8 * 1024;
/// Bytes before a start that are passed over as one.
const MAX_GARBAGE: usize = 1024;

pub(super) const SHORT: [u8; 2] = [0x78; 2];
pub(super) const LONG: [u8; 2] = [0x79; 2];
pub(super) const STOP: [u8; 2] = *b"\r\n";
/// Serial number and error check.
const SEAL: usize = 4;

/// What a message holds between its length and its stop bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame<'a> {
    /// The protocol number.
    pub kind: u8,
    pub content: &'a [u8],
    /// `None` for the kinds that have neither serial number nor error check.
    pub serial: Option<u16>,
    /// Two length bytes rather than one.
    pub is_long: bool,
    /// A list of access points and cells, whose length byte counts the access points.
    pub access_points: Option<u8>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Cut<'a> {
    Need,
    Frame(usize, Frame<'a>),
    Bad(usize, DecodeError),
    /// Bytes that are no start.
    Garbage(usize),
}

const NO_STOP: DecodeError = DecodeError::Format("no stop bits where the length says");
const NO_ROOM: DecodeError = DecodeError::Format("length leaves no room for a serial number and a check");

/// The message at the start of the input. `last` says that nothing follows the input, so that
/// missing stop bits are taken as there.
pub(super) fn cut(input: &[u8], last: bool) -> Cut<'_> {
    let found = match input {
        [] | [0x78 | 0x79] => Cut::Need,
        [0x78, 0x78, ..] => short(input, last),
        [0x79, 0x79, ..] => long(input, last),
        _ => garbage(input),
    };
    // What will never be complete ends where it does.
    match found {
        Cut::Need if last && input.len() > 2 => lost(input, last),
        found => found,
    }
}

fn garbage(input: &[u8]) -> Cut<'_> {
    let head = input.get(..MAX_GARBAGE).unwrap_or(input);
    let start = head.windows(2).skip(1).position(|pair| pair == SHORT || pair == LONG);
    match start {
        Some(at) => Cut::Garbage(at + 1),
        None if input.len() >= MAX_GARBAGE => Cut::Garbage(MAX_GARBAGE - 1),
        None => Cut::Need,
    }
}

fn short(input: &[u8], last: bool) -> Cut<'_> {
    let [_, _, len, kind, ..] = *input else { return Cut::Need };
    let end = 3 + usize::from(len);
    let stop = stop(input, end, last);
    if matches!(kind, 0x17 | 0x69) && !(stop == Some(true) && seal(input, 2, end).is_ok()) {
        return access_points(input, kind, len, last);
    }
    match stop {
        None => Cut::Need,
        Some(true) => sealed(input, 2, end, kind, false),
        Some(false) => miscounted(input, end, kind, last),
    }
}

fn long(input: &[u8], last: bool) -> Cut<'_> {
    let mut rest = Bytes(input.get(2..).unwrap_or_default());
    let (Some(len), Some(kind)) = (rest.u16().map(usize::from), rest.u8()) else { return Cut::Need };
    let end = 4 + len;
    if end + STOP.len() > MAX_FRAME {
        return Cut::Bad(4, DecodeError::Length { what: "content", found: len, limit: MAX_FRAME - 6 });
    }
    match stop(input, end, last) {
        None => Cut::Need,
        Some(true) => sealed(input, 2, end, kind, true),
        Some(false) => lost(input, last),
    }
}

/// Whether the stop bits are at `end`; `None` where the input does not reach there.
fn stop(input: &[u8], end: usize, last: bool) -> Option<bool> {
    let rest = input.get(end..)?;
    match rest.get(..2) {
        Some(bits) => Some(bits == STOP),
        None => (last && STOP.starts_with(rest)).then_some(true),
    }
}

/// Serial number, error check as stated, error check as computed.
fn seal(input: &[u8], start: usize, end: usize) -> Result<u16, DecodeError> {
    let checked = end.checked_sub(2).and_then(|check| input.get(start..check)).unwrap_or_default();
    let mut tail = Bytes(end.checked_sub(SEAL).and_then(|at| input.get(at..end)).unwrap_or_default());
    let (Some(serial), Some(stated)) = (tail.u16(), tail.u16()) else { return Err(NO_ROOM) };
    let computed = crc16_x25(checked);
    if stated == computed {
        Ok(serial)
    } else {
        Err(DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) })
    }
}

/// A message whose content, serial number and error check end at `end`.
fn sealed(input: &[u8], start: usize, end: usize, kind: u8, is_long: bool) -> Cut<'_> {
    let taken = (end + STOP.len()).min(input.len());
    let head = start + 2 + usize::from(is_long);
    let frame = |content, serial| Frame { kind, content, serial, is_long, access_points: None };
    if let Some(content) = end.checked_sub(SEAL).and_then(|tail| input.get(head..tail)) {
        return match seal(input, start, end) {
            Ok(serial) => Cut::Frame(taken, frame(content, Some(serial))),
            Err(error) => Cut::Bad(taken, error),
        };
    }
    // A sign of life of the first models is its number alone.
    match (kind, input.get(head..end)) {
        (0x08, Some(content)) => Cut::Frame(taken, frame(content, None)),
        _ => Cut::Bad(taken, NO_ROOM),
    }
}

/// Messages whose makers count otherwise: 0x10 and 0x11 of those without serial number and
/// error check count the content alone, 0x13 of some leaves out the error check.
fn miscounted(input: &[u8], end: usize, kind: u8, last: bool) -> Cut<'_> {
    let end = match kind {
        0x10 | 0x11 => end + 1,
        0x13 => end + 2,
        _ => return lost(input, last),
    };
    match stop(input, end, last) {
        None => Cut::Need,
        Some(false) => lost(input, last),
        Some(true) if kind == 0x13 => sealed(input, 2, end, kind, false),
        Some(true) => {
            let content = input.get(4..end).unwrap_or_default();
            let frame = Frame { kind, content, serial: None, is_long: false, access_points: None };
            Cut::Frame((end + STOP.len()).min(input.len()), frame)
        }
    }
}

/// Bytes of an access point: address and signal.
const ACCESS_POINT: usize = 7;
/// Bytes of a cell: area, cell and signal.
const CELL: usize = 5;

/// 0x17 and 0x69: the length byte counts access points, and there is no error check.
fn access_points(input: &[u8], kind: u8, count: u8, last: bool) -> Cut<'_> {
    let cells_at = 4 + 6 + ACCESS_POINT * usize::from(count);
    let Some(cells) = input.get(cells_at) else { return Cut::Need };
    let end = cells_at + 1 + 3 + CELL * usize::from(*cells);
    match stop(input, end, last) {
        None => Cut::Need,
        Some(false) => lost(input, last),
        Some(true) => {
            let content = input.get(4..end).unwrap_or_default();
            let frame = Frame { kind, content, serial: None, is_long: false, access_points: Some(count) };
            Cut::Frame((end + STOP.len()).min(input.len()), frame)
        }
    }
}

/// The length is not that of the message: it ends at the first stop bits.
fn lost(input: &[u8], last: bool) -> Cut<'_> {
    let head = input.get(..MAX_FRAME).unwrap_or(input);
    match head.windows(2).skip(3).position(|pair| pair == STOP) {
        Some(at) => Cut::Bad(at + 3 + STOP.len(), NO_STOP),
        None if last || input.len() >= MAX_FRAME => Cut::Bad(head.len(), NO_STOP),
        None => Cut::Need,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_ends_where_its_stop_bits_are() {
        let login = hex::decode("78780d01012345678901234500018cdd0d0a").unwrap();
        for len in 0..login.len() {
            assert_eq!(cut(&login[..len], false), Cut::Need, "{len}");
        }
        let Cut::Frame(18, frame) = cut(&login, false) else { panic!() };
        assert_eq!((frame.kind, frame.serial, frame.content.len()), (1, Some(1), 8));
        assert!(matches!(cut(&login[..16], true), Cut::Frame(16, _)));
        assert_eq!(cut(b"78\r\nxx\x05", false), Cut::Garbage(4));
    }

    #[test]
    fn a_wrong_length_ends_at_the_next_stop_bits() {
        let next = b"xx\x05\x13\0\x01\x02\x03\r\n";
        let input = [b"xx\x20\x12abc\r\n", &next[..], next, next].concat();
        assert_eq!(cut(&input[..36], false), Cut::Need);
        assert_eq!(cut(&input, false), Cut::Bad(9, NO_STOP));
    }
}
