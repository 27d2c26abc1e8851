//! Reading the stream: one shard, or all.

use std::time::{Duration, SystemTime};

use async_nats::datetime::DateTime;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use model::Report;
use tokio::sync::watch;

use crate::connection::Found;
use crate::message::decode;
use crate::room::{Held, Room};
use crate::{Connection, StreamError};

/// Most messages handed on at once.
const MOST: usize = 256;
/// Most messages that the server sends ahead to one reader: these lie in no [`Room`] yet.
const AHEAD: i64 = 16;
/// After so long without a message the server is asked anew.
const QUIET: Duration = Duration::from_secs(10);
/// How long to wait before the stream is asked again after an outage.
const RETRY: Duration = Duration::from_millis(500);
/// How far the server's clock may stand behind, after the stream has lost its end, what it showed before.
const CLOCK: Duration = Duration::from_mins(10);

/// A message of the stream, told from another one that got its number later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its number; 0 for none.
    pub sequence: u64,
    /// When the stream took it, in nanoseconds since 1970; 0 where that is not known.
    pub time_ns: i64,
}

impl Place {
    /// Before all messages.
    pub const START: Self = Self { sequence: 0, time_ns: 0 };
}

/// Where to begin.
#[derive(Debug, Clone, Copy)]
pub enum Begin {
    /// So long before this message; before the oldest one where there is none.
    Before(Place, Duration),
    /// So long ago.
    Ago(Duration),
}

/// One message of the stream.
#[derive(Debug)]
pub struct Message {
    /// Its number is ascending, not without gaps, until the stream has [`Lost`] its end.
    pub place: Place,
    /// What it holds, in the order of one gateway's journal.
    pub reports: Vec<Report>,
    /// Its share of the [`Room`], to be kept as long as what comes of it.
    pub held: Held,
}

/// The stream no longer has the message up to which was read, and gives its number to others. The
/// reader goes on from some time before it: what comes next was in part read before.
#[derive(Debug, thiserror::Error)]
#[error("the stream has lost its end, message {sequence} among it; reading from before it again")]
pub struct Lost {
    /// The message.
    pub sequence: u64,
}

/// Reads in order, each message once, over any outage of the servers.
pub struct Reader {
    connection: Connection,
    subject: String,
    room: Room,
    /// Where to read from; `None` where the stream has to be asked for the time of `known`.
    policy: Option<DeliverPolicy>,
    /// The furthest message that was read or was to begin before.
    known: Place,
    /// So long before that one.
    back: Duration,
    connected: watch::Receiver<u64>,
    opened: Option<Opened>,
}

/// A consumer on the server.
struct Opened {
    messages: pull::Ordered,
    /// How often was connected before the stream was asked for what was read last.
    connects: u64,
    delivered: u64,
    /// Taken from the server, when there was no room.
    waiting: Option<(Place, Bytes)>,
}

impl Opened {
    /// The next message; `None` where the consumer was made anew underneath, maybe on a stream that
    /// has lost its end, or has ended.
    async fn next(&mut self, connection: &Connection) -> Result<Option<(Place, Bytes)>, StreamError> {
        if let Some(message) = self.waiting.take() {
            return Ok(Some(message));
        }
        let error = |e: &dyn std::fmt::Display| StreamError::unavailable("reading", e);
        let Some(message) = self.messages.next().await else { return Ok(None) };
        let message = message.map_err(|e| error(&e))?;
        let info = message.info().map_err(|e| error(&e))?;
        self.delivered += 1;
        if info.consumer_sequence != self.delivered || self.connects != connection.connects() {
            return Ok(None);
        }
        let place = Place { sequence: info.stream_sequence, time_ns: nanoseconds(info.published) };
        Ok(Some((place, message.message.payload)))
    }
}

impl Reader {
    /// A reader of one shard, or of all.
    pub fn new(connection: Connection, shard: Option<u16>, begin: Begin, room: Room) -> Self {
        let subject = shard.map_or_else(|| connection.all(), |shard| connection.of_shard(shard));
        let (policy, known, back) = match begin {
            Begin::Before(Place { sequence: 0, .. }, back) => (Some(DeliverPolicy::All), Place::START, back),
            Begin::Before(place, back) => (None, place, back),
            Begin::Ago(ago) => (Some(since(SystemTime::now().into(), ago)), Place::START, Duration::ZERO),
        };
        let connected = connection.connected.clone();
        Self { connection, subject, room, policy, known, back, connected, opened: None }
    }

    /// The next messages; waits until there is one, and room for it.
    pub async fn next(&mut self) -> Result<Vec<Message>, Lost> {
        loop {
            let attempt = if self.opened.is_none() {
                match self.open().await {
                    Ok(None) => continue,
                    Ok(Some(lost)) => return Err(lost),
                    Err(error) => Err(error),
                }
            } else {
                let mut connected = self.connected.clone();
                tokio::select! {
                    // What was taken out and not handed on is read again.
                    Ok(()) = connected.changed() => Ok(Vec::new()),
                    attempt = self.take() => attempt,
                }
            };
            match attempt {
                Ok(messages) if !messages.is_empty() => return Ok(messages),
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(subject = self.subject, "reading again: {error}");
                    metrics::counter!("marshrut_stream_read_retries_total").increment(1);
                    tokio::time::sleep(RETRY).await;
                }
            }
            self.opened = None;
        }
    }

    /// Makes a consumer, unless the stream turns out to have lost what was read.
    async fn open(&mut self) -> Result<Option<Lost>, StreamError> {
        let error = |e: &dyn std::fmt::Display| StreamError::unavailable("reading", e);
        self.connected.mark_unchanged();
        let connects = self.connection.connects();
        if self.known != Place::START {
            let found = self.connection.find(self.known.sequence).await?;
            if let Some(lost) = self.check(&found) {
                return Ok(Some(lost));
            }
        }
        let config = pull::OrderedConfig {
            filter_subject: self.subject.clone(),
            deliver_policy: self.policy.unwrap_or(DeliverPolicy::All),
            max_batch: AHEAD,
            ..pull::OrderedConfig::default()
        };
        let stream = self.connection.stream().await?;
        let consumer = stream.create_consumer(config).await.map_err(|e| error(&e))?;
        let messages = consumer.messages().await.map_err(|e| error(&e))?;
        self.opened = Some(Opened { messages, connects, delivered: 0, waiting: None });
        Ok(None)
    }

    /// What the stream has where the furthest message was: goes on from there, or from before it.
    fn check(&mut self, found: &Found) -> Option<Lost> {
        let Place { sequence, time_ns } = self.known;
        match found {
            Found::Message(message) if time_ns == 0 || time_ns == nanoseconds(message.time) => {
                self.policy.get_or_insert_with(|| since(message.time, self.back));
                return None;
            }
            Found::Expired => {
                // Neither is what lies before.
                self.policy.get_or_insert(DeliverPolicy::ByStartSequence { start_sequence: sequence + 1 });
                return None;
            }
            Found::Message(_) | Found::Missing => {}
        }
        // What came in after the loss is newer than all before it.
        let time = u64::try_from(time_ns).ok().filter(|time_ns| *time_ns > 0).map(Duration::from_nanos);
        let before = |time| since(DateTime::from(SystemTime::UNIX_EPOCH + time), self.back.max(CLOCK));
        self.policy = Some(time.map_or(DeliverPolicy::All, before));
        self.known = Place::START;
        metrics::counter!("marshrut_stream_lost_ends_total").increment(1);
        Some(Lost { sequence })
    }

    async fn take(&mut self) -> Result<Vec<Message>, StreamError> {
        let mut batch = Vec::new();
        let Some(opened) = &mut self.opened else { return Ok(batch) };
        // A consumer that went down with its server may never speak again, and a quiet shard looks the same.
        let Ok(first) = tokio::time::timeout(QUIET, opened.next(&self.connection)).await else { return Ok(batch) };
        let Some((mut place, mut payload)) = first? else { return Ok(batch) };
        let mut held = self.room.hold(payload.len()).await;
        loop {
            match decode(place.sequence, &payload) {
                Ok(reports) => batch.push(Message { place, reports, held }),
                Err(e) => tracing::error!("passed over: {e}"),
            }
            self.policy = Some(DeliverPolicy::ByStartSequence { start_sequence: place.sequence + 1 });
            if place.sequence > self.known.sequence {
                self.known = place;
            }
            if batch.len() >= MOST {
                break;
            }
            match opened.next(&self.connection).now_or_never() {
                Some(Ok(Some(next))) => {
                    let Some(room) = self.room.try_hold(next.1.len()) else {
                        opened.waiting = Some(next);
                        break;
                    };
                    held = room;
                    (place, payload) = next;
                }
                Some(Ok(None)) => {
                    self.opened = None;
                    break;
                }
                // What came before an error is handed on; the next call meets it again, or not.
                Some(Err(_)) | None => break,
            }
        }
        Ok(batch)
    }
}

fn since(time: DateTime, ago: Duration) -> DeliverPolicy {
    DeliverPolicy::ByStartTime { start_time: time - ago }
}

/// Until the year 2262.
fn nanoseconds(time: DateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos()).unwrap_or(i64::MAX)
}
