//! The device's side of a protocol, for virtual trackers: what one sends and how it reads the
//! answers.
//!
//! All of them work stop-and-wait: one frame, then its answer, if the protocol has one. An
//! encoder says what a server has to know of a bus (when, where, how fast, which way), not all
//! that a device of the make can say.

use std::fmt;

use model::{DeviceId, FixBatch};

/// How devices of a protocol name themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The fifteen digits of an IMEI.
    Imei,
    /// So many decimal digits, the first of which is not 0; at most 18.
    Digits(u8),
    /// A number from 1 to this, in decimal.
    Number(u32),
    /// Letters, digits, `-` and `_`.
    Text,
}

/// What one frame is made of.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Who sends it.
    pub device: &'a DeviceId,
    /// How many frames it sent before on this connection, modulo 2¹⁶.
    pub number: u16,
    /// Its records: at least one, at most [`Encoder::most_records`].
    pub batch: &'a FixBatch,
}

/// Reads the answer to a login.
pub type Accepted = fn(&[u8]) -> Option<bool>;
/// Reads the answer to a frame.
pub type Acknowledged = fn(&Frame<'_>, &[u8]) -> Option<usize>;

/// What a device says first on a connection.
#[derive(Clone, Copy)]
pub struct Login {
    /// The bytes.
    pub bytes: fn(&DeviceId) -> Vec<u8>,
    /// Whether the answer lets the device in; `None` while it is not complete. No function
    /// where a login is not answered.
    pub accepted: Option<Accepted>,
}

/// What a device of a protocol sends and understands.
#[derive(Clone, Copy)]
pub struct Encoder {
    /// How it names itself.
    pub identity: Identity,
    /// Most records that one frame may hold.
    pub most_records: usize,
    /// The finest step of time that a frame can say, whole seconds.
    pub time_step_s: u8,
    /// What it says first; `None` where every frame says who sends it.
    pub login: Option<Login>,
    /// The bytes of a frame.
    pub frame: fn(&Frame<'_>) -> Vec<u8>,
    /// How many of the frame's records the answer acknowledges; `None` while it is not
    /// complete. No function where frames are not answered.
    pub acknowledged: Option<Acknowledged>,
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("identity", &self.identity)
            .field("most_records", &self.most_records)
            .field("logs_in", &self.login.is_some())
            .field("is_answered", &self.acknowledged.is_some())
            .finish_non_exhaustive()
    }
}
