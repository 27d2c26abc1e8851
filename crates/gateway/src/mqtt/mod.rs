//! A broker that passes on what trackers say, at QoS 1: a message is acknowledged to the broker
//! after the journal has it, and until then the broker keeps it.
//!
//! Two tasks: one drives the connection and puts messages in the journal's queue, the other
//! waits for the journal and acknowledges. The first may wait for room (then nothing is
//! read and the broker holds on to its messages); the second never waits for the first.

mod tls;
mod topic;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use journal::{JournalError, Receipt};
use protocols::DecodeError;
use rumqttc::{
    AsyncClient, Event, EventLoop, MqttOptions, Outgoing, Packet, Publish, QoS, SubscribeReasonCode, Transport,
};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Duration, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::intake::{Intake, out_of_bounds};
use crate::meters::Meters;
use crate::quarantine::Entry;
use crate::{GatewayError, MqttSource};

/// The protocol's name in reports and counters.
const PROTOCOL: &str = "mqtt";
/// Room for acknowledgements on their way to the connection. A broker numbers what it waits
/// for with 16 bits, so there are never more, and sending one never waits.
const MAX_REQUESTS: usize = (1 << 16) + 64;
/// Largest packet taken from a broker. A larger one cannot be skipped by the client and ends
/// the connection; those above [`protocols::payload::MAX_PAYLOAD`] are refused one by one.
const MAX_PACKET_BYTES: usize = 4 << 20;
/// First wait between two attempts to connect; doubled each time.
const MIN_BACKOFF: Duration = Duration::from_millis(250);
/// For the last acknowledgements to leave when the gateway stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// A broker and what is subscribed there.
#[derive(Debug)]
pub(crate) struct Source {
    settings: MqttSource,
    options: MqttOptions,
}

/// What the two tasks of a source share.
#[derive(Default)]
struct Link {
    /// Counts connections: an acknowledgement is for the one that brought the message.
    generation: Mutex<u64>,
    /// The journal did not take a message that the broker waits for.
    not_journaled: Notify,
}

/// A message that waits for the journal.
struct Pending {
    publish: Publish,
    /// One a device; none where there is nothing to keep.
    receipts: Vec<Receipt>,
    generation: u64,
}

impl Source {
    /// Checks the settings and reads the certificates.
    pub(crate) fn new(settings: MqttSource) -> Result<Self, GatewayError> {
        let broker = format!("{}:{}", settings.host, settings.port);
        let failed = |reason: String| GatewayError::Mqtt { broker: broker.clone(), reason };
        if settings.client_id.trim().is_empty() || settings.client_id.starts_with(' ') {
            return Err(failed("it has no client id; name this gateway, so that the broker keeps its messages".into()));
        }
        if settings.topics.is_empty() {
            return Err(failed("it has no topics; say what to subscribe, such as `trackers/+/fix`".into()));
        }
        for filter in &settings.topics {
            topic::check(filter, settings.device_in_topic).map_err(failed)?;
        }
        let mut options = MqttOptions::new(&settings.client_id, &settings.host, settings.port);
        options
            .set_clean_session(false)
            .set_manual_acks(true)
            .set_keep_alive(settings.keep_alive.max(Duration::from_secs(5)))
            .set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES);
        if let Some(username) = &settings.username {
            options.set_credentials(username, settings.password.clone().unwrap_or_default());
        }
        if let Some(tls) = &settings.tls {
            let config = tls::client(tls).map_err(failed)?;
            options.set_transport(Transport::tls_with_config(config.into()));
        }
        Ok(Self { settings, options })
    }

    /// Receives until the gateway stops.
    pub(crate) async fn run(self, intake: Arc<Intake>, shutdown: CancellationToken) {
        let (client, mut events) = AsyncClient::new(self.options.clone(), MAX_REQUESTS);
        let (sender, receiver) = mpsc::channel(intake.limits.max_in_flight.max(1));
        let link = Arc::new(Link::default());
        let acknowledging = acknowledge(client.clone(), receiver, Arc::clone(&link), Arc::clone(&intake));
        let receiving = async {
            let meters = Meters::of(PROTOCOL);
            let mut receiver = Receiver { source: &self, meters, intake, client, link, sender, backoff: MIN_BACKOFF };
            let is_connected = receiver.run(&mut events, &shutdown).await;
            // Dropping the sender lets the other task end once it has acknowledged the rest.
            is_connected.then(|| receiver.client.clone())
        };
        let (farewell, ()) = tokio::join!(receiving, acknowledging);
        if let Some(client) = farewell {
            let _ = timeout(FAREWELL, leave(&client, &mut events)).await;
        }
    }
}

/// The task that drives the connection.
struct Receiver<'a> {
    source: &'a Source,
    meters: Arc<Meters>,
    intake: Arc<Intake>,
    client: AsyncClient,
    link: Arc<Link>,
    sender: mpsc::Sender<Pending>,
    backoff: Duration,
}

impl Receiver<'_> {
    /// Gives whether it is connected at the end.
    async fn run(&mut self, events: &mut EventLoop, shutdown: &CancellationToken) -> bool {
        let mut is_connected = false;
        loop {
            let event = tokio::select! {
                biased;
                () = shutdown.cancelled() => return is_connected,
                () = self.link.not_journaled.notified() => Err("the journal took no message".to_owned()),
                event = events.poll() => event.map_err(|e| e.to_string()),
            };
            let outcome = match event {
                Ok(Event::Incoming(packet)) => {
                    is_connected = true;
                    self.incoming(packet).await
                }
                Ok(Event::Outgoing(_)) => Ok(()),
                Err(reason) => Err(reason),
            };
            if let Err(reason) = outcome {
                is_connected = false;
                self.disconnect(events, &reason);
                tokio::select! {
                    () = shutdown.cancelled() => return false,
                    () = sleep(self.backoff) => {}
                }
                self.backoff = (self.backoff * 2).min(self.source.settings.max_backoff.max(MIN_BACKOFF));
            }
        }
    }

    /// Drops the connection. The broker sends again, on the next one, what was not
    /// acknowledged on this one.
    fn disconnect(&self, events: &mut EventLoop, reason: &str) {
        let MqttSource { host, port, .. } = &self.source.settings;
        metrics::counter!("marshrut_gateway_mqtt_disconnects_total").increment(1);
        if let Some(suppressed) = self.intake.failures.pass() {
            tracing::warn!(broker = %format_args!("{host}:{port}"), reason, suppressed, "not connected to the MQTT broker; trying again");
        }
        *self.link.generation.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        events.clean(); // after the count, so that no stale acknowledgement is left in it
    }

    async fn incoming(&mut self, packet: Packet) -> Result<(), String> {
        match packet {
            Packet::ConnAck(_) => {
                let MqttSource { host, port, topics, .. } = &self.source.settings;
                tracing::info!(broker = %format_args!("{host}:{port}"), ?topics, "connected to the MQTT broker");
                for topic in topics {
                    self.client.try_subscribe(topic, QoS::AtLeastOnce).map_err(|e| e.to_string())?;
                }
                Ok(())
            }
            Packet::SubAck(ack) if ack.return_codes.contains(&SubscribeReasonCode::Failure) => {
                Err("it refuses a subscription; check the user's rights there".to_owned())
            }
            Packet::SubAck(_) => {
                self.backoff = MIN_BACKOFF;
                Ok(())
            }
            Packet::Publish(publish) => self.take(publish).await,
            _ => Ok(()),
        }
    }

    /// Puts a message in the journal's queue.
    async fn take(&mut self, mut publish: Publish) -> Result<(), String> {
        let payload = std::mem::replace(&mut publish.payload, Bytes::new());
        let receipts = match self.submit(&publish.topic, &payload).await {
            Ok(receipts) => receipts,
            Err(error) => {
                self.intake.not_journaled(PROTOCOL, &error);
                return Err(error.to_string());
            }
        };
        let generation = *self.link.generation.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = Pending { publish, receipts, generation };
        self.sender.send(pending).await.map_err(|_| "its acknowledging has stopped".to_owned())
    }

    /// A receipt for each device whose records are kept. Of others there is none: they were
    /// refused or could not be decoded, and sending them again would not help.
    async fn submit(&self, topic: &str, payload: &[u8]) -> Result<Vec<Receipt>, JournalError> {
        let MqttSource { topics, device_in_topic, format, .. } = &self.source.settings;
        let decoded = topic::device(topics, *device_in_topic, topic)
            .and_then(|device| format.decode(topic, device.as_ref(), payload));
        let kind = match &decoded {
            Ok(reports) if reports.is_empty() => "ignored",
            Ok(_) => "fixes",
            Err(_) => "error",
        };
        self.meters.message(kind);
        let reports = match decoded {
            Ok(reports) => reports,
            Err(error) => {
                self.undecodable(&error, topic, payload);
                return Ok(Vec::new());
            }
        };
        let mut receipts = Vec::with_capacity(reports.len());
        for (device, batch) in reports {
            let Some(identity) = self.intake.identify(PROTOCOL, &topic, &device, None) else { continue };
            match self.intake.submit(&self.meters, &identity, batch).await {
                Ok(receipt) => receipts.push(receipt),
                Err(error) => match out_of_bounds(&error) {
                    Some(bound) => self.undecodable(&bound, topic, payload),
                    None => return Err(error),
                },
            }
        }
        Ok(receipts)
    }

    fn undecodable(&self, error: &DecodeError, topic: &str, payload: &[u8]) {
        let entry = Entry::new(self.intake.now(), PROTOCOL, error, payload);
        self.intake.undecodable(Entry { topic: Some(topic.to_owned()), ..entry });
    }
}

/// The task that waits for the journal and acknowledges, in the order of the messages.
async fn acknowledge(client: AsyncClient, mut pending: mpsc::Receiver<Pending>, link: Arc<Link>, intake: Arc<Intake>) {
    while let Some(Pending { publish, receipts, generation }) = pending.recv().await {
        let mut journaled = Ok(());
        for receipt in receipts {
            journaled = journaled.and(receipt.await.map(drop));
        }
        // On another connection the same number may stand for another message.
        let current = link.generation.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = &journaled {
            intake.not_journaled(PROTOCOL, error);
        }
        if *current == generation && (journaled.is_err() || client.try_ack(&publish).is_err()) {
            link.not_journaled.notify_one();
        }
    }
}

/// Sends the acknowledgements that are left, then says goodbye. Messages that still come in
/// are left to the broker.
async fn leave(client: &AsyncClient, events: &mut EventLoop) {
    if client.try_disconnect().is_err() {
        return;
    }
    while let Ok(event) = events.poll().await {
        if event == Event::Outgoing(Outgoing::Disconnect) {
            return;
        }
    }
}
