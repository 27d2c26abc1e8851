//! Where runs begin: at one fix that decides, pattern by pattern.
//!
//! Many runs may begin at a fix, and few of them score so much that they are kept. What all runs
//! of a pattern share is worked out once, and the timetable is asked last.

use network::{BetweenStops, Network};

use crate::Parameters;
use crate::belief::Kind;
use crate::hindsight::chart::{Back, State};
use crate::hindsight::places::Place;
use crate::hindsight::register::Run;
use crate::hindsight::step::{to_departure_s, waiting_log};
use crate::hindsight::track::Key;
use crate::hypothesis::{sigma_m, timetable_log};
use crate::moves::{BACK_SIGMAS, ROUNDING, WAIT_MOST_LOG, narrow};

/// The best way to where a run begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) base: f64,
    pub(crate) back: Back,
    /// It is on that duty already.
    pub(crate) known: bool,
    /// What lies before this along the run is done.
    pub(crate) from_m: f64,
}

/// A place where the runs of a pattern may begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    place: Place,
    between: BetweenStops,
    /// What beginning so far from the first stop costs.
    partly: f64,
    says: f64,
    /// It is near enough to its shape.
    fits: bool,
    is_first: bool,
}

/// Beginning runs at a fix, into `out`.
pub(crate) struct Begin<'a> {
    pub(crate) network: &'a Network,
    pub(crate) parameters: &'a Parameters,
    pub(crate) key: &'a Key,
    pub(crate) starts: &'a mut Vec<Start>,
    pub(crate) out: &'a mut Vec<State>,
}

impl Begin<'_> {
    /// Takes the places of a pattern, of which `run` is a run; the most that beginning there says.
    pub(crate) fn on_pattern_of(&mut self, run: &Run, places: &[Place]) -> f64 {
        let (p, key) = (self.parameters, self.key);
        let shape = self.network.shape(run.shape);
        self.starts.clear();
        let mut most = f64::NEG_INFINITY;
        for place in places {
            let missed = ((place.dist_m - run.first_m - p.end_m) / p.partly_m).clamp(0.0, 1.0);
            let start = Start {
                place: *place,
                between: self.network.between_stops(run.pattern, place.dist_m),
                partly: if key.anew { 0.0 } else { p.partly_log * missed },
                says: key.information * place.says,
                fits: place.cross_m <= sigma_m(p, shape, place.dist_m) * p.outlier_sigmas,
                is_first: place.dist_m <= run.first_m + p.wait_m,
            };
            if start.fits {
                most = most.max(start.partly + start.says + ROUNDING);
            }
            if start.is_first {
                most = most.max(WAIT_MOST_LOG);
            }
            self.starts.push(start);
        }
        most
    }

    /// Begins a run of that pattern: on its way, or waiting for its departure. The best score of
    /// what came of it; what scores less than `least` is not kept.
    pub(crate) fn begin(&mut self, id: u32, run: &Run, entry: &Entry, least: f64) -> f64 {
        let (p, key) = (self.parameters, self.key);
        let mut best = f64::NEG_INFINITY;
        let mut waits = false;
        let since_origin_s = key.point.time.seconds_since(run.origin);
        for start in self.starts.iter() {
            if start.place.dist_m < entry.from_m - BACK_SIGMAS * p.sigma_m {
                continue;
            }
            waits |= start.is_first;
            if !start.fits || entry.base + start.partly + start.says < least - ROUNDING {
                continue;
            }
            let delay = since_origin_s - self.network.schedule_time_at(run.run.trip, start.between);
            let score = entry.base + start.partly + timetable_log(p, delay) + start.says;
            if score.is_finite() && score >= least {
                best = best.max(score);
                let (dist_m, cross_m) = (start.place.dist_m, narrow(start.place.cross_m));
                let (kind, off_s, back) = (Kind::On, 0.0, entry.back);
                self.out.push(State { run: id, kind, dist_m, cross_m, off_s, score, back });
            }
        }
        let ahead = to_departure_s(key, run);
        let earliest = if entry.known { p.wait_s } else { p.sign_on_s };
        if waits && ahead <= earliest && ahead > -p.late_s {
            let score = entry.base + waiting_log(p, key, run);
            best = best.max(score);
            self.out.push(State::waiting(id, run, score, entry.back));
        }
        best
    }
}

/// Puts states that went on and those that begin together by run, of two ways to the same place the better one.
pub(crate) fn merge(gone_on: &[State], begun: &mut [State], merged: &mut Vec<State>) {
    begun.sort_by_key(|state| state.run);
    merged.clear();
    let mut gone_on = gone_on;
    for state in begun {
        let (earlier, later) = gone_on.split_at(gone_on.iter().take_while(|s| s.run <= state.run).count());
        merged.extend_from_slice(earlier);
        gone_on = later;
        let same = |s: &&mut State| s.kind == state.kind && s.dist_m.total_cmp(&state.dist_m).is_eq();
        match merged.iter_mut().rev().take_while(|s| s.run == state.run).find(same) {
            Some(known) if known.score >= state.score => {}
            Some(known) => *known = *state,
            None => merged.push(*state),
        }
    }
    merged.extend_from_slice(gone_on);
}
