//! From a gateway's journal to the stream.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use journal::{Journal, JournalError, Most, Position};
use model::{CodecError, Report};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use xxhash_rust::xxh3::xxh3_64;

use crate::connection::Found;
use crate::message::Messages;
use crate::sent::{Confirmed, Sent};
use crate::{Connection, StreamError, shard_of};

/// The journal's cursor that keeps what the stream does not have yet, or may lose again.
pub const CURSOR: &str = "stream";
/// What is under way at once.
const CHUNK: Most = Most { reports: 4096, bytes: 4 << 20 };
/// Most messages that wait for the stream's confirmation at once, each of another shard.
const IN_FLIGHT: usize = 64;
/// How often the stream is asked whether it still has what it confirmed, where nothing raises doubt:
/// in a cluster the server that has it may start anew unnoticed.
const CHECK: Duration = Duration::from_secs(10);
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
/// on either side is waited out. After one, what the stream has lost is forwarded again; a start
/// forwards again what may not have been on the stream's disk.
pub async fn forward(
    journal: Journal,
    connection: Connection,
    gateway: String,
    forwarded: Forwarded,
    stop: CancellationToken,
) -> Result<(), StreamError> {
    let (mut head, mut connected) = (journal.watch(), connection.connected.clone());
    let mut at = journal.cursor(CURSOR)?.min(journal.head());
    let sender = Sender { connection, gateway, forwarded, stop, has_failed: AtomicBool::new(false) };
    let is_new = sender.until_done(|| sender.connection.is_new()).await?;
    if is_new && at > Position::START {
        tracing::error!("the stream is new: forwarding again all that the journal keeps");
        at = Position::START;
    }
    journal.set_cursor(CURSOR, at)?;
    sender.moved(at);
    let mut sent = Sent::after(at);
    let mut checked = Checked { connects: sender.connection.connects(), at: Instant::now() };
    loop {
        if sender.is_in_doubt(&checked) || checked.at.elapsed() > CHECK {
            at = sender.check(&mut checked, &mut sent, &journal, at).await?;
        }
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
                Ok(()) = connected.changed() => {}
                () = tokio::time::sleep(CHECK) => {}
                () = sender.stop.cancelled() => {}
            }
            continue;
        }
        let messages = match sender.send(gathered.shards).await {
            // Another server, which takes less: the same reports in smaller messages.
            Err(StreamError::TooLarge { .. }) => continue,
            sent => sent?,
        };
        if sender.is_in_doubt(&checked) {
            let has_before = sender.check(&mut checked, &mut sent, &journal, at).await?;
            if has_before < at || !sender.has_all(&messages).await? {
                at = has_before;
                continue;
            }
        }
        at = gathered.upto;
        sent.confirmed(at, messages, Instant::now());
        journal.set_cursor(CURSOR, sent.synced())?;
        metrics::counter!("marshrut_stream_forwarded_reports_total").increment(gathered.reports);
        sender.moved(at);
    }
}

/// When the stream was last asked whether it still has what it confirmed.
struct Checked {
    connects: u64,
    at: Instant,
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
    /// Something has gone wrong since the last check.
    has_failed: AtomicBool,
}

impl Sender {
    /// Returns once the stream has confirmed all of it. A shard's messages go one after the
    /// other, so that one that must be sent again is not overtaken by the next.
    async fn send(&self, shards: BTreeMap<u16, Messages>) -> Result<Vec<Confirmed>, StreamError> {
        let each = stream::iter(shards).map(|(shard, messages)| async move {
            let mut confirmed = Vec::with_capacity(messages.done.len());
            for (first, last, bytes) in messages.done {
                // The bytes' hash, for a journal that was lost counts from 1 again.
                let id = format!("{}-{first}-{last}-{:016x}", self.gateway, xxh3_64(&bytes));
                let sequence = self.until_done(|| self.publish(shard, &id, bytes.clone())).await?;
                confirmed.push(Confirmed { sequence, id });
            }
            Ok::<_, StreamError>(confirmed)
        });
        each.buffer_unordered(IN_FLIGHT).try_concat().await
    }

    /// Gives the number that the stream has given it.
    async fn publish(&self, shard: u16, id: &str, bytes: Bytes) -> Result<u64, StreamError> {
        let most = self.connection.most_bytes();
        if bytes.len() > most {
            return Err(StreamError::TooLarge { bytes: bytes.len(), most });
        }
        if self.has_failed.load(Ordering::Relaxed) {
            // Makes it where it went with its server's disk.
            self.connection.stream().await?;
        }
        let error = |e| StreamError::unavailable("a message is not confirmed", e);
        let message = PublishMessage::build().payload(bytes).message_id(id);
        let confirmed = self.connection.jetstream.send_publish(self.connection.of_shard(shard), message);
        confirmed.await.map_err(error)?.await.map(|confirmed| confirmed.sequence).map_err(error)
    }

    /// Says where it is, which may be back.
    fn moved(&self, at: Position) {
        self.forwarded.position.send_replace(at);
        metrics::gauge!("marshrut_pipeline_position", "stage" => "stream").set(at.0 as f64);
    }

    /// Whether the stream may have lost something since: its server may be another, or started anew.
    fn is_in_doubt(&self, since: &Checked) -> bool {
        self.has_failed.load(Ordering::Relaxed) || self.connection.connects() != since.connects
    }

    /// Asks the stream for what it confirmed. Gives where to go on: where it is, or after what is left.
    async fn check(
        &self,
        checked: &mut Checked,
        sent: &mut Sent,
        journal: &Journal,
        at: Position,
    ) -> Result<Position, StreamError> {
        // Before the stream is asked, so that what happens meanwhile is in doubt again.
        self.has_failed.store(false, Ordering::Relaxed);
        *checked = Checked { connects: self.connection.connects(), at: Instant::now() };
        let mut upto = at;
        while let Some(message) = sent.newest()
            && !self.until_done(|| self.has(message)).await?
        {
            upto = sent.newest_is_lost();
        }
        if upto == at {
            return Ok(at);
        }
        let (again, first) = (at.0.saturating_sub(upto.0), journal.first());
        let not_kept = first.0.saturating_sub(upto.0 + 1);
        tracing::error!(%at, again_after = %upto, not_kept, "the stream has lost its end, forwarding that again");
        metrics::counter!("marshrut_stream_lost_reports_total").increment(again);
        journal.set_cursor(CURSOR, sent.synced())?;
        self.moved(upto);
        Ok(upto)
    }

    async fn has_all(&self, messages: &[Confirmed]) -> Result<bool, StreamError> {
        for message in messages {
            if !self.until_done(|| self.has(message)).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn has(&self, message: &Confirmed) -> Result<bool, StreamError> {
        Ok(match self.connection.find(message.sequence).await? {
            Found::Message(found) => {
                found.headers.get(async_nats::header::NATS_MESSAGE_ID).is_some_and(|id| id.as_str() == message.id)
            }
            Found::Expired => true,
            Found::Missing => false,
        })
    }

    /// Tries again until it is done, until it fails after `stop`, or until trying is of no use.
    async fn until_done<F, T>(&self, attempt: impl Fn() -> F) -> Result<T, StreamError>
    where
        F: Future<Output = Result<T, StreamError>>,
    {
        let (mut wait, longest) = RETRY;
        loop {
            let error = match attempt().await {
                Ok(done) => {
                    self.forwarded.trouble.send_if_modified(|trouble| trouble.take().is_some());
                    return Ok(done);
                }
                Err(error) => error,
            };
            self.has_failed.store(true, Ordering::Relaxed);
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
