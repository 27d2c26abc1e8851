//! From one fix that decides to the next: moving the states of a run on.

use network::Network;

use crate::Parameters;
use crate::belief::Kind;
use crate::hindsight::chart::{Back, State, index};
use crate::hindsight::places::Place;
use crate::hindsight::register::Run;
use crate::hindsight::track::Key;
use crate::hypothesis::{moved_log, sigma_m, standing_log, timetable_log};
use crate::moves::{AHEAD_M, BACK_SIGMAS, WAIT_MOST_LOG, narrow};
use crate::qualify::metres_between;

/// What a fix says of a vehicle on no trip: it would fit its own trip, if it had one, and it
/// follows a shape by chance.
pub(crate) fn none_log(p: &Parameters, key: &Key) -> f64 {
    key.information * (moving_log(p, key, p.on_fit_log) - key.moved_m / p.follow_m)
}

/// What speaks against a trip after so many metres, little where the vehicle has hardly moved: fixes
/// every 5 s are no more evidence than fixes every 30 s along the same street.
fn moving_log(p: &Parameters, key: &Key, log: f64) -> f64 {
    p.own_fit_log + (log - p.own_fit_log) * (key.moved_m / p.again_m).min(1.0)
}

/// What waiting for a run's departure says.
pub(crate) fn waiting_log(p: &Parameters, key: &Key, run: &Run) -> f64 {
    let away = metres_between(run.start, key.point.xy) / p.wait_sigma_m;
    key.information * (moving_log(p, key, p.wait_log) - away * away / 2.0) - (away - 3.0).max(0.0) + WAIT_MOST_LOG
}

pub(crate) fn to_departure_s(key: &Key, run: &Run) -> f64 {
    run.departs.seconds_since(key.point.time)
}

/// What it costs to leave a run here: nothing at its end, the more the farther from it.
pub(crate) fn leave_log(p: &Parameters, run: &Run, state: &State) -> f64 {
    match state.kind {
        Kind::Wait => p.not_begun_log,
        Kind::On | Kind::Off => p.partly_log * ((run.last_m - p.end_m - state.dist_m) / p.partly_m).clamp(0.0, 1.0),
    }
}

/// Moving the states of one run on.
pub(crate) struct Step<'a> {
    pub(crate) network: &'a Network,
    pub(crate) parameters: &'a Parameters,
    pub(crate) key: &'a Key,
    pub(crate) out: &'a mut Vec<State>,
}

impl Step<'_> {
    /// Seconds behind the timetable at a place.
    fn delay_s(&self, run: &Run, dist_m: f64) -> f64 {
        self.key.point.time.seconds_since(run.origin) - self.network.schedule_time(run.run.trip, dist_m)
    }

    /// Children of a run's states: one for each place near the fix, waiting, and off its shape.
    pub(crate) fn go_on(&mut self, id: u32, run: &Run, before: &[State], offset: usize, places: &[Place]) {
        if before.is_empty() {
            return;
        }
        let (p, key) = (self.parameters, self.key);
        let shape = self.network.shape(run.shape);
        for place in places {
            let sigma = sigma_m(p, shape, place.dist_m);
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
                let moved_m = held.map_or(key.moved_m, |held| metres_between(held, key.point.xy));
                let reach = p.max_mps * (key.elapsed_s + f64::from(state.off_s));
                if along < -BACK_SIGMAS * p.sigma_m || along > reach.min(3.0 * moved_m + AHEAD_M) + AHEAD_M {
                    continue;
                }
                let straight = (p.straight_m / moved_m).min(1.0);
                let mut says = place.says + straight * moved_log(p, shape, along.max(0.0), moved_m);
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
        let stands_s = (self.key.information <= 0.0).then_some(self.key.elapsed_s);
        standing_log(self.parameters, (run.first_m, run.last_m), dist_m, stands_s)
    }

    /// It still waits for its departure.
    fn wait_on(&mut self, id: u32, run: &Run, before: &[State], offset: usize) {
        let (p, key) = (self.parameters, self.key);
        let mut best: Option<(f64, usize)> = None;
        for (at, state) in before.iter().enumerate() {
            if state.kind == Kind::Wait && best.is_none_or(|(b, _)| state.score > b) {
                best = Some((state.score, at));
            }
        }
        if let Some((score, at)) = best
            && to_departure_s(key, run) > -p.late_s
        {
            let says = waiting_log(p, key, run);
            self.out.push(State::waiting(id, run, score + says, Back::State(index(offset + at))));
        }
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
}
