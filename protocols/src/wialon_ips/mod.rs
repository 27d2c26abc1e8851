//! Wialon IPS 1.1 and 2.x over TCP: lines of text. `NOTE.md` describes the wire format.

pub mod encode;
mod packet;
mod parameters;
mod record;

use model::{DeviceId, FixBatch, Timestamp};

use crate::crc::crc16_arc;
use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};
use packet::{Packet, Type};
pub(crate) use parameters::parameter;
use record::{Fault, Reader};

/// Longest message: a line with its end, or a line with the block of a picture that follows.
pub const MAX_FRAME: usize = 64 * 1024;
/// Most records taken from one black box.
pub const MAX_RECORDS: usize = 4096;

/// The decoder of one connection.
#[derive(Debug, Default)]
pub struct WialonIps {
    session: Session,
    /// Since a 2.x login, packets without a checksum are errors.
    checksums: bool,
    /// Number of the last block of the tachograph file that is coming in.
    last_block: Option<u32>,
}

impl Decoder for WialonIps {
    fn decode(&mut self, input: &[u8]) -> Step {
        match input.iter().take(MAX_FRAME).position(|b| *b == b'\n') {
            Some(end) => self.line(input, end, end + 1),
            None if input.len() >= MAX_FRAME => {
                let error = DecodeError::Length { what: "line", found: MAX_FRAME, limit: MAX_FRAME - 1 };
                self.session.failed(error).took(MAX_FRAME)
            }
            None => Step::Need,
        }
    }

    fn identify(&mut self, device: &DeviceId) {
        self.session.identify(device);
    }

    fn decode_last(&mut self, input: &[u8]) -> Step {
        match self.decode(input) {
            Step::Need if !input.is_empty() && !input.contains(&b'\n') => self.line(input, input.len(), input.len()),
            step => step,
        }
    }

    fn now(&mut self, now: Timestamp) {
        self.session.now(now);
    }
}

impl WialonIps {
    /// The line that ends at `end`; what follows it begins at `next`.
    fn line(&mut self, input: &[u8], end: usize, next: usize) -> Step {
        let line = input.get(..end).unwrap_or(input);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return self.session.said(Kind::Ignored).took(next);
        }
        let Some(packet) = Packet::split(line, self.checksums) else {
            return self.session.failed(DecodeError::Format("line is no packet `#type#…`")).took(next);
        };
        // The block of a picture or file follows its line and is as long as the line says.
        let block = match packet.block_len() {
            Some(len) if next.saturating_add(len) > MAX_FRAME => {
                let error = DecodeError::Length { what: "block", found: len, limit: MAX_FRAME - next };
                return self.session.failed(error).took(next);
            }
            Some(len) => len,
            None => 0,
        };
        if input.len() < next + block {
            return Step::Need;
        }
        self.sent(&packet).took(next + block)
    }

    /// A packet that names its sender is that device's, whoever logged in.
    fn sent(&mut self, packet: &Packet<'_>) -> Message {
        let Some(sender) = packet.sender else { return self.packet(packet) };
        let Some(sender) = std::str::from_utf8(sender).ok().and_then(|id| DeviceId::new(id).ok()) else {
            return self.session.failed(DecodeError::Format("line is no packet `#type#…`"));
        };
        let session = self.session.device.replace(sender);
        let message = self.packet(packet);
        self.session.device = session;
        message
    }

    fn packet(&mut self, packet: &Packet<'_>) -> Message {
        if let Err(error) = packet.verify() {
            let reply = packet.kind.checksum_reply();
            return self.session.failed(error).reply(Reply::new(reply.as_bytes()));
        }
        let device = self.session.device.as_ref();
        match packet.kind {
            Type::Login => self.login(packet),
            Type::Short | Type::Extended => self.single(packet),
            Type::BlackBox => self.black_box(packet),
            Type::Ping => Message::new(Kind::Heartbeat, device).reply(Reply::new(b"#AP#\r\n")),
            Type::DriverMessage => {
                let mut message = Message::new(Kind::Event, device).reply(Reply::new(b"#AM#1\r\n"));
                message.text = Some(String::from_utf8_lossy(packet.body).into());
                message
            }
            Type::Picture => self.ignored(&block_reply("AI", packet.number(1), packet.number(2))),
            Type::TachographFile => {
                self.last_block = packet.number(4);
                self.ignored("#AIT#1\r\n")
            }
            Type::TachographBlock => self.ignored(&block_reply("AT", packet.number(2), self.last_block)),
            Type::Answer => self.ignored(""),
            Type::Unknown => self.session.failed(DecodeError::Format("type of packet is not known here")),
        }
    }

    fn login(&mut self, packet: &Packet<'_>) -> Message {
        let (checksums, identity) = packet.identity();
        let refused = Reply::new(b"#AL#0\r\n");
        let Some(device) = std::str::from_utf8(identity).ok().and_then(|id| DeviceId::new(id).ok()) else {
            return self.session.failed(DecodeError::Login("the identity is empty or too long")).reply(refused);
        };
        self.session.device = Some(device);
        self.checksums = checksums;
        let mut message = self.session.said(Kind::Login).reply(Reply::new(b"#AL#1\r\n"));
        message.refusal = refused;
        message
    }

    fn single(&mut self, packet: &Packet<'_>) -> Message {
        let mut batch = FixBatch::default();
        let result = self.reader().read(packet.body, &mut batch);
        self.session.remember(&batch);
        let (answer, taken) = match packet.kind {
            Type::Extended => ("AD", &b"#AD#1\r\n"[..]),
            _ => ("ASD", &b"#ASD#1\r\n"[..]),
        };
        match result {
            Ok(()) => self.session.said(Kind::Fixes(batch)).reply(Reply::new(taken)),
            Err(fault) => {
                let reply = Reply::new(format!("#{answer}#{}\r\n", fault.code()).as_bytes());
                self.session.failed(fault.error()).reply(reply)
            }
        }
    }

    /// Records apart by `|`. The answer is how many of them are taken.
    fn black_box(&mut self, packet: &Packet<'_>) -> Message {
        let mut batch = FixBatch::default();
        let mut defect: Option<Fault> = None;
        let records = packet.body.split(|b| *b == b'|').filter(|r| !r.is_empty()).take(MAX_RECORDS);
        for record in records {
            let read = self.reader().read(record, &mut batch);
            self.session.remember(&batch);
            defect = defect.or(read.err());
        }
        let reply = Reply::new(format!("#AB#{}\r\n", batch.fixes.len()).as_bytes());
        if let Some(fault) = &defect
            && batch.fixes.is_empty()
        {
            return self.session.failed(fault.error()).reply(reply);
        }
        let mut message = self.session.said(Kind::Fixes(batch)).reply(reply);
        message.defect = defect.map(Fault::error);
        message
    }

    fn reader(&self) -> Reader {
        Reader { now: self.session.clock() }
    }

    fn ignored(&self, reply: &str) -> Message {
        self.session.said(Kind::Ignored).reply(Reply::new(reply.as_bytes()))
    }
}

/// The answer to a block of a picture or file, and after the last block that to the whole.
fn block_reply(answer: &str, index: Option<u32>, last: Option<u32>) -> String {
    match index {
        None => format!("#{answer}#NA;0\r\n"),
        Some(index) if Some(index) == last => format!("#{answer}#{index};1\r\n#{answer}#1\r\n"),
        Some(index) => format!("#{answer}#{index};1\r\n"),
    }
}

/// `#L#`, or any other packet with or without its sender before it.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    const TYPES: [&[u8]; 8] = [b"L#", b"SD#", b"D#", b"B#", b"P#", b"M#", b"I#", b"IT#"];
    let types = |rest: &[u8]| TYPES.iter().map(|t| Likeness::prefix(rest, t, Likeness::Certain)).max();
    let sender = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b';' | b'-' | b'_');
    let of = match input.iter().position(|b| *b == b'#') {
        Some(at) if at <= model::MAX_ID_BYTES + 4 && input.iter().take(at).all(sender) => {
            input.get(at + 1..).and_then(types)
        }
        Some(_) => None,
        None => (input.len() <= model::MAX_ID_BYTES + 4 && input.iter().all(sender)).then_some(Likeness::Possible),
    };
    of.unwrap_or(Likeness::No)
}

/// The checksum of a packet's body, up to and with the separator before the checksum.
fn checksum(body: &[u8]) -> u16 {
    crc16_arc(body)
}
