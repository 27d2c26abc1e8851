//! Wialon Retranslator: how a Wialon server passes messages of its units on, over TCP.
//! `NOTE.md` describes the wire format.

pub mod encode;

use model::{DeviceId, Fix, FixBatch, Known, LatLon, Timestamp, Value};

use crate::bytes::Bytes;
use crate::units::{heading, kmh, single};
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step, wialon_ips};

/// Longest packet after its size.
pub const MAX_PACKET: usize = 64 * 1024 - SIZE;
/// Longest message.
pub const MAX_FRAME: usize = SIZE + MAX_PACKET;

const SIZE: usize = 4;
/// Time and flags.
const HEAD: usize = 8;
/// An identity of one byte, the zero after it, time and flags.
const MIN_PACKET: usize = 2 + HEAD;
/// What a block of data begins with.
const BLOCK: u16 = 0x0bbb;
/// "Server's answer: the packet is taken."
const TAKEN: &[u8] = &[0x11];
/// The bit of the flags that says that the message is an alarm.
const ALARM: u32 = 0x10;
const POSITION: &[u8] = b"posinfo";
/// Longer binary values are pictures, which are not kept.
const MAX_BINARY: usize = 1024;

const CUT: DecodeError = DecodeError::Format("packet ends within a block of data");

/// The decoder of one connection, which carries many units.
#[derive(Debug, Default)]
pub struct WialonRetranslator {
    /// Who is heard where a packet has no name.
    device: Option<DeviceId>,
}

impl Decoder for WialonRetranslator {
    fn decode(&mut self, input: &[u8]) -> Step {
        let mut rest = Bytes(input);
        let Some(len) = rest.u32_le() else { return Step::Need };
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > MAX_PACKET {
            return self.failed(DecodeError::Length { what: "packet", found: len, limit: MAX_PACKET }).took(SIZE);
        }
        if len < MIN_PACKET {
            return self.failed(DecodeError::Framing("packet is too short to be one")).took(SIZE);
        }
        let Some(packet) = rest.take(len) else { return Step::Need };
        self.packet(packet).took(SIZE + len)
    }

    fn identify(&mut self, device: &DeviceId) {
        self.device = Some(device.clone());
    }
}

impl WialonRetranslator {
    /// Identity, time, flags, blocks of data.
    fn packet(&self, packet: &[u8]) -> Message {
        let mut rest = Bytes(packet);
        let Some(identity) = rest.until(0) else {
            return self.failed(DecodeError::Format("identity of the unit does not end"));
        };
        let device = std::str::from_utf8(identity).ok().and_then(|id| DeviceId::new(id).ok());
        let Some(device) = device.as_ref().or(self.device.as_ref()) else {
            // One unit without a name must not end the others' connection, nor come again for ever.
            return self.failed(DecodeError::Field("identity of the unit")).reply(Reply::new(TAKEN));
        };
        let (Some(time), Some(flags)) = (rest.u32(), rest.u32()) else { return self.failed(CUT) };
        let mut batch = FixBatch::default();
        batch.push(Fix::nowhere(Timestamp::from_secs(i64::from(time))));
        if flags & ALARM != 0 {
            batch.known(Known::Alarm, Value::Bool(true));
        }
        let mut defect = None;
        while defect.is_none() && !rest.0.is_empty() {
            defect = block(&mut rest, &mut batch).err();
        }
        let says_nothing = batch.attributes.is_empty() && batch.fixes.iter().all(|fix| fix.satellites.is_none());
        let message = match defect {
            Some(error) if says_nothing => Message::new(Kind::Error(error), Some(device)),
            None if says_nothing => Message::new(Kind::Heartbeat, Some(device)),
            defect => Message::new(Kind::Fixes(batch), Some(device)).defect(defect),
        };
        // Sent again it would be no better: it is confirmed whatever could be read.
        message.reply(Reply::new(TAKEN))
    }

    fn failed(&self, error: DecodeError) -> Message {
        Message::new(Kind::Error(error), self.device.as_ref())
    }
}

/// Size, whether it is hidden from users, type, name, value.
fn block(rest: &mut Bytes<'_>, batch: &mut FixBatch) -> Result<(), DecodeError> {
    if rest.u16().ok_or(CUT)? != BLOCK {
        return Err(DecodeError::Format("block of data does not begin with 0B BB"));
    }
    let len = usize::try_from(rest.u32().ok_or(CUT)?).unwrap_or(usize::MAX);
    let mut block = Bytes(rest.take(len).ok_or(CUT)?);
    let (_hidden, kind) = block.u8().zip(block.u8()).ok_or(CUT)?;
    let name = block.until(0).ok_or(CUT)?;
    if name == POSITION {
        return position(block, batch).ok_or(CUT);
    }
    let value = match kind {
        1 => {
            let text = block.until(0).unwrap_or(block.0);
            match std::str::from_utf8(text) {
                Ok(text) => batch.text_value(text),
                Err(_) => batch.bytes_value(text),
            }
        }
        2 if block.0.len() > MAX_BINARY => return Ok(()),
        2 => batch.bytes_value(block.0),
        3 => Value::Int(i64::from(block.i32().ok_or(CUT)?)),
        4 => Value::Float(block.f64_le().ok_or(CUT)?),
        5 => Value::Int(block.i64().ok_or(CUT)?),
        _ => return Err(DecodeError::Unknown { what: "type of data", number: u32::from(kind) }),
    };
    wialon_ips::parameter(name, value, batch);
    Ok(())
}

/// Longitude, latitude and height as doubles, the lowest byte first; speed in km/h, course and
/// satellites.
fn position(mut rest: Bytes<'_>, batch: &mut FixBatch) -> Option<()> {
    let (lon, lat, height) = (rest.f64_le()?, rest.f64_le()?, rest.f64_le()?);
    let (speed, course, satellites) = (rest.u16()?, rest.u16()?, rest.u8()?);
    let fix = batch.fixes.last_mut()?;
    fix.position = LatLon::new(lat, lon).filter(|p| satellites > 0 || !p.is_null_island());
    // Units that do not count satellites have none here.
    fix.valid = fix.position.is_some();
    fix.altitude_m = Some(single(height)).filter(|m| m.is_finite());
    fix.speed_mps = Some(kmh(f64::from(speed)));
    fix.heading_deg = heading(f64::from(course));
    fix.satellites = Some(satellites.min(254));
    Some(())
}

/// A size, a printable identity with its zero, then time and flags, and what blocks begin with.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    let mut rest = Bytes(input);
    let Some(len) = rest.u32_le() else {
        // The two high bytes of the size are zero.
        return if input.get(2).is_none_or(|byte| *byte == 0) { Likeness::Possible } else { Likeness::No };
    };
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let most = len.min(model::MAX_ID_BYTES + 1);
    let identity = rest.0.iter().take_while(|byte| byte.is_ascii_graphic()).count();
    if !(MIN_PACKET..=MAX_PACKET).contains(&len) || identity >= most {
        return Likeness::No;
    }
    match rest.0.get(identity) {
        None => Likeness::Possible,
        Some(0) if identity > 0 => match rest.0.get(identity + 1 + HEAD..) {
            Some(blocks) if len > identity + 1 + HEAD => {
                Likeness::prefix(blocks, &BLOCK.to_be_bytes(), Likeness::Certain).max(match blocks {
                    [] | [0x0b] => Likeness::Likely,
                    _ => Likeness::No,
                })
            }
            _ if len < identity + 1 + HEAD => Likeness::No,
            _ => Likeness::Likely,
        },
        Some(_) => Likeness::No,
    }
}
