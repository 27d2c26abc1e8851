//! Everything a vehicle may have done, and the most likely of it.
//!
//! One column for each fix that decides. A column holds states on runs ("so many metres along
//! this run", "waiting for its departure", "off its shape") and rests ("on no trip, in the
//! course of this duty", "out of service"). Each knows the best way to it (Viterbi 1967), so
//! that the end of the day tells what the beginning was.

use std::collections::{HashMap, HashSet};

use model::Timestamp;
use network::{BlockIdx, Network, PatternIdx, RouteIdx, ShapeIdx, TripInstance};

use crate::Parameters;
use crate::hindsight::places::{Place, Places};
use crate::hindsight::track::Key;
use crate::hypothesis::{moved_log, timetable_log};
use crate::matcher::Days;
use crate::prior::Prior;

/// How far back along the shape noise may put a fix, standard deviations.
const BACK_SIGMAS: f64 = 3.0;
/// How far ahead of what it can have driven a fix may seem, metres.
const AHEAD_M: f64 = 100.0;
/// The duty of a vehicle that has none.
const NONE: u32 = 0;

/// What ties runs of one vehicle together: its block or, where the feed has none, its route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Duty {
    None,
    Block(BlockIdx, model::ServiceDate),
    Route(RouteIdx),
}

/// A run that the vehicle may be on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) run: TripInstance,
    pub(crate) pattern: PatternIdx,
    shape: ShapeIdx,
    /// The instant from which its schedule times count.
    pub(crate) origin: Timestamp,
    pub(crate) first_m: f64,
    pub(crate) last_m: f64,
    departs_s: f64,
    pub(crate) start: [f64; 2],
    pub(crate) duty: u32,
    /// Whether it is the one assigned beforehand, where anything is.
    assigned: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    On,
    Wait,
    Off,
}

#[derive(Clone, Copy, Debug)]
enum Back {
    Start,
    State(u32),
    Rest(u32),
}

#[derive(Clone, Copy, Debug)]
struct State {
    run: u32,
    kind: Kind,
    dist_m: f64,
    cross_m: f32,
    /// Seconds since it left its shape.
    off_s: f32,
    score: f64,
    back: Back,
}

#[derive(Clone, Copy, Debug)]
struct Rest {
    duty: u32,
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

/// What the vehicle was doing at a fix that decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Doing {
    /// On a run.
    Run { run: u32, kind: Kind, dist_m: f64, cross_m: f32 },
    /// On none, in the course of a duty.
    Rest { duty: u32 },
}

/// The runs and duties considered, and prices laid on runs.
#[derive(Debug)]
pub(crate) struct Register {
    pub(crate) runs: Vec<Run>,
    by_run: HashMap<TripInstance, u32>,
    pub(crate) duties: Vec<Duty>,
    by_duty: HashMap<Duty, u32>,
    priors: Vec<Prior>,
}

impl Register {
    pub(crate) fn new(priors: &[Prior]) -> Self {
        Self {
            runs: Vec::new(),
            by_run: HashMap::new(),
            duties: vec![Duty::None],
            by_duty: HashMap::new(),
            priors: priors.to_vec(),
        }
    }

    fn run(&mut self, network: &Network, parameters: &Parameters, run: TripInstance, origin: Timestamp) -> u32 {
        if let Some(known) = self.by_run.get(&run) {
            return *known;
        }
        let trip = network.trip(run.trip);
        let pattern = network.pattern(trip.pattern);
        let duty = trip.block.map_or(Duty::Route(pattern.route), |block| Duty::Block(block, run.day));
        let duties = &mut self.duties;
        let duty = *self.by_duty.entry(duty).or_insert_with(|| {
            duties.push(duty);
            index(duties.len() - 1)
        });
        let origin = origin.plus_seconds(f64::from(run.offset_s));
        // Where assignments follow one another, a run of any of them is assigned.
        let assigned = self.priors.iter().filter_map(|p| p.agrees(network, parameters, run)).max();
        self.runs.push(Run {
            run,
            pattern: trip.pattern,
            shape: pattern.shape,
            origin,
            first_m: pattern.stops.first().map_or(0.0, |s| s.dist_m),
            last_m: pattern.stops.last().map_or(0.0, |s| s.dist_m),
            start: network.shape(pattern.shape).point_at(pattern.stops.first().map_or(0.0, |s| s.dist_m)),
            departs_s: f64::from(network.span_s(run.trip).0),
            duty,
            assigned,
        });
        let at = index(self.runs.len() - 1);
        self.by_run.insert(run, at);
        at
    }

    /// The runs that can begin at a key, in order.
    pub(crate) fn entering(
        &mut self,
        network: &Network,
        p: &Parameters,
        days: &mut Days,
        key: &Key,
        places: &Places,
    ) -> Box<[u32]> {
        let mut entering = Vec::new();
        for day in days.at(network, key.point.time) {
            let seconds = day.seconds_at(key.point.time);
            for (shape, _) in places.each() {
                for &pattern in network.patterns_of(shape) {
                    network.runs_near(pattern, day, seconds, p.wait_s, p.late_s, |run| {
                        entering.push(self.run(network, p, run, day.origin));
                    });
                }
            }
        }
        entering.sort_unstable();
        entering.dedup();
        entering.into_boxed_slice()
    }

    /// The shapes of some runs.
    pub(crate) fn shapes_of(&self, wanted: impl Fn(&u32) -> bool) -> HashSet<ShapeIdx> {
        (0..).zip(&self.runs).filter(|(at, _)| wanted(at)).map(|(_, run)| run.shape).collect()
    }

    pub(crate) fn duty(&self, run: &Run) -> Duty {
        self.duties.get(run.duty as usize).copied().unwrap_or(Duty::None)
    }

    pub(crate) fn duty_of(&self, run: TripInstance) -> Option<Duty> {
        self.get(*self.by_run.get(&run)?).map(|run| self.duty(run))
    }

    pub(crate) fn get(&self, run: u32) -> Option<&Run> {
        self.runs.get(run as usize)
    }
}

fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The best way of the duties' rests into a column.
#[derive(Debug, Default)]
struct Resting {
    best: Vec<(f64, Back)>,
    touched: Vec<u32>,
}

impl Resting {
    fn offer(&mut self, duty: u32, score: f64, back: Back) {
        if self.best.len() <= duty as usize {
            self.best.resize(duty as usize + 1, (f64::NEG_INFINITY, Back::Start));
        }
        if let Some(best) = self.best.get_mut(duty as usize) {
            if best.0 == f64::NEG_INFINITY {
                self.touched.push(duty);
            }
            if score > best.0 {
                *best = (score, back);
            }
        }
    }

    fn get(&self, duty: u32) -> (f64, Back) {
        self.best.get(duty as usize).copied().unwrap_or((f64::NEG_INFINITY, Back::Start))
    }

    fn clear(&mut self) {
        for duty in self.touched.drain(..) {
            if let Some(best) = self.best.get_mut(duty as usize) {
                *best = (f64::NEG_INFINITY, Back::Start);
            }
        }
    }
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
}

impl<'a> Chart<'a> {
    pub(crate) fn new(network: &'a Network, parameters: &'a Parameters, keys: &'a [Key], places: &'a [Places]) -> Self {
        Self { network, parameters, keys, places, columns: Vec::with_capacity(keys.len()), resting: Resting::default() }
    }

    /// The most likely course of the day, one entry for each key, and its score. `entering`
    /// tells which runs can begin at each key.
    pub(crate) fn solve(
        &mut self,
        register: &Register,
        entering: &[Box<[u32]>],
        price: &dyn Fn(TripInstance) -> f64,
    ) -> (Vec<Doing>, f64) {
        self.columns.clear();
        for ((key, places), entering) in self.keys.iter().zip(self.places).zip(entering) {
            let column = self.column(register, key, places, entering, price);
            self.columns.push(column);
        }
        self.back_trace()
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
        let before = self.columns.last().map_or(&[][..], |c| c.states.as_slice());
        let mut column = Column::default();
        let mut rest_of_before = if key.anew { &[][..] } else { before };
        let mut at_before = 0;
        let mut entering = entering.iter().copied().peekable();
        let mut step = Step { network: self.network, parameters: p, key, out: &mut column.states };
        loop {
            let next_before = rest_of_before.first().map(|s| s.run);
            let next = match (next_before, entering.peek().copied()) {
                (None, None) => break,
                (Some(a), Some(b)) => a.min(b),
                (a, b) => a.or(b).unwrap_or(0),
            };
            let count = rest_of_before.iter().take_while(|s| s.run == next).count();
            let (own, others) = rest_of_before.split_at(count);
            let Some(run) = register.get(next) else { break };
            let at = places.of(run.shape);
            step.go_on(next, run, own, at_before, at);
            if entering.next_if_eq(&next).is_some() {
                let (mine, none) = (self.resting.get(run.duty), self.resting.get(NONE));
                let first = self.columns.is_empty() || run.assigned == Some(true);
                let fresh = none.0 + if first { p.first_duty_log } else { p.new_duty_log };
                let (base, back, known) = if mine.0 >= fresh { (mine.0, mine.1, true) } else { (fresh, none.1, false) };
                let against = if run.assigned == Some(false) { p.prior_log } else { 0.0 };
                let base = base + against - price(run.run);
                step.enter(next, run, (base, back, known), at);
            }
            at_before += count;
            rest_of_before = others;
        }
        for duty in &self.resting.touched {
            let (score, back) = self.resting.get(*duty);
            column.rests.push(Rest { duty: *duty, score: score + none_log(p, key), back });
        }
        self.resting.clear();
        prune(p, &mut column);
        column
    }

    /// The best ways into rests.
    fn rest(&mut self, register: &Register, key: &Key) {
        let p = self.parameters;
        let Some(before) = self.columns.last() else {
            self.resting.offer(NONE, 0.0, Back::Start);
            return;
        };
        for (at, rest) in before.rests.iter().enumerate() {
            let back = Back::Rest(index(at));
            self.resting.offer(rest.duty, rest.score, back);
            self.resting.offer(NONE, rest.score + if rest.duty == NONE { 0.0 } else { p.end_duty_log }, back);
        }
        for (at, state) in before.states.iter().enumerate() {
            let Some(run) = register.get(state.run) else { continue };
            let cost = if key.anew { 0.0 } else { leave_log(p, run, state) };
            let back = Back::State(index(at));
            self.resting.offer(run.duty, state.score + cost, back);
            self.resting.offer(NONE, state.score + cost + p.end_duty_log, back);
        }
    }

    fn back_trace(&self) -> (Vec<Doing>, f64) {
        let mut course = Vec::with_capacity(self.columns.len());
        let Some(last) = self.columns.last() else { return (course, 0.0) };
        let ends = |s: &State| if s.kind == Kind::Off { self.parameters.partly_log } else { 0.0 };
        let states = last.states.iter().enumerate().map(|(i, s)| (s.score + ends(s), Back::State(index(i))));
        let rests = last.rests.iter().enumerate().map(|(i, r)| (r.score, Back::Rest(index(i))));
        let (score, mut at) =
            states.chain(rests).fold((f64::NEG_INFINITY, Back::Start), |a, b| if b.0 > a.0 { b } else { a });
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
}

/// What a fix says of a vehicle on no trip: it would fit its own trip, if it had one, and it
/// follows a shape by chance.
fn none_log(p: &Parameters, key: &Key) -> f64 {
    key.information * (p.on_fit_log - key.moved_m / p.follow_m)
}

/// What it costs to leave a run here: nothing at its end, the more the farther from it.
fn leave_log(p: &Parameters, run: &Run, state: &State) -> f64 {
    match state.kind {
        Kind::Wait => p.not_begun_log,
        Kind::On | Kind::Off => p.partly_log * ((run.last_m - p.end_m - state.dist_m) / p.partly_m).clamp(0.0, 1.0),
    }
}

/// Moving the states of one run on.
struct Step<'a> {
    network: &'a Network,
    parameters: &'a Parameters,
    key: &'a Key,
    out: &'a mut Vec<State>,
}

impl Step<'_> {
    /// Seconds behind the timetable at a place.
    fn delay_s(&self, run: &Run, dist_m: f64) -> f64 {
        self.key.point.time.seconds_since(run.origin) - self.network.schedule_time(run.run.trip, dist_m)
    }

    fn to_departure_s(&self, run: &Run) -> f64 {
        run.departs_s - self.key.point.time.seconds_since(run.origin)
    }

    /// Children of a run's states: one for each place near the fix, waiting, and off its shape.
    fn go_on(&mut self, id: u32, run: &Run, before: &[State], offset: usize, places: &[Place]) {
        if before.is_empty() {
            return;
        }
        let (p, key) = (self.parameters, self.key);
        let shape = self.network.shape(run.shape);
        for place in places {
            let sigma = crate::hypothesis::sigma_m(p, shape, place.dist_m);
            if place.cross_m > sigma * p.outlier_sigmas {
                continue;
            }
            let mut best: Option<(f64, usize, f64)> = None;
            for (at, state) in before.iter().enumerate() {
                let from_m = if state.kind == Kind::Wait { run.first_m } else { state.dist_m };
                let along = place.dist_m - from_m;
                let held = match state.kind {
                    Kind::On => None,
                    Kind::Wait => Some(run.start),
                    Kind::Off => Some(shape.point_at(from_m)),
                };
                let moved_m = held.map_or(key.moved_m, |h| (h[0] - key.point.xy[0]).hypot(h[1] - key.point.xy[1]));
                let reach = p.max_mps * (key.elapsed_s + f64::from(state.off_s));
                if along < -BACK_SIGMAS * p.sigma_m || along > reach.min(3.0 * moved_m + AHEAD_M) + AHEAD_M {
                    continue;
                }
                let mut says = place.says + moved_log(p, shape, along.max(0.0), moved_m);
                if along < -p.sigma_m {
                    says += p.back_log;
                }
                let score = state.score + key.information * says;
                if best.is_none_or(|(b, ..)| score > b) {
                    best = Some((score, at, along));
                }
            }
            let Some((mut score, at, along)) = best else { continue };
            let Some(from) = before.get(at) else { continue };
            let timetable = timetable_log(p, self.delay_of(run, place.dist_m));
            score += timetable * if from.kind == Kind::Wait { 1.0 } else { along.max(0.0) / p.timetable_m };
            score += self.standing_log(run, place.dist_m);
            if score.is_finite() && timetable.is_finite() {
                self.out.push(State {
                    run: id,
                    kind: Kind::On,
                    dist_m: place.dist_m,
                    cross_m: narrow(place.cross_m),
                    off_s: 0.0,
                    score,
                    back: Back::State(index(offset + at)),
                });
            }
        }
        self.wait_on(id, run, before, offset);
        self.off(id, run, before, offset);
    }

    fn delay_of(&self, run: &Run, dist_m: f64) -> f64 {
        let delay = self.delay_s(run, dist_m);
        let waiting = delay < 0.0 && dist_m <= run.first_m + self.parameters.wait_m && -delay <= self.parameters.wait_s;
        if waiting { 0.0 } else { delay }
    }

    fn standing_log(&self, run: &Run, dist_m: f64) -> f64 {
        let p = self.parameters;
        if self.key.information > 0.0 {
            0.0
        } else if dist_m >= run.last_m - p.end_m {
            // It has arrived: the next trip is its business now.
            -0.02
        } else if dist_m <= run.first_m + p.end_m {
            0.0
        } else {
            -self.key.elapsed_s / p.standing_s
        }
    }

    /// It still waits for its departure.
    fn wait_on(&mut self, id: u32, run: &Run, before: &[State], offset: usize) {
        let p = self.parameters;
        let mut best: Option<(f64, usize)> = None;
        for (at, state) in before.iter().enumerate() {
            if state.kind == Kind::Wait && best.is_none_or(|(b, _)| state.score > b) {
                best = Some((state.score, at));
            }
        }
        if let Some((score, at)) = best
            && self.to_departure_s(run) > -p.late_s
        {
            let says = self.waiting_log(run);
            self.push_wait(id, run, score + says, Back::State(index(offset + at)));
        }
    }

    fn waiting_log(&self, run: &Run) -> f64 {
        let p = self.parameters;
        let at = run.start;
        let away = (at[0] - self.key.point.xy[0]).hypot(at[1] - self.key.point.xy[1]) / p.wait_sigma_m;
        self.key.information * (p.wait_log - away * away / 2.0) - (away - 3.0).max(0.0) + 0.01
    }

    fn push_wait(&mut self, id: u32, run: &Run, score: f64, back: Back) {
        self.out.push(State { run: id, kind: Kind::Wait, dist_m: run.first_m, cross_m: 0.0, off_s: 0.0, score, back });
    }

    /// It has left its shape; where it comes back it is still on its trip.
    fn off(&mut self, id: u32, run: &Run, before: &[State], offset: usize) {
        let (p, key) = (self.parameters, self.key);
        let mut best: Option<(f64, usize)> = None;
        for (at, state) in before.iter().enumerate() {
            if state.kind == Kind::Wait || state.dist_m >= run.last_m - p.end_m {
                continue;
            }
            let leaves = if state.kind == Kind::On { p.off_log } else { 0.0 };
            let score = state.score + leaves + none_log(p, key);
            if f64::from(state.off_s) + key.elapsed_s <= p.detour_s && best.is_none_or(|(b, _)| score > b) {
                best = Some((score, at));
            }
        }
        let Some((score, at)) = best else { return };
        let Some(from) = before.get(at) else { return };
        self.out.push(State {
            run: id,
            kind: Kind::Off,
            dist_m: from.dist_m,
            cross_m: 0.0,
            off_s: from.off_s + narrow(key.elapsed_s),
            score: score + self.standing_log(run, from.dist_m),
            back: Back::State(index(offset + at)),
        });
    }

    /// Begins a run here: on its way, or waiting for its departure.
    fn enter(&mut self, id: u32, run: &Run, (base, back, known): (f64, Back, bool), places: &[Place]) {
        let (p, key) = (self.parameters, self.key);
        if base == f64::NEG_INFINITY {
            return;
        }
        let shape = self.network.shape(run.shape);
        let mut near_start = false;
        for place in places {
            near_start |= place.dist_m <= run.first_m + p.wait_m;
            let sigma = crate::hypothesis::sigma_m(p, shape, place.dist_m);
            if place.cross_m > sigma * p.outlier_sigmas {
                continue;
            }
            let missed = ((place.dist_m - run.first_m - p.end_m) / p.partly_m).clamp(0.0, 1.0);
            let partly = if key.anew { 0.0 } else { p.partly_log * missed };
            let delay = self.delay_s(run, place.dist_m);
            let score = base + partly + timetable_log(p, delay) + key.information * place.says;
            if score.is_finite() {
                self.keep_better(State {
                    run: id,
                    kind: Kind::On,
                    dist_m: place.dist_m,
                    cross_m: narrow(place.cross_m),
                    off_s: 0.0,
                    score,
                    back,
                });
            }
        }
        let ahead = self.to_departure_s(run);
        let earliest = if known { p.wait_s } else { p.sign_on_s };
        if near_start && ahead <= earliest && ahead > -p.late_s {
            let score = base + self.waiting_log(run);
            self.keep_better(State {
                run: id,
                kind: Kind::Wait,
                dist_m: run.first_m,
                cross_m: 0.0,
                off_s: 0.0,
                score,
                back,
            });
        }
    }

    /// Of two ways to the same place the better one.
    fn keep_better(&mut self, state: State) {
        let same = |s: &&mut State| s.kind == state.kind && s.dist_m.total_cmp(&state.dist_m).is_eq();
        let own = self.out.iter_mut().rev().take_while(|s| s.run == state.run).find(|s| same(&s));
        match own {
            Some(known) if known.score >= state.score => {}
            Some(known) => *known = state,
            None => self.out.push(state),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "metres and seconds of a city's day")]
fn narrow(v: f64) -> f32 {
    v as f32
}

fn prune(p: &Parameters, column: &mut Column) {
    let best = column.states.iter().map(|s| s.score).chain(column.rests.iter().map(|r| r.score));
    let least = best.fold(f64::NEG_INFINITY, f64::max) - p.hindsight_prune_log;
    column.states.retain(|s| s.score >= least);
    column.rests.retain(|r| r.score >= least);
}
