//! One virtual tracker.
//!
//! It behaves as the real ones do: connects, logs in, sends a frame of records, waits for
//! its acknowledgement, and keeps what was not acknowledged until it has sent it again.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use model::{Fix, FixBatch};
use protocols::{Encoder, Frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, sleep_until, timeout, timeout_at};

use crate::devices::Device;
use crate::mischief::{Imp, Mischief};
use crate::tally::Tally;

/// Most trackers of one simulator.
pub const MAX_TRACKERS: usize = 200_000;
/// Most trackers that connect at the same moment.
pub(crate) const MAX_CONNECTING: usize = 64;
/// Longest wait for an acknowledgement, after which the connection counts as dead.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// First pause before connecting again; each further one is twice as long …
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Most bytes of answers kept; who sends more without completing an answer does not speak
/// the protocol.
const MAX_ANSWER_BYTES: usize = 256;

/// Where a tracker's records come from.
pub(crate) trait Source: Send {
    /// Puts at most `most` records that are due into the empty `records`, or says when to
    /// ask again.
    fn next(&mut self, most: usize, records: &mut Vec<Fix>) -> Next;
}

/// What a [`Source`] has.
pub(crate) enum Next {
    /// Records, at least one.
    Records,
    /// Nothing before this instant.
    At(Instant),
    /// Nothing any more.
    End,
}

/// What all trackers of a fleet have in common.
pub(crate) struct Common {
    pub(crate) tally: Tally,
    pub(crate) connecting: Semaphore,
    pub(crate) records_per_frame: usize,
    /// How long a tracker goes on without any acknowledgement before it gives up.
    pub(crate) patience: Duration,
}

/// One vehicle's tracker.
pub(crate) struct Tracker<S> {
    device: Device,
    encoder: Encoder,
    address: SocketAddr,
    source: S,
    common: Arc<Common>,
    /// Frames sent on this connection, modulo 2¹⁶.
    frames: u16,
    /// Taken from the source and not acknowledged yet: what a real tracker has in its flash.
    kept: Vec<Fix>,
    kept_was_sent: bool,
    /// When a record was last acknowledged, or taken after a time with none.
    progress: Instant,
    answers: Vec<u8>,
    imp: Option<Imp>,
    /// A storm took its connection.
    was_hit: bool,
    /// The address of its own that it connects from, where it is not left to the system.
    own: Option<IpAddr>,
}

impl<S: Source> Tracker<S> {
    pub(crate) fn new(device: Device, encoder: Encoder, address: SocketAddr, source: S, common: Arc<Common>) -> Self {
        let (kept, answers, progress) = (Vec::new(), Vec::new(), Instant::now());
        Self {
            device,
            encoder,
            address,
            source,
            common,
            frames: 0,
            kept,
            kept_was_sent: false,
            progress,
            answers,
            imp: None,
            was_hit: false,
            own: None,
        }
    }

    /// Makes it connect from an address of this machine: one address has ports for some
    /// 28,000 connections to the same gateway, and a larger fleet needs several.
    pub(crate) const fn from(mut self, own: Option<IpAddr>) -> Self {
        self.own = own;
        self
    }

    /// Makes it misbehave, from `start` on.
    pub(crate) fn with(mut self, mischief: Mischief, start: Instant) -> Self {
        self.imp = Some(Imp::new(mischief, self.device.device.as_str(), start));
        self
    }

    /// Sends all that the source has, until all is acknowledged or patience ends.
    pub(crate) async fn play(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            // Nobody connects before there is something to say, but for those whose line broke.
            while self.kept.is_empty() && !self.was_hit {
                match self.take() {
                    Next::Records => {}
                    Next::At(instant) => sleep_until(instant.into()).await,
                    Next::End => return,
                }
            }
            let tried = Instant::now();
            self.was_hit = false;
            if self.connection().await.is_ok() {
                return;
            }
            if self.kept.is_empty() || self.was_hit {
                continue; // Closed between two frames: no harm done.
            }
            self.common.tally.failures.fetch_add(1, Relaxed);
            if self.progress.elapsed() > self.common.patience {
                self.common.tally.gave_up.fetch_add(1, Relaxed);
                return;
            }
            pause = if self.progress > tried { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            sleep(self.spread(pause)).await;
        }
    }

    /// Between half the pause and all of it, by the device: a fleet that lost its gateway
    /// must not come back in one instant.
    fn spread(&self, pause: Duration) -> Duration {
        let text = self.device.device.as_str();
        let share = text.bytes().fold(0u32, |sum, b| (sum * 31 + u32::from(b)) % 1000);
        pause / 2 + pause * share / 2000
    }

    fn take(&mut self) -> Next {
        let most = self.common.records_per_frame.clamp(1, self.encoder.most_records);
        let next = self.source.next(most, &mut self.kept);
        if matches!(next, Next::Records) {
            self.progress = Instant::now();
            self.kept_was_sent = false;
        }
        next
    }

    /// One connection's life. Ends well when there is nothing left to send.
    async fn connection(&mut self) -> io::Result<()> {
        let common = Arc::clone(&self.common);
        let mut stream = {
            let _place = common.connecting.acquire().await.map_err(io::Error::other)?;
            let mut stream = timeout(CONNECT_TIMEOUT, connect(self.own, self.address)).await??;
            stream.set_nodelay(true)?;
            self.log_in(&mut stream).await?;
            stream
        };
        let _open = Open::count(&common.tally);
        loop {
            if self.kept.is_empty() {
                match self.take() {
                    Next::Records => {}
                    Next::At(instant) => {
                        let storm = self.imp.as_ref().and_then(Imp::storm).unwrap_or(instant);
                        idle(&stream, instant.min(storm)).await?;
                        self.weather()?;
                        continue;
                    }
                    Next::End => return Ok(()),
                }
            }
            self.weather()?;
            if let Some(imp) = &mut self.imp {
                imp.make_noise(self.address, &self.common.tally).await;
            }
            self.exchange(&mut stream).await?;
            if self.kept.is_empty() && self.imp.as_mut().is_some_and(Imp::hangs_up) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
    }

    /// An error where a storm takes the connection now.
    fn weather(&mut self) -> io::Result<()> {
        if self.imp.as_mut().is_some_and(|imp| imp.is_hit(Instant::now())) {
            self.was_hit = true;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    async fn log_in(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        self.frames = 0;
        let mut accepted = true;
        if let Some(login) = self.encoder.login {
            stream.write_all(&(login.bytes)(&self.device.device)).await?;
            if let Some(reading) = login.accepted {
                accepted = read(stream, &mut self.answers, reading).await?;
            }
        }
        self.common.tally.connections.fetch_add(1, Relaxed);
        if !accepted {
            self.common.tally.logins_refused.fetch_add(1, Relaxed);
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "login refused"));
        }
        Ok(())
    }

    /// Sends what is kept and lets go of what the answer acknowledges; where frames are not
    /// answered, of what the system took.
    async fn exchange(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        let mut batch = FixBatch::default();
        self.kept.iter().for_each(|fix| batch.push(*fix));
        let frame = Frame { device: &self.device.device, number: self.frames, batch: &batch };
        self.frames = self.frames.wrapping_add(1);
        let bytes = (self.encoder.frame)(&frame);
        let tally = &self.common.tally;
        let counter = if self.kept_was_sent { &tally.retransmitted } else { &tally.sent };
        counter.fetch_add(self.kept.len() as u64, Relaxed);
        self.kept_was_sent = true;

        let began = Instant::now();
        stream.write_all(&bytes).await?;
        let taken = if let Some(reading) = self.encoder.acknowledged {
            let taken = read(stream, &mut self.answers, |answer| reading(&frame, answer)).await?;
            let taken = self.kept.get(..taken.min(self.kept.len())).filter(|r| !r.is_empty());
            let taken = taken.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "frame refused"))?;
            tally.answered(frame.device, taken, began.elapsed())?;
            taken.len()
        } else {
            tally.let_go(frame.device, &self.kept)?;
            self.kept.len()
        };
        self.kept.drain(..taken);
        self.progress = Instant::now();
        if self.imp.as_mut().is_some_and(Imp::sends_twice) {
            tally.retransmitted.fetch_add(batch.fixes.len() as u64, Relaxed);
            stream.write_all(&bytes).await?;
            if let Some(reading) = self.encoder.acknowledged {
                read(stream, &mut self.answers, |answer| reading(&frame, answer)).await?;
            }
        }
        Ok(())
    }
}

/// Waits for the answer to what was just sent. Nothing else was asked, so whatever came with
/// it is let go.
async fn read<T>(stream: &mut TcpStream, answers: &mut Vec<u8>, meaning: impl Fn(&[u8]) -> Option<T>) -> io::Result<T> {
    let deadline = tokio::time::Instant::now() + ANSWER_TIMEOUT;
    answers.clear();
    loop {
        if timeout_at(deadline, stream.read_buf(answers)).await?? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(meaning) = meaning(answers) {
            return Ok(meaning);
        }
        if answers.len() > MAX_ANSWER_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no answer of this protocol"));
        }
    }
}

async fn connect(own: Option<IpAddr>, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(own) = own {
        socket.bind((own, 0).into())?;
    }
    socket.connect(address).await
}

/// Waits until an instant, or until the gateway closes the connection.
async fn idle(stream: &TcpStream, until: Instant) -> io::Result<()> {
    let mut unasked = [0u8; 64];
    let closed = async {
        loop {
            stream.readable().await?;
            match stream.try_read(&mut unasked) {
                Ok(0) => return Err::<(), _>(io::ErrorKind::UnexpectedEof.into()),
                // A gateway may send commands unasked; a virtual tracker has nothing to obey.
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
        }
    };
    tokio::select! {
        result = closed => result,
        () = sleep_until(until.into()) => Ok(()),
    }
}

/// Counts a connection for as long as it lives, also when its task is dropped.
struct Open<'a>(&'a Tally);

impl<'a> Open<'a> {
    fn count(tally: &'a Tally) -> Self {
        tally.connected.fetch_add(1, Relaxed);
        Self(tally)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.connected.fetch_sub(1, Relaxed);
    }
}
