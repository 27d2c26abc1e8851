//! The clock of a replayed day.

use std::time::{Duration, Instant};

use model::{Clock, Timestamp};

/// Furthest that an instant may lie ahead on the real clock before it is drawn nearer, so
/// that a recorded time years away cannot overflow.
const MAX_AHEAD: Duration = Duration::from_hours(24 * 365);

/// Recorded time running on from a recorded instant, at `speed` recorded seconds a real
/// second. Copies agree with each other.
///
/// ```
/// # use simulator::ReplayClock;
/// let start = model::Timestamp::parse("2026-11-18T05:30:00Z").unwrap();
/// let clock = ReplayClock::start(start, 60.0);
/// assert!(clock.now() >= start);
/// let a_minute_on = clock.instant_of(start.plus_seconds(60.0));
/// assert_eq!(a_minute_on - clock.instant_of(start), std::time::Duration::from_secs(1));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ReplayClock {
    recorded_start: Timestamp,
    started: Instant,
    speed: f64,
}

impl ReplayClock {
    /// Starts at `recorded_start` now. A speed that is no positive number counts as 1.
    pub fn start(recorded_start: Timestamp, speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        Self { recorded_start, started: Instant::now(), speed }
    }

    /// Recorded time at this moment.
    pub fn now(&self) -> Timestamp {
        self.recorded_start.plus_seconds(self.started.elapsed().as_secs_f64() * self.speed)
    }

    /// Where the recorded time began.
    pub const fn recorded_start(&self) -> Timestamp {
        self.recorded_start
    }

    /// Recorded seconds a real second.
    pub const fn speed(&self) -> f64 {
        self.speed
    }

    /// The real instant at which this clock shows `recorded`; the start for earlier ones.
    pub fn instant_of(&self, recorded: Timestamp) -> Instant {
        let ahead = recorded.seconds_since(self.recorded_start).max(0.0) / self.speed;
        self.started + Duration::try_from_secs_f64(ahead).map_or(MAX_AHEAD, |d| d.min(MAX_AHEAD))
    }

    /// The same as the clock that the rest of the service is handed.
    pub fn clock(self) -> Clock {
        Clock::new(move || self.now())
    }
}
