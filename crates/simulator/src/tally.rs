//! What a fleet has done so far, counted by all its trackers at once.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use model::{DeviceId, Fix};

use crate::SimulatorError;
use crate::latency::Histogram;

/// What a fleet did, or has done so far. A record is one fix of one tracker.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Trackers with something to send.
    pub trackers: u64,
    /// Records that they have to send; 0 where that depends on how fast they are answered.
    pub planned: u64,
    /// Records sent, each counted once.
    pub sent: u64,
    /// Records acknowledged, each counted once.
    pub acknowledged: u64,
    /// Records sent again, each time counted.
    pub retransmitted: u64,
    /// Connections that got as far as the login's answer.
    pub connections: u64,
    /// Connections open now.
    pub connected: u64,
    /// Attempts to connect, log in or be answered that failed.
    pub failures: u64,
    /// Those of them in which the gateway refused the login.
    pub logins_refused: u64,
    /// Trackers that gave up because nothing was acknowledged for too long.
    pub gave_up: u64,
    /// Connections that sent noise on purpose.
    pub garbage: u64,
    /// Records of protocols in which a server answers none.
    pub unanswered: u64,
    /// How long it took so far.
    pub elapsed: Duration,
    /// From a frame's first byte sent to its acknowledgement: half took no longer.
    pub ack_p50: Option<Duration>,
    /// 99 of 100 took no longer.
    pub ack_p99: Option<Duration>,
    /// None took longer.
    pub ack_max: Option<Duration>,
}

impl Report {
    /// Records sent that nobody has acknowledged although the protocol has answers.
    pub const fn unacknowledged(&self) -> u64 {
        self.sent.saturating_sub(self.acknowledged + self.unanswered)
    }

    /// Records acknowledged a second.
    pub fn rate(&self) -> f64 {
        self.acknowledged as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// The counters behind a [`Report`].
pub(crate) struct Tally {
    pub(crate) trackers: AtomicU64,
    pub(crate) planned: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) acknowledged: AtomicU64,
    pub(crate) retransmitted: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) connected: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) logins_refused: AtomicU64,
    pub(crate) gave_up: AtomicU64,
    pub(crate) garbage: AtomicU64,
    unanswered: AtomicU64,
    latency: Histogram,
    log: Option<Log>,
    started: Instant,
}

/// The list of acknowledged records, one writer at a time.
struct Log(Mutex<File>);

impl Tally {
    /// Starts counting; where `log` is given, each acknowledged record is appended to that
    /// file as `device_id,time`, written out before the tracker does anything else.
    pub(crate) fn start(log: Option<&Path>) -> Result<Self, SimulatorError> {
        let zero = || AtomicU64::new(0);
        Ok(Self {
            trackers: zero(),
            planned: zero(),
            sent: zero(),
            acknowledged: zero(),
            retransmitted: zero(),
            connections: zero(),
            connected: zero(),
            failures: zero(),
            logins_refused: zero(),
            gave_up: zero(),
            garbage: zero(),
            unanswered: zero(),
            latency: Histogram::default(),
            log: log.map(Log::open).transpose()?,
            started: Instant::now(),
        })
    }

    pub(crate) fn report(&self) -> Report {
        Report {
            trackers: self.trackers.load(Relaxed),
            planned: self.planned.load(Relaxed),
            // Acknowledged is read first: a record is counted as sent before.
            acknowledged: self.acknowledged.load(Relaxed),
            sent: self.sent.load(Relaxed),
            retransmitted: self.retransmitted.load(Relaxed),
            connections: self.connections.load(Relaxed),
            connected: self.connected.load(Relaxed),
            failures: self.failures.load(Relaxed),
            logins_refused: self.logins_refused.load(Relaxed),
            gave_up: self.gave_up.load(Relaxed),
            garbage: self.garbage.load(Relaxed),
            unanswered: self.unanswered.load(Relaxed),
            elapsed: self.started.elapsed(),
            ack_p50: self.latency.quantile(0.5),
            ack_p99: self.latency.quantile(0.99),
            ack_max: self.latency.quantile(1.0),
        }
    }

    /// Takes note of an answer to a frame.
    pub(crate) fn answered(&self, device: &DeviceId, records: &[Fix], took: Duration) -> std::io::Result<()> {
        self.latency.record(took);
        if let Some(log) = &self.log {
            log.append(device, records)?;
        }
        self.acknowledged.fetch_add(records.len() as u64, Relaxed);
        Ok(())
    }

    /// Takes note of records of a protocol without answers: nobody will ever know more of
    /// them than that they were sent.
    pub(crate) fn let_go(&self, device: &DeviceId, records: &[Fix]) -> std::io::Result<()> {
        self.unanswered.fetch_add(records.len() as u64, Relaxed);
        self.log.as_ref().map_or(Ok(()), |log| log.append(device, records))
    }
}

impl Log {
    fn open(path: &Path) -> Result<Self, SimulatorError> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Ok(Self(Mutex::new(file.map_err(|e| SimulatorError::file(path, e))?)))
    }

    /// One write for all the lines, so that a reader never sees half an answer.
    fn append(&self, device: &DeviceId, records: &[Fix]) -> std::io::Result<()> {
        let mut lines = String::with_capacity(records.len() * 48);
        for fix in records {
            lines.extend([device.as_str(), ",", &fix.time.to_string(), "\n"]);
        }
        let mut file = self.0.lock().map_err(|_| std::io::Error::other("the list of acknowledged records is lost"))?;
        file.write_all(lines.as_bytes())
    }
}
