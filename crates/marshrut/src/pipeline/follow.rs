//! The live side of a host without a journal: it reads the whole stream.

use std::sync::Arc;
use std::time::Duration;

use journal::Position;
use stream::{Begin, Connection, Reader};
use tokio_util::sync::CancellationToken;

use super::shards::Shards;
use super::stage::{Chunk, Sink};

/// Reads from `warm_up` ago, matches, hands on, until `stop`.
pub async fn follow(
    connection: Connection,
    warm_up: Duration,
    shards: Shards,
    sink: impl Sink,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    stop.run_until_cancelled(for_ever(connection, warm_up, shards, sink)).await.unwrap_or(Ok(()))
}

async fn for_ever(
    connection: Connection,
    warm_up: Duration,
    shards: Shards,
    mut sink: impl Sink,
) -> anyhow::Result<()> {
    let mut reader = Reader::new(connection, None, Begin::Ago(warm_up)).await;
    loop {
        let messages = reader.next().await;
        let Some(upto) = messages.last().map(|message| Position(message.sequence)) else { continue };
        let numbered = messages.into_iter().flat_map(|message| {
            let position = Position(message.sequence);
            message.reports.into_iter().map(move |report| (position, report))
        });
        let reports = Arc::new(numbered.collect::<Vec<_>>());
        let matched = shards.advance(&reports).await?;
        sink.take(&[Arc::new(Chunk { reports, matched, upto })]).await?;
        metrics::gauge!("marshrut_pipeline_position", "stage" => "live").set(upto.0 as f64);
    }
}
