//! The history side: what the store keeps.

use std::sync::Arc;

use anyhow::Context as _;
use journal::{Journal, Most, Position};
use network::Network;
use store::{Batch, FixRow, Store, VisitRow};

use super::stage::{Chunk, Sink};

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

    async fn take(&mut self, chunk: &Chunk) -> anyhow::Result<()> {
        let reports = chunk.reports.iter().zip(&chunk.matched.fixes);
        let fixes = reports
            .flat_map(|((_, report), matched)| {
                report
                    .batch
                    .fixes
                    .iter()
                    .zip(matched)
                    .map(|(fix, matched)| FixRow::of(report, fix).matched(matched, &self.network))
            })
            .collect();
        let visits = chunk.matched.visits.iter().map(|visit| VisitRow::of(visit, &self.network)).collect();
        let committed = self.store.commit(&Batch { fixes, visits }, chunk.upto.0).await?;
        metrics::counter!("marshrut_store_fixes_total").increment(committed.inserted);
        metrics::counter!("marshrut_store_duplicates_total").increment(committed.duplicates);
        let (journal, upto): (Journal, Position) = (self.journal.clone(), chunk.upto);
        tokio::task::spawn_blocking(move || journal.set_cursor(CURSOR, upto))
            .await?
            .context("cannot note in the journal what the store has")
    }
}
