//! The face that every protocol shows to the gateway.

use std::fmt;

use model::{DeviceId, FixBatch, Timestamp};

/// A pure state machine over one connection's bytes.
pub trait Decoder: Send {
    /// Takes at most one message from the start of `input`, which is all that has come in and
    /// was not consumed. After [`Step::Need`] it is called again with the same bytes and more.
    fn decode(&mut self, input: &[u8]) -> Step;

    /// Tells the decoder whom it hears: for datagrams, frames without a login and
    /// `decode --device`.
    fn identify(&mut self, device: &DeviceId);

    /// Like [`Decoder::decode`] where nothing will follow `input`: a datagram, or one line of
    /// `marshrut decode`. A missing line end is taken as there.
    fn decode_last(&mut self, input: &[u8]) -> Step {
        self.decode(input)
    }

    /// Tells the decoder the time, for records that leave theirs to the server. Call it before
    /// decoding what was just read; without it such records carry the time of the record before
    /// or, at the start, of the Unix epoch.
    fn now(&mut self, now: Timestamp) {
        let _ = now;
    }

    /// The protocol that it has recognised, for decoders that speak several.
    fn protocol(&self) -> Option<&'static str> {
        None
    }
}

/// What [`Decoder::decode`] did.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a step is looked at at once; a box would cost every message an allocation"
)]
pub enum Step {
    /// The message at the start of the input is not complete. Never asks for more than the
    /// protocol's `max_frame`.
    Need,
    /// Took one message.
    Took {
        /// Bytes to drop from the start of the input; at least 1.
        consumed: usize,
        /// What they said.
        message: Message,
    },
}

/// One message of a tracker and the answers it is owed.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What it was.
    pub kind: Kind,
    /// Whom it concerns; `None` where the connection has not said yet. Fixes of nobody must
    /// not be acknowledged.
    pub device: Option<DeviceId>,
    /// What to send once the message is durable, or, where there is nothing to keep, at once.
    pub reply: Reply,
    /// What to send instead where the device or the message is not wanted.
    pub refusal: Reply,
    /// What the device said in words: the answer to a command, a driver's message.
    pub text: Option<Box<str>>,
    /// Part of the frame that could not be read although the rest was: for the error
    /// counters and the quarantine.
    pub defect: Option<DecodeError>,
}

impl Message {
    /// A message that is owed no answer.
    #[inline]
    pub(crate) fn new(kind: Kind, device: Option<&DeviceId>) -> Self {
        let none = Reply::default;
        Self { kind, device: device.cloned(), reply: none(), refusal: none(), text: None, defect: None }
    }

    /// Sets the reply.
    #[inline]
    pub(crate) fn reply(mut self, reply: Reply) -> Self {
        self.reply = reply;
        self
    }

    /// Sets what is sent instead where the device or the message is not wanted.
    #[inline]
    pub(crate) fn refusal(mut self, refusal: Reply) -> Self {
        self.refusal = refusal;
        self
    }

    /// Sets what the device said in words.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Sets what could not be read although the rest was.
    pub(crate) fn defect(mut self, defect: Option<DecodeError>) -> Self {
        self.defect = defect;
        self
    }

    /// As a step that consumed so many bytes.
    #[inline]
    pub(crate) fn took(self, consumed: usize) -> Step {
        Step::Took { consumed, message: self }
    }
}

/// What a message is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// The device said who it is.
    Login,
    /// Records, in the order sent.
    Fixes(FixBatch),
    /// A sign of life.
    Heartbeat,
    /// Something that happened but is no record: the answer to a command, a driver's message.
    Event,
    /// Understood and of no use here, such as a picture.
    Ignored,
    /// Bytes that make no sense.
    Error(DecodeError),
}

impl Kind {
    /// Its name in the output of `marshrut decode`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Fixes(_) => "fixes",
            Self::Heartbeat => "heartbeat",
            Self::Event => "event",
            Self::Ignored => "ignored",
            Self::Error(_) => "error",
        }
    }
}

const INLINE: usize = 30;

/// Bytes owed to a tracker; up to 30 of them need no heap.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply(Bytes);

#[derive(Clone, PartialEq, Eq)]
enum Bytes {
    Inline { len: u8, bytes: [u8; INLINE] },
    Heap(Box<[u8]>),
}

impl Reply {
    /// A reply of these bytes.
    #[inline]
    pub fn new(bytes: &[u8]) -> Self {
        let mut inline = [0; INLINE];
        match (inline.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(head), Ok(len)) => {
                head.copy_from_slice(bytes);
                Self(Bytes::Inline { len, bytes: inline })
            }
            _ => Self(Bytes::Heap(bytes.into())),
        }
    }

    /// A reply of at most 30 bytes, their number known while compiling.
    #[inline]
    pub(crate) fn short<const N: usize>(bytes: [u8; N]) -> Self {
        const { assert!(N <= INLINE) };
        let mut inline = [0; INLINE];
        if let Some(head) = inline.first_chunk_mut() {
            *head = bytes;
        }
        Self(Bytes::Inline { len: u8::try_from(N).unwrap_or_default(), bytes: inline })
    }

    /// The bytes to send; empty where nothing is owed.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Inline { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Bytes::Heap(bytes) => bytes,
        }
    }

    /// Whether nothing is owed.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

impl Default for Reply {
    #[inline]
    fn default() -> Self {
        Self::short([])
    }
}

impl std::ops::Deref for Reply {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Reply {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({})", self.as_bytes().escape_ascii())
    }
}

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A length field or a line is longer than the protocol's bound.
    #[error("{what} of {found} bytes passes the bound of {limit}; the connection is closed")]
    Length {
        /// What has the length.
        what: &'static str,
        /// What it says it is.
        found: usize,
        /// What it may be.
        limit: usize,
    },
    /// The stream is not where a message starts.
    #[error("{0}; is this port meant for another protocol? the connection is closed")]
    Framing(&'static str),
    /// The device's name is none.
    #[error("login: {0}; check the tracker's identity setting")]
    Login(&'static str),
    /// The checksum is not that of the bytes.
    #[error("checksum says {stated:#06x}, the bytes make {computed:#06x}; the tracker should send it again")]
    Crc {
        /// As sent.
        stated: u32,
        /// As computed.
        computed: u32,
    },
    /// A count is not what was found.
    #[error("{what} should be {stated} and is {found}; look at the frame in the quarantine")]
    Count {
        /// What is counted.
        what: &'static str,
        /// As sent.
        stated: usize,
        /// As found.
        found: usize,
    },
    /// The frame ends before its content does, or goes on after it, or has no such shape.
    #[error("{0}; look at the frame in the quarantine")]
    Format(&'static str),
    /// A field does not hold what the manual says it holds.
    #[error("field `{0}` is not readable; look at the frame in the quarantine")]
    Field(&'static str),
    /// Nobody but the device and whoever has the key can read it.
    #[error("the body is encrypted ({0}) and there is no key for it here; switch encryption off in the tracker")]
    Encrypted(&'static str),
    /// A kind of message that this decoder does not know.
    #[error("{what} {number:#04x} is not known here; look at the frame in the quarantine")]
    Unknown {
        /// What has the number.
        what: &'static str,
        /// The number.
        number: u32,
    },
}

impl DecodeError {
    /// A short label for counters.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Length { .. } => "length",
            Self::Framing(_) => "framing",
            Self::Login(_) => "login",
            Self::Crc { .. } => "crc",
            Self::Count { .. } => "count",
            Self::Format(_) => "format",
            Self::Field(_) => "field",
            Self::Encrypted(_) => "encrypted",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Whether it is no longer known where a message starts, so that the connection must be
    /// closed.
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Length { .. } | Self::Framing(_) | Self::Login(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_keeps_its_bytes_at_any_length() {
        for len in [0, 1, 29, 30, 31, 300] {
            let bytes: Vec<u8> = (0..=250u8).cycle().take(len).collect();
            assert_eq!(Reply::new(&bytes).as_bytes(), bytes);
        }
    }
}
