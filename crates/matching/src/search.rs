//! Which runs can begin here, whatever was thought of the vehicle before.

use network::{Candidate, Network};

use crate::belief::{Kind, Rest, State};
use crate::hypothesis::timetable_log;
use crate::matcher::Days;
use crate::moves::{Place, narrow, places, waiting_log};
use crate::qualify::metres_between;
use crate::run::{Duty, Run};
use crate::stride::Step;
use crate::{Parameters, Prior};

/// Finds the runs that can begin at a fix.
pub(crate) struct Search<'a> {
    pub(crate) network: &'a Network,
    pub(crate) parameters: &'a Parameters,
    pub(crate) days: &'a mut Days,
    pub(crate) near: &'a mut Vec<Candidate>,
    pub(crate) priors: &'a [Prior],
}

impl Search<'_> {
    /// Appends a state for every run that can begin here: on its way, or waiting for its
    /// departure. `young` tells how far the vehicle's beginning is: 1 there, 0 once it has driven
    /// long enough for what it does to have begun in sight.
    pub(crate) fn enter(
        &mut self,
        step: &Step,
        young: f64,
        rests: &[Rest],
        found: &mut Vec<Place>,
        out: &mut Vec<State>,
    ) {
        let (network, p) = (self.network, self.parameters);
        let scores = out.iter().map(|s| s.score).chain(rests.iter().map(|r| r.score));
        let least = scores.fold(f64::NEG_INFINITY, f64::max) - p.prune_log;
        let mut near = std::mem::take(self.near);
        near.clear();
        network.candidates(step.to.xy, p.search_m, &mut near);
        near.sort_unstable_by_key(|c| (c.shape, c.projection.segment));
        for of_shape in near.chunk_by(|a, b| a.shape == b.shape) {
            let Some(first) = of_shape.first() else { continue };
            let shape = network.shape(first.shape);
            found.clear();
            for part in of_shape.chunk_by(|a, b| a.projection.segment + 1 == b.projection.segment) {
                let vertex = |segment: u32| shape.points.get(segment as usize).map_or(0.0, |v| v.dist_m);
                let (Some(a), Some(b)) = (part.first(), part.last()) else { continue };
                places(p, shape, step, (vertex(a.projection.segment), vertex(b.projection.segment + 1)), found);
            }
            for &pattern in network.patterns_of(first.shape) {
                self.runs(step, (young, least), pattern, rests, found, out);
            }
        }
        *self.near = near;
    }

    fn runs(
        &mut self,
        step: &Step,
        (young, least): (f64, f64),
        pattern: network::PatternIdx,
        rests: &[Rest],
        found: &[Place],
        out: &mut Vec<State>,
    ) {
        let (network, p, priors) = (self.network, self.parameters, self.priors);
        let Some(first_m) = network.pattern(pattern).stops.first().map(|s| s.dist_m) else { return };
        let none = rests.iter().find(|r| r.duty == Duty::None).map_or(f64::NEG_INFINITY, |r| r.score);
        let known = rests.iter().filter(|r| r.duty != Duty::None).map(|r| r.score).fold(f64::NEG_INFINITY, f64::max);
        let new_duty = p.new_duty_log + young * (p.first_duty_log - p.new_duty_log);
        let most = known.max(none + if priors.is_empty() { new_duty } else { p.first_duty_log });
        let missed = |dist_m: f64| {
            let begins = if step.anew { 1.0 } else { young };
            (1.0 - begins) * p.partly_log * ((dist_m - first_m - p.end_m) / p.partly_m).clamp(0.0, 1.0)
        };
        let start = network.shape(network.pattern(pattern).shape).point_at(first_m);
        let away_m = metres_between(start, step.to.xy);
        let can_wait = away_m <= p.search_m && most >= least;
        let can_drive = found.iter().any(|place| most + missed(place.dist_m) + step.information * place.says >= least);
        if !can_wait && !can_drive {
            return;
        }
        for day in self.days.at(network, step.to.time) {
            let seconds = day.seconds_at(step.to.time);
            network.runs_near(pattern, day, seconds, p.wait_s, p.late_s, |instance| {
                let run = Run::new(network, p, priors, (day, instance), (first_m, start));
                let fresh = none + if run.assigned == Some(true) { p.first_duty_log } else { new_duty };
                let mine = rests.iter().find(|r| r.duty == run.duty).map_or(f64::NEG_INFINITY, |r| r.score);
                let against = if run.assigned == Some(false) { p.live_prior_log } else { 0.0 };
                let base = mine.max(fresh) + against;
                if base < least {
                    return;
                }
                for place in found {
                    let score = base
                        + missed(place.dist_m)
                        + timetable_log(p, run.delay_s(network, step.to.time, place.dist_m))
                        + step.information * place.says;
                    if score >= least {
                        out.push(State {
                            run,
                            kind: Kind::On,
                            dist_m: place.dist_m,
                            cross_m: narrow(place.cross_m),
                            off_s: 0.0,
                            score,
                        });
                    }
                }
                let ahead_s = run.departs_in_s(step.to.time);
                let earliest_s = if mine >= fresh { p.wait_s } else { p.sign_on_s };
                if can_wait && ahead_s <= earliest_s && ahead_s > -p.late_s {
                    let late = if -ahead_s <= p.usual_delay_s { 0.0 } else { timetable_log(p, -ahead_s) };
                    let score = base + late + waiting_log(p, &run, step);
                    out.push(State { run, kind: Kind::Wait, dist_m: run.first_m, cross_m: 0.0, off_s: 0.0, score });
                }
            });
        }
    }
}
