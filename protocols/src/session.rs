//! What most decoders keep of their connection.

use model::{DeviceId, FixBatch, Timestamp};

use crate::{DecodeError, Kind, Message};

/// Who speaks, and the time of records that have none of their own.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// As far as the connection has said.
    pub device: Option<DeviceId>,
    now: Option<Timestamp>,
    /// Time of the last record, for those without one when there is no clock.
    last: Timestamp,
}

impl Session {
    pub fn identify(&mut self, device: &DeviceId) {
        self.device = Some(device.clone());
    }

    pub fn now(&mut self, now: Timestamp) {
        self.now = Some(now);
    }

    /// Now, as far as that is known: by the server's clock or by the last record.
    pub fn clock(&self) -> Timestamp {
        self.now.unwrap_or(self.last)
    }

    /// The server's clock, where it was told.
    pub fn server(&self) -> Option<Timestamp> {
        self.now
    }

    /// Notes when the last of these was.
    pub fn remember(&mut self, batch: &FixBatch) {
        self.last = batch.fixes.last().map_or(self.last, |fix| fix.time);
    }

    /// A message of this device that is owed no answer.
    pub fn said(&self, kind: Kind) -> Message {
        Message::new(kind, self.device.as_ref())
    }

    /// A message of these records.
    pub fn fixes(&mut self, batch: FixBatch) -> Message {
        self.remember(&batch);
        self.said(Kind::Fixes(batch))
    }

    /// A message of what makes no sense.
    pub fn failed(&self, error: DecodeError) -> Message {
        self.said(Kind::Error(error))
    }
}
