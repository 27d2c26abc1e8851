//! What the server owes.

use model::Timestamp;

use super::frame::{Frame, LONG, SHORT, STOP};
use crate::Reply;
use crate::civil;
use crate::crc::crc16_x25;

/// No address is known; the phone number is left at zero so that nobody is sent a message.
const ADDRESS: &[u8] = b"ADDRESS&&NA&&0##";
/// Length of flag and words, server flag.
const ADDRESS_HEAD: usize = 5;

/// The answer to a message.
pub(super) fn to(frame: &Frame<'_>, now: Timestamp) -> Reply {
    if frame.access_points.is_some() {
        return access_points(frame);
    }
    let Some(serial) = frame.serial else { return Reply::default() };
    match (frame.is_long, frame.kind) {
        // Answers to commands, information and pictures want none.
        (_, 0x15 | 0x21 | 0x35 | 0x65 | 0x66 | 0x80..=0x82 | 0x84 | 0x8c | 0x94 | 0x9b | 0xfd) | (true, 0x36) => {
            Reply::default()
        }
        (_, 0x1a | 0x2a | 0xa7) => address(serial),
        (_, 0x8a) => seal(false, 0x8a, &civil::two_digit_parts(now), serial),
        // The long form of these is answered in the short one.
        (_, 0x70 | 0xf2) => seal(false, frame.kind, &[], serial),
        (is_long, kind) => seal(is_long, kind, &[], serial),
    }
}

/// A message; the device seals its own in the same way.
pub(super) fn seal(is_long: bool, kind: u8, content: &[u8], serial: u16) -> Reply {
    let mut bytes = [0; 64];
    let len = content.len() + 5;
    let mut at = 0;
    let mut put = |part: &[u8]| {
        if let Some(place) = bytes.get_mut(at..at + part.len()) {
            place.copy_from_slice(part);
            at += part.len();
        }
    };
    put(if is_long { &LONG } else { &SHORT });
    match (is_long, u8::try_from(len), u16::try_from(len)) {
        (false, Ok(len), _) => put(&[len]),
        (_, _, Ok(len)) => put(&len.to_be_bytes()),
        _ => {}
    }
    put(&[kind]);
    put(content);
    put(&serial.to_be_bytes());
    let end = at;
    let check = crc16_x25(bytes.get(2..end).unwrap_or_default());
    let mut put = |at: usize, part: [u8; 2]| {
        if let Some(place) = bytes.get_mut(at..at + 2) {
            place.copy_from_slice(&part);
        }
    };
    put(end, check.to_be_bytes());
    put(end + 2, STOP);
    Reply::new(bytes.get(..end + 4).unwrap_or_default())
}

/// 0x97 of the long form: the address in English.
fn address(serial: u16) -> Reply {
    let mut content = [0; ADDRESS_HEAD + ADDRESS.len()];
    if let Some((len, rest)) = content.split_first_mut()
        && let Some(words) = rest.get_mut(4..)
    {
        *len = u8::try_from(4 + ADDRESS.len()).unwrap_or(0);
        words.copy_from_slice(ADDRESS);
    }
    seal(true, 0x97, &content, serial)
}

/// Access points are answered with their date, without a check.
fn access_points(frame: &Frame<'_>) -> Reply {
    let mut bytes = [0x78, 0x78, 0, frame.kind, 0, 0, 0, 0, 0, 0, b'\r', b'\n'];
    match (bytes.get_mut(4..10), frame.content.get(..6)) {
        (Some(place), Some(date)) => place.copy_from_slice(date),
        _ => return Reply::default(),
    }
    Reply::new(&bytes)
}
