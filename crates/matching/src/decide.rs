//! What is said of a vehicle: steady, and silent where nothing is proved.

use network::{BlockIdx, RouteIdx, TripInstance};

use crate::belief::{Kind, Rest, State};
use crate::moves::narrow;
use crate::run::{Duty, Run};
use crate::stride::Step;
use crate::{Parameters, State as Doing};

/// What was said last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    /// The trip that was said.
    trip: Option<TripInstance>,
    /// The last run that was said.
    last: Option<Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    instance: TripInstance,
    route: RouteIdx,
    duty: Duty,
}

/// What is said now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decision {
    pub(crate) doing: Doing,
    pub(crate) on: Option<State>,
    /// The route and the block in whose course it is, on a trip or between two.
    pub(crate) route: Option<RouteIdx>,
    pub(crate) block: Option<BlockIdx>,
    /// On no trip: the run after which it is still on its duty.
    pub(crate) after: Option<TripInstance>,
    pub(crate) confidence: f32,
}

impl Decision {
    pub(crate) const SILENT: Self =
        Self { doing: Doing::Unknown, on: None, route: None, block: None, after: None, confidence: 0.0 };
}

/// The states of one run, and how likely they are together.
#[derive(Clone, Copy, Debug)]
struct Share {
    instance: TripInstance,
    route: RouteIdx,
    /// Which state is the best one.
    best: usize,
    mass: f64,
}

/// Decides; its buffers are used again.
#[derive(Debug, Default)]
pub(crate) struct Decider {
    runs: Vec<Share>,
    routes: Vec<(RouteIdx, f64)>,
}

impl Decider {
    /// Decides what to say after a step. Everything counts: a route by all its runs that
    /// fit, a run by all places on it.
    pub(crate) fn decide(
        &mut self,
        p: &Parameters,
        said: &mut Said,
        (states, rests): (&[State], &[Rest]),
        (step, standing): (&Step, bool),
    ) -> Decision {
        if step.anew {
            said.trip = None;
        }
        self.share(states);
        let serving: f64 = self.routes.iter().map(|(_, mass)| mass).sum();
        let resting: f64 = rests.iter().map(|r| r.score.exp()).sum();
        let wanted = if said.trip.is_some() { -p.keep_log } else { p.say_log };
        let chosen = if serving > resting * wanted.exp() { self.choose(p, said) } else { None };
        let best = chosen.and_then(|share| Some((*states.get(share.best)?, share.mass)));
        let Some((best, mass)) = best.filter(|(best, _)| f64::from(best.off_s) <= p.off_route_s) else {
            said.trip = None;
            return silent(said, rests, standing);
        };
        said.trip = Some(best.run.instance);
        said.last = Some(Last { instance: best.run.instance, route: best.run.route, duty: best.run.duty });
        let before_departure = best.run.departs_in_s(step.to.time) >= 0.0;
        let doing = match best.kind {
            Kind::Off => Doing::OffRoute,
            Kind::Wait => Doing::Layover,
            Kind::On if before_departure && best.dist_m <= best.run.first_m + p.wait_m => Doing::Layover,
            Kind::On => Doing::InService,
        };
        Decision {
            doing,
            on: Some(best),
            route: Some(best.run.route),
            block: best.run.duty.block(),
            after: None,
            confidence: narrow(mass / (serving + resting)),
        }
    }

    fn share(&mut self, states: &[State]) {
        self.runs.clear();
        self.routes.clear();
        let mut at = 0;
        for of_run in states.chunk_by(|a, b| a.run.instance == b.run.instance) {
            let best = (at..).zip(of_run).max_by(|(_, a), (_, b)| a.score.total_cmp(&b.score));
            at += of_run.len();
            let Some((best, State { run: Run { instance, route, .. }, .. })) = best else { continue };
            let mass: f64 = of_run.iter().map(|s| s.score.exp()).sum();
            self.runs.push(Share { instance: *instance, route: *route, best, mass });
            match self.routes.iter_mut().find(|(known, _)| known == route) {
                Some((_, sum)) => *sum += mass,
                None => self.routes.push((*route, mass)),
            }
        }
    }

    /// The likeliest run of the likeliest route, those said before ahead by what a change takes.
    fn choose(&self, p: &Parameters, said: &Said) -> Option<Share> {
        let stay = p.change_log.exp();
        let before = self.runs.iter().find(|r| Some(r.instance) == said.trip);
        let of_route = |(route, mass): &(RouteIdx, f64)| {
            if before.is_some_and(|b| b.route == *route) { mass * stay } else { *mass }
        };
        let route = self.routes.iter().max_by(|a, b| of_route(a).total_cmp(&of_route(b)))?.0;
        let of_run = |share: &Share| {
            if before.is_some_and(|b| b.instance == share.instance) { share.mass * stay } else { share.mass }
        };
        let runs = self.runs.iter().filter(|r| r.route == route);
        runs.max_by(|a, b| of_run(a).total_cmp(&of_run(b))).copied()
    }
}

/// On no trip: in the course of the duty that it was on, where it is still likely.
fn silent(said: &Said, rests: &[Rest], standing: bool) -> Decision {
    let doing = if standing { Doing::Unknown } else { Doing::Deadhead };
    let rest = rests.iter().max_by(|a, b| a.score.total_cmp(&b.score));
    let last = said.last.filter(|last| rest.is_some_and(|r| r.duty == last.duty && r.duty != Duty::None));
    let block = last.and_then(|l| l.duty.block());
    let (route, after) = last.map(|l| (l.route, l.instance)).unzip();
    Decision { doing, route, block, after, ..Decision::SILENT }
}
