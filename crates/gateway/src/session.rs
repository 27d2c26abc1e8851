//! One tracker's connection.

mod end;
mod wire;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use bytes::BytesMut;
use journal::{JournalError, Receipt};
use model::FixBatch;
use protocols::{DecodeError, Decoder, Kind, Message, Protocol, Reply, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

pub(crate) use self::end::End;
use self::wire::{Owed, read, settle, write};
use crate::connected::Place;
use crate::intake::{Identity, Intake, out_of_bounds};
use crate::meters::Meters;
use crate::quarantine::Entry;

/// For the peer to take the last reply before the socket is closed for good.
const LINGER: Duration = Duration::from_millis(500);

/// One tracker's connection: reads, decodes, submits and answers, in one task.
pub(crate) struct Session {
    intake: Arc<Intake>,
    protocol: &'static Protocol,
    meters: Arc<Meters>,
    stream: TcpStream,
    peer: SocketAddr,
    decoder: Box<dyn Decoder>,
    /// Read and not yet decoded; at most [`Protocol::max_frame`] and one reading more.
    input: BytesMut,
    /// At most [`crate::Limits::max_in_flight`].
    owed: VecDeque<Owed>,
    /// Replies that are due now.
    output: Vec<u8>,
    identity: Option<Identity>,
    /// Held since the login.
    place: Option<Place>,
    /// Lets the session finish what it has read.
    finish: CancellationToken,
    errors_in_a_row: u32,
    /// There may be whole messages in the input for which there is no room in `owed`.
    blocked: bool,
    connected: Instant,
    last_message: Instant,
    /// Since when a message has been begun and not finished.
    frame_begun: Option<Instant>,
}

impl Session {
    pub(crate) fn new(
        intake: Arc<Intake>,
        (protocol, meters): (&'static Protocol, Arc<Meters>),
        (stream, peer): (TcpStream, SocketAddr),
        finish: CancellationToken,
    ) -> Box<Self> {
        let now = Instant::now();
        Box::new(Self {
            intake,
            protocol,
            meters,
            stream,
            peer,
            decoder: (protocol.decoder)(),
            input: BytesMut::new(),
            owed: VecDeque::new(),
            output: Vec::new(),
            identity: None,
            place: None,
            finish,
            errors_in_a_row: 0,
            blocked: false,
            connected: now,
            last_message: now,
            frame_begun: None,
        })
    }

    /// Serves the connection to its end and closes it. Once its token is cancelled it finishes
    /// what it has read.
    ///
    /// There are as many of its futures as there are connections, so whatever is large and seldom
    /// needed is boxed.
    pub(crate) async fn run(mut self: Box<Self>) -> End {
        let mut end = self.serve().await;
        if !matches!(end, End::Journal | End::Io) {
            end = Box::pin(self.settle_all(end)).await;
        }
        if !self.input.is_empty() {
            self.leftover(end);
        }
        if end != End::Io {
            Box::pin(self.close()).await;
        }
        end
    }

    /// The protocol spoken, as far as it is known.
    fn name(&self) -> &'static str {
        self.decoder.protocol().unwrap_or(self.protocol.name)
    }

    async fn serve(&mut self) -> End {
        // Both are kept from message to message, for making them anew takes locks that all
        // connections share.
        let mut finish = pin!(self.finish.clone().cancelled_owned());
        let mut timer = pin!(sleep_until(self.deadline().0));
        loop {
            if let Err(end) = self.take_messages().await {
                return end;
            }
            // A deadline that has moved away is looked at when the timer goes off.
            let (deadline, _) = self.deadline();
            if deadline < timer.deadline() {
                timer.as_mut().reset(deadline);
            }
            let has_room = !self.blocked;
            tokio::select! {
                biased;
                () = &mut finish => return End::Shutdown,
                settled = settle(&mut self.owed, &mut self.output, &self.meters), if !self.owed.is_empty() => {
                    if let Err(end) = self.answer(settled).await {
                        return end;
                    }
                }
                read = read(&mut self.stream, &mut self.input), if has_room => match read {
                    Ok(0) => return End::Peer,
                    Ok(_) => {}
                    Err(_) => return End::Io,
                },
                () = &mut timer => match self.deadline() {
                    (deadline, late) if deadline <= Instant::now() => return late,
                    (deadline, _) => timer.as_mut().reset(deadline),
                },
            }
        }
    }

    /// Decodes what is in the buffer, as far as there is room for what is owed.
    async fn take_messages(&mut self) -> Result<(), End> {
        self.blocked = false;
        if self.input.is_empty() {
            return Ok(());
        }
        self.decoder.now(self.intake.now());
        let mut took_any = false;
        while !self.input.is_empty() {
            if self.owed.len() >= self.intake.limits.max_in_flight.max(1) {
                self.blocked = true;
                break;
            }
            match self.decoder.decode(&self.input) {
                Step::Took { consumed, message } => {
                    took_any = true;
                    let frame = self.input.split_to(consumed.clamp(1, self.input.len()));
                    if let Some((batch, reply)) = self.heard(&frame, message)? {
                        let Some(identity) = &self.identity else { return Err(End::Nobody) };
                        let fixes = batch.fixes.len() as u64;
                        let queued = self.intake.submit(&self.meters, identity, batch).await;
                        self.queued(queued, reply, fixes, &frame)?;
                    }
                }
                Step::Need if self.input.len() < self.protocol.max_frame => break,
                Step::Need => {
                    let (found, limit) = (self.input.len(), self.protocol.max_frame);
                    let frame = self.input.split();
                    self.undecodable(&DecodeError::Length { what: "message", found, limit }, &frame);
                    return Err(End::Undecodable);
                }
            }
        }
        if self.input.is_empty() {
            self.frame_begun = None;
            self.input = BytesMut::new(); // a silent connection holds no buffer
        } else if took_any || self.frame_begun.is_none() {
            self.frame_begun = Some(Instant::now());
        }
        Ok(())
    }

    /// Does what one message asks for, but for journaling its fixes, which it gives with the reply to them.
    fn heard(&mut self, frame: &[u8], message: Message) -> Result<Option<(FixBatch, Reply)>, End> {
        let protocol = self.name();
        self.last_message = Instant::now();
        if self.meters.protocol != protocol {
            self.meters = Meters::of(protocol);
        }
        self.meters.message(message.kind.name());
        if let Kind::Error(error) = &message.kind {
            return self.failed(error, frame, message.reply).map(|()| None);
        }
        self.errors_in_a_row = 0;
        if let Some(defect) = &message.defect {
            self.undecodable(defect, frame);
        }
        if let Some(device) = &message.device {
            self.identity = self.intake.identify(protocol, &self.peer, device, self.identity.take());
            if self.identity.is_none() {
                self.owed.push_back(Owed::Reply(message.refusal));
                return Err(End::Refused);
            }
        }
        if let (Kind::Login, Some(device)) = (&message.kind, &message.device)
            && self.place.as_ref().is_none_or(|place| place.device != *device)
        {
            self.place = Some(self.intake.connected.take(device, self.finish.clone()));
        }
        let Kind::Fixes(batch) = message.kind else {
            self.owed.push_back(Owed::Reply(message.reply));
            return Ok(None);
        };
        if self.identity.is_none() {
            self.owed.push_back(Owed::Reply(message.refusal));
            metrics::counter!("marshrut_gateway_refused_total", "protocol" => protocol, "reason" => "nobody")
                .increment(1);
            return Err(End::Nobody);
        }
        if batch.fixes.is_empty() {
            self.owed.push_back(Owed::Reply(message.reply));
            return Ok(None);
        }
        Ok(Some((batch, message.reply)))
    }

    /// Notes what is owed for fixes that are in the journal's queue, or why they are not.
    fn queued(
        &mut self,
        queued: Result<Receipt, JournalError>,
        reply: Reply,
        fixes: u64,
        frame: &[u8],
    ) -> Result<(), End> {
        match queued {
            Ok(receipt) => {
                self.owed.push_back(Owed::Journaled { receipt, reply, fixes, read: self.last_message });
                Ok(())
            }
            Err(error) => {
                if let Some(bound) = out_of_bounds(&error) {
                    self.undecodable(&bound, frame);
                    return Err(End::Undecodable);
                }
                self.intake.not_journaled(self.name(), &error);
                Err(End::Journal)
            }
        }
    }

    fn failed(&mut self, error: &DecodeError, frame: &[u8], reply: Reply) -> Result<(), End> {
        self.owed.push_back(Owed::Reply(reply));
        self.errors_in_a_row += 1;
        if error.is_fatal() {
            // Where the framing is lost, what follows belongs to the picture.
            let rest = self.input.split();
            self.undecodable(error, &[frame, &rest].concat());
            return Err(End::Undecodable);
        }
        self.undecodable(error, frame);
        if self.errors_in_a_row >= self.intake.limits.max_errors_in_a_row {
            return Err(End::Undecodable);
        }
        Ok(())
    }

    fn undecodable(&self, error: &DecodeError, frame: &[u8]) {
        let entry = Entry::new(self.intake.now(), self.name(), error, frame);
        self.quarantine(entry);
    }

    /// Keeps what was begun and not finished.
    fn leftover(&mut self, end: End) {
        let why = match end {
            End::Peer | End::Io => "the connection was closed",
            End::FrameTimeout | End::LoginTimeout | End::IdleTimeout => "the rest did not come in time",
            // Its sender is not wanted, or it will come again.
            End::Refused | End::Nobody | End::Undecodable | End::Journal | End::Replaced | End::Shutdown => return,
        };
        let frame = self.input.split();
        let error = format!("a message was begun and {why}");
        self.quarantine(Entry::of(self.intake.now(), self.name(), "incomplete", error, &frame));
    }

    fn quarantine(&self, entry: Entry) {
        let device = self.identity.as_ref().map(|identity| identity.device.clone());
        self.intake.undecodable(Entry { peer: Some(self.peer), device, ..entry });
    }

    /// Sends what has become due.
    async fn answer(&mut self, settled: Result<u64, JournalError>) -> Result<(), End> {
        // Even when the journal then failed, what it took before is acknowledged.
        if !self.output.is_empty() {
            let is_sent = write(&mut self.stream, &self.output, self.intake.limits.write_timeout).await;
            self.output.clear();
            if !is_sent {
                return Err(End::Io);
            }
        }
        match settled {
            Ok(fixes) => {
                self.meters.acknowledged(fixes);
                Ok(())
            }
            Err(error) => {
                self.intake.not_journaled(self.name(), &error);
                Err(End::Journal)
            }
        }
    }

    /// Answers all that is owed and, when the gateway stops, all that was read.
    async fn settle_all(&mut self, mut end: End) -> End {
        loop {
            while !self.owed.is_empty() {
                let settled = settle(&mut self.owed, &mut self.output, &self.meters).await;
                if let Err(end) = self.answer(settled).await {
                    return end;
                }
            }
            if end != End::Shutdown || !self.blocked {
                return end;
            }
            if let Err(other) = self.take_messages().await {
                end = other;
            }
        }
    }

    /// Closes in an order in which the last reply arrives: a socket closed with bytes unread
    /// is reset, and the reset overtakes the reply.
    async fn close(&mut self) {
        if self.stream.shutdown().await.is_err() {
            return;
        }
        let drain = async {
            let mut rest = [0; 1024];
            while matches!(self.stream.read(&mut rest).await, Ok(1..)) {}
        };
        let _ = timeout(LINGER, drain).await;
    }

    /// When patience ends, and with what.
    fn deadline(&self) -> (Instant, End) {
        let limits = &self.intake.limits;
        let mut earliest = (self.last_message + limits.idle_timeout_of(self.name()), End::IdleTimeout);
        let mut consider = |at: Instant, end: End| {
            if at < earliest.0 {
                earliest = (at, end);
            }
        };
        if self.identity.is_none() {
            consider(self.connected + limits.login_timeout, End::LoginTimeout);
        }
        if let Some(begun) = self.frame_begun.filter(|_| !self.blocked) {
            consider(begun + limits.frame_timeout, End::FrameTimeout);
        }
        earliest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn future_of<F>(_: impl Fn(Box<Session>) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_hundred_thousand_silent_sessions_fit_in_little_memory() {
        let (session, future) = (size_of::<Session>(), future_of(Session::run));
        println!("a session has {session} bytes, its future {future}");
        assert!(session + future <= 1536, "{session} + {future} bytes; box what is large and seldom needed");
    }
}
