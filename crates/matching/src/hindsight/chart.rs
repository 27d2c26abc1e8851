//! Everything a vehicle may have done, and the most likely of it.
//!
//! One column for each fix that decides. A column holds states on runs ("so many metres along
//! this run", "waiting for its departure", "off its shape") and rests ("on no trip, in the
//! course of this duty", "out of service"). Each knows the best way to it (Viterbi 1967), so
//! that the end of the day tells what the beginning was.

use model::Timestamp;
use network::{Network, TripInstance};

use crate::Parameters;
use crate::belief::Kind;
use crate::hindsight::begin::{Begin, Entry, Start, merge};
use crate::hindsight::places::Places;
use crate::hindsight::register::{NONE, Register, Run};
use crate::hindsight::step::{Step, leave_log, none_log};
use crate::hindsight::track::Key;
use crate::moves::narrow;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Back {
    Start,
    State(u32),
    Rest(u32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub(crate) run: u32,
    pub(crate) kind: Kind,
    pub(crate) dist_m: f64,
    pub(crate) cross_m: f32,
    /// Seconds since it left its shape.
    pub(crate) off_s: f32,
    pub(crate) score: f64,
    pub(crate) back: Back,
}

impl State {
    /// It waits for a run's departure.
    pub(crate) fn waiting(id: u32, run: &Run, score: f64, back: Back) -> Self {
        Self { run: id, kind: Kind::Wait, dist_m: run.first_m, cross_m: 0.0, off_s: 0.0, score, back }
    }
}

/// The run that a vehicle was on last. After it no vehicle serves an earlier one of the same duty,
/// and the same only from where it left it.
#[derive(Clone, Copy, Debug)]
struct Last {
    run: u32,
    duty: u32,
    departs: Timestamp,
    dist_m: f64,
}

impl Last {
    fn of(run: &Run, state: &State) -> Option<Self> {
        let begun = state.kind != Kind::Wait;
        begun.then_some(Self { run: state.run, duty: run.duty, departs: run.departs, dist_m: state.dist_m })
    }
}

#[derive(Clone, Copy, Debug)]
struct Rest {
    duty: u32,
    last: Option<Last>,
    score: f64,
    back: Back,
}

#[derive(Debug, Default)]
struct Column {
    /// By run.
    states: Vec<State>,
    /// By duty.
    rests: Vec<Rest>,
}

impl Column {
    /// The scores of all that is in it, where being off a shape costs so much more.
    fn ends(&self, off_log: f64) -> impl Iterator<Item = (f64, Back)> {
        let off = move |s: &State| if s.kind == Kind::Off { off_log } else { 0.0 };
        let states = self.states.iter().enumerate().map(move |(i, s)| (s.score + off(s), Back::State(index(i))));
        states.chain(self.rests.iter().enumerate().map(|(i, r)| (r.score, Back::Rest(index(i)))))
    }
}

/// What the vehicle was doing at a fix that decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Doing {
    /// On a run.
    Run { run: u32, kind: Kind, dist_m: f64, cross_m: f32 },
    /// On none, in the course of a duty.
    Rest { duty: u32 },
}

pub(crate) fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The best way of the duties' rests into a column.
#[derive(Debug, Default)]
struct Resting {
    best: Vec<Rest>,
    touched: Vec<u32>,
}

impl Rest {
    /// From which distance along it on a run can be begun after this, and the score of that way.
    fn leads_to(&self, id: u32, run: &Run) -> (f64, f64) {
        match self.last {
            Some(last) if last.run == id => (last.dist_m, self.score),
            Some(last) if last.duty == run.duty && last.departs >= run.departs => (0.0, f64::NEG_INFINITY),
            _ => (f64::NEG_INFINITY, self.score),
        }
    }
}

/// The best way to where a run begins, of its own duty or anew.
fn entry(p: &Parameters, resting: &Resting, is_first: bool, (id, run): (u32, &Run)) -> Entry {
    let (mine, none) = (resting.get(run.duty), resting.get(NONE));
    let (kept_m, kept) = mine.leads_to(id, run);
    let (fresh_m, fresh) = none.leads_to(id, run);
    let is_first = is_first || run.assigned == Some(true);
    let fresh = fresh + if is_first { p.first_duty_log } else { p.new_duty_log };
    let known = kept >= fresh;
    let (base, back, from_m) = if known { (kept, mine.back, kept_m) } else { (fresh, none.back, fresh_m) };
    let against = if run.assigned == Some(false) { p.prior_log } else { 0.0 };
    Entry { base: base + against, back, known, from_m }
}

const NOWHERE: Rest = Rest { duty: NONE, last: None, score: f64::NEG_INFINITY, back: Back::Start };

impl Resting {
    fn offer(&mut self, rest: Rest) {
        let at = rest.duty as usize;
        if self.best.len() <= at {
            self.best.resize(at + 1, NOWHERE);
        }
        if let Some(best) = self.best.get_mut(at) {
            if best.score == f64::NEG_INFINITY {
                self.touched.push(rest.duty);
            }
            if rest.score > best.score {
                *best = rest;
            }
        }
    }

    fn get(&self, duty: u32) -> &Rest {
        self.best.get(duty as usize).unwrap_or(&NOWHERE)
    }

    fn clear(&mut self) {
        for duty in self.touched.drain(..) {
            if let Some(best) = self.best.get_mut(duty as usize) {
                *best = NOWHERE;
            }
        }
    }
}

/// How many keys after a run its rivals are weighed against it: so many more fixes tell what
/// later ones still would.
const WEIGHED_LATER: usize = 20;

/// The most likely course of a day, one entry for each key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Way {
    pub(crate) doing: Vec<Doing>,
    /// How sure each entry is against all others, 0 to 1; 0 for rests.
    pub(crate) sure: Vec<f32>,
    pub(crate) score: f64,
}

/// What columns are made from.
#[derive(Debug)]
pub(crate) struct Chart<'a> {
    network: &'a Network,
    parameters: &'a Parameters,
    keys: &'a [Key],
    places: &'a [Places],
    columns: Vec<Column>,
    resting: Resting,
    /// Buffers: states moved on, where runs may begin and the states that do, and all together.
    gone_on: Vec<State>,
    starts: Vec<Start>,
    begun: Vec<State>,
    merged: Vec<State>,
    rests: Vec<Rest>,
}

impl<'a> Chart<'a> {
    pub(crate) fn new(network: &'a Network, parameters: &'a Parameters, keys: &'a [Key], places: &'a [Places]) -> Self {
        Self {
            network,
            parameters,
            keys,
            places,
            columns: Vec::with_capacity(keys.len()),
            resting: Resting::default(),
            gone_on: Vec::new(),
            starts: Vec::new(),
            begun: Vec::new(),
            merged: Vec::new(),
            rests: Vec::new(),
        }
    }

    /// The most likely course of the day. `entering` tells which runs can begin at each key.
    pub(crate) fn solve(
        &mut self,
        register: &Register,
        entering: &[Box<[u32]>],
        price: &dyn Fn(TripInstance) -> f64,
    ) -> Way {
        self.fill(register, entering, price);
        let (doing, score) = self.back_trace();
        let sure = self.sure(&doing);
        Way { doing, sure, score }
    }

    /// The score alone of what [`Chart::solve`] finds.
    pub(crate) fn score(
        &mut self,
        register: &Register,
        entering: &[Box<[u32]>],
        price: &dyn Fn(TripInstance) -> f64,
    ) -> f64 {
        self.fill(register, entering, price);
        self.best_end().map_or(0.0, |(score, _)| score)
    }

    fn fill(&mut self, register: &Register, entering: &[Box<[u32]>], price: &dyn Fn(TripInstance) -> f64) {
        self.columns.clear();
        for ((key, places), entering) in self.keys.iter().zip(self.places).zip(entering) {
            let column = self.column(register, key, places, entering, price);
            self.columns.push(column);
        }
    }

    /// Which runs were ever within `margin_log` of the best.
    pub(crate) fn alive(&self, runs: usize, margin_log: f64) -> Vec<bool> {
        let mut alive = vec![false; runs];
        for column in &self.columns {
            let scores = column.states.iter().map(|s| s.score).chain(column.rests.iter().map(|r| r.score));
            let least = scores.fold(f64::NEG_INFINITY, f64::max) - margin_log;
            for state in column.states.iter().filter(|s| s.score >= least) {
                if let Some(alive) = alive.get_mut(state.run as usize) {
                    *alive = true;
                }
            }
        }
        alive
    }

    fn column(
        &mut self,
        register: &Register,
        key: &Key,
        places: &Places,
        entering: &[u32],
        price: &dyn Fn(TripInstance) -> f64,
    ) -> Column {
        let p = self.parameters;
        self.rest(register, key);
        let none_log = none_log(p, key);
        self.rests.clear();
        for duty in &self.resting.touched {
            let rest = self.resting.get(*duty);
            self.rests.push(Rest { score: rest.score + none_log, ..*rest });
        }
        let before = self.columns.last().filter(|_| !key.anew).map_or(&[][..], |c| c.states.as_slice());
        self.gone_on.clear();
        let mut step = Step { network: self.network, parameters: p, key, out: &mut self.gone_on };
        let mut at_before = 0;
        for own in before.chunk_by(|a, b| a.run == b.run) {
            if let Some((id, run)) = own.first().and_then(|s| Some((s.run, register.get(s.run)?))) {
                step.go_on(id, run, own, at_before, places.of(run.shape));
            }
            at_before += own.len();
        }
        let rests = self.rests.iter().map(|r| r.score);
        let least =
            self.gone_on.iter().map(|s| s.score).chain(rests).fold(f64::NEG_INFINITY, f64::max) - p.hindsight_prune_log;
        let least = self.begin((register, entering, price), (key, places), least);
        merge(&self.gone_on, &mut self.begun, &mut self.merged);
        self.resting.clear();
        self.merged.retain(|s| s.score >= least);
        self.rests.retain(|r| r.score >= least);
        Column { states: self.merged.clone(), rests: self.rests.clone() }
    }

    /// Begins the runs that can begin at a key; what a state must score to be kept after them.
    fn begin(
        &mut self,
        (register, entering, price): (&Register, &[u32], &dyn Fn(TripInstance) -> f64),
        (key, places): (&Key, &Places),
        mut least: f64,
    ) -> f64 {
        let p = self.parameters;
        self.begun.clear();
        let (starts, out) = (&mut self.starts, &mut self.begun);
        let mut begin = Begin { network: self.network, parameters: p, key, starts, out };
        let is_first = self.columns.is_empty();
        let pattern = |id: &u32| register.get(*id).map(|run| run.pattern);
        for of_pattern in entering.chunk_by(|a, b| pattern(a) == pattern(b)) {
            let Some(first) = of_pattern.first().and_then(|id| register.get(*id)) else { continue };
            let most = begin.on_pattern_of(first, places.of(first.shape));
            for &id in of_pattern {
                let Some(run) = register.get(id) else { continue };
                let mut entry = entry(p, &self.resting, is_first, (id, run));
                if entry.base + most < least {
                    continue;
                }
                entry.base -= price(run.run);
                let best = begin.begin(id, run, &entry, least);
                least = least.max(best - p.hindsight_prune_log);
            }
        }
        least
    }

    /// The best ways into rests.
    fn rest(&mut self, register: &Register, key: &Key) {
        let p = self.parameters;
        let Some(before) = self.columns.last() else {
            self.resting.offer(Rest { score: 0.0, ..NOWHERE });
            return;
        };
        for (at, rest) in before.rests.iter().enumerate() {
            let rest = Rest { back: Back::Rest(index(at)), ..*rest };
            self.resting.offer(rest);
            let ends = if rest.duty == NONE { 0.0 } else { p.end_duty_log };
            self.resting.offer(Rest { duty: NONE, score: rest.score + ends, ..rest });
        }
        for (at, state) in before.states.iter().enumerate() {
            let Some(run) = register.get(state.run) else { continue };
            let cost = if key.anew { 0.0 } else { leave_log(p, run, state) };
            let last = Last::of(run, state);
            let rest = Rest { duty: run.duty, last, score: state.score + cost, back: Back::State(index(at)) };
            self.resting.offer(rest);
            self.resting.offer(Rest { duty: NONE, score: rest.score + p.end_duty_log, ..rest });
        }
    }

    /// What the day ends with, and the score of the way there; nothing where there is no key.
    fn best_end(&self) -> Option<(f64, Back)> {
        let ends = self.columns.last()?.ends(self.parameters.partly_log);
        Some(ends.fold((f64::NEG_INFINITY, Back::Start), |a, b| if b.0 > a.0 { b } else { a }))
    }

    fn back_trace(&self) -> (Vec<Doing>, f64) {
        let mut course = Vec::with_capacity(self.columns.len());
        let Some((score, mut at)) = self.best_end() else { return (course, 0.0) };
        for column in self.columns.iter().rev() {
            match at {
                Back::State(i) => {
                    let Some(s) = column.states.get(i as usize) else { break };
                    course.push(Doing::Run { run: s.run, kind: s.kind, dist_m: s.dist_m, cross_m: s.cross_m });
                    at = s.back;
                }
                Back::Rest(i) => {
                    let Some(r) = column.rests.get(i as usize) else { break };
                    course.push(Doing::Rest { duty: r.duty });
                    at = r.back;
                }
                Back::Start => break,
            }
        }
        course.reverse();
        (course, score)
    }

    /// How sure a course is at each key.
    fn sure(&self, course: &[Doing]) -> Vec<f32> {
        let mut weights = vec![0.0; course.len()];
        let run = |doing: &Doing| if let Doing::Run { run, .. } = doing { Some(*run) } else { None };
        let mut from = 0;
        for stretch in course.chunk_by(|a, b| run(a) == run(b)) {
            if let (Some(run), Some(own)) = (stretch.first().and_then(run), weights.get_mut(from..from + stretch.len()))
            {
                self.weigh(run, from, own);
            }
            from += stretch.len();
        }
        weights
    }

    /// The share that courses through `run` have at each key from `from` on, by the weight of
    /// all courses that are there a few keys after it.
    fn weigh(&self, run: u32, from: usize, shares: &mut [f32]) {
        let until = (from + shares.len() + WEIGHED_LATER).min(self.columns.len());
        let Some(columns) = self.columns.get(from..until) else { return };
        let Some(last) = columns.last() else { return };
        let ends: Vec<(f64, Back)> = last.ends(0.0).collect();
        let best = ends.iter().map(|end| end.0).fold(f64::NEG_INFINITY, f64::max);
        let weight = |score: f64| narrow((score - best).exp());
        let all: f32 = ends.iter().map(|end| weight(end.0)).sum();
        for (score, mut at) in ends {
            for (key, column) in columns.iter().enumerate().rev() {
                match at {
                    Back::State(i) => {
                        let Some(state) = column.states.get(i as usize) else { break };
                        if let Some(share) = shares.get_mut(key).filter(|_| state.run == run) {
                            *share += weight(score) / all;
                        }
                        at = state.back;
                    }
                    Back::Rest(i) => {
                        let Some(rest) = column.rests.get(i as usize) else { break };
                        at = rest.back;
                    }
                    Back::Start => break,
                }
            }
        }
    }
}
