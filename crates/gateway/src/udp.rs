//! One UDP port: datagrams from many devices, each with a session of its own.
//!
//! A session is known by its sender's address and, once the device is admitted, by the device:
//! one that comes back from another address takes its place along. Sessions are bounded in number,
//! over all and from one address, and in idle time. Where there are too many, one is forgotten and the
//! new one is heard: whoever sends datagrams can claim any address, and must not lock it out. For the
//! same reason they are counted apart from the address' connections. An address that has not yet been heard with an admitted device is never
//! answered with more bytes than it sent, so that nobody can have a third party flooded by us.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use journal::Receipt;
use model::DeviceId;
use protocols::{DecodeError, Decoder, Kind, Message, Protocol, Reply, Step};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::intake::{Identity, Intake, out_of_bounds};
use crate::meters::Meters;
use crate::places::{Crowds, OfCrowd, crowd_of};
use crate::quarantine::Entry;

/// The longest datagram there is.
const MAX_DATAGRAM: usize = 64 << 10;
/// Datagrams that wait for the journal; while there are as many, none are read, and the kernel
/// drops what it has no room for. Nothing dropped was acknowledged, so it comes again.
const MAX_IN_FLIGHT: usize = 4096;
/// Most bytes of an answer to an address that is known: what passes every network in one piece.
const MAX_ANSWER: usize = 1200;
/// Pause after the socket failed.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// What is known of one sender.
struct Session {
    decoder: Box<dyn Decoder>,
    identity: Option<Identity>,
    last: Instant,
    /// `None` where senders are not counted by address.
    _of_crowd: Option<OfCrowd>,
}

/// Answers to one message, due when it is durable.
struct Owed {
    peer: SocketAddr,
    meters: Arc<Meters>,
    reply: Reply,
    /// `None` where there is nothing to keep.
    journaled: Option<(Receipt, u64)>,
    read: Instant,
}

/// One UDP port for one protocol.
pub(crate) struct Datagrams {
    protocol: &'static Protocol,
    /// Of the protocol heard last, which differ only where it is recognised.
    meters: Arc<Meters>,
    make: fn() -> Box<dyn Decoder>,
    socket: Arc<UdpSocket>,
    intake: Arc<Intake>,
    sessions: HashMap<SocketAddr, Session>,
    crowds: Arc<Crowds>,
    /// Where each admitted device was heard last: that address' session is its own.
    addresses: HashMap<DeviceId, SocketAddr>,
}

impl Datagrams {
    /// `None` where the protocol is not spoken over UDP.
    pub(crate) fn new(protocol: &'static Protocol, socket: UdpSocket, intake: Arc<Intake>) -> Option<Self> {
        let make = protocol.datagrams?;
        let socket = Arc::new(socket);
        let meters = Meters::of(protocol.name);
        let crowds = Crowds::new(intake.limits.max_per_address);
        let (sessions, addresses) = (HashMap::new(), HashMap::new());
        Some(Self { protocol, meters, make, socket, intake, sessions, crowds, addresses })
    }

    /// Receives until the gateway stops, then answers what is owed.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let (owed, waiting) = mpsc::channel(MAX_IN_FLIGHT);
        let answering = answer(Arc::clone(&self.socket), waiting, Arc::clone(&self.intake));
        let receiving = async move {
            let mut buffer = vec![0; MAX_DATAGRAM];
            loop {
                let received = tokio::select! {
                    biased;
                    () = shutdown.cancelled() => return,
                    received = self.socket.recv_from(&mut buffer) => received,
                };
                match received {
                    Ok((length, peer)) => {
                        let datagram = buffer.get(..length).unwrap_or_default();
                        if self.take(peer, datagram, &owed).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => self.failed(&error).await,
                }
            }
        };
        tokio::join!(receiving, answering);
    }

    /// A socket tells of an earlier answer that nobody took, or of want of memory.
    async fn failed(&mut self, error: &io::Error) {
        metrics::counter!("marshrut_gateway_udp_errors_total", "protocol" => self.protocol.name).increment(1);
        if error.kind() != io::ErrorKind::ConnectionReset {
            if let Some(suppressed) = self.intake.failures.pass() {
                tracing::warn!(protocol = self.protocol.name, %error, suppressed, "cannot receive datagrams");
            }
            sleep(ERROR_PAUSE).await;
        }
    }

    /// Decodes all messages of a datagram. Fails only when nobody answers any more.
    async fn take(&mut self, peer: SocketAddr, datagram: &[u8], owed: &mpsc::Sender<Owed>) -> Result<(), ()> {
        let known = self.forget(peer);
        let mut allowance = match &known {
            Some(session) if session.identity.is_some() => MAX_ANSWER,
            _ => datagram.len(),
        };
        let Some(mut session) = known.or_else(|| self.begin(peer)) else { return Ok(()) };
        session.last = Instant::now();
        session.decoder.now(self.intake.now());
        let mut rest = datagram;
        while !rest.is_empty() {
            let (consumed, message) = match session.decoder.decode_last(rest) {
                Step::Took { consumed, message } => (consumed.clamp(1, rest.len()), message),
                Step::Need => {
                    let error = DecodeError::Format("datagram ends before its message does");
                    self.undecodable(&session, peer, &error, rest);
                    break;
                }
            };
            let (frame, later) = rest.split_at(consumed);
            rest = later;
            let Some(mut answer) = self.heard(&mut session, peer, frame, message).await else { return Ok(()) };
            if answer.reply.len() > allowance {
                metrics::counter!("marshrut_gateway_udp_unanswered_total", "protocol" => answer.meters.protocol)
                    .increment(1);
                answer.reply = Reply::default();
            }
            allowance -= answer.reply.len();
            owed.send(answer).await.map_err(drop)?;
        }
        self.keep(peer, session);
        Ok(())
    }

    /// Does what one message asks for, and gives what it is owed; `None`: the sender is forgotten.
    async fn heard(&mut self, session: &mut Session, peer: SocketAddr, frame: &[u8], message: Message) -> Option<Owed> {
        let protocol = session.decoder.protocol().unwrap_or(self.protocol.name);
        if self.meters.protocol != protocol {
            self.meters = Meters::of(protocol);
        }
        let meters = Arc::clone(&self.meters);
        meters.message(message.kind.name());
        let due = |reply| Some(Owed { peer, meters: Arc::clone(&meters), reply, journaled: None, read: session.last });
        if let Kind::Error(error) = &message.kind {
            self.undecodable(session, peer, error, frame);
            if error.is_fatal() {
                session.decoder = (self.make)();
            }
            return due(message.reply);
        }
        if let Some(defect) = &message.defect {
            self.undecodable(session, peer, defect, frame);
        }
        if let Some(device) = &message.device {
            session.identity = self.intake.identify(protocol, &peer, device, session.identity.take());
            if session.identity.is_none() {
                return due(message.refusal);
            }
        }
        let Kind::Fixes(batch) = message.kind else { return due(message.reply) };
        let Some(identity) = &session.identity else {
            metrics::counter!("marshrut_gateway_refused_total", "protocol" => protocol, "reason" => "nobody")
                .increment(1);
            return due(message.refusal);
        };
        if batch.fixes.is_empty() {
            return due(message.reply);
        }
        let fixes = batch.fixes.len() as u64;
        match self.intake.submit(&meters, identity, batch).await {
            Ok(receipt) => {
                let journaled = Some((receipt, fixes));
                Some(Owed { peer, meters: Arc::clone(&meters), reply: message.reply, journaled, read: session.last })
            }
            Err(error) => {
                if let Some(bound) = out_of_bounds(&error) {
                    self.undecodable(session, peer, &bound, frame);
                    return due(message.refusal);
                }
                self.intake.not_journaled(protocol, &error);
                None
            }
        }
    }

    /// Keeps the session under its address, and its device under no other.
    fn keep(&mut self, peer: SocketAddr, session: Session) {
        if let Some(identity) = &session.identity {
            let earlier = self.addresses.insert(identity.device.clone(), peer);
            if let Some(earlier) = earlier.filter(|earlier| *earlier != peer) {
                self.sessions.remove(&earlier);
            }
        }
        self.sessions.insert(peer, session);
    }

    /// Takes the session, and its device, out of what is known.
    fn forget(&mut self, peer: SocketAddr) -> Option<Session> {
        let session = self.sessions.remove(&peer)?;
        if let Some(identity) = &session.identity {
            self.addresses.remove(&identity.device);
        }
        Some(session)
    }

    /// A session for a sender that is not known; others make room for it.
    fn begin(&mut self, peer: SocketAddr) -> Option<Session> {
        let mut place = self.crowds.join(peer.ip());
        if place.is_err() {
            let crowd = crowd_of(peer.ip());
            self.forget_least("address", |address| crowd_of(address) == crowd);
            place = self.crowds.join(peer.ip());
        }
        let place = place.ok()?;
        self.make_room();
        Some(Session { decoder: (self.make)(), identity: None, last: Instant::now(), _of_crowd: place })
    }

    /// Forgets whoever has been silent for too long and, where that is nobody, whoever matters least.
    fn make_room(&mut self) {
        if self.sessions.len() < self.intake.limits.max_datagram_sessions.max(1) {
            return;
        }
        let now = Instant::now();
        let (limits, listened) = (&self.intake.limits, self.protocol.name);
        self.sessions.retain(|_, session| {
            let protocol = session.decoder.protocol().unwrap_or(listened);
            now.duration_since(session.last) < limits.idle_timeout_of(protocol)
        });
        if self.sessions.len() >= self.intake.limits.max_datagram_sessions.max(1) {
            self.forget_least("full", |_| true);
        }
        let sessions = &self.sessions;
        self.addresses.retain(|_, peer| sessions.contains_key(peer));
    }

    /// Forgets whoever matters least of those at some addresses: who is not identified before who is, the
    /// longest silent first.
    fn forget_least(&mut self, reason: &'static str, is_among: impl Fn(IpAddr) -> bool) {
        let among = self.sessions.iter().filter(|(peer, _)| is_among(peer.ip()));
        let least = among.min_by_key(|(_, s)| (s.identity.is_some(), s.last)).map(|(peer, _)| *peer);
        if let Some(peer) = least {
            self.forget(peer);
            let protocol = self.protocol.name;
            metrics::counter!("marshrut_gateway_udp_forgotten_total", "protocol" => protocol, "reason" => reason)
                .increment(1);
        }
    }

    fn undecodable(&self, session: &Session, peer: SocketAddr, error: &DecodeError, frame: &[u8]) {
        let protocol = session.decoder.protocol().unwrap_or(self.protocol.name);
        let entry = Entry::new(self.intake.now(), protocol, error, frame);
        let device = session.identity.as_ref().map(|identity| identity.device.clone());
        self.intake.undecodable(Entry { peer: Some(peer), device, ..entry });
    }
}

/// Sends what is owed once it is durable, in the order of the messages; the journal resolves them in
/// that order. What it did not take is not answered, and its sender keeps it.
async fn answer(socket: Arc<UdpSocket>, mut waiting: mpsc::Receiver<Owed>, intake: Arc<Intake>) {
    while let Some(Owed { peer, meters, reply, journaled, read }) = waiting.recv().await {
        if let Some((receipt, fixes)) = journaled {
            if let Err(error) = receipt.await {
                intake.not_journaled(meters.protocol, &error);
                continue;
            }
            meters.acknowledged(fixes);
            meters.durable(read.elapsed());
        }
        if !reply.is_empty() && socket.send_to(&reply, peer).await.is_err() {
            metrics::counter!("marshrut_gateway_udp_errors_total", "protocol" => meters.protocol).increment(1);
        }
    }
}
