//! From a gateway's journal to the stream.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use journal::{Journal, JournalError, Most, Position};
use model::{CodecError, Report};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use xxhash_rust::xxh3::xxh3_64;

use crate::message::Messages;
use crate::{Connection, StreamError, shard_of};

/// The journal's cursor that keeps what the stream does not have yet.
pub const CURSOR: &str = "stream";
/// What is under way at once.
const CHUNK: Most = Most { reports: 4096, bytes: 4 << 20 };
/// Most messages that wait for the stream's confirmation at once, each of another shard.
const IN_FLIGHT: usize = 64;
/// How long to wait before a message is sent again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Where the forwarder has got to, for others to watch.
#[derive(Debug)]
pub struct Forwarded {
    /// All up to here is in the stream.
    pub position: watch::Sender<Position>,
    /// Why it does not go on at present.
    pub trouble: watch::Sender<Option<String>>,
}

/// Forwards until `stop`, then what is left up to the journal's head, and returns. An outage
/// on either side is waited out.
pub async fn forward(
    journal: Journal,
    connection: Connection,
    gateway: String,
    forwarded: Forwarded,
    stop: CancellationToken,
) -> Result<(), StreamError> {
    let mut head = journal.watch();
    let mut at = journal.cursor(CURSOR)?.min(journal.head());
    journal.set_cursor(CURSOR, at)?;
    forwarded.position.send_replace(at);
    let sender = Sender { connection, gateway, forwarded, stop };
    sender.until_done(|| sender.connection.ready()).await?;
    loop {
        let stopping = sender.stop.is_cancelled();
        let (reader, most) = (journal.clone(), sender.connection.most_bytes());
        let read = tokio::task::spawn_blocking(move || gather(&reader, at, most)).await;
        let gathered = read.map_err(|e| StreamError::unavailable("reading the journal", e))??;
        if gathered.upto == at {
            if stopping {
                return Ok(());
            }
            tokio::select! {
                changed = head.changed() => if changed.is_err() { return Ok(()) },
                () = sender.stop.cancelled() => {}
            }
            continue;
        }
        match sender.send(gathered.shards).await {
            // Another server, which takes less: the same reports in smaller messages.
            Err(StreamError::TooLarge { .. }) => continue,
            sent => sent?,
        }
        at = gathered.upto;
        journal.set_cursor(CURSOR, at)?;
        sender.forwarded.position.send_replace(at);
        metrics::counter!("marshrut_stream_forwarded_reports_total").increment(gathered.reports);
        metrics::gauge!("marshrut_stream_behind_reports").set(journal.head().0.saturating_sub(at.0) as f64);
    }
}

/// A stretch of the journal as messages of each shard.
struct Gathered {
    shards: BTreeMap<u16, Messages>,
    reports: u64,
    upto: Position,
}

/// The next reports after a position, in messages of at most `most` bytes. Blocks on the disk.
fn gather(journal: &Journal, after: Position, most: usize) -> Result<Gathered, JournalError> {
    let mut gathered = Gathered { shards: BTreeMap::new(), reports: 0, upto: after };
    journal.visit(after, CHUNK, |position, bytes| {
        let damaged = |e: CodecError| JournalError::Damaged { position, reason: e.to_string().into() };
        let shard = shard_of(&Report::vehicle_of(bytes).map_err(damaged)?);
        let messages = gathered.shards.entry(shard).or_insert_with(|| Messages::new(most));
        let left_out = messages.push(position.0, bytes).map_err(damaged)?;
        if left_out > 0 {
            tracing::error!(%position, left_out, most, "fixes too large for NATS stay behind; raise its max_payload");
            metrics::counter!("marshrut_stream_too_large_total").increment(left_out as u64);
        }
        (gathered.reports, gathered.upto) = (gathered.reports + 1, position);
        Ok(())
    })?;
    gathered.shards.values_mut().for_each(Messages::close);
    Ok(gathered)
}

struct Sender {
    connection: Connection,
    gateway: String,
    forwarded: Forwarded,
    stop: CancellationToken,
}

impl Sender {
    /// Returns once the stream has confirmed all of it. A shard's messages go one after the
    /// other, so that one that must be sent again is not overtaken by the next.
    async fn send(&self, shards: BTreeMap<u16, Messages>) -> Result<(), StreamError> {
        let shards = shards.into_iter().map(Ok);
        stream::iter(shards)
            .try_for_each_concurrent(IN_FLIGHT, |(shard, messages)| async move {
                for (first, last, bytes) in messages.done {
                    // The bytes' hash, for a journal that was lost counts from 1 again.
                    let id = format!("{}-{first}-{last}-{:016x}", self.gateway, xxh3_64(&bytes));
                    self.until_done(|| self.publish(shard, &id, bytes.clone())).await?;
                }
                Ok(())
            })
            .await
    }

    async fn publish(&self, shard: u16, id: &str, bytes: Bytes) -> Result<(), StreamError> {
        let most = self.connection.most_bytes();
        if bytes.len() > most {
            return Err(StreamError::TooLarge { bytes: bytes.len(), most });
        }
        let error = |e| StreamError::unavailable("a message is not confirmed", e);
        let message = PublishMessage::build().payload(bytes).message_id(id);
        let confirmed = self.connection.jetstream.send_publish(self.connection.of_shard(shard), message);
        confirmed.await.map_err(error)?.await.map(drop).map_err(error)
    }

    /// Tries again until it is done, until it fails after `stop`, or until trying is of no use.
    async fn until_done<F>(&self, attempt: impl Fn() -> F) -> Result<(), StreamError>
    where
        F: Future<Output = Result<(), StreamError>>,
    {
        let (mut wait, longest) = RETRY;
        loop {
            let Err(error) = attempt().await else {
                self.forwarded.trouble.send_if_modified(|trouble| trouble.take().is_some());
                return Ok(());
            };
            if matches!(error, StreamError::TooLarge { .. }) {
                return Err(error);
            }
            if self.stop.is_cancelled() {
                return Err(StreamError::Stopped);
            }
            metrics::counter!("marshrut_stream_retries_total").increment(1);
            let news = self.forwarded.trouble.send_if_modified(|trouble| trouble.replace(error.to_string()).is_none());
            if news {
                tracing::warn!("not forwarded, trying again: {error}");
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(longest);
        }
    }
}
