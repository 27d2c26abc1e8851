//! Which fixes can be believed.

use model::{Fix, Timestamp};
use network::Network;

use crate::{Parameters, Rejection};

/// Two fixes this near are the same place, metres.
const SAME_M: f64 = 0.5;
/// Faster than this, a receiver that gives the same place twice is stuck, metres per second.
const FROZEN_MPS: f32 = 5.0;
/// A jump shorter than this is noise, not a jump, metres.
const JUMP_M: f64 = 200.0;
/// Most rejected jumps remembered.
const MAX_JUMPS: usize = 8;

/// A fix on the plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) time: Timestamp,
    pub(crate) xy: [f64; 2],
}

/// Metres between two places on the plane. They neither overflow nor vanish when squared,
/// which is all that `hypot` guards against, at several times the price.
pub(crate) fn metres_between(a: [f64; 2], b: [f64; 2]) -> f64 {
    let (x, y) = (a[0] - b[0], a[1] - b[1]);
    (x * x + y * y).sqrt()
}

impl Point {
    pub(crate) fn metres_to(&self, other: &Self) -> f64 {
        metres_between(self.xy, other.xy)
    }

    fn is_reachable_from(&self, earlier: &Self, max_mps: f64) -> bool {
        let metres = self.metres_to(earlier);
        metres <= JUMP_M || metres <= max_mps * self.time.seconds_since(earlier.time).max(1.0)
    }
}

/// What a vehicle's past says of its next fix.
#[derive(Clone, Debug, Default)]
pub(crate) struct Qualifier {
    last: Option<Point>,
    jumps: Vec<Point>,
}

/// A fix that can be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Qualified {
    pub(crate) point: Point,
    /// The vehicle is somewhere else than its past told: a new beginning.
    pub(crate) anew: bool,
}

impl Qualifier {
    /// The last fix that was used.
    pub(crate) fn last(&self) -> Option<Point> {
        self.last
    }

    /// Judges a fix; `received_at` where it is known tells a clock that is ahead.
    pub(crate) fn judge(
        &mut self,
        network: &Network,
        parameters: &Parameters,
        fix: &Fix,
        received_at: Option<Timestamp>,
    ) -> Result<Qualified, Rejection> {
        let position = fix.position.filter(|_| fix.valid).ok_or(Rejection::NoPosition)?;
        if position.is_null_island() {
            return Err(Rejection::NullIsland);
        }
        if received_at.is_some_and(|at| fix.time.seconds_since(at) > parameters.future_s) {
            return Err(Rejection::Future);
        }
        let point = Point { time: fix.time, xy: network.plane().to_xy(position) };
        if is_outside(network, parameters, point.xy) {
            return Err(Rejection::OutsideArea);
        }
        let Some(last) = self.last else {
            self.last = Some(point);
            return Ok(Qualified { point, anew: true });
        };
        if point.time == last.time {
            return Err(Rejection::Duplicate);
        }
        if point.time < last.time {
            return Err(Rejection::Late);
        }
        if fix.speed_mps.is_some_and(|v| v > FROZEN_MPS) && point.metres_to(&last) < SAME_M {
            return Err(Rejection::Frozen);
        }
        let gap = point.time.seconds_since(last.time) > parameters.gap_s;
        if gap || point.is_reachable_from(&last, parameters.max_mps) {
            self.jumps.clear();
            self.last = Some(point);
            return Ok(Qualified { point, anew: gap });
        }
        self.jump(point, parameters)
    }

    /// A fix out of reach: believed once several of them agree with each other.
    fn jump(&mut self, point: Point, parameters: &Parameters) -> Result<Qualified, Rejection> {
        let agrees = self.jumps.last().is_none_or(|earlier| point.is_reachable_from(earlier, parameters.max_mps));
        if !agrees || self.jumps.len() >= MAX_JUMPS {
            self.jumps.clear();
        }
        self.jumps.push(point);
        if self.jumps.len() < parameters.agreeing_jumps {
            return Err(Rejection::Jump);
        }
        self.jumps.clear();
        self.last = Some(point);
        Ok(Qualified { point, anew: true })
    }
}

fn is_outside(network: &Network, parameters: &Parameters, xy: [f64; 2]) -> bool {
    let (low, high) = network.bounds();
    let (low, high) = (network.plane().to_xy(low), network.plane().to_xy(high));
    let margin = parameters.outside_m;
    !(low[0] - margin..=high[0] + margin).contains(&xy[0]) || !(low[1] - margin..=high[1] + margin).contains(&xy[1])
}
