//! One reader of the journal: reads and matches a chunk while the one before it is handed on.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use journal::{Journal, JournalError, Most, Position};
use model::Report;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::history::CURSOR;
use super::shards::{Matched, Shards};

/// Chunks that wait, matched, while another one is handed on.
const AHEAD: usize = 1;
/// How long to wait before a failed sink is offered its chunk again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(15));

/// What a sink is given: reports in the journal's order with what the matchers said.
pub struct Chunk {
    /// The reports and their positions.
    pub reports: Arc<Vec<(Position, Report)>>,
    /// What the matchers said of them.
    pub matched: Matched,
    /// The journal's position up to which everything has been handed on.
    pub upto: Position,
}

impl Chunk {
    /// The part past a position. Visits and corrections up to it were kept when they became certain,
    /// perhaps by matchers that knew more of the past than these.
    pub fn after(&self, position: Position) -> Self {
        let skip = self.reports.partition_point(|(at, _)| *at <= position);
        let fixes = self.matched.fixes.get(skip..).unwrap_or_default().to_vec();
        let visits = self.matched.visits.iter().filter(|(at, _)| *at > position).cloned().collect();
        let corrections = self.matched.corrections.iter().filter(|(at, _)| *at > position).cloned().collect();
        let matched = Matched { fixes, visits, corrections };
        let reports = Arc::new(self.reports.get(skip..).unwrap_or_default().to_vec());
        Self { reports, matched, upto: self.upto }
    }
}

/// Where a reader begins.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// Reports up to here only bring the matchers up to date.
    pub after: Position,
    /// Where reading begins, so that vehicles have their recent past.
    pub warm_up_after: Position,
}

/// Takes what a reader has matched.
pub trait Sink: Send {
    /// The most that it is given at once: what is too little for it costs time, all of it memory.
    const MOST: Most;

    /// Takes chunks that follow each other. An error means that nothing of them was taken: they are
    /// offered again.
    fn take(&mut self, chunks: &[Arc<Chunk>]) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// A reader's part in a stage.
pub struct Stage {
    /// The stage's name in metrics and messages.
    pub name: &'static str,
    /// What it reads.
    pub journal: Journal,
    /// Told to end.
    pub stop: CancellationToken,
}

impl Stage {
    /// Reads, matches and hands on until `stop`, then what is left in the journal up to its head, or
    /// until `is_enough` of the position that it has read up to; gives that one.
    pub async fn run<S: Sink>(
        &self,
        start: Start,
        shards: Shards,
        sink: &mut S,
        is_enough: impl Fn(Position) -> bool,
    ) -> anyhow::Result<Position> {
        let (ready, chunks) = mpsc::channel(AHEAD);
        let read = self.read(S::MOST, start, shards, ready, is_enough);
        tokio::try_join!(read, self.hand_on(sink, chunks)).map(|(upto, ())| upto)
    }

    /// Reads and matches.
    async fn read(
        &self,
        most: Most,
        start: Start,
        shards: Shards,
        ready: mpsc::Sender<Arc<Chunk>>,
        is_enough: impl Fn(Position) -> bool,
    ) -> anyhow::Result<Position> {
        let mut head = self.journal.watch();
        let mut at = start.warm_up_after.min(start.after);
        while at < start.after || !is_enough(at) {
            let stopping = self.stop.is_cancelled();
            let reader = self.journal.clone();
            let reports = match tokio::task::spawn_blocking(move || reader.read_at_most(at, most)).await? {
                // Retention has gone over what was only there to warm up with.
                Err(JournalError::Trimmed { first, .. }) if self.is_stored(first)? => {
                    at = at.max(Position(first.0.saturating_sub(1)));
                    continue;
                }
                read => read.with_context(|| format!("{}: cannot read the journal after position {at}", self.name))?,
            };
            let Some((last, _)) = reports.last() else {
                if stopping {
                    break;
                }
                tokio::select! {
                    changed = head.changed() => if changed.is_err() { break },
                    () = self.stop.cancelled() => {}
                }
                continue;
            };
            let (from, upto) = (at, *last);
            let reports = Arc::new(reports);
            let matched = shards.advance(&reports).await?;
            at = upto;
            if upto <= start.after {
                continue;
            }
            let mut chunk = Chunk { reports, matched, upto };
            if from < start.after {
                chunk = chunk.after(start.after);
            }
            // Whoever hands on has failed, and says why.
            if ready.send(Arc::new(chunk)).await.is_err() {
                break;
            }
        }
        Ok(at)
    }

    /// Whether the store has all before a position.
    fn is_stored(&self, before: Position) -> anyhow::Result<bool> {
        Ok(before.0 <= self.journal.cursor(CURSOR)?.0.saturating_add(1))
    }

    /// Offers chunks to the sink, one after the other, until no more come.
    async fn hand_on(&self, sink: &mut impl Sink, mut chunks: mpsc::Receiver<Arc<Chunk>>) -> anyhow::Result<()> {
        while let Some(chunk) = chunks.recv().await {
            self.offer(sink, &[chunk]).await?;
        }
        Ok(())
    }

    /// Offers chunks until they are taken.
    pub async fn offer(&self, sink: &mut impl Sink, chunks: &[Arc<Chunk>]) -> anyhow::Result<()> {
        let Some(upto) = chunks.last().map(|chunk| chunk.upto) else { return Ok(()) };
        let (name, (mut wait, longest)) = (self.name, RETRY);
        while let Err(error) = sink.take(chunks).await {
            if self.stop.is_cancelled() {
                return Err(error.context(format!(
                    "{name}: stopped before the journal was taken up to {upto}; the next start goes on from there"
                )));
            }
            tracing::warn!(stage = name, "not taken, trying again in {wait:?}: {error:#}");
            metrics::counter!("marshrut_pipeline_retries_total", "stage" => name).increment(1);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stop.cancelled() => {}
            }
            wait = (wait * 2).min(longest);
        }
        metrics::gauge!("marshrut_pipeline_position", "stage" => name).set(upto.0 as f64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use journal::Options;
    use matching::{Parameters, Priors};
    use model::{DeviceId, FixBatch, Timestamp, VehicleId};

    use super::*;
    use crate::pipeline::Beforehand;

    /// Keeps positions.
    struct Positions(Vec<u64>);

    impl Sink for Positions {
        const MOST: Most = Most { reports: 100, bytes: 1 << 20 };

        async fn take(&mut self, chunks: &[Arc<Chunk>]) -> anyhow::Result<()> {
            self.0.extend(chunks.iter().flat_map(|chunk| chunk.reports.iter().map(|(at, _)| at.0)));
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_retention_takes_is_passed_over_where_the_store_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let gtfs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../replay-data/sloviansk/gtfs");
        let network = crate::gtfs::read(&gtfs).await.unwrap().network;
        let beforehand = Beforehand::new(network, Parameters::default(), Priors::default());
        let journal = Journal::open(folder.path(), Options::default()).unwrap();
        for _ in 1..=6 {
            let report = Report {
                device: DeviceId::new("7").unwrap(),
                vehicle: VehicleId::new("7").unwrap(),
                protocol: "teltonika".into(),
                received_at: Timestamp::from_secs(0),
                batch: FixBatch::default(),
            };
            journal.append(report).await.unwrap();
        }
        assert_eq!(journal.trim(Position(4)).await.unwrap(), Position(4));
        let stage = Stage { name: "live", journal: journal.clone(), stop: CancellationToken::new() };
        stage.stop.cancel();
        let read = async || {
            let mut sink = Positions(Vec::new());
            let start = Start { after: Position(1), warm_up_after: Position(1) };
            let shards = Shards::start("live", &beforehand, 1).unwrap();
            stage.run(start, shards, &mut sink, |_| false).await.map(|_| sink.0)
        };
        journal.set_cursor(CURSOR, Position(2)).unwrap();
        let error = format!("{:#}", read().await.unwrap_err());
        assert!(error.contains("cannot read the journal after position 1"), "{error}");
        journal.set_cursor(CURSOR, Position(3)).unwrap();
        assert_eq!(read().await.unwrap(), [4, 5, 6]);
    }
}
