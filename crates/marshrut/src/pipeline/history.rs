//! The history side: what the store keeps.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use journal::{Journal, Most, Position};
use network::Network;
use store::{Batch, Correction, FixRow, Store, VisitRow};

use super::beforehand::Beforehand;
use super::handover::{Handover, Next};
use super::shards::Shards;
use super::stage::{Chunk, Sink, Stage, Start};

/// The journal's cursor that keeps what the store does not have yet.
pub const CURSOR: &str = "store";

/// Commits chunks to the store.
pub struct HistorySink {
    store: Arc<dyn Store>,
    journal: Journal,
    network: Arc<Network>,
}

impl HistorySink {
    /// A sink for the rows of `network`'s trips.
    pub fn new(store: Arc<dyn Store>, journal: Journal, network: Arc<Network>) -> Self {
        Self { store, journal, network }
    }
}

impl Sink for HistorySink {
    /// Enough that a transaction's own cost no longer shows when the store is behind.
    const MOST: Most = Most { reports: 8192, bytes: 2 << 20 };

    async fn take(&mut self, chunks: &[Arc<Chunk>]) -> anyhow::Result<()> {
        let Some(upto) = chunks.last().map(|chunk| chunk.upto) else { return Ok(()) };
        let reports = chunks.iter().flat_map(|chunk| chunk.reports.iter().zip(&chunk.matched.fixes));
        let fixes = reports
            .flat_map(|((_, report), matched)| {
                let fixes = report.batch.fixes.iter().zip(matched);
                fixes.map(|(fix, matched)| FixRow::of(report, fix).matched(matched, &self.network))
            })
            .collect();
        let visits = chunks.iter().flat_map(|chunk| &chunk.matched.visits);
        let visits = visits.map(|(_, visit)| VisitRow::of(visit, &self.network)).collect();
        // Those of one vehicle lie in order, so the last one of a fix counts.
        let corrections = chunks.iter().flat_map(|chunk| &chunk.matched.corrections);
        let corrections = corrections.map(|(_, fix)| Correction::of(fix, &self.network)).collect();
        let committed = self.store.commit(&Batch { fixes, visits, corrections }, upto.0).await?;
        metrics::counter!("marshrut_store_fixes_total").increment(committed.inserted);
        metrics::counter!("marshrut_store_duplicates_total").increment(committed.duplicates);
        let journal = self.journal.clone();
        tokio::task::spawn_blocking(move || journal.set_cursor(CURSOR, upto))
            .await?
            .context("cannot note in the journal what the store has")
    }
}

/// The stage that keeps the store up to date.
pub struct History {
    /// What the live stage has matched.
    pub handover: Arc<Handover>,
    /// How to match what is not there any more.
    pub beforehand: Arc<Beforehand>,
    /// On how many threads.
    pub shards: usize,
    /// How much of the past vehicles need to have their trips.
    pub warm_up: Duration,
}

impl History {
    /// Goes on from the position that the store has, until the live stage has ended.
    pub async fn run(self, stage: Stage, committed: Position, mut sink: HistorySink) -> anyhow::Result<()> {
        let mut at = committed;
        loop {
            match self.handover.take(at, HistorySink::MOST.reports) {
                Next::Chunks(chunks) => {
                    stage.offer(&mut sink, &chunks).await?;
                    at = chunks.last().map_or(at, |chunk| chunk.upto);
                }
                Next::NotYet => self.handover.changed().await,
                Next::TooLate => at = self.catch_up(&stage, at, &mut sink).await?,
                Next::Ended => return Ok(()),
            }
        }
    }

    /// Matches with matchers of its own, from their recent past on, until the handover can be reached.
    async fn catch_up(&self, stage: &Stage, after: Position, sink: &mut HistorySink) -> anyhow::Result<Position> {
        let behind = stage.journal.head().0.saturating_sub(after.0);
        tracing::info!(behind, "the store lags behind the journal and is brought up to date from there");
        metrics::counter!("marshrut_store_catch_ups_total").increment(1);
        let (journal, warm_up) = (stage.journal.clone(), self.warm_up);
        let warm_up_after = tokio::task::spawn_blocking(move || recent(&journal, after, warm_up)).await??;
        let shards = Shards::start(stage.name, &self.beforehand, self.shards)?;
        let upto = stage.run(Start { after, warm_up_after }, shards, sink, |at| self.handover.reaches(at)).await?;
        // Being stopped while the journal has failed, or closed; trying again would be the same for ever.
        anyhow::ensure!(
            upto > after,
            "{}: the journal gives nothing after position {after}; the next start goes on from there",
            stage.name
        );
        tracing::info!("the store has caught up");
        Ok(upto)
    }
}

/// Where matchers begin to read, so that at a position they know so much of the vehicles' past.
pub fn recent(journal: &Journal, position: Position, past: Duration) -> anyhow::Result<Position> {
    if position < journal.first() || position > journal.head() {
        // The journal does not hold that report any more, or not yet: nothing to warm up with.
        return Ok(position);
    }
    let Some((_, report)) = journal.read(Position(position.0.saturating_sub(1)), 1)?.into_iter().next() else {
        return Ok(position);
    };
    let since = report.received_at.plus_seconds(-past.as_secs_f64());
    Ok(journal.position_at(since)?.min(position))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use journal::Options;
    use matching::{Parameters, Priors};
    use model::{DeviceId, FixBatch, Report, Timestamp, VehicleId};
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn report(received_s: i64) -> Report {
        Report {
            device: DeviceId::new("7").unwrap(),
            vehicle: VehicleId::new("7").unwrap(),
            protocol: "teltonika".into(),
            received_at: Timestamp::from_secs(received_s),
            batch: FixBatch::default(),
        }
    }

    #[tokio::test]
    async fn a_journal_that_gives_nothing_does_not_keep_a_store_that_lags_from_stopping() {
        let folder = tempfile::tempdir().unwrap();
        let gtfs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../replay-data/sloviansk/gtfs");
        let network = crate::gtfs::read(&gtfs).await.unwrap().network;
        let store = store::open(&format!("sqlite://{}", folder.path().join("marshrut.db").display())).await.unwrap();
        let journal = Journal::open(folder.path(), Options::default()).unwrap();
        let sink = HistorySink::new(store, journal.clone(), Arc::clone(&network));
        let beforehand = Beforehand::new(network, Parameters::default(), Priors::default());
        let handover = Handover::new(Position(9));
        let history = History { handover, beforehand, shards: 1, warm_up: Duration::ZERO };
        let stage = Stage { name: "history", journal, stop: CancellationToken::new() };
        stage.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(10), history.run(stage, Position(0), sink)).await;
        let error = ended.expect("it ends").unwrap_err().to_string();
        assert!(error.contains("after position 0") && error.contains("next start"), "{error}");
    }

    #[tokio::test]
    async fn the_past_is_counted_back_from_a_report() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), Options::default()).unwrap();
        let recent =
            |position, past_s| super::recent(&journal, Position(position), Duration::from_secs(past_s)).unwrap();
        assert_eq!(recent(0, 60), Position(0), "nothing has come in yet");
        for received_s in [1_000, 1_010, 1_020, 1_030] {
            journal.append(report(received_s)).await.unwrap();
        }
        assert_eq!(recent(4, 15), Position(2));
        assert_eq!(recent(3, 15), Position(1));
        assert_eq!(recent(4, 3_600), Position(0));
        assert_eq!(recent(9, 60), Position(9), "past the head");
    }
}
