//! BCE over TCP. `NOTE.md` describes the wire format.

pub(crate) mod encode;
mod record;

use model::{DeviceId, FixBatch, Timestamp};

use crate::bytes::Bytes;
use crate::crc::sum;
use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};

/// Longest frame taken: an IMEI, groups and a checksum. Devices send about a kilobyte.
pub const MAX_FRAME: usize = 32 * 1024;

/// Sent once, when a connection begins.
const HANDSHAKE: &[u8] = b"#BCE#\r\n";
const IMEI: usize = 8;
/// The length of a group.
const LEN: usize = 2;
/// An IMEI has 15 digits, older identities fewer.
const MAX_IMEI: u64 = 9_999_999_999_999_999;

/// Groups of records: from the stack, which are confirmed, and by time, which are not.
const ASYNC_STACK: u8 = 0xa5;
const TIME_TRIGGERED: u8 = 0xa0;
/// The answer to a command for the outputs.
const OUTPUT_CONTROL_ACK: u8 = 0xc1;
const STACK_CONFIRM: u8 = 0x19;
const CONFIRM_KEY: u8 = 0x7f;

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct Bce {
    session: Session,
}

impl Decoder for Bce {
    fn decode(&mut self, input: &[u8]) -> Step {
        self.step(input, false)
    }

    fn decode_last(&mut self, input: &[u8]) -> Step {
        self.step(input, true)
    }

    fn identify(&mut self, device: &DeviceId) {
        self.session.identify(device);
    }

    fn now(&mut self, now: Timestamp) {
        self.session.now(now);
    }
}

/// What the bytes at the start are.
#[derive(Debug, PartialEq)]
enum Extent {
    Unclear,
    /// A frame so long, its checksum not counted.
    Frame(usize),
    /// A frame so long whose checksum is wrong.
    Damaged(usize),
    Broken(DecodeError),
}

/// Where the frame ends: after the first group at whose end the checksum is that of all before.
/// Where it is not, and no other group begins, the checksum is wrong.
fn extent(input: &[u8], last: bool) -> Extent {
    let mut end = IMEI;
    let imei = Bytes(input).u64_le();
    if imei.is_some_and(|imei| imei == 0 || imei > MAX_IMEI) {
        return Extent::Broken(DecodeError::Framing("no IMEI where a frame of BCE begins"));
    }
    loop {
        let Some(len) = Bytes(input.get(end..).unwrap_or_default()).u16_le() else { return Extent::Unclear };
        if len < 2 {
            return Extent::Broken(DecodeError::Framing("group of BCE has no type and key"));
        }
        end += LEN + usize::from(len);
        if end >= MAX_FRAME {
            return Extent::Broken(DecodeError::Length { what: "frame", found: end + 1, limit: MAX_FRAME });
        }
        let Some((group, rest)) = input.split_at_checked(end) else { return Extent::Unclear };
        match rest {
            [] => return Extent::Unclear,
            [stated, ..] if *stated == sum(group) => return Extent::Frame(end),
            [_, _, ASYNC_STACK | TIME_TRIGGERED | OUTPUT_CONTROL_ACK, ..] => {}
            [_, _, _, ..] => return Extent::Damaged(end),
            _ if last => return Extent::Damaged(end),
            _ => return Extent::Unclear,
        }
    }
}

impl Bce {
    fn step(&mut self, input: &[u8], last: bool) -> Step {
        if input.starts_with(HANDSHAKE) {
            return self.session.said(Kind::Heartbeat).took(HANDSHAKE.len());
        }
        match extent(input, last) {
            Extent::Unclear => Step::Need,
            Extent::Broken(error) => self.session.failed(error).took(input.len().min(IMEI)),
            Extent::Damaged(end) => {
                let covered = input.get(..end).unwrap_or(input);
                let stated = input.get(end).copied().map_or(0, u32::from);
                self.session.failed(DecodeError::Crc { stated, computed: u32::from(sum(covered)) }).took(end + 1)
            }
            Extent::Frame(end) => self.frame(input.get(..end).unwrap_or(input)).took(end + 1),
        }
    }

    fn frame(&mut self, frame: &[u8]) -> Message {
        let mut rest = Bytes(frame);
        let imei = rest.u64_le().unwrap_or_default();
        self.session.device = DeviceId::new(&format!("{imei:015}")).ok().or(self.session.device.take());
        let (mut batch, mut reply, mut text, mut defect) = (FixBatch::default(), Vec::new(), None, None);
        let mut is_known = false;
        while let Some(group) = rest.u16_le().and_then(|len| rest.take(usize::from(len))) {
            let [kind, key, records @ ..] = group else { continue };
            is_known |= matches!(*kind, ASYNC_STACK | TIME_TRIGGERED | OUTPUT_CONTROL_ACK);
            match *kind {
                ASYNC_STACK | TIME_TRIGGERED => {
                    defect = defect.or(record::read(records, &mut batch, &self.session).err());
                    if *kind == ASYNC_STACK {
                        confirm(imei, key & CONFIRM_KEY, &mut reply);
                    }
                }
                OUTPUT_CONTROL_ACK => text = Some(hex::encode(group)),
                _ => {}
            }
        }
        self.session.remember(&batch);
        let kind = match (&text, defect.clone()) {
            _ if !batch.fixes.is_empty() => Kind::Fixes(batch),
            (_, Some(error)) => Kind::Error(error),
            (Some(_), _) => Kind::Event,
            _ if is_known => Kind::Heartbeat,
            _ => Kind::Ignored,
        };
        let defect = defect.filter(|_| matches!(kind, Kind::Fixes(_)));
        let mut message = self.session.said(kind).reply(Reply::new(&reply)).defect(defect);
        message.text = text.map(Into::into);
        message
    }
}

/// IMEI, length, type, key and checksum.
fn confirm(imei: u64, key: u8, reply: &mut Vec<u8>) {
    let start = reply.len();
    reply.extend_from_slice(&imei.to_le_bytes());
    reply.extend_from_slice(&[2, 0, STACK_CONFIRM, key]);
    reply.push(sum(reply.get(start..).unwrap_or_default()));
}

/// The handshake, or a frame whose checksum fits.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    match Likeness::prefix(input, HANDSHAKE, Likeness::Certain) {
        Likeness::No => {}
        handshake => return handshake,
    }
    if input.get(IMEI + LEN).is_some_and(|kind| !matches!(*kind, ASYNC_STACK | TIME_TRIGGERED | OUTPUT_CONTROL_ACK)) {
        return Likeness::No;
    }
    match extent(input, false) {
        Extent::Frame(_) => Likeness::Certain,
        Extent::Unclear => Likeness::Possible,
        Extent::Damaged(_) | Extent::Broken(_) => Likeness::No,
    }
}
