//! Omnicomm over TCP. `NOTE.md` describes the wire format.

pub(crate) mod encode;
mod record;
mod wire;

use std::borrow::Cow;

use model::{DeviceId, FixBatch, LatLon, Timestamp};

use crate::bytes::Bytes;
use crate::crc::crc16_ccitt_false;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};

/// Longest data of a frame taken; a block of a photograph has 2 KiB.
const MAX_DATA: usize = 32 * 1024;
/// Longest frame: every byte after the first may be escaped.
pub const MAX_FRAME: usize = 1 + 2 * (HEADER + MAX_DATA + CRC) + 1;

const START: u8 = 0xc0;
const ESCAPE: u8 = 0xdb;
const ESCAPED_START: u8 = 0xdc;
const ESCAPED_ESCAPE: u8 = 0xdd;
/// Command and length of the data.
const HEADER: usize = 3;
const CRC: usize = 2;
/// Commands.
const IDENTIFICATION: u8 = 0x80;
const READ_ARCHIVE: u8 = 0x85;
const ARCHIVE: u8 = 0x86;
const DELETE_ARCHIVE: u8 = 0x87;
/// 2009-01-01T00:00:00Z, from which times are counted.
const EPOCH: i64 = 1_230_768_000;

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Omnicomm {
    device: Option<DeviceId>,
    /// Where the device was last, for records without a place.
    place: Option<LatLon>,
}

impl Decoder for Omnicomm {
    fn decode(&mut self, input: &[u8]) -> Step {
        let (consumed, frame) = match frame(input) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Step::Need,
            Err(error) => return self.failed(error).took(1),
        };
        let mut rest = Bytes(&frame);
        let (Some(command), Some(len)) = (rest.u8(), rest.u16_le()) else { return Step::Need };
        let (Some(data), Some(stated)) = (rest.take(usize::from(len)), rest.u16()) else { return Step::Need };
        let covered = frame.get(..HEADER + data.len()).unwrap_or_default();
        let computed = crc16_ccitt_false(covered);
        let message = if stated == computed {
            self.command(command, data)
        } else {
            self.failed(DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) })
        };
        message.took(consumed)
    }

    fn identify(&mut self, device: &DeviceId) {
        self.device = Some(device.clone());
    }
}

impl Omnicomm {
    fn command(&mut self, command: u8, data: &[u8]) -> Message {
        match (command, data) {
            (IDENTIFICATION, _) => self.login(data),
            // Nothing is left in the archive.
            (ARCHIVE, []) => Message::new(Kind::Heartbeat, self.device.as_ref()),
            (ARCHIVE, _) => self.archive(data),
            _ => Message::new(Kind::Ignored, self.device.as_ref()),
        }
    }

    /// Number of the terminal and version of its firmware.
    fn login(&mut self, data: &[u8]) -> Message {
        let number = Bytes(data).u32_le().filter(|number| *number != 0);
        let Some(device) = number.and_then(|number| DeviceId::new(&number.to_string()).ok()) else {
            return self.failed(DecodeError::Login("the terminal has no number"));
        };
        self.device = Some(device);
        Message::new(Kind::Login, self.device.as_ref()).reply(asked(READ_ARCHIVE, 0))
    }

    /// Number of the first record, its time, priority, and records with their lengths.
    fn archive(&mut self, data: &[u8]) -> Message {
        let mut rest = Bytes(data);
        let (Some(first), Some(seconds), Some(priority)) = (rest.u32_le(), rest.u32_le(), rest.u8()) else {
            return self.failed(DecodeError::Format("archive ends before its records"));
        };
        let time = Timestamp::from_secs(EPOCH + i64::from(seconds));
        let (mut batch, mut defect, mut last) = (FixBatch::default(), None, first);
        for number in 0..=u32::MAX {
            if rest.0.is_empty() {
                break;
            }
            let Some(content) = rest.u16_le().and_then(|len| rest.take(usize::from(len))) else {
                defect = Some(DecodeError::Format("record ends after its frame"));
                break;
            };
            last = first.wrapping_add(number);
            let read = record::read(content, &mut batch, time, self.place, priority);
            defect = defect.or(read.err());
            self.place = batch.fixes.last().and_then(|fix| fix.position).or(self.place);
        }
        if batch.fixes.is_empty() {
            return match defect {
                Some(error) => self.failed(error),
                None => Message::new(Kind::Heartbeat, self.device.as_ref()),
            };
        }
        let reply = asked(DELETE_ARCHIVE, last);
        Message::new(Kind::Fixes(batch), self.device.as_ref()).reply(reply).defect(defect)
    }

    fn failed(&self, error: DecodeError) -> Message {
        Message::new(Kind::Error(error), self.device.as_ref())
    }
}

/// Bytes on the wire, and what they are without escapes.
type Unescaped<'a> = (usize, Cow<'a, [u8]>);

/// The frame at the start without its first byte; `None` while it is not all there.
fn frame(input: &[u8]) -> Result<Option<Unescaped<'_>>, DecodeError> {
    let Some((first, raw)) = input.split_first() else { return Ok(None) };
    if *first != START {
        return Err(DecodeError::Framing("no frame of Omnicomm begins here"));
    }
    let Some((_, header)) = unescaped(raw, HEADER) else { return Ok(None) };
    let [_, low, high] = header.as_ref() else { return Ok(None) };
    let len = usize::from(u16::from_le_bytes([*low, *high]));
    if len > MAX_DATA {
        return Err(DecodeError::Length { what: "data", found: len, limit: MAX_DATA });
    }
    Ok(unescaped(raw, HEADER + len + CRC).map(|(used, frame)| (1 + used, frame)))
}

/// So many bytes without their escapes, and how many they are with them.
fn unescaped(raw: &[u8], want: usize) -> Option<Unescaped<'_>> {
    let plain = raw.get(..want);
    if let Some(plain) = plain.filter(|plain| !plain.contains(&ESCAPE)) {
        return Some((want, Cow::Borrowed(plain)));
    }
    let mut frame = Vec::with_capacity(want);
    let mut used = 0;
    while frame.len() < want {
        let byte = *raw.get(used)?;
        used += 1;
        if byte != ESCAPE {
            frame.push(byte);
            continue;
        }
        // An escape before anything else stands for itself.
        let real = match *raw.get(used)? {
            ESCAPED_START => START,
            ESCAPED_ESCAPE => ESCAPE,
            _ => {
                frame.push(ESCAPE);
                continue;
            }
        };
        used += 1;
        frame.push(real);
    }
    Some((used, Cow::Owned(frame)))
}

/// A frame that asks something of the record with that number.
fn asked(command: u8, number: u32) -> Reply {
    Reply::new(&sealed(command, &number.to_le_bytes()))
}

/// A frame as it goes over the wire, with escapes.
fn sealed(command: u8, data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).unwrap_or(u16::MAX);
    let mut frame = [&[command], &len.to_le_bytes()[..], data].concat();
    frame.extend_from_slice(&crc16_ccitt_false(&frame).to_be_bytes());
    let mut wire = vec![START];
    for byte in frame {
        match byte {
            START => wire.extend_from_slice(&[ESCAPE, ESCAPED_START]),
            ESCAPE => wire.extend_from_slice(&[ESCAPE, ESCAPED_ESCAPE]),
            _ => wire.push(byte),
        }
    }
    wire
}

/// A frame whose checksum fits.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    if input.get(1).is_some_and(|command| !(IDENTIFICATION..=0x9f).contains(command)) {
        return Likeness::No;
    }
    match frame(input) {
        Ok(None) => Likeness::Possible,
        Ok(Some((_, frame))) if crc16_ccitt_false(&frame) == 0 => Likeness::Certain,
        _ => Likeness::No,
    }
}
