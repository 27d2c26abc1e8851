//! A load of made-up vehicles.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use model::{Fix, LatLon, Timestamp, VehicleId};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::devices::{self, Device};
use crate::drive::Rng;
use crate::mischief::Mischief;
use crate::tally::{Report, Tally};
use crate::tracker::{Common, MAX_CONNECTING, MAX_TRACKERS, Next, Source, Tracker};
use crate::{SimulatorError, spoken};

/// What load to make.
#[derive(Clone, Debug)]
pub struct Load {
    /// The protocol to speak.
    pub protocol: String,
    /// Where to.
    pub address: SocketAddr,
    /// Addresses of this machine from which they connect by turns; none: the system chooses.
    /// One address has ports for some 28,000 connections.
    pub from: Vec<IpAddr>,
    /// How many vehicles, each with its own connection.
    pub vehicles: usize,
    /// Records a second of each vehicle; `None`: as fast as they are acknowledged.
    pub rate_hz: Option<f64>,
    /// Records in one frame: a vehicle waits until it has so many.
    pub records_per_frame: usize,
    /// When to stop making records. What was sent is still waited for.
    pub duration: Duration,
    /// Time of the first record of each vehicle. The following ones lie one period apart,
    /// but at least the finest step of time that the protocol can say; this one is drawn to
    /// such a step too.
    pub first: Timestamp,
    /// Where the vehicles drive about.
    pub centre: LatLon,
    /// Each vehicle falls silent for the second of these every first of them, and then sends
    /// what it gathered meanwhile.
    pub silence: Option<(Duration, Duration)>,
    /// What else they do to the gateway.
    pub mischief: Mischief,
    /// How long a vehicle goes on without any acknowledgement before it gives up.
    pub patience: Duration,
    /// Append `device_id,time` of each acknowledged record to this file; of protocols in which
    /// a server answers nothing, of each record sent.
    pub acknowledged_log: Option<PathBuf>,
}

/// The devices of a load, in the order of their vehicles `teltonika-0`, `teltonika-1`, …; for
/// a gateway that only lets in those on its list. Loads of two protocols share no device.
pub fn fleet(protocol: &str, vehicles: usize) -> Result<Vec<Device>, SimulatorError> {
    if vehicles > MAX_TRACKERS {
        return Err(SimulatorError::TooManyTrackers(vehicles));
    }
    let (protocol, _) = spoken(protocol)?;
    let vehicle = |n| VehicleId::new(&format!("{}-{n}", protocol.name)).ok();
    let vehicles: Vec<VehicleId> = (0..vehicles).filter_map(vehicle).collect();
    devices::assign_all(&vehicles, protocol.name)
}

/// Makes the load until its time is over and all is acknowledged, or `cancel` is pulled.
pub async fn run(
    load: &Load,
    cancel: CancellationToken,
    progress: impl FnMut(&Report),
) -> Result<Report, SimulatorError> {
    let (_, encoder) = spoken(&load.protocol)?;
    let devices = fleet(&load.protocol, load.vehicles)?;
    let common = Arc::new(Common {
        tally: Tally::start(load.acknowledged_log.as_deref())?,
        connecting: Semaphore::new(MAX_CONNECTING),
        records_per_frame: load.records_per_frame,
        patience: load.patience,
    });
    common.tally.trackers.store(devices.len() as u64, Relaxed);
    let start = Instant::now();
    let trackers = devices
        .into_iter()
        .enumerate()
        .map(|(n, device)| {
            let own = n.checked_rem(load.from.len()).and_then(|turn| load.from.get(turn)).copied();
            let source = Wanderer::new(load, encoder.time_step_s, n as u64, start);
            Tracker::new(device, encoder, load.address, source, Arc::clone(&common))
                .with(load.mischief, start)
                .from(own)
        })
        .collect();
    Ok(crate::fleet::play(trackers, &common, cancel, progress).await)
}

/// A vehicle that drives about at random.
struct Wanderer {
    rng: Rng,
    /// Degrees from the centre.
    place: (f64, f64),
    heading_deg: f32,
    centre: LatLon,
    time: Timestamp,
    step_s: f64,
    start: Instant,
    end: Instant,
    /// Between two records; zero: no wait.
    period: Duration,
    made: u32,
    silence: Option<(Duration, Duration)>,
}

impl Wanderer {
    fn new(load: &Load, time_step_s: u8, number: u64, start: Instant) -> Self {
        let step = i64::from(time_step_s.max(1));
        let first_s = load.first.as_secs();
        let mut rng = Rng::new(number);
        let period = match load.rate_hz {
            Some(hz) if hz > 0.0 => Duration::try_from_secs_f64(1.0 / hz).unwrap_or(load.duration),
            _ => Duration::ZERO,
        };
        // Not all at once: vehicles begin spread over the first period.
        let start = start + period.mul_f64(rng.unit());
        Self {
            place: (rng.range(-0.05, 0.05), rng.range(-0.05, 0.05)),
            heading_deg: 0.0,
            rng,
            centre: load.centre,
            time: Timestamp::from_secs(first_s - first_s.rem_euclid(step)),
            step_s: (period.as_secs_f64() / step as f64).round().max(1.0) * step as f64,
            start,
            end: start + load.duration,
            period,
            made: 0,
            silence: load.silence.filter(|(every, lasts)| lasts < every),
        }
    }

    fn due(&self, ahead: usize) -> Instant {
        let records = self.made.saturating_add(u32::try_from(ahead).unwrap_or(u32::MAX));
        self.period.checked_mul(records).and_then(|after| self.start.checked_add(after)).unwrap_or(self.end)
    }

    /// When the silence ends in which this vehicle is at `now`.
    fn silent_until(&self, now: Instant) -> Option<Instant> {
        let (every, lasts) = self.silence?;
        let (every, lasts) = (every.as_secs_f64(), lasts.as_secs_f64());
        let left = every - now.saturating_duration_since(self.start).as_secs_f64() % every;
        // It is loud first, so that the gateway has seen it before.
        (left <= lasts).then(|| now + Duration::from_secs_f64(left))
    }

    fn make(&mut self) -> Fix {
        const SPEED_MPS: f64 = 8.0;
        const DEG_PER_M: f64 = 9e-6;
        let (north, east) = (self.rng.range(-1.0, 1.0), self.rng.range(-1.0, 1.0));
        let (lat, lon) = &mut self.place;
        *lat = (*lat + north * SPEED_MPS * DEG_PER_M).clamp(-0.1, 0.1);
        *lon = (*lon + east * SPEED_MPS * DEG_PER_M).clamp(-0.1, 0.1);
        self.heading_deg = (self.heading_deg + 7.0) % 360.0;
        let position = LatLon::new(self.centre.lat() + *lat, self.centre.lon() + *lon).unwrap_or(self.centre);
        let fix = Fix {
            speed_mps: Some(8.0),
            heading_deg: Some(self.heading_deg),
            altitude_m: Some(100.0),
            satellites: Some(11),
            ..Fix::at(self.time, position)
        };
        self.time = self.time.plus_seconds(self.step_s);
        self.made = self.made.saturating_add(1);
        fix
    }
}

impl Source for Wanderer {
    fn next(&mut self, most: usize, records: &mut Vec<Fix>) -> Next {
        let (full, now) = (self.due(most - 1), Instant::now());
        if full >= self.end || (self.period.is_zero() && now >= self.end) {
            return Next::End;
        }
        if full > now {
            return Next::At(full);
        }
        if let Some(end) = self.silent_until(now) {
            return Next::At(end);
        }
        records.extend((0..most).map(|_| self.make()));
        Next::Records
    }
}
