//! Cellocator: binary, over TCP and UDP. `NOTE.md` describes the wire format.

pub(crate) mod encode;
mod modules;
mod status;

use model::{DeviceId, FixBatch, Timestamp};

use crate::bytes::Bytes;
use crate::crc::sum;
use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};

/// Longest message taken. The manual ends at about 1 KiB.
pub const MAX_FRAME: usize = 8 * 1024;

/// What messages begin with.
const SYSTEM: &[u8; 4] = b"MCGP";
/// The same of a later family, whose status messages have other units.
const SYSTEM_DEGREES: &[u8; 4] = b"MCPG";
const NO_START: DecodeError = DecodeError::Framing("no Cellocator message starts so");

/// Types of messages.
mod kind {
    pub const STATUS: u8 = 0;
    pub const PROGRAMMING: u8 = 3;
    pub const LOGGER: u8 = 7;
    pub const SERIAL: u8 = 8;
    pub const MODULAR: u8 = 9;
    pub const MODULAR_EXTENDED: u8 = 11;
    /// The server's: acknowledgement.
    pub const ACKNOWLEDGE: u8 = 4;
}

/// The decoder of one connection, or of one sender's datagrams.
#[derive(Debug, Default)]
pub struct Cellocator {
    session: Session,
}

impl Decoder for Cellocator {
    fn decode(&mut self, input: &[u8]) -> Step {
        let len = match frame_len(input) {
            Ok(Some(len)) => len,
            Ok(None) => return Step::Need,
            Err(error) => return self.session.failed(error).took(input.len().max(1)),
        };
        match input.get(..len) {
            Some(frame) => self.frame(frame).took(len),
            None => Step::Need,
        }
    }

    fn identify(&mut self, device: &DeviceId) {
        self.session.identify(device);
    }

    fn now(&mut self, now: Timestamp) {
        self.session.now(now);
    }
}

impl Cellocator {
    fn frame(&mut self, frame: &[u8]) -> Message {
        self.read(frame).unwrap_or_else(|error| self.session.failed(error))
    }

    fn read(&mut self, frame: &[u8]) -> Result<Message, DecodeError> {
        let short = DecodeError::Format("the message ends before its fields do");
        let (checksum, sealed) = frame.split_last().ok_or(short.clone())?;
        let (system, sealed) = sealed.split_first_chunk::<4>().ok_or(short.clone())?;
        let has_degrees = system == SYSTEM_DEGREES;
        // How the later family makes its checksum is not known.
        let computed = sum(sealed);
        if *checksum != computed && !has_degrees {
            return Err(DecodeError::Crc { stated: u32::from(*checksum), computed: u32::from(computed) });
        }
        let mut rest = Bytes(sealed);
        let (kind, unit) = rest.u8().zip(rest.u32_le()).ok_or(short.clone())?;
        let control = if kind == kind::SERIAL { 0 } else { rest.u16_le().ok_or(short.clone())? };
        let numerator = rest.u8().ok_or(short.clone())?;
        self.session.device = DeviceId::new(&unit.to_string()).ok();
        let acknowledgement = acknowledgement(unit, numerator);
        let now = self.session.clock();
        let mut batch = FixBatch::default();
        let is_record = match kind {
            kind::STATUS => {
                status::read(&mut rest, control, has_degrees, now, &mut batch).ok_or(short).map(|()| true)?
            }
            kind::MODULAR_EXTENDED => modules::read(&mut rest, now, &mut batch)?,
            _ => false,
        };
        let message = if is_record {
            self.session.remember(&batch);
            self.session.said(Kind::Fixes(batch))
        } else {
            self.session.said(Kind::Ignored)
        };
        Ok(message.reply(acknowledgement))
    }
}

/// Bytes of the message that begins here; `None` while the byte that says so has not come.
fn frame_len(input: &[u8]) -> Result<Option<usize>, DecodeError> {
    const SERIAL_HEAD: usize = 19;
    const MODULAR_HEAD: usize = 15;
    const MODULAR_EXTENDED_HEAD: usize = 16;
    let starts = |system: &[u8; 4]| system.iter().zip(input).all(|(a, b)| a == b);
    if !starts(SYSTEM) && !starts(SYSTEM_DEGREES) {
        return Err(NO_START);
    }
    let le16 = |at: usize| Some(usize::from(u16::from_le_bytes([*input.get(at)?, *input.get(at + 1)?])));
    let Some(kind) = input.get(4) else { return Ok(None) };
    let len = match *kind {
        kind::STATUS | kind::LOGGER => Some(70),
        kind::PROGRAMMING => Some(31),
        kind::SERIAL => le16(16).map(|len| SERIAL_HEAD + len),
        kind::MODULAR => input.get(13).map(|len| MODULAR_HEAD + usize::from(*len)),
        kind::MODULAR_EXTENDED => le16(13).map(|len| MODULAR_EXTENDED_HEAD + len),
        _ => return Err(DecodeError::Framing("no message type of Cellocator")),
    };
    match len {
        Some(found) if found > MAX_FRAME => Err(DecodeError::Length { what: "message", found, limit: MAX_FRAME }),
        len => Ok(len),
    }
}

/// The server's type 4 with the numerator that is acknowledged: command numerator,
/// authentication code, action code, main number, secondary number and spare bytes.
fn acknowledgement(unit: u32, numerator: u8) -> Reply {
    let [a, b, c, d] = unit.to_le_bytes();
    let mut frame = [0; 28];
    let head = [b'M', b'C', b'G', b'P', kind::ACKNOWLEDGE, a, b, c, d, 0, 0, 0, 0, 0, 0, numerator];
    for (place, byte) in frame.iter_mut().zip(head) {
        *place = byte;
    }
    let checksum = sum(frame.get(4..27).unwrap_or_default());
    if let Some(last) = frame.last_mut() {
        *last = checksum;
    }
    Reply::new(&frame)
}

/// The four letters that all messages begin with.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    let start = Likeness::any(input, &[(SYSTEM, Likeness::Certain), (SYSTEM_DEGREES, Likeness::Certain)]);
    if frame_len(input).is_err() { Likeness::No } else { start }
}
