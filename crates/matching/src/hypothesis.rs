//! One idea of what a vehicle is doing, and what speaks for it.

use model::Timestamp;
use network::{Network, PatternIdx, Shape, TripInstance, turn_between};

use crate::Parameters;
use crate::duty::Duty;

/// "It is on this run, so many metres along."
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hypothesis {
    pub(crate) run: TripInstance,
    pub(crate) pattern: PatternIdx,
    /// The instant from which the run's schedule times count, with a frequency run's offset.
    pub(crate) origin: Timestamp,
    /// Metres along the shape.
    pub(crate) dist_m: f64,
    /// Metres beside it.
    pub(crate) cross_m: f64,
    /// Evidence of the fixes so far, fading.
    pub(crate) evidence: f64,
    /// Everything that speaks for it as of the last fix: evidence, timetable, duty.
    pub(crate) weight: f64,
    /// Where along the shape this idea came up.
    pub(crate) began_m: f64,
    /// Its first fix was moving the right way.
    pub(crate) began_moving: bool,
    /// Went before the run of the block that it follows, so it has been proved by that one.
    pub(crate) follows: bool,
}

impl Hypothesis {
    /// Seconds behind the timetable. A vehicle waiting for its departure is on time.
    pub(crate) fn delay_s(&self, network: &Network, parameters: &Parameters, at: Timestamp) -> f64 {
        let now_s = at.seconds_since(self.origin);
        let delay = now_s - network.schedule_time(self.run.trip, self.dist_m);
        let first = network.pattern(self.pattern).stops.first().map_or(0.0, |s| s.dist_m);
        let waiting = delay < 0.0 && self.dist_m <= first + parameters.wait_m && -delay <= parameters.wait_s;
        if waiting { 0.0 } else { delay }
    }

    /// Whether it stands at its first stop before the departure.
    pub(crate) fn waits(&self, network: &Network, parameters: &Parameters, at: Timestamp) -> bool {
        let first = network.pattern(self.pattern).stops.first().map_or(0.0, |s| s.dist_m);
        self.dist_m <= first + parameters.wait_m && {
            let (departs, _) = network.span_s(self.run.trip);
            at.seconds_since(self.origin) <= f64::from(departs)
        }
    }

    /// Whether it has come to its last stop.
    pub(crate) fn is_over(&self, network: &Network, parameters: &Parameters) -> bool {
        let last = network.pattern(self.pattern).stops.last().map_or(f64::INFINITY, |s| s.dist_m);
        self.dist_m >= last - parameters.at_stop_m
    }

    /// Sums up everything that speaks for it now.
    pub(crate) fn weigh(&mut self, network: &Network, parameters: &Parameters, duty: &Duty, at: Timestamp) {
        let timetable = timetable_log(parameters, self.delay_s(network, parameters, at));
        self.weight = self.evidence + timetable + duty.log(network, parameters, self);
    }

    /// Whether it has moved enough along its shape to be said.
    pub(crate) fn is_proved(&self, parameters: &Parameters) -> bool {
        self.follows || self.began_moving || self.dist_m - self.began_m >= parameters.proof_m
    }
}

/// How likely it is to be so many seconds behind: Student t with 2 degrees of freedom, whose
/// heavy tails forgive the buses that are half an hour late, and nothing outside the bounds.
pub(crate) fn timetable_log(parameters: &Parameters, delay_s: f64) -> f64 {
    if delay_s < -parameters.early_s || delay_s > parameters.late_s {
        return f64::NEG_INFINITY;
    }
    let off_s = delay_s - parameters.usual_delay_s;
    let scaled = off_s / if off_s < 0.0 { parameters.early_scale_s } else { parameters.late_scale_s };
    -1.5 * (1.0 + scaled * scaled / 2.0).ln()
}

/// What a fix's place beside a shape says: a normal curve with a floor for outliers, 0 at best.
/// It is no density, which would be lower the wider it is: fixes between two stops all stray
/// from the straight line the same way, so that to count the width for each of them made
/// drawn shapes win over straight lines wherever both are near.
pub(crate) fn place_log(parameters: &Parameters, shape: &Shape, dist_m: f64, cross_m: f64) -> f64 {
    let sigma = sigma_m(parameters, shape, dist_m);
    let scaled = (cross_m / sigma).min(parameters.outlier_sigmas);
    -scaled * scaled / 2.0
}

/// Standard deviation of a fix beside a shape at a distance along it, metres.
pub(crate) fn sigma_m(parameters: &Parameters, shape: &Shape, dist_m: f64) -> f64 {
    if !shape.coarse {
        return parameters.sigma_m;
    }
    let ends = shape.points.get(shape.segment_at(dist_m)..).unwrap_or(&[]);
    let to_stop = ends.iter().take(2).map(|p| (p.dist_m - dist_m).abs()).fold(f64::INFINITY, f64::min);
    (parameters.sigma_coarse_m + parameters.sigma_coarse_growth * to_stop).min(parameters.sigma_coarse_most_m)
}

/// What a heading says against the shape's own: 0 where they agree.
pub(crate) fn heading_log(parameters: &Parameters, shape: &Shape, dist_m: f64, heading_deg: f64) -> f64 {
    // Straight lines between stops say less of where the street goes.
    let kappa = if shape.coarse { parameters.heading_kappa / 2.0 } else { parameters.heading_kappa };
    let turn = turn_between(shape.heading_at(dist_m), heading_deg).to_radians();
    kappa * (turn.cos() - 1.0)
}

/// What metres along the shape say against metres moved (Newson and Krumm's comparison): the
/// way along a bending street is longer than the straight one, never shorter but for noise.
pub(crate) fn moved_log(parameters: &Parameters, shape: &Shape, along_m: f64, moved_m: f64) -> f64 {
    let (noise, shorter) = if shape.coarse { (3.0 * parameters.sigma_m, 0.4) } else { (parameters.sigma_m, 0.1) };
    let longer = along_m - moved_m;
    if longer < 0.0 { longer / (noise + shorter * moved_m) } else { -longer / (noise + 0.25 * moved_m) }
}
