//! Running decoders over bytes.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod survive;

use std::path::{Path, PathBuf};

use model::{DeviceId, Timestamp};
use protocols::{Decoder, Message, Protocol, Step};
use serde_json::Value;

/// A new decoder of the protocol.
pub fn decoder(protocol: &str) -> Box<dyn Decoder> {
    (protocols::by_name(protocol).unwrap_or_else(|| panic!("no protocol {protocol}")).decoder)()
}

/// A file of the protocol's folder.
pub fn file(protocol: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(protocol.replace('-', "_")).join(name)
}

/// One line of a protocol's `frames.jsonl`: a connection, or a datagram.
pub struct Frame {
    pub note: String,
    pub bytes: Vec<u8>,
    /// Read by the protocol's decoder of datagrams, as one.
    pub is_datagram: bool,
    /// Who is known to send it, where the bytes do not say.
    pub device: Option<DeviceId>,
    /// What time it is, where the bytes leave that to the server.
    pub now: Option<Timestamp>,
    pub messages: Value,
}

/// The frames of the protocol's own folder.
pub fn own_frames(protocol: &str) -> Vec<Frame> {
    let path = file(protocol, "frames.jsonl");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let frame = |(number, line): (usize, &str)| {
        let place = || format!("{}, line {}", path.display(), number + 1);
        let mut frame: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{}: {e}", place()));
        Frame {
            note: format!("{}: {}", place(), frame["note"].as_str().unwrap()),
            bytes: match (frame["frame"].as_str(), frame["text"].as_str()) {
                (Some(hex), None) => hex::decode(hex).unwrap_or_else(|e| panic!("{}: {e}", place())),
                (None, Some(text)) => text.as_bytes().to_vec(),
                _ => panic!("{}: neither `frame` nor `text`", place()),
            },
            is_datagram: frame["transport"] == "udp",
            device: frame["device"].as_str().map(|id| DeviceId::new(id).unwrap()),
            now: frame["now"].as_str().map(|t| Timestamp::parse(t).unwrap()),
            messages: frame["messages"].take(),
        }
    };
    text.lines().enumerate().map(frame).collect()
}

impl Frame {
    /// A decoder that knows what the line says is known.
    pub fn decoder(&self, protocol: &Protocol) -> Box<dyn Decoder> {
        let make = if self.is_datagram { protocol.datagrams.expect("it is spoken over UDP") } else { protocol.decoder };
        let mut decoder = make();
        if let Some(now) = self.now {
            decoder.now(now);
        }
        if let Some(device) = &self.device {
            decoder.identify(device);
        }
        decoder
    }

    /// What the bytes say, and how many are left over.
    pub fn decode(&self, protocol: &Protocol) -> (Vec<Message>, usize) {
        let mut decoder = self.decoder(protocol);
        if self.is_datagram {
            return datagram(decoder.as_mut(), &self.bytes);
        }
        feed(decoder.as_mut(), &self.bytes, &[usize::MAX])
    }
}

/// All messages of a datagram.
pub fn datagram(decoder: &mut dyn Decoder, bytes: &[u8]) -> (Vec<Message>, usize) {
    let (mut rest, mut messages) = (bytes, Vec::new());
    while let Step::Took { consumed, message } = decoder.decode_last(rest) {
        assert!(consumed >= 1 && consumed <= rest.len(), "consumed {consumed} of {}", rest.len());
        rest = &rest[consumed..];
        messages.push(message);
    }
    (messages, rest.len())
}

/// Gives the decoder `bytes` in pieces of the sizes that `sizes` repeats, as a gateway would,
/// and stops at a fatal error as a gateway would. What is left over at the end is returned too.
pub fn feed(decoder: &mut dyn Decoder, bytes: &[u8], sizes: &[usize]) -> (Vec<Message>, usize) {
    let (mut buffer, mut messages, mut rest) = (Vec::new(), Vec::new(), bytes);
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, later) = rest.split_at((*size).clamp(1, rest.len()));
        buffer.extend_from_slice(piece);
        rest = later;
        while let Step::Took { consumed, message } = decoder.decode(&buffer) {
            assert!(consumed >= 1 && consumed <= buffer.len(), "consumed {consumed} of {}", buffer.len());
            buffer.drain(..consumed);
            let fatal = matches!(&message.kind, protocols::Kind::Error(e) if e.is_fatal());
            messages.push(message);
            if fatal {
                return (messages, 0);
            }
        }
    }
    (messages, buffer.len())
}

/// All at once.
pub fn decode(protocol: &str, bytes: &[u8]) -> (Vec<Message>, usize) {
    feed(decoder(protocol).as_mut(), bytes, &[usize::MAX])
}
