//! The connection to the servers, and the stream there.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::RawMessageErrorKind;
use async_nats::jetstream::{self, stream};
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use tokio::sync::watch;

use crate::StreamError;

/// How long the server may take to confirm before it is asked again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time between two attempts to reach a server.
const RECONNECT: Duration = Duration::from_millis(500);
/// More than a message's header takes, which the server counts too.
const HEADER_BYTES: usize = 1024;
/// How long the server recognises a message sent again.
const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);

/// Where the stream is, and how it is made where it is missing.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `nats://host:4222`, several with commas between them.
    pub url: String,
    /// First part of every subject and of the stream's name.
    pub prefix: String,
    /// On how many servers of a cluster each message lies.
    pub replicas: usize,
    /// How long messages are kept.
    pub retention: Duration,
}

/// What the stream has under a number.
#[derive(Debug)]
pub(crate) enum Found {
    /// This message.
    Message(StreamMessage),
    /// None any more: older than all that are kept.
    Expired,
    /// None: it ends before, or has lost it.
    Missing,
}

/// A connection that is made anew whenever it breaks.
#[derive(Debug, Clone)]
pub struct Connection {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    /// Changes with each connection to a server: what the one before knew of readers may be gone.
    pub(crate) connected: watch::Receiver<u64>,
    settings: Settings,
}

impl Connection {
    /// Begins to connect, and goes on trying; what is asked meanwhile fails after a while.
    pub async fn open(settings: Settings) -> Result<Self, StreamError> {
        let wrong = |reason: String| StreamError::Url { url: settings.url.clone(), reason };
        let servers = settings.url.split(',').map(|url| url.trim().parse::<ServerAddr>());
        let servers = servers.collect::<Result<Vec<_>, _>>().map_err(|e| wrong(e.to_string()))?;
        let (count, connected) = watch::channel(0);
        let client = ConnectOptions::new()
            .name("marshrut")
            .event_callback(move |event| {
                tracing::debug!("NATS: {event}");
                if matches!(event, Event::Connected) {
                    count.send_modify(|count| *count += 1);
                }
                std::future::ready(())
            })
            .retry_on_initial_connect()
            .reconnect_delay_callback(|attempts| {
                RECONNECT.min(Duration::from_millis(50).saturating_mul(u32::try_from(attempts).unwrap_or(u32::MAX)))
            })
            .connect(servers)
            .await
            .map_err(|e| wrong(e.to_string()))?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(ANSWER_TIMEOUT);
        Ok(Self { client, jetstream, connected, settings })
    }

    /// The stream, made where it is missing.
    pub async fn stream(&self) -> Result<stream::Stream, StreamError> {
        let config = stream::Config {
            name: format!("{}_fix", self.settings.prefix),
            subjects: vec![self.all()],
            storage: stream::StorageType::File,
            num_replicas: self.settings.replicas,
            max_age: self.settings.retention,
            duplicate_window: DUPLICATE_WINDOW,
            ..stream::Config::default()
        };
        self.jetstream.get_or_create_stream(config).await.map_err(|e| StreamError::unavailable("no stream", e))
    }

    /// Whether the stream is there and answers.
    pub async fn ready(&self) -> Result<(), StreamError> {
        self.stream().await.map(drop)
    }

    /// How often a server was connected to. Counts before anything is heard from that server, unlike
    /// `connected`, which wakes.
    pub(crate) fn connects(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// What the stream has under a number.
    pub(crate) async fn find(&self, sequence: u64) -> Result<Found, StreamError> {
        let stream = self.stream().await?;
        let state = &stream.cached_info().state;
        if sequence > state.last_sequence {
            return Ok(Found::Missing);
        }
        if sequence < state.first_sequence {
            return Ok(Found::Expired);
        }
        match stream.get_raw_message(sequence).await {
            Ok(message) => Ok(Found::Message(message)),
            Err(e) if e.kind() == RawMessageErrorKind::NoMessageFound => Ok(Found::Missing),
            Err(e) => Err(StreamError::unavailable("looking a message up", e)),
        }
    }

    /// Whether nothing was ever put into the stream as it is now.
    pub(crate) async fn is_new(&self) -> Result<bool, StreamError> {
        Ok(self.stream().await?.cached_info().state.last_sequence == 0)
    }

    /// The subject of all fixes.
    pub(crate) fn all(&self) -> String {
        format!("{}.fix.*", self.settings.prefix)
    }

    /// Bytes of reports that the server takes in one message, beside the message's header.
    pub(crate) fn most_bytes(&self) -> usize {
        let most = self.client.server_info().max_payload;
        // A server that does not say takes what the reports need.
        if most == 0 { usize::MAX } else { most - HEADER_BYTES.min(most / 2) }
    }

    /// The subject of a shard's fixes.
    pub(crate) fn of_shard(&self, shard: u16) -> String {
        format!("{}.fix.{shard}", self.settings.prefix)
    }

    /// The subject on which workers let themselves be heard.
    pub(crate) fn workers(&self) -> String {
        format!("{}.workers", self.settings.prefix)
    }
}
