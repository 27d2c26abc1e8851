//! Queclink @Track, text and HEX, over TCP and UDP: GL, GV, GB, GMT, CV and kin. `NOTE.md`
//! describes the wire format.

mod attributes;
mod can;
pub mod encode;
mod eri;
mod frame;
mod hex;
mod hex_inf;
mod hex_track;
mod inf;
mod model;
mod report;
mod reports;
mod tail;

use ::model::{DeviceId, FixBatch, Timestamp};

use crate::session::Session;
use crate::{DecodeError, Decoder, Kind, Likeness, Message, Reply, Step};
use frame::Found;
use report::Report;

/// Longest message. The longest is the device's whole configuration in text.
pub const MAX_FRAME: usize = 8 * 1024;

/// The decoder of one connection, or of one sender's datagrams.
#[derive(Debug, Default)]
pub struct Queclink {
    session: Session,
}

impl Decoder for Queclink {
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

impl Queclink {
    fn step(&mut self, input: &[u8], last: bool) -> Step {
        match frame::find(input, last) {
            Found::Need => Step::Need,
            Found::Blank(len) => self.session.said(Kind::Ignored).took(len),
            Found::Garbage(len) => self.session.failed(DecodeError::Format("these bytes begin no message")).took(len),
            Found::TooLong(len) => {
                self.session.failed(DecodeError::Length { what: "message", found: len, limit: MAX_FRAME - 1 }).took(len)
            }
            Found::Broken(len) => {
                self.session.failed(DecodeError::Format("HEX message does not end where it says")).took(len)
            }
            Found::Text { start, end, next } => {
                self.text(input.get(start..end).unwrap_or_default().trim_ascii_end()).took(next)
            }
            Found::Hex { start, end } => self.hex(input.get(start..end).unwrap_or_default()).took(end),
        }
    }

    fn text(&mut self, message: &[u8]) -> Message {
        if let Some(heartbeat) = message.strip_prefix(frame::OLD_HEARTBEAT) {
            return self.old_heartbeat(heartbeat);
        }
        let report = Report::split(message);
        match std::str::from_utf8(report.identity).ok().and_then(|id| DeviceId::new(id).ok()) {
            Some(device) if reports::is_identity(report.identity) => self.session.device = Some(device),
            _ if self.session.device.is_some() => {}
            _ => return self.session.failed(DecodeError::Field("unique id")),
        }
        let read = match (message.starts_with(b"+ACK"), report.kind) {
            (true, b"HBD") | (false, b"PDP") => self.session.said(Kind::Heartbeat),
            (true, _) => self.words(message),
            (false, _) => self.report(&report, message),
        };
        read.reply(acknowledgement(&report, message.starts_with(b"+ACK:GTHBD")))
    }

    fn report(&mut self, report: &Report<'_>, message: &[u8]) -> Message {
        let mut batch = FixBatch::default();
        let words = reports::read(report, self.session.clock(), &mut batch);
        if batch.fixes.is_empty() {
            return match words {
                Some(words) => self.session.said(Kind::Event).text(&words),
                None => self.words(message),
            };
        }
        let mut message = self.session.fixes(batch);
        message.text = words;
        message
    }

    /// What is of use to a human alone.
    fn words(&self, message: &[u8]) -> Message {
        self.session.said(Kind::Event).text(&String::from_utf8_lossy(message))
    }

    /// `HBD,model,imei,…`, which is answered with itself.
    fn old_heartbeat(&mut self, heartbeat: &[u8]) -> Message {
        let said = heartbeat.iter().rposition(|b| *b == b',').and_then(|at| heartbeat.get(..at)).unwrap_or(heartbeat);
        let identity = said.rsplit(|b| *b == b',').next().filter(|id| reports::is_identity(id));
        let Some(device) = identity.and_then(|id| std::str::from_utf8(id).ok()).and_then(|id| DeviceId::new(id).ok())
        else {
            return self.session.failed(DecodeError::Field("unique id"));
        };
        self.session.device = Some(device);
        let reply = [b"+RESP:GTHBD,GPRS ACTIVE,", said, b"\0"].concat();
        self.session.said(Kind::Heartbeat).reply(Reply::new(&reply))
    }

    fn hex(&mut self, message: &[u8]) -> Message {
        let sealed = message.strip_suffix(b"\r\n").unwrap_or(message);
        if let Some((stated, computed)) = frame::checksum(sealed) {
            return self.session.failed(DecodeError::Crc { stated: u32::from(stated), computed: u32::from(computed) });
        }
        let mut batch = FixBatch::default();
        let now = self.session.clock();
        let read = hex::read(sealed, now, &mut batch);
        match read.identity {
            Some(hex::Identity::Imei(device)) => self.session.device = Some(device),
            // A name is no identity where the device is known by its IMEI.
            Some(hex::Identity::Name(device)) if self.session.device.is_none() => self.session.device = Some(device),
            _ => {}
        }
        self.session.remember(&batch);
        let kind = if batch.fixes.is_empty() { read.kind } else { Kind::Fixes(batch) };
        let mut message = self.session.said(kind).reply(read.reply);
        message.text = read.text;
        message
    }
}

/// `+SACK` with the count of the message, and for a heartbeat the version before it.
fn acknowledgement(report: &Report<'_>, is_heartbeat: bool) -> Reply {
    let Some(count) = report.count else { return Reply::default() };
    let mut reply = Vec::with_capacity(32);
    reply.extend_from_slice(b"+SACK:");
    if is_heartbeat {
        reply.extend_from_slice(b"GTHBD,");
        reply.extend_from_slice(report.version);
        reply.push(b',');
    }
    reply.extend_from_slice(count);
    reply.push(b'$');
    Reply::new(&reply)
}

/// One of the beginnings of text or HEX messages.
pub(crate) fn likeness(input: &[u8]) -> Likeness {
    let body = input.trim_ascii_start();
    frame::signatures().map(|s| Likeness::prefix(body, s, Likeness::Certain)).max().unwrap_or(Likeness::No)
}
