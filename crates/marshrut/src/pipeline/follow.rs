//! The live side of a host without a journal: it reads the whole stream.

use std::sync::Arc;
use std::time::Duration;

use journal::Position;
use stream::{Begin, Connection, Reader, Room};
use tokio_util::sync::CancellationToken;

use super::shards::Shards;
use super::stage::{Chunk, Sink};

/// Most bytes of messages that are read and not yet matched.
const IN_FLIGHT_BYTES: usize = 8 << 20;

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
    let mut reader = Reader::new(connection, None, Begin::Ago(warm_up), Room::of(IN_FLIGHT_BYTES));
    loop {
        let messages = match reader.next().await {
            Ok(messages) => messages,
            Err(lost) => {
                // What comes twice is older than what is shown, and changes nothing.
                tracing::error!("{lost}");
                continue;
            }
        };
        let Some(upto) = messages.last().map(|message| Position(message.place.sequence)) else { continue };
        let (mut reports, mut held) = (Vec::new(), Vec::new());
        for message in messages {
            let position = Position(message.place.sequence);
            reports.extend(message.reports.into_iter().map(|report| (position, report)));
            held.push(message.held);
        }
        let reports = Arc::new(reports);
        let matched = shards.advance(&reports).await?;
        sink.take(&[Arc::new(Chunk { reports, matched, upto })]).await?;
        drop(held);
        metrics::gauge!("marshrut_pipeline_position", "stage" => "live").set(upto.0 as f64);
    }
}
