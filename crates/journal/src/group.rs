//! A group of reports as bytes: what one commit wrote.
//!
//! | part | bytes, little-endian |
//! | --- | --- |
//! | XXH3-64 of all that follows, seeded with the position of the first report | 8 |
//! | newest `received_at`, microseconds | 8 |
//! | count of reports | 4 |
//! | each report, [framed](crate::framing): length, bytes of [`Report::encode`] | 4, n |

use std::sync::Arc;

use model::{Report, Timestamp};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::framing::{framed, push_framed};

const CHECKSUM_BYTES: usize = 8;
pub(crate) const HEADER_BYTES: usize = CHECKSUM_BYTES + 8 + 4;

/// One report as bytes, on its way into a group.
#[derive(Debug)]
pub(crate) struct Entry {
    pub bytes: Vec<u8>,
    pub received_at: Timestamp,
}

impl Entry {
    pub(crate) fn of(report: &Report) -> Self {
        let mut bytes = Vec::new();
        report.encode(&mut bytes);
        Self { bytes, received_at: report.received_at }
    }
}

/// Builds groups in one buffer that is used again and again.
#[derive(Debug)]
pub(crate) struct GroupBuilder {
    bytes: Vec<u8>,
    reports: u32,
    newest: Timestamp,
}

impl GroupBuilder {
    pub(crate) fn new() -> Self {
        let mut builder = Self { bytes: Vec::new(), reports: 0, newest: Timestamp::default() };
        builder.clear();
        builder
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(HEADER_BYTES, 0);
        self.reports = 0;
        self.newest = Timestamp::from_micros(i64::MIN);
    }

    pub(crate) fn push(&mut self, entry: &Entry) {
        push_framed(&entry.bytes, &mut self.bytes);
        self.reports += 1;
        self.newest = self.newest.max(entry.received_at);
    }

    pub(crate) fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn reports(&self) -> u32 {
        self.reports
    }

    pub(crate) fn newest(&self) -> Timestamp {
        self.newest
    }

    /// Fills in the header, for a group whose first report has this position, and shows the whole.
    pub(crate) fn finish(&mut self, first: u64) -> &[u8] {
        self.overwrite(CHECKSUM_BYTES, &self.newest.as_micros().to_le_bytes());
        self.overwrite(CHECKSUM_BYTES + 8, &self.reports.to_le_bytes());
        seal(&mut self.bytes, first);
        &self.bytes
    }

    fn overwrite(&mut self, at: usize, with: &[u8]) {
        if let Some(slot) = self.bytes.get_mut(at..at + with.len()) {
            slot.copy_from_slice(with);
        }
    }
}

/// Gives a group the checksum that it has at a position.
pub(crate) fn seal(group: &mut [u8], first: u64) {
    if let Some((checksum, checked)) = group.split_first_chunk_mut::<CHECKSUM_BYTES>() {
        *checksum = xxh3_64_with_seed(checked, first).to_le_bytes();
    }
}

/// A group read back, not yet decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group<'a> {
    checksum: u64,
    checked: &'a [u8],
    newest: Timestamp,
    count: u32,
    reports: &'a [u8],
}

impl<'a> Group<'a> {
    /// Reads the header; `None` where there is none.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (checksum, checked) = bytes.split_first_chunk::<CHECKSUM_BYTES>()?;
        let (newest, rest) = checked.split_first_chunk::<8>()?;
        let (count, reports) = rest.split_first_chunk::<4>()?;
        Some(Self {
            checksum: u64::from_le_bytes(*checksum),
            checked,
            newest: Timestamp::from_micros(i64::from_le_bytes(*newest)),
            count: u32::from_le_bytes(*count),
            reports,
        })
    }

    /// When the newest of its reports was received.
    pub(crate) fn newest(&self) -> Timestamp {
        self.newest
    }

    /// How many reports it holds.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Its reports' bytes, in order, after the checksum was found right for this position.
    pub(crate) fn reports(
        &self,
        first: u64,
    ) -> Result<impl Iterator<Item = Result<&'a [u8], Arc<str>>> + use<'a>, Arc<str>> {
        // Format 1 had no seed.
        if ![first, 0].into_iter().any(|seed| xxh3_64_with_seed(self.checked, seed) == self.checksum) {
            return Err("the checksum is wrong".into());
        }
        let mut reports = framed(self.reports);
        let missing = || Err("the group holds fewer reports than it counts".into());
        Ok((0..self.count).map(move |_| reports.next().unwrap_or_else(missing)))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use model::{DeviceId, FixBatch, VehicleId};

    use super::*;

    pub(crate) fn report(second: i64) -> Report {
        Report {
            device: DeviceId::new("1").unwrap(),
            vehicle: VehicleId::new("1").unwrap(),
            protocol: "test".into(),
            received_at: Timestamp::from_secs(second),
            batch: FixBatch::default(),
        }
    }

    #[test]
    fn a_group_is_read_back_and_any_flipped_bit_is_found() {
        let mut builder = GroupBuilder::new();
        builder.push(&Entry::of(&report(9)));
        builder.push(&Entry::of(&report(3)));
        let bytes = builder.finish(7).to_vec();
        let group = Group::parse(&bytes).unwrap();
        assert_eq!((group.count(), group.newest()), (2, Timestamp::from_secs(9)));
        let read: Vec<_> = group.reports(7).unwrap().map(|r| Report::decode(r.unwrap()).unwrap()).collect();
        assert_eq!(read, [report(9), report(3)]);

        assert!(group.reports(8).is_err(), "it has another place");
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Group::parse(&damaged).unwrap().reports(7).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_buffer_starts_anew_for_each_group() {
        let mut builder = GroupBuilder::new();
        builder.push(&Entry::of(&report(9)));
        builder.finish(7);
        builder.clear();
        builder.push(&Entry::of(&report(3)));
        let bytes = builder.finish(8).to_vec();
        let group = Group::parse(&bytes).unwrap();
        assert_eq!((group.count(), group.newest()), (1, Timestamp::from_secs(3)));
    }
}
