//! Reports in one message: each its length (4 bytes, little-endian) and its own bytes.

use bytes::Bytes;
use model::Report;

use crate::StreamError;

/// A message is closed when it holds this many bytes (one report may go past it).
const MOST_BYTES: usize = 256 << 10;

/// Messages under construction for one shard, in order.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    /// First and last position, and the bytes.
    pub(crate) done: Vec<(u64, u64, Bytes)>,
    open: Vec<u8>,
    first: u64,
    last: u64,
}

impl Messages {
    pub(crate) fn push(&mut self, position: u64, report: &Report) {
        if self.open.is_empty() {
            self.first = position;
        }
        let start = self.open.len();
        self.open.extend_from_slice(&[0; 4]);
        report.encode(&mut self.open);
        let length = u32::try_from(self.open.len() - start - 4).unwrap_or(u32::MAX);
        if let Some(slot) = self.open.get_mut(start..start + 4) {
            slot.copy_from_slice(&length.to_le_bytes());
        }
        self.last = position;
        if self.open.len() >= MOST_BYTES {
            self.close();
        }
    }

    pub(crate) fn close(&mut self) {
        if !self.open.is_empty() {
            self.done.push((self.first, self.last, std::mem::take(&mut self.open).into()));
        }
    }
}

pub(crate) fn decode(sequence: u64, mut bytes: &[u8]) -> Result<Vec<Report>, StreamError> {
    let damaged = |reason: &dyn std::fmt::Display| StreamError::Damaged { sequence, reason: reason.to_string() };
    let mut reports = Vec::new();
    while !bytes.is_empty() {
        let cut = || damaged(&"cut short");
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|e| damaged(&e))?;
        let (report, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
        reports.push(Report::decode(report).map_err(|e| damaged(&e))?);
        bytes = rest;
    }
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use model::{DeviceId, FixBatch, Timestamp, VehicleId};

    use super::*;

    #[test]
    fn reports_come_back_and_a_cut_one_is_refused() {
        let report = |second| Report {
            device: DeviceId::new("1").unwrap(),
            vehicle: VehicleId::new("2").unwrap(),
            protocol: "test".into(),
            received_at: Timestamp::from_secs(second),
            batch: FixBatch::default(),
        };
        let mut messages = Messages::default();
        messages.push(7, &report(1));
        messages.push(9, &report(2));
        messages.close();
        let (first, last, bytes) = messages.done.pop().unwrap();
        assert_eq!((first, last), (7, 9));
        assert_eq!(decode(1, &bytes).unwrap(), [report(1), report(2)]);
        assert!(decode(1, &bytes[..bytes.len() - 1]).is_err());
    }
}
