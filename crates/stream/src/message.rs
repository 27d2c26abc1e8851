//! Reports in one message, [framed](journal::push_framed) as the journal has them.

use bytes::Bytes;
use journal::{framed, framed_bytes, push_framed};
use model::{AttributeKey, CodecError, FixBatch, Report, ValueRef};

use crate::StreamError;

/// A message is closed when it holds this many bytes (the last report may go past it).
const ENOUGH_BYTES: usize = 256 << 10;

/// Messages under construction for one shard, in order.
#[derive(Debug)]
pub(crate) struct Messages {
    /// First and last position, and the bytes.
    pub(crate) done: Vec<(u64, u64, Bytes)>,
    /// What the server takes.
    most: usize,
    open: Vec<u8>,
    first: u64,
    last: u64,
}

impl Messages {
    /// None yet, and none will be larger than `most` bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self { done: Vec::new(), most, open: Vec::new(), first: 0, last: 0 }
    }

    /// Adds a report's bytes; one that is too large for a message goes in several. Gives the
    /// number of its fixes that are too large each for itself, and are left out.
    pub(crate) fn push(&mut self, position: u64, report: &[u8]) -> Result<usize, CodecError> {
        if framed_bytes(report.len()) <= self.most {
            self.add(position, report);
            return Ok(0);
        }
        Ok(self.push_in_parts(position, &Report::decode(report)?))
    }

    fn push_in_parts(&mut self, position: u64, report: &Report) -> usize {
        let mut bytes = Vec::new();
        report.encode(&mut bytes);
        let fixes = report.batch.fixes.len();
        if framed_bytes(bytes.len()) <= self.most {
            self.add(position, &bytes);
            return 0;
        }
        if fixes <= 1 {
            return fixes;
        }
        let (start, end) = halves(report);
        self.push_in_parts(position, &start) + self.push_in_parts(position, &end)
    }

    fn add(&mut self, position: u64, report: &[u8]) {
        if self.open.len() + framed_bytes(report.len()) > self.most {
            self.close();
        }
        if self.open.is_empty() {
            self.first = position;
        }
        push_framed(report, &mut self.open);
        self.last = position;
        if self.open.len() >= ENOUGH_BYTES {
            self.close();
        }
    }

    pub(crate) fn close(&mut self) {
        if !self.open.is_empty() {
            self.done.push((self.first, self.last, std::mem::take(&mut self.open).into()));
        }
    }
}

/// The report as two, each with half of its fixes.
fn halves(report: &Report) -> (Report, Report) {
    let (start, end) = report.batch.fixes.split_at(report.batch.fixes.len() / 2);
    let with = |fixes: &[model::Fix]| Report { batch: part(&report.batch, fixes), ..report.clone() };
    (with(start), with(end))
}

/// Some fixes of a batch, with their attributes and the text of these alone.
fn part(of: &FixBatch, fixes: &[model::Fix]) -> FixBatch {
    let mut batch = FixBatch::default();
    for fix in fixes {
        batch.push(*fix);
        for attribute in of.attributes_of(fix) {
            let key = match attribute.key {
                name @ AttributeKey::Name { .. } => batch.name(&of.key_name(name)),
                key => key,
            };
            let value = match of.value(attribute.value) {
                ValueRef::Text(text) => batch.text_value(text),
                ValueRef::Bytes(bytes) => batch.bytes_value(bytes),
                _ => attribute.value,
            };
            batch.attribute(key, value);
        }
    }
    batch
}

pub(crate) fn decode(sequence: u64, bytes: &[u8]) -> Result<Vec<Report>, StreamError> {
    let damaged = |reason: &dyn std::fmt::Display| StreamError::Damaged { sequence, reason: reason.to_string() };
    let report = |bytes| Report::decode(bytes).map_err(|e| damaged(&e));
    framed(bytes).map(|bytes| bytes.map_err(|e| damaged(&e)).and_then(report)).collect()
}

#[cfg(test)]
mod tests {
    use model::{DeviceId, Fix, Timestamp, Value, VehicleId};

    use super::*;

    const ROOM: usize = 1 << 20;

    fn report(batch: FixBatch) -> Report {
        Report {
            device: DeviceId::new("1").unwrap(),
            vehicle: VehicleId::new("2").unwrap(),
            protocol: "test".into(),
            received_at: Timestamp::from_secs(5),
            batch,
        }
    }

    fn bytes(report: &Report) -> Vec<u8> {
        let mut bytes = Vec::new();
        report.encode(&mut bytes);
        bytes
    }

    /// A fix a second, each with a name, bytes and so much text.
    fn batch(texts: &[usize]) -> FixBatch {
        let mut batch = FixBatch::default();
        for (second, text) in (1..).zip(texts) {
            batch.push(Fix::nowhere(Timestamp::from_secs(second)));
            let (key, value) = (batch.name("note"), batch.text_value(&"ї".repeat(*text)));
            batch.attribute(key, value);
            let bytes = batch.bytes_value(&[7, 8]);
            batch.attribute(AttributeKey::Number(1), bytes);
            batch.attribute(AttributeKey::Number(2), Value::Int(second));
        }
        batch
    }

    fn hashes<'r>(reports: impl IntoIterator<Item = &'r Report>) -> Vec<(Timestamp, u64)> {
        let of = |report: &'r Report| report.batch.fixes.iter().map(|f| (f.time, report.batch.content_hash(f)));
        reports.into_iter().flat_map(of).collect()
    }

    #[test]
    fn reports_come_back_and_a_cut_one_is_refused() {
        let (one, two) = (report(batch(&[1])), report(batch(&[2, 3])));
        let mut messages = Messages::new(ROOM);
        messages.push(7, &bytes(&one)).unwrap();
        messages.push(9, &bytes(&two)).unwrap();
        messages.close();
        let (first, last, bytes) = messages.done.pop().unwrap();
        assert_eq!((first, last, messages.done.len()), (7, 9, 0));
        assert_eq!(decode(1, &bytes).unwrap(), [one, two]);
        assert!(decode(1, &bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn no_message_is_larger_than_the_server_takes_and_nothing_is_missing() {
        let sent = [report(batch(&[10; 9])), report(batch(&[400; 30])), report(batch(&[10]))];
        for most in [1_000, 1_500, 4_096] {
            let mut messages = Messages::new(most);
            for (position, report) in (1..).zip(&sent) {
                assert_eq!(messages.push(position, &bytes(report)).unwrap(), 0);
            }
            messages.close();
            assert!(messages.done.iter().all(|(_, _, bytes)| bytes.len() <= most));
            assert!(messages.done.windows(2).all(|pair| pair[0].1 <= pair[1].0), "in order");
            let read: Vec<_> = messages.done.iter().flat_map(|(_, _, bytes)| decode(1, bytes).unwrap()).collect();
            assert_eq!(hashes(&read), hashes(&sent), "{most}");
        }
    }

    #[test]
    fn a_fix_too_large_for_any_message_is_told_and_its_neighbours_go() {
        let sent = report(batch(&[5, 2_000, 5]));
        let mut messages = Messages::new(1_000);
        assert_eq!(messages.push(1, &bytes(&sent)).unwrap(), 1);
        messages.close();
        let read: Vec<_> = messages.done.iter().flat_map(|(_, _, bytes)| decode(1, bytes).unwrap()).collect();
        let all = hashes([&sent]);
        assert_eq!(hashes(&read), [all[0], all[2]]);
    }
}
