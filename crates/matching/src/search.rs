//! Which runs can begin here, whatever was thought of the vehicle before.

use network::{BetweenStops, Nearby, Network, PatternIdx, ServiceDay};

use crate::around::{Around, Near};
use crate::belief::{Kind, Rest, State};
use crate::hypothesis::timetable_log;
use crate::matcher::Days;
use crate::moves::{Place, ROUNDING, WAIT_MOST_LOG, narrow, offer_place, waiting_log};
use crate::qualify::metres_between;
use crate::run::{Duty, Run, assigned, origin};
use crate::stride::Step;
use crate::{Parameters, Prior};

/// Finds the runs that can begin at a fix.
pub(crate) struct Search<'a> {
    pub(crate) network: &'a Network,
    pub(crate) parameters: &'a Parameters,
    pub(crate) days: &'a mut Days,
    pub(crate) near: &'a mut Nearby,
    pub(crate) priors: &'a [Prior],
    pub(crate) starts: &'a mut Vec<Start>,
    pub(crate) around: &'a mut Around,
}

/// A place where the runs of a pattern may begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    place: Place,
    between: BetweenStops,
    /// What the way to it costs that was not seen.
    missed: f64,
    says: f64,
}

/// What all runs that may begin at a fix have in common.
struct Entry<'a> {
    network: &'a Network,
    parameters: &'a Parameters,
    priors: &'a [Prior],
    step: &'a Step,
    rests: &'a [Rest],
    /// How far the vehicle's beginning is: 1 there, 0 once it has driven long enough for what it does
    /// to have begun in sight.
    young: f64,
    /// What a state must score to be kept.
    least: f64,
    /// What being on no duty scores, and what it costs to come from there to a new one.
    none: f64,
    new_duty: f64,
    /// The patterns of the duties that it may be on.
    served: Vec<PatternIdx>,
}

/// A pattern whose runs may begin at a fix.
struct Beginning<'a> {
    pattern: PatternIdx,
    can_wait: bool,
    /// Those of other duties than the vehicle's can.
    fresh: bool,
    starts: &'a [Start],
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
        let days: Vec<&ServiceDay> = self.days.at(network, step.to.time).collect();
        let entry = Entry::new((network, p, self.priors), step, (young, least), rests);
        network.candidates(step.to.xy, p.search_m, self.near);
        for (index, of_shape) in self.near.by_shape() {
            let patterns = network.patterns_of(index);
            if !patterns.iter().any(|pattern| entry.may_serve(*pattern)) {
                continue;
            }
            let shape = network.shape(index);
            found.clear();
            shape.minima_among(of_shape, |at| offer_place(p, shape, step, at, found));
            for &pattern in patterns {
                if let Some(beginning) = entry.beginning(pattern, found, self.starts) {
                    entry.runs((&days, self.around), &beginning, out);
                }
            }
        }
    }
}

impl<'a> Entry<'a> {
    fn new(
        (network, parameters, priors): (&'a Network, &'a Parameters, &'a [Prior]),
        step: &'a Step,
        (young, least): (f64, f64),
        rests: &'a [Rest],
    ) -> Self {
        let p = parameters;
        let none = rests.iter().find(|r| r.duty == Duty::None).map_or(f64::NEG_INFINITY, |r| r.score);
        let new_duty = p.new_duty_log + young * (p.first_duty_log - p.new_duty_log);
        let mut entry =
            Self { network, parameters, priors, step, rests, young, least, none, new_duty, served: Vec::new() };
        if !entry.is_open(entry.fresh_most()) {
            let duties = rests.iter().filter(|rest| entry.is_open(rest.score)).map(|rest| rest.duty);
            let blocks = duties.filter_map(Duty::block).flat_map(|block| network.block(block).trips.iter());
            entry.served = blocks.map(|trip| network.trip(*trip).pattern).collect();
        }
        entry
    }

    /// What a run of another duty than the vehicle's scores at most before it is known where it begins.
    fn fresh_most(&self) -> f64 {
        self.none
            + if self.priors.is_empty() { self.new_duty } else { self.parameters.first_duty_log.max(self.new_duty) }
    }

    /// Whether what begins with such a score can be kept: nothing but waiting adds to it.
    fn is_open(&self, score: f64) -> bool {
        score + WAIT_MOST_LOG >= self.least - ROUNDING
    }

    /// Whether any run of a pattern can begin, wherever it is.
    fn may_serve(&self, pattern: PatternIdx) -> bool {
        let route = || Duty::Route(self.network.pattern(pattern).route);
        self.is_open(self.fresh_most())
            || self.served.contains(&pattern)
            || self.rests.iter().any(|rest| rest.duty == route() && self.is_open(rest.score))
    }

    /// Where the runs of a pattern can begin, if any can.
    fn beginning<'s>(&self, pattern: PatternIdx, found: &[Place], starts: &'s mut Vec<Start>) -> Option<Beginning<'s>> {
        let (network, p, step) = (self.network, self.parameters, self.step);
        let of = network.pattern(pattern);
        if of.stops.is_empty() || !self.may_serve(pattern) {
            return None;
        }
        let first_m = of.first_m();
        let begins = if step.anew { 1.0 } else { self.young };
        starts.clear();
        starts.extend(found.iter().map(|place| Start {
            place: *place,
            between: network.between_stops(pattern, place.dist_m),
            missed: (1.0 - begins) * p.partly_log * ((place.dist_m - first_m - p.end_m) / p.partly_m).clamp(0.0, 1.0),
            says: step.information * place.says,
        }));
        let can_wait = metres_between(of.start, step.to.xy) <= p.search_m;
        let most = starts.iter().map(|s| s.missed + s.says).fold(f64::NEG_INFINITY, f64::max);
        let most = if can_wait { most.max(WAIT_MOST_LOG) } else { most };
        let can_begin = |score: f64| score + most >= self.least - ROUNDING;
        let known = self.rests.iter().filter(|r| r.duty != Duty::None).map(|r| r.score);
        let fresh = can_begin(self.fresh_most());
        let can = fresh || can_begin(known.fold(f64::NEG_INFINITY, f64::max));
        can.then_some(Beginning { pattern, can_wait, fresh, starts })
    }

    /// The runs of a pattern that can begin, into `out`.
    fn runs(&self, (days, around): (&[&ServiceDay], &mut Around), beginning: &Beginning<'_>, out: &mut Vec<State>) {
        for day in days {
            let moment = (beginning.pattern, *day, day.seconds_at(self.step.to.time));
            for near in around.runs((self.network, self.parameters), moment) {
                self.begin((day, near), beginning, out);
            }
        }
    }

    /// Begins a run: on its way, or waiting for its departure.
    fn begin(&self, (day, near): (&ServiceDay, &Near), beginning: &Beginning<'_>, out: &mut Vec<State>) {
        let (network, p, step, instance) = (self.network, self.parameters, self.step, near.run);
        let mine = self.rests.iter().find(|r| r.duty == near.duty).map_or(f64::NEG_INFINITY, |r| r.score);
        if !beginning.fresh && mine == f64::NEG_INFINITY {
            return;
        }
        let assigned = assigned(network, p, self.priors, instance);
        let fresh = self.none + if assigned == Some(true) { p.first_duty_log } else { self.new_duty };
        let against = if assigned == Some(false) { p.live_prior_log } else { 0.0 };
        let base = mine.max(fresh) + against;
        if base < self.least {
            return;
        }
        let mut made = None;
        let mut run = || *made.get_or_insert_with(|| Run::new(network, (day, instance), assigned));
        let since_origin_s = step.to.time.seconds_since(origin(day, instance));
        for start in beginning.starts {
            if base + start.missed + start.says < self.least - ROUNDING {
                continue;
            }
            let delay_s = since_origin_s - network.schedule_time_at(instance.trip, start.between);
            let score = base + start.missed + timetable_log(p, delay_s) + start.says;
            if score >= self.least {
                let Place { dist_m, cross_m, .. } = start.place;
                out.push(State { run: run(), kind: Kind::On, dist_m, cross_m: narrow(cross_m), off_s: 0.0, score });
            }
        }
        if beginning.can_wait {
            let run = run();
            let ahead_s = run.departs_in_s(step.to.time);
            let earliest_s = if mine >= fresh { p.wait_s } else { p.sign_on_s };
            if ahead_s <= earliest_s && ahead_s > -p.late_s {
                let late = if -ahead_s <= p.usual_delay_s { 0.0 } else { timetable_log(p, -ahead_s) };
                let score = base + late + waiting_log(p, &run, step);
                out.push(State { run, kind: Kind::Wait, dist_m: run.first_m, cross_m: 0.0, off_s: 0.0, score });
            }
        }
    }
}
