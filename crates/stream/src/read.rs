//! Reading the stream: one shard, or all.

use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use futures_util::{FutureExt as _, StreamExt as _};
use model::Report;
use tokio::sync::watch;

use crate::message::decode;
use crate::{Connection, StreamError};

/// Most messages handed on at once.
const MOST: usize = 256;
/// After so long without a message the server is asked anew.
const QUIET: Duration = Duration::from_secs(10);
/// How long to wait before the stream is asked again after an outage.
const RETRY: Duration = Duration::from_millis(500);

/// Where to begin.
#[derive(Debug, Clone, Copy)]
pub enum Begin {
    /// So long before the message with this number; before the oldest one where there is none.
    Before(u64, Duration),
    /// So long ago.
    Ago(Duration),
}

/// One message of the stream.
#[derive(Debug)]
pub struct Message {
    /// Its number: ascending, not without gaps.
    pub sequence: u64,
    /// What it holds, in the order of one gateway's journal.
    pub reports: Vec<Report>,
}

/// Reads in order, each message once, over any outage of the servers.
pub struct Reader {
    connection: Connection,
    subject: String,
    policy: DeliverPolicy,
    connected: watch::Receiver<u64>,
    messages: Option<pull::Ordered>,
}

impl Reader {
    /// A reader of one shard, or of all. Asks the stream where that begins, as long as it
    /// takes to get an answer.
    pub async fn new(connection: Connection, shard: Option<u16>, begin: Begin) -> Self {
        let subject = shard.map_or_else(|| connection.all(), |shard| connection.of_shard(shard));
        let policy = loop {
            match policy(&connection, begin).await {
                Ok(policy) => break policy,
                Err(error) => {
                    tracing::debug!(subject, "cannot read yet: {error}");
                    tokio::time::sleep(RETRY).await;
                }
            }
        };
        let mut connected = connection.connected.clone();
        connected.mark_unchanged();
        Self { connection, subject, policy, connected, messages: None }
    }

    /// The next messages; waits until there is one.
    pub async fn next(&mut self) -> Vec<Message> {
        loop {
            let mut connected = self.connected.clone();
            let attempt = tokio::select! {
                // Nothing has been taken out while this waits, so nothing is lost.
                Ok(()) = connected.changed() => {
                    self.connected = connected;
                    Ok(Vec::new())
                }
                attempt = self.try_next() => attempt,
            };
            match attempt {
                Ok(messages) if !messages.is_empty() => return messages,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(subject = self.subject, "reading again: {error}");
                    metrics::counter!("marshrut_stream_read_retries_total").increment(1);
                    tokio::time::sleep(RETRY).await;
                }
            }
            self.messages = None;
        }
    }

    async fn try_next(&mut self) -> Result<Vec<Message>, StreamError> {
        let error = |e: &dyn std::fmt::Display| StreamError::unavailable("reading", e);
        if self.messages.is_none() {
            let config = pull::OrderedConfig {
                filter_subject: self.subject.clone(),
                deliver_policy: self.policy,
                ..pull::OrderedConfig::default()
            };
            let stream = self.connection.stream().await?;
            let consumer = stream.create_consumer(config).await.map_err(|e| error(&e))?;
            self.messages = Some(consumer.messages().await.map_err(|e| error(&e))?);
        }
        let Some(messages) = &mut self.messages else { return Ok(Vec::new()) };
        let mut batch = Vec::new();
        // A consumer that went down with its server may never speak again, and a quiet shard looks the same.
        let Ok(mut next) = tokio::time::timeout(QUIET, messages.next()).await else { return Ok(batch) };
        while let Some(message) = next {
            let message = match message {
                Ok(message) => message,
                // What came before it is handed on; the next call meets the error again, or not.
                Err(_) if !batch.is_empty() => break,
                Err(e) => return Err(error(&e)),
            };
            let sequence = message.info().map_err(|e| error(&e))?.stream_sequence;
            match decode(sequence, &message.payload) {
                Ok(reports) => batch.push(Message { sequence, reports }),
                Err(e) => tracing::error!("passed over: {e}"),
            }
            self.policy = DeliverPolicy::ByStartSequence { start_sequence: sequence + 1 };
            if batch.len() >= MOST {
                break;
            }
            next = messages.next().now_or_never().flatten();
        }
        Ok(batch)
    }
}

async fn policy(connection: &Connection, begin: Begin) -> Result<DeliverPolicy, StreamError> {
    let stream = connection.stream().await?;
    let (until, ago) = match begin {
        Begin::Before(0, _) => return Ok(DeliverPolicy::All),
        Begin::Before(sequence, ago) => match stream.get_raw_message(sequence).await {
            Ok(message) => (message.time, ago),
            // Not kept any more, so neither is what lies before.
            Err(_) => return Ok(DeliverPolicy::ByStartSequence { start_sequence: sequence + 1 }),
        },
        Begin::Ago(ago) => (std::time::SystemTime::now().into(), ago),
    };
    Ok(DeliverPolicy::ByStartTime { start_time: until - ago })
}
