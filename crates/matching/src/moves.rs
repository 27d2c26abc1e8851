//! From one fix that decides to the next: where the states of each run may have gone.

use network::{BetweenStops, Network, PatternIdx, Projection, Shape};

use crate::Parameters;
use crate::belief::{Kind, State};
use crate::hypothesis::{moved_log, place_log, sigma_m, standing_log, timetable_log, turned_log};
use crate::qualify::metres_between;
use crate::run::Run;
use crate::stride::Step;

/// How far back along the shape noise may put a fix, standard deviations.
pub(crate) const BACK_SIGMAS: f64 = 3.0;
/// How far ahead of what it can have driven a fix may seem, metres.
pub(crate) const AHEAD_M: f64 = 100.0;
/// Sums in another order differ by less.
pub(crate) const ROUNDING: f64 = 1e-6;
/// Waiting says this at most.
pub(crate) const WAIT_MOST_LOG: f64 = 0.01;
/// Of two places on one shape nearer than this along it only the nearer one counts, metres.
const SAME_M: f64 = 40.0;

/// A place on a shape where the fix may lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) dist_m: f64,
    pub(crate) cross_m: f64,
    /// What cross-track distance and heading say.
    pub(crate) says: f64,
}

/// What a fix says of a vehicle on no trip: it would fit its own trip, if it had one, and it
/// follows a shape by chance.
pub(crate) fn none_log(p: &Parameters, step: &Step) -> f64 {
    step.news * p.on_fit_log - step.information * step.moved_m / p.follow_m
}

/// What it costs to leave a run here: nothing at its end, the more the farther from it.
pub(crate) fn leave_log(p: &Parameters, state: &State) -> f64 {
    match state.kind {
        Kind::Wait => p.not_begun_log,
        Kind::On | Kind::Off => {
            p.partly_log * ((state.run.last_m - p.end_m - state.dist_m) / p.partly_m).clamp(0.0, 1.0)
        }
    }
}

/// Takes a place of a shape, nearer to the fix than those around it, to the ones before it on that
/// shape, if the fix may lie there.
pub(crate) fn offer_place(p: &Parameters, shape: &Shape, step: &Step, at: Projection, places: &mut Vec<Place>) {
    if at.cross_m > sigma_m(p, shape, at.dist_m) * p.outlier_sigmas {
        return;
    }
    let turned = step.heading_deg.map_or(0.0, |h| step.heading_weight * turned_log(p, shape.coarse, at.heading_deg, h));
    let says = place_log(p, shape, at.dist_m, at.cross_m) + turned;
    let place = Place { dist_m: at.dist_m, cross_m: at.cross_m, says };
    match places.last_mut() {
        Some(last) if place.dist_m - last.dist_m < SAME_M => {
            if place.cross_m < last.cross_m {
                *last = place;
            }
        }
        _ => places.push(place),
    }
}

/// Moves states on, into `out`.
pub(crate) struct Moves<'a> {
    pub(crate) network: &'a Network,
    pub(crate) parameters: &'a Parameters,
    pub(crate) step: &'a Step,
    pub(crate) places: &'a mut Vec<Place>,
    /// Between which stops of the pattern at hand they lie.
    pub(crate) between: &'a mut Vec<BetweenStops>,
    pub(crate) out: &'a mut Vec<State>,
}

impl Moves<'_> {
    /// Children of the states on one shape: for each run one for each place near the fix, waiting,
    /// and off its shape.
    pub(crate) fn go_on(&mut self, of_shape: &[State]) {
        let Some(first) = of_shape.first() else { return };
        let shape = self.network.shape(first.run.shape);
        let (mut from_m, mut to_m) = (f64::INFINITY, f64::NEG_INFINITY);
        for state in of_shape {
            let moved_m = self.moved_m(shape, state);
            from_m = from_m.min(state.dist_m - BACK_SIGMAS * self.parameters.sigma_m);
            to_m = to_m.max(state.dist_m + self.reach_m(state, moved_m));
        }
        self.places.clear();
        let (p, step, places) = (self.parameters, self.step, &mut *self.places);
        shape.local_minima(step.to.xy, from_m, to_m, p.search_m, |at| offer_place(p, shape, step, at, places));
        let mut pattern = None;
        for of_run in of_shape.chunk_by(|a, b| a.run.instance == b.run.instance) {
            let Some(first) = of_run.first() else { continue };
            if pattern.replace(first.run.pattern) != Some(first.run.pattern) {
                self.place_between(first.run.pattern);
            }
            let begin = self.out.len();
            for at in 0..self.places.len() {
                if let (Some(place), Some(between)) = (self.places.get(at), self.between.get(at)) {
                    self.drive(shape, of_run, *place, *between);
                }
            }
            let on = self.out.get(begin..).unwrap_or(&[]).iter().map(|s| s.score).fold(f64::NEG_INFINITY, f64::max);
            self.wait_on(of_run);
            self.stray(of_run, on);
        }
    }

    /// Looks up where the places lie among the stops of a pattern, once for all its runs.
    fn place_between(&mut self, pattern: PatternIdx) {
        let network = self.network;
        self.between.clear();
        self.between.extend(self.places.iter().map(|place| network.between_stops(pattern, place.dist_m)));
    }

    /// Metres from where the state was.
    fn moved_m(&self, shape: &Shape, state: &State) -> f64 {
        let held = match state.kind {
            Kind::On => return self.step.moved_m,
            Kind::Wait => state.run.start,
            Kind::Off => shape.point_at(state.dist_m),
        };
        metres_between(held, self.step.to.xy)
    }

    /// How far ahead it may be.
    fn reach_m(&self, state: &State, moved_m: f64) -> f64 {
        let most = self.parameters.max_mps * (self.step.elapsed_s + f64::from(state.off_s));
        most.min(3.0 * moved_m + AHEAD_M) + AHEAD_M
    }

    /// On its way, at a place.
    fn drive(&mut self, shape: &Shape, of_run: &[State], place: Place, between: BetweenStops) {
        let (p, step) = (self.parameters, self.step);
        let mut best: Option<(f64, &State, f64)> = None;
        for state in of_run {
            let along = place.dist_m - state.dist_m;
            let moved_m = self.moved_m(shape, state);
            if along < -BACK_SIGMAS * p.sigma_m || along > self.reach_m(state, moved_m) {
                continue;
            }
            let straight = (p.straight_m / moved_m).min(1.0);
            let mut says = place.says + straight * moved_log(p, shape, along.max(0.0), moved_m);
            if along < -p.sigma_m {
                says += p.back_log;
            }
            let score = state.score + step.news * says;
            if best.is_none_or(|(b, ..)| score > b) {
                best = Some((score, state, along));
            }
        }
        let Some((mut score, from, along)) = best else { return };
        let run = &from.run;
        let timetable = timetable_log(p, self.delay_of(run, place.dist_m, between));
        score += match from.kind {
            // What waiting so long said already is not said again.
            Kind::Wait => timetable - self.late_log(run, step.elapsed_s),
            Kind::On | Kind::Off => timetable * along.max(0.0) / p.timetable_m,
        };
        score += self.standing_log(run, place.dist_m);
        if score.is_finite() {
            self.out.push(State {
                kind: Kind::On,
                dist_m: place.dist_m,
                cross_m: narrow(place.cross_m),
                off_s: 0.0,
                score,
                ..*from
            });
        }
    }

    fn delay_of(&self, run: &Run, dist_m: f64, between: BetweenStops) -> f64 {
        let delay = run.delay_between_s(self.network, self.step.to.time, between);
        let waiting = delay < 0.0 && dist_m <= run.first_m + self.parameters.wait_m && -delay <= self.parameters.wait_s;
        if waiting { 0.0 } else { delay }
    }

    fn standing_log(&self, run: &Run, dist_m: f64) -> f64 {
        let stands_s = (self.step.information <= 0.0).then_some(self.step.elapsed_s);
        standing_log(self.parameters, (run.first_m, run.last_m), dist_m, stands_s)
    }

    /// It still waits for its departure.
    fn wait_on(&mut self, of_run: &[State]) {
        let p = self.parameters;
        let waiting = of_run.iter().filter(|s| s.kind == Kind::Wait);
        let Some(from) = waiting.max_by(|a, b| a.score.total_cmp(&b.score)) else { return };
        let run = &from.run;
        let says = waiting_log(p, run, self.step) + self.late_log(run, 0.0) - self.late_log(run, self.step.elapsed_s);
        if run.departs_in_s(self.step.to.time) > -p.late_s {
            self.out.push(State { score: from.score + says, ..*from });
        }
    }

    /// What it says that a run has not departed so many seconds before the fix.
    fn late_log(&self, run: &Run, before_s: f64) -> f64 {
        let late_s = -run.departs_in_s(self.step.to.time) - before_s;
        if late_s <= self.parameters.usual_delay_s { 0.0 } else { timetable_log(self.parameters, late_s) }
    }

    /// It has left its shape; where it comes back it is still on its trip. Where the best way on
    /// its shape, `on`, is so good that leaving it from there is no worse, that will do.
    fn stray(&mut self, of_run: &[State], on: f64) {
        let (p, step) = (self.parameters, self.step);
        let mut best: Option<(f64, &State)> = None;
        for state in of_run {
            if state.kind == Kind::Wait || state.dist_m >= state.run.last_m - p.end_m {
                continue;
            }
            let leaves = if state.kind == Kind::On { p.off_log } else { 0.0 };
            let score = state.score + leaves + none_log(p, step);
            if f64::from(state.off_s) + step.elapsed_s <= p.detour_s && best.is_none_or(|(b, _)| score > b) {
                best = Some((score, state));
            }
        }
        let Some((score, from)) = best.filter(|(score, _)| *score > on + p.off_log) else { return };
        self.out.push(State {
            kind: Kind::Off,
            cross_m: 0.0,
            off_s: from.off_s + narrow(step.elapsed_s),
            score: score + self.standing_log(&from.run, from.dist_m),
            ..*from
        });
    }
}

/// What a fix says of a vehicle that waits for its departure.
pub(crate) fn waiting_log(p: &Parameters, run: &Run, step: &Step) -> f64 {
    let away = metres_between(run.start, step.to.xy) / p.wait_sigma_m;
    step.news * (p.wait_log - away * away / 2.0) - (away - 3.0).max(0.0) + WAIT_MOST_LOG
}

#[expect(clippy::cast_possible_truncation, reason = "metres and seconds of a city's day")]
pub(crate) fn narrow(v: f64) -> f32 {
    v as f32
}
