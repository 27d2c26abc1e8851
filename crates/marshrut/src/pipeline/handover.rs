//! What the live stage has matched, on its way to the store.

use std::collections::VecDeque;
use std::mem::size_of;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use journal::Position;
use matching::{MatchedFix, StopVisit};
use model::{Attribute, Fix, Report};
use tokio::sync::Notify;

use super::stage::Chunk;

/// The most that waits for the store, bytes: a database that pauses for a dozen seconds at 5,000 fixes
/// a second. A store that is behind by more matches for itself.
const MOST_BYTES: usize = 32 << 20;
/// The most of it for one transaction, bytes, and one chunk: its rows take as much again, or more.
const AT_ONCE_BYTES: usize = 8 << 20;

/// Chunks in the journal's order and without a gap, from one stage to the other. It never keeps the
/// one that gives waiting: where there is no room, the oldest go, and the journal has their reports.
pub struct Handover {
    held: Mutex<Held>,
    changed: Notify,
    most_bytes: usize,
}

struct Held {
    /// Each with the bytes that it takes.
    chunks: VecDeque<(Arc<Chunk>, usize)>,
    bytes: usize,
    /// Everything after this that has been given is there.
    after: Position,
    is_closed: bool,
}

/// What there is for someone who has everything up to a position.
pub enum Next {
    /// What follows, in order.
    Chunks(Vec<Arc<Chunk>>),
    /// It has not been matched yet.
    NotYet,
    /// It is gone from here; the journal has it.
    TooLate,
    /// There will be no more.
    Ended,
}

impl Handover {
    /// Takes chunks from a position on.
    pub fn new(after: Position) -> Arc<Self> {
        Arc::new(Self::with_room(after, MOST_BYTES))
    }

    fn with_room(after: Position, most_bytes: usize) -> Self {
        let held = Held { chunks: VecDeque::new(), bytes: 0, after, is_closed: false };
        Self { held: Mutex::new(held), changed: Notify::new(), most_bytes }
    }

    /// Keeps a chunk for the store.
    pub fn give(&self, chunk: &Arc<Chunk>) {
        let bytes = bytes_of(chunk);
        let mut held = self.held();
        if chunk.upto <= held.after {
            return;
        }
        held.bytes += bytes;
        held.chunks.push_back((Arc::clone(chunk), bytes));
        while held.bytes > self.most_bytes && held.pop().is_some() {}
        drop(held);
        self.changed.notify_one();
    }

    /// What follows a position: whole chunks until there are enough reports, or bytes. They are gone from
    /// here then.
    pub fn take(&self, position: Position, enough: usize) -> Next {
        let mut held = self.held();
        if position < held.after {
            return Next::TooLate;
        }
        held.skip(position);
        let (mut chunks, mut reports, mut bytes) = (Vec::new(), 0, 0);
        while reports < enough
            && bytes < AT_ONCE_BYTES
            && let Some((chunk, taken)) = held.pop()
        {
            reports += chunk.reports.len();
            bytes += taken;
            chunks.push(chunk);
        }
        match chunks.first_mut() {
            None if held.is_closed => return Next::Ended,
            None => return Next::NotYet,
            Some(first) if first.reports.first().is_some_and(|(at, _)| *at <= position) => {
                *first = Arc::new(first.after(position));
            }
            Some(_) => {}
        }
        Next::Chunks(chunks)
    }

    /// Whether someone who has everything up to a position can go on from here, with room to spare: at
    /// the edge of what is kept, the next chunk would push out what they still need.
    pub fn reaches(&self, position: Position) -> bool {
        let mut held = self.held();
        if position < held.after {
            return false;
        }
        held.skip(position);
        held.bytes <= self.most_bytes / 2
    }

    /// Ends when there is something new.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// No more will be given.
    pub fn close(&self) {
        self.held().is_closed = true;
        self.changed.notify_one();
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn pop(&mut self) -> Option<(Arc<Chunk>, usize)> {
        let (chunk, bytes) = self.chunks.pop_front()?;
        self.bytes = self.bytes.saturating_sub(bytes);
        self.after = chunk.upto;
        Some((chunk, bytes))
    }

    /// Lets go of what lies up to a position.
    fn skip(&mut self, position: Position) {
        while self.chunks.front().is_some_and(|(chunk, _)| chunk.upto <= position) {
            self.pop();
        }
    }
}

/// The memory that a chunk takes, about.
fn bytes_of(chunk: &Chunk) -> usize {
    let reports = chunk.reports.iter().map(|(_, report)| {
        let batch = &report.batch;
        size_of::<(Position, Report)>()
            + size_of::<Vec<MatchedFix>>()
            + batch.fixes.len() * (size_of::<Fix>() + size_of::<MatchedFix>())
            + batch.attributes.len() * size_of::<Attribute>()
            + batch.text.len()
    });
    reports.sum::<usize>()
        + chunk.matched.visits.len() * size_of::<(Position, StopVisit)>()
        + chunk.matched.corrections.len() * size_of::<(Position, MatchedFix)>()
}

#[cfg(test)]
mod tests {
    use model::{DeviceId, FixBatch, ServiceDate, Timestamp, VehicleId};
    use network::{StopIdx, TripIdx, TripInstance};

    use super::*;
    use crate::pipeline::shards::Matched;

    /// Reports at these positions, each with a fix.
    fn chunk(positions: std::ops::RangeInclusive<u64>) -> Arc<Chunk> {
        let vehicle = VehicleId::new("7").unwrap();
        let fix = Fix::nowhere(Timestamp::from_secs(0));
        let report = Report {
            device: DeviceId::new("7").unwrap(),
            vehicle: vehicle.clone(),
            protocol: "teltonika".into(),
            received_at: Timestamp::from_secs(0),
            batch: FixBatch { fixes: vec![fix], ..FixBatch::default() },
        };
        let upto = Position(*positions.end());
        let reports: Vec<_> = positions.map(|at| (Position(at), report.clone())).collect();
        let fixes = reports.iter().map(|_| vec![MatchedFix::unmatched(&vehicle, &fix)]).collect();
        let matched = Matched { fixes, visits: Vec::new(), corrections: Vec::new() };
        Arc::new(Chunk { reports: Arc::new(reports), matched, upto })
    }

    fn visit(at: u64) -> StopVisit {
        let day = ServiceDate::parse("2026-11-18").unwrap();
        StopVisit {
            vehicle: VehicleId::new("7").unwrap(),
            trip: TripInstance { trip: TripIdx(0), day, offset_s: 0 },
            stop_index: 0,
            stop_sequence: 1,
            stop: StopIdx(0),
            arrival: Timestamp::from_secs(i64::try_from(at).unwrap()),
            departure: None,
            interpolated: false,
            uncertainty_s: 0.0,
        }
    }

    fn give(handover: &Handover, chunks: &[Arc<Chunk>]) {
        for chunk in chunks {
            handover.give(chunk);
        }
    }

    fn positions(next: &Next) -> Vec<u64> {
        let Next::Chunks(chunks) = next else { return Vec::new() };
        for chunk in chunks {
            assert_eq!(chunk.reports.len(), chunk.matched.fixes.len());
        }
        chunks.iter().flat_map(|chunk| chunk.reports.iter().map(|(at, _)| at.0)).collect()
    }

    #[test]
    fn what_is_given_comes_out_once_and_in_order() {
        let handover = Handover::new(Position(10));
        give(&handover, &[chunk(1..=10), chunk(11..=12), chunk(13..=13), chunk(14..=16)]);
        assert_eq!(positions(&handover.take(Position(10), 3)), [11, 12, 13]);
        assert_eq!(positions(&handover.take(Position(13), 100)), [14, 15, 16]);
        assert!(matches!(handover.take(Position(16), 100), Next::NotYet));
        handover.close();
        assert!(matches!(handover.take(Position(16), 100), Next::Ended));
    }

    #[test]
    fn who_has_part_of_a_chunk_is_given_the_rest() {
        let handover = Handover::new(Position(0));
        give(&handover, &[chunk(1..=4), chunk(5..=8)]);
        assert!(handover.reaches(Position(6)));
        assert_eq!(positions(&handover.take(Position(6), 100)), [7, 8]);
    }

    #[test]
    fn a_visit_or_correction_that_was_kept_already_is_not_said_again() {
        // A matcher that knows less of the past says it worse, and the store keeps what it is told last.
        let mut given = Arc::into_inner(chunk(1..=4)).unwrap();
        given.matched.visits = (1..=4).map(|at| (Position(at), visit(at))).collect();
        let correction = given.matched.fixes[0][0].clone();
        given.matched.corrections = (1..=4).map(|at| (Position(at), correction.clone())).collect();
        let handover = Handover::new(Position(0));
        handover.give(&Arc::new(given));
        let Next::Chunks(chunks) = handover.take(Position(2), 100) else { panic!("nothing is there") };
        let visits = chunks.iter().flat_map(|chunk| &chunk.matched.visits);
        assert_eq!(visits.map(|(at, _)| at.0).collect::<Vec<_>>(), [3, 4]);
        let corrections = chunks.iter().flat_map(|chunk| &chunk.matched.corrections);
        assert_eq!(corrections.map(|(at, _)| at.0).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn what_is_large_goes_in_parts() {
        let mut report = chunk(1..=1).reports.first().unwrap().1.clone();
        report.batch.text = vec![0; AT_ONCE_BYTES / 2];
        let handover = Handover::new(Position(0));
        for at in 1..=4 {
            let matched = Matched { fixes: vec![Vec::new()], visits: Vec::new(), corrections: Vec::new() };
            let reports = Arc::new(vec![(Position(at), report.clone())]);
            handover.give(&Arc::new(Chunk { reports, matched, upto: Position(at) }));
        }
        assert_eq!(positions(&handover.take(Position(0), 100)), [1, 2]);
        assert_eq!(positions(&handover.take(Position(2), 100)), [3, 4]);
    }

    #[test]
    fn the_oldest_make_room_and_whoever_needs_them_is_told() {
        let handover = Handover::with_room(Position(0), bytes_of(&chunk(1..=10)));
        give(&handover, &[chunk(1..=5), chunk(6..=10), chunk(11..=15)]);
        assert!(matches!(handover.take(Position(0), 100), Next::TooLate));
        assert!(!handover.reaches(Position(4)));
        // All is there, but the next chunk would push out what comes first.
        assert!(!handover.reaches(Position(5)));
        assert!(handover.reaches(Position(10)));
        assert_eq!(positions(&handover.take(Position(10), 100)), [11, 12, 13, 14, 15]);
    }
}
