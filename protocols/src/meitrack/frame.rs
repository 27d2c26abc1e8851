//! Where a message ends: after its checksum in text, after its length in binary.

use crate::crc::sum;
use crate::text::{hexadecimal, whole};

use super::MAX_FRAME;

/// How every message of a tracker begins.
const START: &[u8] = b"$$";
/// Digits of a length, an identity and a command.
const MAX_LENGTH_DIGITS: usize = 5;
const MAX_IDENTITY: usize = 20;
const COMMAND: usize = 3;
/// Checksum and line end: `*`, two digits, `\r\n`.
const END: usize = 5;
/// Commands whose data may hold any byte.
const BINARY: [&[u8]; 3] = [b"CCC", b"CCE", b"D00"];

/// What the input begins with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A message that is not whole.
    Need,
    /// Blanks and nothing else.
    Blank(usize),
    /// So many bytes that begin no message.
    Garbage(usize),
    /// So many bytes of a message that does not end.
    TooLong(usize),
    /// So many bytes of a message that does not end where it says.
    Broken(usize),
    /// A message, and where the next begins.
    Message(Packet<'a>, usize),
}

/// A message taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    /// The letter that an answer repeats.
    pub flag: u8,
    pub identity: &'a [u8],
    pub command: &'a [u8],
    /// What follows the command and its comma.
    pub data: &'a [u8],
    /// From the command on, without the checksum.
    pub words: &'a [u8],
    /// Checksums as sent and as computed, where they differ.
    pub mismatch: Option<(u8, u8)>,
}

/// What is known of a message before its end.
enum Header<'a> {
    Unsure,
    No,
    Known(Head<'a>),
}

struct Head<'a> {
    flag: u8,
    /// Bytes from the start to the end of the line, as stated.
    total: usize,
    identity: &'a [u8],
    command: &'a [u8],
    command_at: usize,
}

/// Looks at the start of the input. Blanks before a message belong to it.
pub(super) fn find(input: &[u8], last: bool) -> Found<'_> {
    let blank = input.iter().take_while(|b| matches!(b, b' ' | b'\r' | b'\n')).count();
    let body = input.get(blank..).unwrap_or_default();
    let found = match header(body) {
        _ if body.is_empty() && last && blank > 0 => Found::Blank(blank),
        Header::Unsure if last && !body.is_empty() => Found::Garbage(input.len()),
        Header::Unsure => Found::Need,
        Header::No => match body.windows(2).skip(1).position(|w| w == START) {
            Some(at) => Found::Garbage(blank + 1 + at),
            None if last => Found::Garbage(input.len()),
            None => Found::Need,
        },
        Header::Known(head) if BINARY.contains(&head.command) => binary(body, &head, blank, last),
        Header::Known(head) => text(body, &head, blank, last),
    };
    match found {
        Found::Need if input.len() >= MAX_FRAME => Found::TooLong(input.len()),
        found => found,
    }
}

fn header(body: &[u8]) -> Header<'_> {
    let known = || -> Result<Head<'_>, bool> {
        let start = body.get(..START.len()).ok_or(START.starts_with(body))?;
        if start != START {
            return Err(false);
        }
        let flag = *body.get(2).ok_or(true)?;
        if !flag.is_ascii_graphic() || flag == b',' {
            return Err(false);
        }
        let comma = field(body, 3, MAX_LENGTH_DIGITS)?;
        let stated = body.get(3..comma).and_then(whole).and_then(|n| usize::try_from(n).ok()).ok_or(false)?;
        let identity_end = field(body, comma + 1, MAX_IDENTITY)?;
        let command_at = identity_end + 1;
        let command = body.get(command_at..command_at + COMMAND);
        let after = body.get(command_at + COMMAND);
        let rest = body.get(command_at..).unwrap_or_default();
        if !rest.iter().take(COMMAND).all(u8::is_ascii_alphanumeric) || after.is_some_and(|b| !matches!(b, b',' | b'*'))
        {
            return Err(false);
        }
        let (Some(command), Some(_)) = (command, after) else { return Err(true) };
        let identity = body.get(comma + 1..identity_end).unwrap_or_default();
        Ok(Head { flag, total: comma + stated, identity, command, command_at })
    };
    match known() {
        Ok(head) => Header::Known(head),
        Err(true) => Header::Unsure,
        Err(false) => Header::No,
    }
}

/// Where the comma after a field of digits is; an error says whether it may still come.
fn field(body: &[u8], from: usize, most: usize) -> Result<usize, bool> {
    let rest = body.get(from..).unwrap_or_default();
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    match rest.get(digits) {
        Some(b',') if (1..=most).contains(&digits) => Ok(from + digits),
        None if digits <= most => Err(true),
        _ => Err(false),
    }
}

fn binary<'a>(body: &'a [u8], head: &Head<'a>, blank: usize, last: bool) -> Found<'a> {
    if !(head.command_at + COMMAND + END..=MAX_FRAME - blank.min(MAX_FRAME)).contains(&head.total) {
        return Found::Broken(blank + START.len());
    }
    let star = head.total - END;
    let Some(end) = body.get(star..head.total) else {
        // The line end may be cut off.
        return match checksum(body.get(star..).unwrap_or_default()) {
            Some(stated) if last => packet(body, head, star, stated, blank + body.len()),
            _ if last => Found::Broken(blank + body.len()),
            _ => Found::Need,
        };
    };
    match checksum(end) {
        Some(stated) if end.ends_with(b"\r\n") => packet(body, head, star, stated, blank + head.total),
        _ => Found::Broken(blank + START.len()),
    }
}

/// The stated length is not trusted: some firmware counts otherwise.
fn text<'a>(body: &'a [u8], head: &Head<'a>, blank: usize, last: bool) -> Found<'a> {
    let from = head.command_at + COMMAND;
    let stars = body.iter().enumerate().skip(from).filter(|(_, b)| **b == b'*').map(|(at, _)| at);
    for star in stars {
        let rest = body.get(star..).unwrap_or_default();
        let Some(stated) = checksum(rest) else { continue };
        let len = match rest.get(3..) {
            Some([b'\r', b'\n', ..]) => 5,
            Some([b'\n', ..]) => 4,
            Some([] | [b'\r']) if last => rest.len(),
            _ => continue,
        };
        return packet(body, head, star, stated, blank + star + len);
    }
    if last { Found::Broken(blank + body.len()) } else { Found::Need }
}

/// `*` and two digits in hex.
fn checksum(end: &[u8]) -> Option<u8> {
    match end {
        [b'*', digits @ ..] => {
            let digits = digits.get(..2).filter(|d| d.iter().all(u8::is_ascii_hexdigit))?;
            hexadecimal(digits).and_then(|sum| u8::try_from(sum).ok())
        }
        _ => None,
    }
}

fn packet<'a>(body: &'a [u8], head: &Head<'a>, star: usize, stated: u8, next: usize) -> Found<'a> {
    let computed = sum(body.get(..=star).unwrap_or_default());
    let words = body.get(head.command_at..star).unwrap_or_default();
    let packet = Packet {
        flag: head.flag,
        identity: head.identity,
        command: head.command,
        data: words.get(COMMAND + 1..).unwrap_or_default(),
        words,
        mismatch: (stated != computed).then_some((stated, computed)),
    };
    Found::Message(packet, next)
}

/// Whether the input begins a message: `Some(true)` once its header is whole.
pub(super) fn begins(body: &[u8]) -> Option<bool> {
    match header(body) {
        Header::Unsure => Some(false),
        Header::Known(head) => (head.identity.len() >= 14).then_some(true),
        Header::No => None,
    }
}
