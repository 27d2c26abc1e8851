//! A recorded day, played by virtual trackers.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use model::{Fix, Timestamp};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::devices::Device;
use crate::recording::Recording;
use crate::tally::{Report, Tally};
use crate::tracker::{Common, MAX_CONNECTING, MAX_TRACKERS, Next, Source, Tracker};
use crate::{ReplayClock, SimulatorError, spoken};

/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// When a recorded fix is sent.
#[derive(Clone, Copy, Debug)]
pub enum Speed {
    /// When the clock shows the instant at which it was sent.
    Clock(ReplayClock),
    /// As soon as the one before it was acknowledged.
    Max,
}

/// Where the frames of a protocol go.
#[derive(Clone, Debug, Default)]
pub struct Targets(Vec<(String, SocketAddr)>);

impl Targets {
    /// Adds or replaces a protocol's address.
    #[must_use]
    pub fn with(mut self, protocol: &str, address: SocketAddr) -> Self {
        let protocol = protocols::by_name(protocol).map_or(protocol, |p| p.name);
        self.0.retain(|(name, _)| name != protocol);
        self.0.push((protocol.to_owned(), address));
        self
    }

    fn of(&self, protocol: &'static str) -> Result<SocketAddr, SimulatorError> {
        let found = self.0.iter().find(|(name, _)| name == protocol);
        found.map(|(_, address)| *address).ok_or(SimulatorError::NoTarget(protocol))
    }
}

/// What of a recording is played, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Play what was sent from here on.
    pub from: Timestamp,
    /// Leave out what was sent at or after this instant.
    pub until: Timestamp,
    /// Begin with what was sent so long before `from`, as records that the trackers had in
    /// their buffers, so that a map is alive at once.
    pub catch_up: Duration,
    /// When each record is sent.
    pub speed: Speed,
    /// Most records in one frame. Fewer are sent where fewer are due.
    pub records_per_frame: usize,
    /// How long a tracker goes on without any acknowledgement before it gives up.
    pub patience: Duration,
    /// Append `device_id,time` of each acknowledged record to this file; of protocols in which
    /// a server answers nothing, of each record sent.
    pub acknowledged_log: Option<PathBuf>,
}

impl Options {
    /// All of a recording, as fast as it is acknowledged.
    pub fn everything(recording: &Recording) -> Self {
        let (from, until) = recording.span();
        Self {
            from,
            until: until.plus_seconds(1.0),
            catch_up: Duration::ZERO,
            speed: Speed::Max,
            records_per_frame: 20,
            patience: Duration::from_mins(1),
            acknowledged_log: None,
        }
    }
}

/// The trackers of a recording's vehicles, ready to set out.
pub struct Fleet {
    trackers: Vec<Tracker<Recorded>>,
    common: Arc<Common>,
}

impl Fleet {
    /// Gives each device the rows of its vehicle. Vehicles without a row in the window stay
    /// at home.
    pub fn new(
        recording: &Arc<Recording>,
        devices: &[Device],
        targets: &Targets,
        options: &Options,
    ) -> Result<Self, SimulatorError> {
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); recording.vehicles().len()];
        let first = options.from.plus_seconds(-options.catch_up.as_secs_f64());
        let before = recording.rows().partition_point(|r| r.sent < first);
        for (index, row) in recording.sent_between(first, options.until).iter().enumerate() {
            let index = u32::try_from(before + index).unwrap_or(u32::MAX);
            if let Some(of_vehicle) = rows.get_mut(row.vehicle as usize) {
                of_vehicle.push(index);
            }
        }
        let common = Arc::new(Common {
            tally: Tally::start(options.acknowledged_log.as_deref())?,
            connecting: Semaphore::new(MAX_CONNECTING),
            records_per_frame: options.records_per_frame,
            patience: options.patience,
        });
        let by_vehicle: HashMap<_, _> = devices.iter().map(|d| (&d.vehicle, d)).collect();
        let mut trackers = Vec::new();
        for (rows, vehicle) in rows.into_iter().zip(recording.vehicles()) {
            let Some(device) = by_vehicle.get(vehicle).filter(|_| !rows.is_empty()) else {
                continue;
            };
            let (protocol, encoder) = spoken(device.protocol)?;
            let address = targets.of(protocol.name)?;
            common.tally.planned.fetch_add(rows.len() as u64, Relaxed);
            let source = Recorded { recording: Arc::clone(recording), rows, next: 0, speed: options.speed };
            trackers.push(Tracker::new((*device).clone(), encoder, address, source, Arc::clone(&common)));
        }
        if trackers.len() > MAX_TRACKERS {
            return Err(SimulatorError::TooManyTrackers(trackers.len()));
        }
        common.tally.trackers.store(trackers.len() as u64, Relaxed);
        Ok(Self { trackers, common })
    }

    /// What it has ahead of it.
    pub fn report(&self) -> Report {
        self.common.tally.report()
    }

    /// Plays until all is acknowledged, all have given up, or `cancel` is pulled; tells its
    /// progress twice a second.
    pub async fn run(self, cancel: CancellationToken, progress: impl FnMut(&Report)) -> Report {
        play(self.trackers, &self.common, cancel, progress).await
    }
}

/// Runs one task a tracker.
pub(crate) async fn play<S: Source + 'static>(
    trackers: Vec<Tracker<S>>,
    common: &Common,
    cancel: CancellationToken,
    mut progress: impl FnMut(&Report),
) -> Report {
    let mut tasks = JoinSet::new();
    for tracker in trackers {
        tasks.spawn(cancel.clone().run_until_cancelled_owned(tracker.play()));
    }
    let mut ticks = tokio::time::interval(PROGRESS_EVERY);
    loop {
        tokio::select! {
            ended = tasks.join_next() => if ended.is_none() { break },
            _ = ticks.tick() => progress(&common.tally.report()),
        }
    }
    let report = common.tally.report();
    progress(&report);
    report
}

/// A vehicle's recorded rows.
struct Recorded {
    recording: Arc<Recording>,
    rows: Vec<u32>,
    next: usize,
    speed: Speed,
}

impl Recorded {
    fn peek(&self) -> Option<(Fix, Timestamp)> {
        let row = self.recording.rows().get(*self.rows.get(self.next)? as usize)?;
        Some((row.fix(), row.sent))
    }
}

impl Source for Recorded {
    fn next(&mut self, most: usize, records: &mut Vec<Fix>) -> Next {
        let now = Instant::now();
        while let Some((fix, sent)) = self.peek() {
            if let Speed::Clock(clock) = self.speed
                && clock.instant_of(sent) > now
            {
                return if records.is_empty() { Next::At(clock.instant_of(sent)) } else { Next::Records };
            }
            records.push(fix);
            self.next += 1;
            if records.len() >= most {
                break;
            }
        }
        if records.is_empty() { Next::End } else { Next::Records }
    }
}
