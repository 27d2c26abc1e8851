//! Moving hypotheses along their shapes, fix by fix.

use network::{Network, Projection, Shape};

use crate::Parameters;
use crate::hypothesis::{Hypothesis, heading_log, moved_log, place_log};
use crate::matcher::Days;
use crate::qualify::Point;

/// How far back along the shape noise may put a fix, metres.
const BACK_M: f64 = 60.0;
/// How far ahead of what it can have driven a fix may seem, metres.
const AHEAD_M: f64 = 100.0;
/// Cost of driving back along the shape by more than noise does.
const BACK_LOG: f64 = -6.0;

/// The way from one fix to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) from: Point,
    pub(crate) to: Point,
    /// Where it moves, degrees clockwise from north, while it does.
    pub(crate) heading_deg: Option<f64>,
}

impl Step {
    pub(crate) fn seconds(&self) -> f64 {
        self.to.time.seconds_since(self.from.time)
    }

    pub(crate) fn metres(&self) -> f64 {
        self.from.metres_to(&self.to)
    }

    /// How much the fix says: nothing while standing, everything from some metres on.
    pub(crate) fn information(&self, parameters: &Parameters) -> f64 {
        (self.metres() / parameters.informative_m).min(1.0)
    }
}

/// The evidence for "on no trip" after a step.
pub(crate) fn no_trip(parameters: &Parameters, evidence: f64, step: &Step) -> f64 {
    fade(parameters, evidence, step, parameters.no_trip_log)
}

fn fade(parameters: &Parameters, evidence: f64, step: &Step, says: f64) -> f64 {
    let information = step.information(parameters);
    evidence * (1.0 - information * (1.0 - parameters.memory)) + information * says
}

/// Moves every hypothesis of `beam` along into `out`: one child for each place that its shape
/// has near the fix, and where its trip may be over, the next trip of its block.
pub(crate) fn advance(
    network: &Network,
    parameters: &Parameters,
    days: &mut Days,
    step: &Step,
    beam: &[Hypothesis],
    out: &mut Vec<Hypothesis>,
) {
    for hypothesis in beam {
        along(network, parameters, step, hypothesis, out);
        let pattern = network.pattern(hypothesis.pattern);
        let near_end = pattern.stops.last().is_some_and(|last| hypothesis.dist_m >= last.dist_m - parameters.end_m);
        if near_end {
            next_trip(network, parameters, days, step, hypothesis, out);
        }
    }
}

fn along(network: &Network, parameters: &Parameters, step: &Step, hypothesis: &Hypothesis, out: &mut Vec<Hypothesis>) {
    let shape = network.shape(network.pattern(hypothesis.pattern).shape);
    let reach = parameters.max_mps * step.seconds();
    let from = hypothesis.dist_m - BACK_M;
    let to = hypothesis.dist_m + reach.min(3.0 * step.metres() + AHEAD_M) + AHEAD_M;
    let moved_m = step.metres();
    let first = network.pattern(hypothesis.pattern).stops.first().map_or(0.0, |s| s.dist_m);
    if hypothesis.dist_m <= first + parameters.wait_m {
        out.push(waiting(parameters, shape, step, hypothesis, first));
    }
    let mut child = |place: Projection| {
        let along_m = place.dist_m - hypothesis.dist_m;
        let mut says = place_log(parameters, shape, place.dist_m, place.cross_m)
            + moved_log(parameters, shape, along_m.max(0.0), moved_m);
        if let Some(heading) = step.heading_deg {
            says += heading_log(parameters, shape, place.dist_m, heading);
        }
        if along_m < -parameters.sigma_m {
            says += BACK_LOG;
        }
        out.push(Hypothesis {
            // Progress does not fall for noise.
            dist_m: place.dist_m.max(hypothesis.dist_m - parameters.sigma_m),
            cross_m: place.cross_m,
            evidence: fade(parameters, hypothesis.evidence, step, says),
            ..*hypothesis
        });
    };
    let mut any = false;
    shape.local_minima(step.to.xy, from, to, parameters.search_m, |place| {
        any = true;
        child(place);
    });
    if !any {
        // Off its shape: it stays where it was and loses weight until it comes back.
        let at = shape.point_at(hypothesis.dist_m);
        let cross_m = (at[0] - step.to.xy[0]).hypot(at[1] - step.to.xy[1]);
        out.push(Hypothesis {
            cross_m,
            evidence: fade(
                parameters,
                hypothesis.evidence,
                step,
                place_log(parameters, shape, hypothesis.dist_m, f64::INFINITY) * 1.5,
            ),
            ..*hypothesis
        });
    }
}

/// It still waits for its departure, wherever near the first stop it has been put.
fn waiting(parameters: &Parameters, shape: &Shape, step: &Step, hypothesis: &Hypothesis, first_m: f64) -> Hypothesis {
    let at = shape.point_at(first_m);
    let away = (at[0] - step.to.xy[0]).hypot(at[1] - step.to.xy[1]) / parameters.wait_sigma_m;
    let says = parameters.wait_log - away * away / 2.0;
    Hypothesis { evidence: fade(parameters, hypothesis.evidence, step, says), ..*hypothesis }
}

fn next_trip(
    network: &Network,
    parameters: &Parameters,
    days: &mut Days,
    step: &Step,
    hypothesis: &Hypothesis,
    out: &mut Vec<Hypothesis>,
) {
    let day = days.of(network, hypothesis.run.day);
    let Some(run) = network.next_in_block(hypothesis.run, day) else { return };
    let pattern = network.trip(run.trip).pattern;
    let shape = network.shape(network.pattern(pattern).shape);
    let Some(first) = network.pattern(pattern).stops.first() else { return };
    let mut nearest: Option<Projection> = None;
    shape.local_minima(step.to.xy, 0.0, first.dist_m + 2.0 * parameters.end_m, parameters.search_m, |place| {
        if nearest.is_none_or(|n| place.cross_m < n.cross_m) {
            nearest = Some(place);
        }
    });
    let Some(place) = nearest else { return };
    // What the trip before has proved counts for this one; being over weighs on that one, not here.
    let says = place_log(parameters, shape, place.dist_m, place.cross_m);
    out.push(Hypothesis {
        run,
        pattern,
        origin: day.origin,
        dist_m: place.dist_m,
        cross_m: place.cross_m,
        evidence: fade(parameters, hypothesis.evidence, step, says) + parameters.next_trip_log,
        weight: f64::NEG_INFINITY,
        began_m: place.dist_m,
        began_moving: false,
        follows: hypothesis.is_proved(parameters),
    });
}

/// Keeps the most likely hypothesis of each run and place, in a fixed order. They have been
/// weighed.
pub(crate) fn prune(parameters: &Parameters, beam: &mut Vec<Hypothesis>) {
    const SAME_PLACE_M: f64 = 40.0;
    beam.retain(|h| h.weight.is_finite());
    beam.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.run.cmp(&b.run)).then(a.dist_m.total_cmp(&b.dist_m)));
    let best = beam.first().map_or(0.0, |h| h.weight);
    let mut kept = 0;
    for at in 0..beam.len() {
        let Some(&hypothesis) = beam.get(at) else { break };
        if kept >= parameters.beam || hypothesis.weight < best - parameters.prune_log {
            break;
        }
        let known = beam
            .iter()
            .take(kept)
            .any(|h| h.run == hypothesis.run && (h.dist_m - hypothesis.dist_m).abs() < SAME_PLACE_M);
        if !known {
            beam.swap(kept, at);
            kept += 1;
        }
    }
    beam.truncate(kept);
}
