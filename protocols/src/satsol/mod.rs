//! Satsol SAT-LITE over TCP, in both of its binary forms. `NOTE.md` describes the wire format.

mod compact;
pub mod encode;
mod packets;

use model::{DeviceId, FixBatch, Timestamp};

use crate::bytes::Bytes;
use crate::crc::crc16_ccitt_false;
use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};

/// Longest data of a container taken; the manual ends containers at 1,400 bytes.
const MAX_DATA: usize = 8 * 1024;
/// Longest container.
pub const MAX_FRAME: usize = HEADER + MAX_DATA;

/// Checksum, preamble, number of the tracker, length.
const HEADER: usize = 10;
/// The preambles of the forms, low byte first: records with a place of their own in millionths
/// of a degree, and packets of many types.
const COMPACT: [u8; 2] = [0xbf, 0x4c];
const PACKETS: [u8; 2] = [0x2c, 0x8a];

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Satsol {
    session: Session,
}

impl Decoder for Satsol {
    fn decode(&mut self, input: &[u8]) -> Step {
        if preamble(input).is_none() && input.len() >= 4 {
            return self.session.failed(DecodeError::Framing("no preamble of a container of Satsol")).took(4);
        }
        let Some((header, rest)) = input.split_first_chunk::<HEADER>() else { return Step::Need };
        let [crc_low, crc_high, p1, p2, id @ .., len_low, len_high] = *header;
        let len = usize::from(u16::from_le_bytes([len_low, len_high]));
        if len > MAX_DATA {
            return self.session.failed(DecodeError::Length { what: "data", found: len, limit: MAX_DATA }).took(HEADER);
        }
        let (Some(data), Some(covered)) = (rest.get(..len), input.get(2..HEADER + len)) else { return Step::Need };
        let (stated, computed) = (u16::from_le_bytes([crc_low, crc_high]), crc16_ccitt_false(covered));
        let message = if stated == computed {
            self.container([p1, p2], id, data)
        } else {
            self.session.failed(DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) })
        };
        message.took(HEADER + len)
    }

    fn identify(&mut self, device: &DeviceId) {
        self.session.identify(device);
    }

    fn now(&mut self, now: Timestamp) {
        self.session.now(now);
    }
}

impl Satsol {
    fn container(&mut self, preamble: [u8; 2], id: [u8; 4], data: &[u8]) -> Message {
        let number = u32::from_le_bytes(id);
        let Some(device) = DeviceId::new(&number.to_string()).ok().filter(|_| number != 0) else {
            return self.session.failed(DecodeError::Login("the tracker has no number"));
        };
        self.session.device = Some(device);
        // What the server sends, and a tracker to keep the link.
        if data.is_empty() {
            return self.session.said(Kind::Heartbeat);
        }
        let (mut batch, mut rest) = (FixBatch::default(), Bytes(data));
        let fallback = self.session.clock();
        let read = match preamble {
            COMPACT => compact::read(&mut rest, &mut batch, fallback),
            _ => packets::read(&mut rest, &mut batch, fallback),
        };
        self.session.remember(&batch);
        let reply = confirmation(preamble, id);
        match (batch.fixes.is_empty(), read) {
            (true, Err(error)) => self.session.failed(error).reply(reply),
            (true, Ok(())) => self.session.said(Kind::Heartbeat).reply(reply),
            (false, read) => self.session.said(Kind::Fixes(batch)).reply(reply).defect(read.err()),
        }
    }
}

/// A container without data.
fn confirmation(preamble: [u8; 2], id: [u8; 4]) -> Reply {
    Reply::new(&sealed(&[preamble.as_slice(), &id, &[0, 0]].concat()))
}

/// The bytes with their checksum before them.
fn sealed(covered: &[u8]) -> Vec<u8> {
    [crc16_ccitt_false(covered).to_le_bytes().as_slice(), covered].concat()
}

/// The preamble, where it is one or may become one.
fn preamble(input: &[u8]) -> Option<()> {
    let start = input.get(2..input.len().min(4)).unwrap_or_default();
    [COMPACT, PACKETS].iter().any(|preamble| preamble.starts_with(start)).then_some(())
}

/// A preamble, and a checksum that fits.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    if preamble(input).is_none() {
        return Likeness::No;
    }
    if input.len() < 4 {
        return Likeness::Possible;
    }
    let len = Bytes(input.get(8..).unwrap_or_default()).u16_le().map(usize::from);
    match len.map(|len| (len, input.get(2..HEADER + len))) {
        Some((len, _)) if len > MAX_DATA => Likeness::No,
        Some((_, Some(covered))) if Bytes(input).u16_le() != Some(crc16_ccitt_false(covered)) => Likeness::No,
        Some((_, Some(_))) => Likeness::Certain,
        _ => Likeness::Likely,
    }
}
