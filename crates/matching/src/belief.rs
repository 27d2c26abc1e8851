//! All that a vehicle may be doing, weighed by its fixes so far.
//!
//! States on runs ("so many metres along this run", "waiting for its departure", "off its
//! shape") and rests ("on no trip, in the course of this duty", "out of service"), each with
//! the likelihood of the best way to it: the last column of what [`crate::Hindsight`] charts
//! for a whole day, kept small.

use std::cmp::Ordering;

use network::{BetweenStops, Network, TripInstance};

use crate::matcher::Days;
use crate::moves::{Moves, Place, ROUNDING, WAIT_MOST_LOG, leave_log, none_log};
use crate::run::{Duty, Run, assigned};
use crate::search::Search;
use crate::stride::Step;
use crate::{Parameters, Prior};

/// Two places on one run nearer than this are one, metres.
const SAME_PLACE_M: f64 = 40.0;
/// So much more room than a vehicle's states take is too much.
const ROOMY: usize = 4;

/// How a vehicle may be on a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    On,
    Wait,
    Off,
}

/// "It is on this run, so many metres along."
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub(crate) run: Run,
    pub(crate) kind: Kind,
    pub(crate) dist_m: f64,
    pub(crate) cross_m: f32,
    /// Seconds since it left its shape.
    pub(crate) off_s: f32,
    pub(crate) score: f64,
}

/// What is kept of a state from one fix to the next: what its run is can be looked up again.
#[derive(Clone, Copy, Debug)]
struct Held {
    instance: TripInstance,
    assigned: Option<bool>,
    kind: Kind,
    cross_m: f32,
    off_s: f32,
    dist_m: f64,
    score: f64,
}

impl Held {
    fn of(state: &State) -> Self {
        let State { run: Run { instance, assigned, .. }, kind, dist_m, cross_m, off_s, score } = *state;
        Self { instance, assigned, kind, cross_m, off_s, dist_m, score }
    }

    /// The whole state; its run is that of the state before it, where it is the same.
    fn state(self, network: &Network, days: &mut Days, before: Option<&State>) -> State {
        let run = match before.map(|before| &before.run) {
            Some(run) if run.instance == self.instance => *run,
            before => {
                let of = (days.of(network, self.instance.day), self.instance);
                let sibling = before.and_then(|run| run.other(network, of, self.assigned));
                sibling.unwrap_or_else(|| Run::new(network, of, self.assigned))
            }
        };
        let Self { kind, dist_m, cross_m, off_s, score, .. } = self;
        State { run, kind, dist_m, cross_m, off_s, score }
    }
}

/// "It is on no run, in the course of this duty."
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    pub(crate) duty: Duty,
    pub(crate) score: f64,
}

/// What a vehicle may be doing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Belief {
    /// By shape, then by run.
    held: Vec<Held>,
    pub(crate) rests: Vec<Rest>,
    /// How well its beginning is known: 0 at first sight, 1 once what it does must have begun in sight.
    known: f64,
}

/// Buffers used for one vehicle after another.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    before: Vec<State>,
    /// The states of the vehicle whose fix came last, by shape, then by run.
    pub(crate) states: Vec<State>,
    rests: Vec<Rest>,
    places: Vec<Place>,
    between: Vec<BetweenStops>,
    order: Vec<u32>,
}

/// Takes the better of two ways into a rest.
fn offer(rests: &mut Vec<Rest>, duty: Duty, score: f64) {
    match rests.iter_mut().find(|r| r.duty == duty) {
        Some(known) => known.score = known.score.max(score),
        None => rests.push(Rest { duty, score }),
    }
}

/// Whether one run explains everything so well that no other can begin here.
fn is_settled(p: &Parameters, states: &[State], rests: &[Rest]) -> bool {
    let Some(best) = states.iter().max_by(|a, b| a.score.total_cmp(&b.score)) else { return false };
    let inside = best.dist_m < best.run.last_m - p.settled_m;
    let others =
        states.iter().filter(|s| s.run.duty != best.run.duty && s.run.shape != best.run.shape).map(|s| s.score);
    let rival = others.chain(rests.iter().map(|r| r.score)).fold(f64::NEG_INFINITY, f64::max);
    best.kind == Kind::On && inside && f64::from(best.cross_m) <= 2.0 * p.sigma_m && best.score - rival > p.settled_log
}

/// Keeps the most likely states, of two ways to one place the better one, by shape and run, and the
/// most likely rests; all scores count from the best one on. States are large: only those that
/// are kept are moved, and once.
fn prune(p: &Parameters, (states, rests): (&[State], &mut Vec<Rest>), (order, kept): (&mut Vec<u32>, &mut Vec<State>)) {
    let scores = states.iter().map(|s| s.score).chain(rests.iter().map(|r| r.score));
    let best = scores.fold(f64::NEG_INFINITY, f64::max);
    let least = best - p.prune_log;
    rests.retain(|r| r.score >= least);
    for rest in rests {
        rest.score -= best;
    }
    order.clear();
    order.extend((0..).zip(states).filter(|(_, s)| s.score >= least).map(|(at, _)| at));
    let state = |at: &u32| states.get(*at as usize);
    let compare = |by: fn(&State, &State) -> Ordering| {
        move |a: &u32, b: &u32| state(a).zip(state(b)).map_or(Ordering::Equal, |(a, b)| by(a, b))
    };
    if order.len() > p.beam {
        order.select_nth_unstable_by(p.beam, compare(by_score));
        order.truncate(p.beam);
    }
    // Those that went on lie in order, and so do those that begin, but for a few: a sort that makes
    // use of it.
    order.sort_by(compare(by_place));
    kept.clear();
    for state in order.iter().filter_map(state) {
        let same = |k: &State| k.kind == state.kind && (k.dist_m - state.dist_m).abs() < SAME_PLACE_M;
        let mut of_run = kept.iter().rev().take_while(|k| k.run.instance == state.run.instance);
        if !of_run.any(same) {
            kept.push(State { score: state.score - best, ..*state });
        }
    }
}

/// The best first.
fn by_score(a: &State, b: &State) -> Ordering {
    b.score.total_cmp(&a.score).then_with(|| a.run.instance.cmp(&b.run.instance))
}

/// By shape and run, of one kind the best first.
fn by_place(a: &State, b: &State) -> Ordering {
    let key = |s: &State| (s.run.shape, s.run.instance, s.kind as u8);
    let better = || b.score.total_cmp(&a.score).then(a.dist_m.total_cmp(&b.dist_m));
    key(a).cmp(&key(b)).then_with(better)
}

/// Gives back room that is far more than is needed.
fn trim<T>(kept: &mut Vec<T>, needed: usize) {
    if kept.capacity() > needed + needed / ROOMY + ROOMY {
        kept.shrink_to(needed);
    }
}

impl Belief {
    /// Takes a fix that decides. `search` finds the runs that may begin here. How far the nearest
    /// shape looked at lies beside the fix, metres.
    pub(crate) fn advance(
        &mut self,
        (network, p): (&Network, &Parameters),
        (scratch, search): (&mut Scratch, &mut Search<'_>),
        step: &Step,
    ) -> Option<f64> {
        scratch.before.clear();
        for held in &self.held {
            let state = held.state(network, search.days, scratch.before.last());
            scratch.before.push(state);
        }
        if step.anew {
            // What was known of it before a gap is worth the less the longer it was.
            self.known = if self.rests.is_empty() { 0.0 } else { self.known.min(1.0) * (-step.gap_s / p.duty_s).exp() };
        }
        let is_first = step.anew || scratch.before.is_empty();
        self.known += step.moved_m / p.partly_m;
        scratch.states.clear();
        let (places, between, out) = (&mut scratch.places, &mut scratch.between, &mut scratch.states);
        let mut moves = Moves { network, parameters: p, step, places, between, out };
        if !step.anew {
            for of_shape in scratch.before.chunk_by(|a, b| a.run.shape == b.run.shape) {
                moves.go_on(of_shape);
            }
        }
        let best = scratch.states.iter().map(|s| s.score).fold(f64::NEG_INFINITY, f64::max);
        self.rest(p, (&scratch.before, step.anew), best - p.prune_log, &mut scratch.rests);
        let nearest_m = if is_first || !is_settled(p, &scratch.states, &scratch.rests) {
            search.enter(step, 1.0 - self.known.min(1.0), &scratch.rests, &mut scratch.places, &mut scratch.states);
            search.near.nearest_m()
        } else {
            let on = scratch.states.iter().filter(|s| s.kind == Kind::On);
            on.max_by(|a, b| a.score.total_cmp(&b.score)).map(|s| f64::from(s.cross_m))
        };
        self.rests.clear();
        let none = none_log(p, step);
        self.rests.extend(scratch.rests.iter().map(|r| Rest { score: r.score + none, ..*r }));
        // What was believed before has served.
        prune(p, (&scratch.states, &mut self.rests), (&mut scratch.order, &mut scratch.before));
        std::mem::swap(&mut scratch.states, &mut scratch.before);
        self.hold(&scratch.states);
        nearest_m
    }

    /// Keeps the states, in no more memory than they need.
    fn hold(&mut self, states: &[State]) {
        self.held.clear();
        trim(&mut self.held, states.len());
        self.held.reserve_exact(states.len());
        self.held.extend(states.iter().map(Held::of));
        let needed = self.rests.len();
        trim(&mut self.rests, needed);
    }

    /// The best ways into rests. From those that score less than `least` nothing would be kept.
    fn rest(&self, p: &Parameters, (states, anew): (&[State], bool), least: f64, rests: &mut Vec<Rest>) {
        rests.clear();
        let least = least - WAIT_MOST_LOG - ROUNDING;
        let mut offer = |duty, score| {
            if score >= least {
                offer(rests, duty, score);
            }
        };
        if self.rests.is_empty() && states.is_empty() {
            offer(Duty::None, 0.0);
        }
        for rest in &self.rests {
            offer(rest.duty, rest.score);
            if rest.duty != Duty::None {
                offer(Duty::None, rest.score + p.end_duty_log);
            }
        }
        for state in states {
            let left = state.score + if anew { 0.0 } else { leave_log(p, state) };
            offer(state.run.duty, left);
            offer(Duty::None, left + p.end_duty_log);
        }
    }

    /// Takes another word of the dispatcher: what was held against runs is taken back, and what
    /// there is now is held against them.
    pub(crate) fn assign(&mut self, network: &Network, p: &Parameters, priors: &[Prior]) {
        let against = |assigned: Option<bool>| if assigned == Some(false) { p.live_prior_log } else { 0.0 };
        for held in &mut self.held {
            let now = assigned(network, p, priors, held.instance);
            held.score += against(now) - against(held.assigned);
            held.assigned = now;
        }
    }
}
