//! Where a message ends: text up to `$`, or HEX with its length, checksum and line end.

use crate::crc::crc16_ccitt_false;

use super::MAX_FRAME;

/// How text messages begin.
const TEXT: [&[u8]; 3] = [b"+RESP:GT", b"+BUFF:GT", b"+ACK:GT"];
/// The heartbeat of the first generation, which looks like a command.
pub(super) const OLD_HEARTBEAT: &[u8] = b"AT+GTHBD=";
/// How HEX messages begin.
const HEX: [&[u8; 4]; 15] = [
    b"+RSP", b"+BSP", b"+EVT", b"+BVT", b"+INF", b"+BNF", b"+HBD", b"+ACK", b"+CRD", b"+BRD", b"+LGN", b"+ATI",
    b"+CAN", b"+OBD", b"+DAT",
];
/// Longest HEX message taken. Those of the manuals stay below 1,500 bytes.
const MAX_HEX: usize = 2048;
/// Shortest HEX message: header, mask, length, checksum and line end.
const MIN_HEX: usize = 10;
const CRC: usize = 2;
const LINE_END: &[u8] = b"\r\n";
/// Header bytes, which the checksum leaves out.
const HEADER: usize = 4;

/// What the input begins with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A message that is not whole.
    Need,
    /// Blanks and nothing else.
    Blank(usize),
    /// So many bytes that begin no message.
    Garbage(usize),
    /// So many bytes of a message that does not end.
    TooLong(usize),
    /// So many bytes of a HEX message that does not end where it says.
    Broken(usize),
    /// A text message in `start..end`, its terminator before `next`.
    Text { start: usize, end: usize, next: usize },
    /// A HEX message in `start..end`.
    Hex { start: usize, end: usize },
}

/// Looks at the start of the input. Blanks before a message belong to it.
pub(super) fn find(input: &[u8], last: bool) -> Found {
    let start = input.iter().take_while(|b| matches!(b, b' ' | b'\r' | b'\n' | 0)).count();
    let body = input.get(start..).unwrap_or_default();
    let found = match begin(body) {
        _ if body.is_empty() && last && start > 0 => Found::Blank(start),
        Begin::Unsure if last && !body.is_empty() => Found::Garbage(input.len()),
        Begin::Unsure => Found::Need,
        Begin::Text => text(body, start, last),
        Begin::Hex(header) => hex(body, *header, start, last),
        Begin::Nothing => match body.iter().skip(1).position(|b| *b == b'+') {
            Some(at) => Found::Garbage(start + 1 + at),
            None if last => Found::Garbage(input.len()),
            None => Found::Need,
        },
    };
    match found {
        Found::Need if input.len() >= MAX_FRAME => Found::TooLong(input.len()),
        found => found,
    }
}

enum Begin<'a> {
    Unsure,
    Text,
    Hex(&'a [u8; 4]),
    Nothing,
}

fn begin(body: &[u8]) -> Begin<'_> {
    let starts = |signature: &[u8]| body.starts_with(signature);
    let may = |signature: &[u8]| signature.starts_with(body);
    if TEXT.iter().any(|s| starts(s)) || starts(OLD_HEARTBEAT) {
        return Begin::Text;
    }
    // `+ACK` begins messages of both kinds.
    let unsure = TEXT.iter().any(|s| may(s)) || may(OLD_HEARTBEAT);
    match body.first_chunk::<4>() {
        _ if unsure => Begin::Unsure,
        Some(header) if HEX.contains(&header) => Begin::Hex(header),
        None if HEX.iter().any(|s| may(*s)) => Begin::Unsure,
        _ => Begin::Nothing,
    }
}

/// Up to `$`, to the zero byte of older firmware, or to the next message where both are lost.
fn text(body: &[u8], start: usize, last: bool) -> Found {
    for (at, byte) in body.iter().enumerate().skip(1) {
        match byte {
            b'$' | 0 => return Found::Text { start, end: start + at, next: start + at + 1 },
            b'+' if TEXT.iter().any(|s| body.get(at..).is_some_and(|rest| rest.starts_with(s))) => {
                return Found::Text { start, end: start + at, next: start + at };
            }
            _ => {}
        }
    }
    if last { Found::Text { start, end: start + body.len(), next: start + body.len() } } else { Found::Need }
}

/// A HEX message as long as its length says, or, where it has none, up to the first line end
/// before which its checksum stands.
fn hex(body: &[u8], header: [u8; 4], start: usize, last: bool) -> Found {
    let cut = if last { Found::Broken(start + body.len()) } else { Found::Need };
    let Some(length) = length(body, header) else { return cut };
    match length {
        Length::Stated(len) if !(MIN_HEX..=MAX_HEX).contains(&len) => Found::Broken(start + HEADER),
        Length::Stated(len) => match body.get(..len) {
            Some(message) if message.ends_with(LINE_END) => Found::Hex { start, end: start + len },
            Some(_) => Found::Broken(start + HEADER),
            None => cut,
        },
        Length::Unstated => {
            let ends = body.windows(2).take(MAX_HEX).enumerate().skip(MIN_HEX - 2).filter(|(_, w)| *w == LINE_END);
            let sealed = |at: usize| body.get(..at).is_some_and(|message| checksum(message).is_none());
            match ends.map(|(at, _)| at).find(|at| sealed(*at)) {
                Some(at) => Found::Hex { start, end: start + at + LINE_END.len() },
                None if body.len() > MAX_HEX => Found::Broken(start + HEADER),
                None => cut,
            }
        }
    }
}

enum Length {
    Stated(usize),
    Unstated,
}

/// The length, which the mask before it may leave out; `None` where it has not come yet.
fn length(body: &[u8], header: [u8; 4]) -> Option<Length> {
    // Offsets of the mask's lowest byte and of the length, the length's bit in that byte, and
    // whether the length has two bytes.
    let (mask_at, bit, length_at, wide) = match &header {
        b"+RSP" | b"+BSP" | b"+EVT" | b"+BVT" => (8, 0x80, 9, true),
        b"+INF" | b"+BNF" => (6, 0x01, 7, true),
        b"+HBD" => (4, 0x01, 5, false),
        b"+ACK" => (5, 0x01, 6, false),
        b"+CRD" | b"+BRD" | b"+LGN" => (5, 0x00, 6, true),
        _ => return Some(Length::Unstated),
    };
    if bit != 0 && body.get(mask_at)? & bit == 0 {
        return Some(Length::Unstated);
    }
    let rest = body.get(length_at..)?;
    let len = match rest {
        [high, low, ..] if wide => usize::from(*high) << 8 | usize::from(*low),
        [len, ..] if !wide => usize::from(*len),
        _ => return None,
    };
    Some(Length::Stated(len))
}

/// The checksums stated and computed of a HEX message without its line end, where they differ.
pub(super) fn checksum(message: &[u8]) -> Option<(u16, u16)> {
    let (sealed, stated) = message.split_last_chunk::<CRC>()?;
    let stated = u16::from_be_bytes(*stated);
    let computed = crc16_ccitt_false(sealed.get(HEADER..).unwrap_or_default());
    (stated != computed).then_some((stated, computed))
}

/// All beginnings, for the recognition of a connection.
pub(super) fn signatures() -> impl Iterator<Item = &'static [u8]> {
    TEXT.into_iter().chain([OLD_HEARTBEAT]).chain(HEX.into_iter().map(<[u8; 4]>::as_slice))
}
