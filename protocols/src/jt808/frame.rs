//! Where a message ends, its escapes, its checksum and its header.

use std::borrow::Cow;

use crate::DecodeError;
use crate::bytes::Bytes;
use crate::crc::xor;

/// Longest message taken, escapes included. The length field allows bodies of 1,023 bytes.
pub const MAX_FRAME: usize = 8 * 1024;
/// Bytes before a start that are passed over as one.
const MAX_GARBAGE: usize = 1024;
/// Longest message in words between parentheses.
const MAX_WORDS: usize = 1024;

/// The flag of the standard, and that of a variant with escapes and an id of its own.
pub(super) const FLAG: u8 = 0x7e;
pub(super) const OTHER_FLAG: u8 = 0xe7;

/// Longest terminal id.
pub(super) const MAX_ID: usize = 10;
/// Reports of locks have serial numbers of one byte.
const LOCKS: std::ops::RangeInclusive<u16> = 0x5501..=0x5502;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Header {
    pub flag: u8,
    /// The message id.
    pub kind: u16,
    /// Length, encryption, parts and version as bits.
    pub properties: u16,
    /// The version byte, since 2019.
    pub version: Option<u8>,
    id: [u8; MAX_ID],
    id_len: usize,
    pub serial: u16,
    /// How many parts the message has and which this is, from 1.
    pub part: Option<(u16, u16)>,
}

impl Header {
    /// What a terminal's messages begin with before 2019.
    pub fn of(terminal: [u8; 6]) -> Self {
        let mut id = [0; MAX_ID];
        for (place, byte) in id.iter_mut().zip(terminal) {
            *place = byte;
        }
        Self { flag: FLAG, kind: 0, properties: 0, version: None, id, id_len: terminal.len(), serial: 0, part: None }
    }

    fn read(flag: u8, rest: &mut Bytes<'_>) -> Option<Self> {
        let (kind, properties) = (rest.u16()?, rest.u16()?);
        let version = if properties & 0x4000 != 0 { Some(rest.u8()?) } else { None };
        let id_len = match (version, flag) {
            (Some(_), _) => MAX_ID,
            (None, OTHER_FLAG) => 7,
            (None, _) => 6,
        };
        let mut id = [0; MAX_ID];
        id.get_mut(..id_len)?.copy_from_slice(rest.take(id_len)?);
        let is_lock = LOCKS.contains(&kind);
        let serial = if is_lock { u16::from(rest.u8()?) } else { rest.u16()? };
        let part = if properties & 0x2000 != 0 && !is_lock { Some((rest.u16()?, rest.u16()?)) } else { None };
        Some(Self { flag, kind, properties, version, id, id_len, serial, part })
    }

    pub fn id(&self) -> &[u8] {
        self.id.get(..self.id_len).unwrap_or(&self.id)
    }

    /// The length of the body in bits 0 to 9.
    pub fn body_len(&self) -> usize {
        usize::from(self.properties & 0x03ff)
    }

    /// Bit 10: the body is encrypted with RSA.
    pub fn is_encrypted(&self) -> bool {
        self.properties & 0x0400 != 0 && !self.is_lock()
    }

    pub fn is_lock(&self) -> bool {
        LOCKS.contains(&self.kind)
    }

    /// Bytes before the body.
    fn len(&self) -> usize {
        let serial = if self.is_lock() { 1 } else { 2 };
        let part = if self.part.is_some() { 4 } else { 0 };
        4 + usize::from(self.version.is_some()) + self.id_len + serial + part
    }
}

#[derive(Debug, PartialEq)]
pub(super) enum Cut<'a> {
    Need,
    /// Header, escaped content with header and checksum, and whether the length is right.
    Message(usize, Header, Cow<'a, [u8]>),
    /// What stands between parentheses, with them.
    Words(usize, &'a [u8]),
    Bad(usize, DecodeError),
    Garbage(usize),
}

impl Cut<'_> {
    /// The body of a message's content.
    pub fn body<'c>(header: &Header, content: &'c [u8]) -> &'c [u8] {
        content.get(header.len()..content.len().saturating_sub(1)).unwrap_or_default()
    }
}

/// The message at the start of the input. `last` says that nothing follows the input.
pub(super) fn cut(input: &[u8], last: bool) -> Cut<'_> {
    match input {
        [] => Cut::Need,
        [flag @ (FLAG | OTHER_FLAG), rest @ ..] => flagged(input, *flag, rest, last),
        [b'(', ..] => words(input, last),
        _ => garbage(input, last),
    }
}

fn garbage(input: &[u8], last: bool) -> Cut<'_> {
    let head = input.get(..MAX_GARBAGE).unwrap_or(input);
    match head.iter().position(|b| matches!(*b, FLAG | OTHER_FLAG)) {
        Some(at) => Cut::Garbage(at),
        None if last || input.len() >= MAX_GARBAGE => Cut::Bad(head.len(), NO_FLAG),
        None => Cut::Need,
    }
}

fn words(input: &[u8], last: bool) -> Cut<'_> {
    let head = input.get(..MAX_WORDS).unwrap_or(input);
    match head.iter().position(|b| matches!(*b, b')' | FLAG | OTHER_FLAG)) {
        Some(at) if head.get(at) == Some(&b')') => Cut::Words(at + 1, head.get(..=at).unwrap_or(head)),
        Some(at) => Cut::Garbage(at),
        None if last || input.len() >= MAX_WORDS => Cut::Bad(head.len(), NO_FLAG),
        None => Cut::Need,
    }
}

const NO_FLAG: DecodeError = DecodeError::Framing("no flag 0x7e");
const SHORT: DecodeError = DecodeError::Format("message is shorter than its header");

fn flagged<'a>(input: &'a [u8], flag: u8, rest: &'a [u8], last: bool) -> Cut<'a> {
    let Some(len) = rest.iter().take(MAX_FRAME - 1).position(|b| *b == flag) else {
        return if input.len() >= MAX_FRAME {
            let limit = MAX_FRAME - 1;
            Cut::Bad(input.len().min(MAX_FRAME), DecodeError::Length { what: "message", found: MAX_FRAME, limit })
        } else if last {
            Cut::Bad(input.len(), DecodeError::Format("message ends before its end flag"))
        } else {
            Cut::Need
        };
    };
    if len == 0 {
        // The end flag of a message that was not whole, or the same twice.
        return Cut::Bad(1, DecodeError::Format("nothing between two flags"));
    }
    let raw = rest.get(..len).unwrap_or(rest);
    let escaped = unescape(raw, flag);
    let error = match verify(&escaped) {
        Ok(()) => match Header::read(flag, &mut Bytes(&escaped)) {
            Some(header) => return Cut::Message(len + 2, header, escaped),
            None => return Cut::Bad(len + 2, SHORT),
        },
        Err(error) => error,
    };
    unescaped(rest, flag, len, last).unwrap_or_else(|| {
        let whole = Header::read(flag, &mut Bytes(&escaped))
            .is_some_and(|header| header.len() + header.body_len() + 1 == escaped.len());
        // Where the length is not right either, the flag may begin the next message.
        Cut::Bad(if whole { len + 2 } else { len + 1 }, error)
    })
}

/// Some makers leave the escapes out: the length says where the message ends.
fn unescaped(rest: &[u8], flag: u8, first_flag: usize, last: bool) -> Option<Cut<'_>> {
    // What the length says must not depend on how much of the header happens to have come.
    let Some(header) = Header::read(flag, &mut Bytes(rest)) else { return (!last).then_some(Cut::Need) };
    let len = header.len() + header.body_len() + 1;
    if len < first_flag {
        return None;
    }
    if rest.len() <= len {
        return (!last).then_some(Cut::Need);
    }
    let content = rest.get(..len)?;
    let is_whole = rest.get(len) == Some(&flag) && verify(content).is_ok();
    is_whole.then_some(Cut::Message(len + 2, header, Cow::Borrowed(content)))
}

fn verify(content: &[u8]) -> Result<(), DecodeError> {
    let Some((stated, checked)) = content.split_last() else { return Err(SHORT) };
    let computed = xor(checked);
    if *stated == computed {
        Ok(())
    } else {
        Err(DecodeError::Crc { stated: u32::from(*stated), computed: u32::from(computed) })
    }
}

/// What an escape and the byte after it stand for.
fn escape(flag: u8, escape: u8, code: u8) -> Option<u8> {
    match (flag, escape, code) {
        (FLAG, 0x7d, 0x01) => Some(0x7d),
        (FLAG, 0x7d, 0x02) => Some(0x7e),
        (OTHER_FLAG, 0xe6, 0x01) => Some(0xe6),
        (OTHER_FLAG, 0xe6, 0x02) => Some(0xe7),
        (OTHER_FLAG, 0x3e, 0x01) => Some(0x3e),
        (OTHER_FLAG, 0x3e, 0x02) => Some(0x3d),
        _ => None,
    }
}

fn unescape(raw: &[u8], flag: u8) -> Cow<'_, [u8]> {
    let is_escape = |pair: &[u8]| matches!(*pair, [a, b] if escape(flag, a, b).is_some());
    if !raw.windows(2).any(is_escape) {
        return Cow::Borrowed(raw);
    }
    let mut content = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match bytes.peek().and_then(|code| escape(flag, byte, *code)) {
            Some(meant) => {
                content.push(meant);
                bytes.next();
            }
            None => content.push(byte),
        }
    }
    Cow::Owned(content)
}

/// Header and body between flags, with checksum and escapes: what either side sends.
pub(super) fn seal(to: &Header, kind: u16, serial: u16, body: &[u8]) -> Vec<u8> {
    let version = if to.version.is_some() { 0x4000 } else { 0 };
    let properties = u16::try_from(body.len()).unwrap_or(0x03ff).min(0x03ff) | version;
    let mut content = Vec::with_capacity(to.len() + body.len() + 1);
    content.extend_from_slice(&kind.to_be_bytes());
    content.extend_from_slice(&properties.to_be_bytes());
    content.extend(to.version);
    content.extend_from_slice(to.id());
    if to.is_lock() {
        content.push(u8::try_from(serial & 0xff).unwrap_or(0));
    } else {
        content.extend_from_slice(&serial.to_be_bytes());
    }
    content.extend_from_slice(body);
    content.push(xor(&content));
    let mut sealed = Vec::with_capacity(content.len() + 8);
    sealed.push(to.flag);
    for byte in content {
        match (to.flag, byte) {
            (FLAG, 0x7d) => sealed.extend_from_slice(&[0x7d, 0x01]),
            (FLAG, 0x7e) => sealed.extend_from_slice(&[0x7d, 0x02]),
            (OTHER_FLAG, 0xe6) => sealed.extend_from_slice(&[0xe6, 0x01]),
            (OTHER_FLAG, 0xe7) => sealed.extend_from_slice(&[0xe6, 0x02]),
            (OTHER_FLAG, 0x3e) => sealed.extend_from_slice(&[0x3e, 0x01]),
            (OTHER_FLAG, 0x3d) => sealed.extend_from_slice(&[0x3e, 0x02]),
            _ => sealed.push(byte),
        }
    }
    sealed.push(to.flag);
    sealed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A heartbeat of 018270611514 whose serial number has to be escaped.
    const HEARTBEAT: &[u8] = b"\x7e\x00\x02\x00\x00\x01\x82\x70\x61\x15\x14\x00\x7d\x02\xf7\x7e";

    #[test]
    fn escapes_are_undone_before_the_sum() {
        for len in 0..HEARTBEAT.len() {
            assert_eq!(cut(&HEARTBEAT[..len], false), Cut::Need, "{len}");
        }
        let mut found = HEARTBEAT.to_vec();
        let sum = xor(&unescape(&found[1..found.len() - 2], FLAG));
        *found.iter_mut().rev().nth(1).unwrap() = sum;
        let Cut::Message(16, header, content) = cut(&found, false) else { panic!("{:?}", cut(&found, false)) };
        assert_eq!((header.kind, header.serial, header.id()), (2, 0x7e, &[1, 0x82, 0x70, 0x61, 0x15, 0x14][..]));
        assert_eq!(Cut::body(&header, &content), b"");
        assert_eq!(seal(&header, 2, 0x7e, b""), found);
    }

    #[test]
    fn both_flags_escape_what_they_must() {
        for flag in [FLAG, OTHER_FLAG] {
            let mut content = vec![0x09, 0x00, 0x00, 0x00, 1, 2, 3, 4, 5, 6, 7, 8, 9];
            content.truncate(if flag == FLAG { 12 } else { 13 });
            let header = Header::read(flag, &mut Bytes(&content)).unwrap();
            let body: Vec<u8> = (0..=255).collect();
            let sealed = seal(&header, 0x8900, 0, &body);
            let Cut::Message(len, found, content) = cut(&sealed, false) else { panic!() };
            assert_eq!((len, Cut::body(&found, &content)), (sealed.len(), &body[..]));
        }
    }
}
