//! Datagrams: records with a header of their own, and no checksum, since UDP has one.

use model::{DeviceId, Timestamp};

use super::{MAX_FRAME, MIN_DATA, Teltonika, identity};
use crate::bytes::Bytes;
use crate::{DecodeError, Decoder, Kind, Message, Reply, Step};

/// The length field, which does not count itself.
const LENGTH: usize = 2;
/// What the server puts where the device has a byte that is not used.
const NOT_USABLE: u8 = 0x01;
/// What every datagram has: length, packet id, not usable, AVL packet id, length of the identity.
const HEADER: usize = 8;

/// The decoder of one sender's datagrams. Packets as over TCP, and their pings, are read too.
#[derive(Debug, Default)]
pub struct Datagrams(Teltonika);

impl Decoder for Datagrams {
    fn decode(&mut self, input: &[u8]) -> Step {
        match input {
            // Over TCP a packet begins with zeros; here a length of none is none.
            [] | [0] => Step::Need,
            [0xff] | [0, 0, ..] => self.0.decode(input),
            _ => self.datagram(input),
        }
    }

    fn decode_last(&mut self, input: &[u8]) -> Step {
        match self.decode(input) {
            Step::Need if !input.is_empty() => {
                self.0.failed(DecodeError::Format("datagram ends before its content does")).took(input.len())
            }
            step => step,
        }
    }

    fn identify(&mut self, device: &DeviceId) {
        self.0.identify(device);
    }

    fn now(&mut self, now: Timestamp) {
        self.0.now(now);
    }
}

impl Datagrams {
    fn datagram(&mut self, input: &[u8]) -> Step {
        let mut rest = Bytes(input);
        let Some(len) = rest.u16().map(usize::from) else { return Step::Need };
        if LENGTH + len > MAX_FRAME {
            let error = DecodeError::Length { what: "datagram", found: LENGTH + len, limit: MAX_FRAME };
            return self.0.failed(error).took(input.len());
        }
        let Some(content) = rest.take(len) else { return Step::Need };
        let consumed = LENGTH + len;
        let cut = DecodeError::Format("datagram ends before its content does");
        let mut rest = Bytes(content);
        let (Some(packet), Some(_), Some(avl_packet)) = (rest.u16(), rest.u8(), rest.u8()) else {
            return self.0.failed(cut).took(consumed);
        };
        let name = rest.u16().and_then(|len| rest.take(usize::from(len)));
        let Some((name, data)) = name.map(|name| (name, rest.0)).filter(|(_, data)| data.len() >= MIN_DATA) else {
            return self.0.failed(cut).took(consumed);
        };
        let Some(device) = identity(name) else {
            return self.0.failed(DecodeError::Login("the identity is no IMEI")).took(consumed);
        };
        self.0.identify(&device);
        let mut step = self.0.data(data, consumed);
        if let Step::Took { message, .. } = &mut step {
            acknowledge(message, packet, avl_packet);
        }
        step
    }
}

/// Puts the datagram's own acknowledgement, of seven bytes, in the place of TCP's. The shortest
/// datagram is longer.
fn acknowledge(message: &mut Message, packet: u16, avl_packet: u8) {
    const _: () = assert!(HEADER + MIN_DATA >= 7);
    let [high, low] = packet.to_be_bytes();
    let taken = |records| Reply::short([0, 5, high, low, NOT_USABLE, avl_packet, records]);
    match &message.kind {
        Kind::Fixes(batch) if !message.reply.is_empty() => {
            message.reply = taken(u8::try_from(batch.fixes.len()).unwrap_or(u8::MAX));
            message.refusal = taken(0);
        }
        Kind::Error(_) if !message.reply.is_empty() => message.reply = taken(0),
        _ => {}
    }
}
