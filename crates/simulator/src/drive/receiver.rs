//! What the tracker makes of where the vehicle is.

use model::Timestamp;

use super::duty::Moment;
use super::ground::{Ground, rounded};
use super::plan::{Plan, Vehicle};
use super::{DrivenDay, DrivenFix, Outage, Rng};

/// Seconds between fixes, moving and standing.
const MOVING_S: i64 = 10;
const STANDING_S: i64 = 30;
/// Below this speed a receiver calls it standing, metres per second.
const STANDING_MPS: f64 = 0.5;
/// The error east and north has this standard deviation, metres (5 m together), and forgets itself with
/// this factor a second, within a minute: receivers do not jump about, they wander.
const ERROR_M: f64 = 3.5;
const MEMORY: f64 = 0.9835;
/// A stay among high walls begins once in so many seconds, lasts so long, and adds so much.
const CANYON_EVERY_S: f64 = 2400.0;
const CANYON_S: (f64, f64) = (15.0, 50.0);
const CANYON_M: f64 = 28.0;
/// How fast its error comes and goes, share a second.
const CANYON_SLEW: f64 = 0.25;
/// Share of fixes that never come out of the receiver.
const MISSED_SHARE: f64 = 0.004;

/// Adds the fixes that the vehicle's tracker reports, and its outages.
pub(super) fn observe(
    ground: &Ground<'_>,
    plan: &Plan,
    vehicle: &Vehicle,
    moments: &[Moment],
    rng: Rng,
    day: &mut DrivenDay,
) {
    let instant = |second: i64| Timestamp::from_secs(plan.day.origin.as_secs() + second);
    let mut receiver = Receiver { rng, error: [0.0; 2], canyon: [0.0; 2], canyon_to: [0.0; 2], canyon_left: 0 };
    let mut last = i64::MIN / 2;
    let mut heading = 0.0;
    for moment in moments {
        receiver.second();
        let due = if moment.speed > STANDING_MPS { MOVING_S } else { STANDING_S };
        if moment.second - last < due {
            continue;
        }
        last = moment.second;
        let outage = vehicle.outages.iter().find(|(from, until, _)| (*from..*until).contains(&moment.second));
        if receiver.rng.chance(MISSED_SHARE) || outage.is_some_and(|(_, _, buffered)| !buffered) {
            continue;
        }
        let seen = receiver.seen(moment.xy);
        if moment.speed > STANDING_MPS {
            let wobble = receiver.rng.normal() * 3.0;
            heading = (network::heading_between([0.0; 2], moment.facing) + wobble).round().rem_euclid(360.0);
        }
        let noise = receiver.rng.normal() * 0.25;
        let speed = if moment.speed > STANDING_MPS { (moment.speed + noise).max(0.0) } else { 0.0 };
        day.fixes.push(DrivenFix {
            vehicle: vehicle.id.clone(),
            time: instant(moment.second),
            position: rounded(ground.place(seen)),
            speed_mps: (speed * 10.0).round() / 10.0,
            heading_deg: heading,
            true_position: ground.place(moment.xy),
            trip: moment.label.trip,
            phase: moment.label.phase,
        });
    }
    day.outages.extend(vehicle.outages.iter().map(|(from, until, buffered)| Outage {
        vehicle: vehicle.id.clone(),
        from: instant(*from),
        until: instant(*until),
        buffered: *buffered,
    }));
}

struct Receiver {
    rng: Rng,
    error: [f64; 2],
    canyon: [f64; 2],
    canyon_to: [f64; 2],
    canyon_left: i64,
}

impl Receiver {
    /// Lets its error wander for a second: a first-order autoregressive process.
    fn second(&mut self) {
        let fresh = ERROR_M * (1.0 - MEMORY * MEMORY).sqrt();
        for error in &mut self.error {
            *error = MEMORY * *error + fresh * self.rng.normal();
        }
        if self.canyon_left > 0 {
            self.canyon_left -= 1;
        } else if self.rng.chance(1.0 / CANYON_EVERY_S) {
            #[expect(clippy::cast_possible_truncation, reason = "some seconds")]
            let seconds = self.rng.range(CANYON_S.0, CANYON_S.1) as i64;
            self.canyon_left = seconds;
            self.canyon_to = [self.rng.normal() * CANYON_M, self.rng.normal() * CANYON_M];
        }
        let to = if self.canyon_left > 0 { self.canyon_to } else { [0.0; 2] };
        for (canyon, to) in self.canyon.iter_mut().zip(to) {
            *canyon += (to - *canyon) * CANYON_SLEW;
        }
    }

    fn seen(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [x + self.error[0] + self.canyon[0], y + self.error[1] + self.canyon[1]]
    }
}
