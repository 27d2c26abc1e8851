//! Where a vehicle could be, whatever was thought of it before.

use network::{Candidate, Network, ShapeIdx};

use crate::Parameters;
use crate::hypothesis::{Hypothesis, heading_log, place_log, sigma_m, timetable_log};
use crate::matcher::Days;
use crate::qualify::Point;

/// Passes of one shape farther apart than this are different places on it, metres.
const PASS_M: f64 = 200.0;
/// Most runs considered for one place on one pattern.
const RUNS: usize = 3;

/// Buffers of a search, used again.
#[derive(Debug, Default)]
pub(crate) struct Search {
    candidates: Vec<Candidate>,
    runs: Vec<(f64, Hypothesis)>,
}

impl Search {
    /// Appends a hypothesis for every run that could be here now. `base` is the evidence that
    /// they start from, `heading` the way the vehicle moves, where it does.
    pub(crate) fn find(
        &mut self,
        network: &Network,
        parameters: &Parameters,
        days: &mut Days,
        (point, heading, base): (Point, Option<f64>, f64),
        out: &mut Vec<Hypothesis>,
    ) {
        self.candidates.clear();
        network.candidates(point.xy, parameters.search_m, &mut self.candidates);
        self.candidates.sort_by(|a, b| a.shape.cmp(&b.shape).then(a.projection.dist_m.total_cmp(&b.projection.dist_m)));
        let mut start = 0;
        while let Some(first) = self.candidates.get(start).copied() {
            // One pass: neighbouring candidates of one shape, the nearest of which stands for all.
            let mut best = first;
            let mut last = first;
            let mut end = start + 1;
            while let Some(next) = self
                .candidates
                .get(end)
                .filter(|c| c.shape == last.shape && c.projection.dist_m - last.projection.dist_m <= PASS_M)
            {
                last = *next;
                if next.projection.cross_m < best.projection.cross_m {
                    best = *next;
                }
                end += 1;
            }
            start = end;
            self.at(network, parameters, days, (point, heading, base), best, out);
        }
    }

    fn at(
        &mut self,
        network: &Network,
        parameters: &Parameters,
        days: &mut Days,
        (point, heading, base): (Point, Option<f64>, f64),
        candidate: Candidate,
        out: &mut Vec<Hypothesis>,
    ) {
        let (shape_idx, place): (ShapeIdx, _) = (candidate.shape, candidate.projection);
        let shape = network.shape(shape_idx);
        if place.cross_m > sigma_m(parameters, shape, place.dist_m) * parameters.outlier_sigmas {
            return;
        }
        let turned = heading.map_or(0.0, |h| heading_log(parameters, shape, place.dist_m, h));
        let evidence = base + place_log(parameters, shape, place.dist_m, place.cross_m) + turned;
        for &pattern in network.patterns_of(shape_idx) {
            self.runs.clear();
            for day in days.at(network, point.time) {
                let seconds = day.seconds_at(point.time);
                let runs = &mut self.runs;
                network.runs_near(pattern, day, seconds, parameters.wait_s, parameters.late_s, |run| {
                    let hypothesis = Hypothesis {
                        run,
                        pattern,
                        origin: day.origin.plus_seconds(f64::from(run.offset_s)),
                        dist_m: place.dist_m,
                        cross_m: place.cross_m,
                        evidence,
                        weight: f64::NEG_INFINITY,
                        began_m: place.dist_m,
                        began_moving: heading.is_some() && turned > -1.0,
                        follows: false,
                    };
                    let likely = timetable_log(parameters, hypothesis.delay_s(network, parameters, point.time));
                    if likely.is_finite() {
                        runs.push((likely, hypothesis));
                    }
                });
            }
            self.runs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.run.cmp(&b.1.run)));
            out.extend(self.runs.iter().take(RUNS).map(|(_, hypothesis)| *hypothesis));
        }
    }
}
