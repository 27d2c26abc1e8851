//! The matcher: one vehicle's fixes in, what they mean out.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Fix, ServiceDate, Timestamp, VehicleId};
use network::{Nearby, Network, ServiceDay, TripInstance};

use crate::around::Around;
use crate::belief::{Belief, Kind, Scratch};
use crate::decide::{Decider, Decision, Said};
use crate::moves::narrow;
use crate::noise::{Noise, fit};
use crate::qualify::{Point, Qualified, Qualifier};
use crate::recent::{Came, Recent};
use crate::search::{Search, Start};
use crate::stride::Stride;
use crate::visits::Progress;
use crate::{Hindsight, MatchedFix, Outcome, Parameters, Prior, Priors, Rejection, State};

/// Service days kept worked out.
const DAYS: usize = 8;
/// Fixes between two rounds of forgetting silent vehicles.
const FORGET_EVERY: u64 = 100_000;
/// Live, a vehicle that stands this long between two trips is taken to have its break, seconds:
/// no light stays red so long.
const BREAK_S: f64 = 120.0;
/// How far between two fixes that decide one may seem to lie back along the shape, metres.
const BACK_M: f64 = 15.0;
/// How far ahead, metres.
const AHEAD_M: f64 = 60.0;

/// Matches the fixes of many vehicles, each independent of all others.
///
/// Owned by one thread. The answer for a vehicle is a function of the network, of what was
/// assigned to it and of that vehicle's fixes in the order given.
#[derive(Debug)]
pub struct Matcher {
    network: Arc<Network>,
    parameters: Parameters,
    /// The same for the vehicle at hand, as noisy as it is.
    own: Parameters,
    /// Each in a place of its own: a table has room for more vehicles than there are.
    vehicles: HashMap<VehicleId, Box<Vehicle>>,
    priors: Arc<Priors>,
    days: Days,
    near: Nearby,
    starts: Vec<Start>,
    around: Around,
    scratch: Scratch,
    decider: Decider,
    hindsight: Hindsight,
    seen: u64,
}

/// What is known of one vehicle.
#[derive(Debug)]
struct Vehicle {
    qualifier: Qualifier,
    noise: Noise,
    stride: Stride,
    belief: Belief,
    said: Said,
    decision: Decision,
    progress: Progress,
    recent: Recent,
    priors: Vec<Prior>,
    /// The trip said of the last fix.
    told: Option<TripInstance>,
}

impl Default for Vehicle {
    fn default() -> Self {
        Self {
            qualifier: Qualifier::default(),
            noise: Noise::default(),
            stride: Stride::default(),
            belief: Belief::default(),
            said: Said::default(),
            decision: Decision::SILENT,
            progress: Progress::default(),
            recent: Recent::default(),
            priors: Vec::new(),
            told: None,
        }
    }
}

/// Service days worked out lately.
#[derive(Debug, Default)]
pub(crate) struct Days(Vec<ServiceDay>);

impl Days {
    /// A day by its date.
    pub(crate) fn of(&mut self, network: &Network, date: ServiceDate) -> &ServiceDay {
        let at = self.0.iter().position(|d| d.date == date).unwrap_or_else(|| {
            if self.0.len() == DAYS {
                self.0.remove(0);
            }
            self.0.push(network.service_day(date));
            self.0.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or pushed just above")]
        &self.0[at]
    }

    /// The days whose trips can be under way at an instant.
    pub(crate) fn at(&mut self, network: &Network, instant: Timestamp) -> impl Iterator<Item = &ServiceDay> {
        let dates = network.service_dates_at(instant);
        for date in &dates {
            self.of(network, *date);
        }
        self.0.iter().filter(move |d| dates.contains(&d.date))
    }
}

impl Matcher {
    /// A matcher that knows no vehicle yet.
    pub fn new(network: Arc<Network>, parameters: Parameters) -> Self {
        Self {
            hindsight: Hindsight::new(Arc::clone(&network), parameters.clone()),
            network,
            own: parameters.clone(),
            parameters,
            vehicles: HashMap::new(),
            priors: Arc::default(),
            days: Days::default(),
            near: Nearby::default(),
            starts: Vec::new(),
            around: Around::default(),
            scratch: Scratch::default(),
            decider: Decider::default(),
            seen: 0,
        }
    }

    /// Takes what is known of the vehicles' duties from now on, from the dispatcher or their
    /// devices, in place of what was known before.
    pub fn inform(&mut self, priors: Arc<Priors>) {
        for (vehicle, state) in &mut self.vehicles {
            let own = priors.get(vehicle).map_or(&[][..], Vec::as_slice);
            if state.priors != own {
                state.priors = own.to_vec();
                state.belief.assign(&self.network, &self.parameters, own);
            }
        }
        self.priors = priors;
    }

    /// Takes a vehicle's next fix and appends exactly one matched fix, the stop visits that became
    /// certain with it, and the corrections that are due with it. `received_at`, where it is known,
    /// unmasks clocks that are ahead.
    pub fn advance(&mut self, vehicle: &VehicleId, fix: &Fix, received_at: Option<Timestamp>, out: &mut Outcome) {
        self.forget_silent(fix.time);
        if !self.vehicles.contains_key(vehicle) {
            let priors = self.priors.get(vehicle).cloned().unwrap_or_default();
            let state = Box::new(Vehicle { priors, ..Vehicle::default() });
            self.vehicles.insert(vehicle.clone(), state);
        }
        let Some(state) = self.vehicles.get_mut(vehicle) else { return };
        let mut matched = MatchedFix::unmatched(vehicle, fix);
        match state.qualifier.judge(&self.network, &self.parameters, fix, received_at) {
            Err(rejection) => matched.rejected = Some(rejection),
            Ok(qualified) => {
                fit(&self.parameters, state.noise.sigma_m(&self.parameters, fix.hdop), &mut self.own);
                let mut rooms = Rooms {
                    network: &self.network,
                    usual: &self.parameters,
                    parameters: &self.own,
                    days: &mut self.days,
                    near: &mut self.near,
                    starts: &mut self.starts,
                    around: &mut self.around,
                    scratch: &mut self.scratch,
                    decider: &mut self.decider,
                };
                rooms.step(state, fix, qualified);
                rooms.tell(vehicle, state, qualified.point, &mut matched, out);
            }
        }
        let (trip, rejected) = (matched.trip, matched.rejected);
        out.fixes.push(matched);
        let is_late = rejected == Some(Rejection::Late);
        if rejected.is_some() && !is_late {
            return;
        }
        let came = if is_late { Came::Late } else { Came::InOrder { is_new: trip.is_some() && trip != state.told } };
        if !is_late {
            state.told = trip;
        }
        let most = self.parameters.correct_fixes;
        if state.recent.keep(fix, trip, came, most) {
            let priors = (state.priors.as_slice(), most);
            state.recent.correct(&mut self.hindsight, vehicle, state.told, priors, out);
        }
    }

    /// Ends the day: appends the visits that were still open.
    pub fn finish(&mut self, out: &mut Outcome) {
        let mut vehicles: Vec<_> = self.vehicles.iter_mut().collect();
        vehicles.sort_by(|a, b| a.0.cmp(b.0));
        for (id, vehicle) in vehicles {
            vehicle.progress.finish((&self.network, &self.parameters, id), &mut out.visits);
        }
    }

    fn forget_silent(&mut self, now: Timestamp) {
        self.seen += 1;
        if self.seen.is_multiple_of(FORGET_EVERY) {
            let forget_s = self.parameters.forget_s;
            self.vehicles.retain(|_, v| v.qualifier.last().is_some_and(|p| now.seconds_since(p.time) < forget_s));
        }
    }
}

/// What a step needs besides the vehicle.
struct Rooms<'a> {
    network: &'a Network,
    usual: &'a Parameters,
    /// As noisy as the vehicle is.
    parameters: &'a Parameters,
    days: &'a mut Days,
    near: &'a mut Nearby,
    starts: &'a mut Vec<Start>,
    around: &'a mut Around,
    scratch: &'a mut Scratch,
    decider: &'a mut Decider,
}

impl Rooms<'_> {
    /// Moves what is believed of a vehicle on, and decides.
    fn step(&mut self, vehicle: &mut Vehicle, fix: &Fix, qualified: Qualified) {
        let (network, parameters) = (self.network, self.parameters);
        if qualified.anew {
            // What was passed before a gap is no part of a trip that is recognised after it.
            vehicle.progress.forget_past();
        }
        let step = vehicle.stride.take((self.usual, parameters), fix, qualified);
        vehicle.progress.remember(qualified.point, vehicle.stride.is_standing());
        if let Some(step) = step {
            let priors = &vehicle.priors;
            let (near, starts, around) = (&mut *self.near, &mut *self.starts, &mut *self.around);
            let mut search = Search { network, parameters, days: self.days, near, priors, starts, around };
            let beside_m = vehicle.belief.advance((network, parameters), (self.scratch, &mut search), &step);
            vehicle.noise.learn(self.usual, beside_m.filter(|_| step.information > 0.0), step.jitter_m);
            let moment = (&step, vehicle.stride.is_standing());
            vehicle.decision = self.decider.decide(
                parameters,
                &mut vehicle.said,
                (&self.scratch.states, &vehicle.belief.rests),
                moment,
            );
            if self.has_a_break(vehicle, qualified.point) {
                vehicle.decision.doing = State::Layover;
            }
        } else if let Some(on) = vehicle.decision.on.as_mut().filter(|on| on.kind == Kind::On) {
            // Between two fixes that decide it moves on along its shape.
            let shape = network.shape(on.run.shape);
            let found = shape.project_window(qualified.point.xy, on.dist_m - BACK_M, on.dist_m + AHEAD_M);
            if let Some(place) = found.filter(|place| place.cross_m <= f64::from(on.cross_m) + BACK_M) {
                on.dist_m = place.dist_m;
                on.cross_m = narrow(place.cross_m);
            }
        }
    }

    /// Whether a vehicle that is between two trips of its duty, away from a terminal, waits there for
    /// the next one.
    fn has_a_break(&mut self, vehicle: &Vehicle, now: Point) -> bool {
        let stands_s = vehicle.stride.stands_s();
        let Some(after) = vehicle.decision.after.filter(|_| stands_s >= BREAK_S) else { return false };
        match vehicle.decision.block {
            Some(_) => {
                let next = self.network.next_in_block(after, self.days.of(self.network, after.day));
                next.is_some_and(|next| self.network.span(next).1 > now.time)
            }
            // No block tells whether there is a next one.
            None => stands_s <= self.parameters.wait_s,
        }
    }

    /// Writes what was decided into the matched fix, and the visits that follow from it.
    fn tell(
        &mut self,
        id: &VehicleId,
        vehicle: &mut Vehicle,
        point: Point,
        matched: &mut MatchedFix,
        out: &mut Outcome,
    ) {
        let (network, parameters) = (self.network, self.parameters);
        let decision = vehicle.decision;
        matched.state = decision.doing;
        if matched.heading_deg.is_none() {
            #[expect(clippy::cast_possible_truncation, reason = "0 to 360")]
            let heading = vehicle.stride.heading_deg.map(|h| h as f32);
            matched.heading_deg = heading;
        }
        let on_shape = decision.on.filter(|_| decision.doing != State::OffRoute);
        let said = on_shape.map(|on| (on.run.instance, on.run.pattern, on.dist_m));
        if decision.doing == State::OffRoute {
            vehicle.progress.leave_shape();
        }
        vehicle.progress.advance((network, parameters, id), said, &mut out.visits);
        (matched.route, matched.block) = (decision.route, decision.block);
        let Some(on) = decision.on else {
            // On no trip it is still on the duty that it was assigned to.
            let assigned = || vehicle.priors.iter().filter(|p| p.holds_at(point.time));
            matched.route = assigned().find_map(|p| p.route).or(decision.route);
            matched.block = assigned().find_map(|p| p.block).or(decision.block);
            if parameters.is_in_depot(network, point.xy) {
                matched.state = State::Depot;
            }
            return;
        };
        let pattern = network.pattern(on.run.pattern);
        let (next, at_stop) = vehicle.progress.next_stop();
        let delay_s = on.run.delay_s(network, point.time, on.dist_m);
        let waits = decision.doing == State::Layover && delay_s > -parameters.wait_s;
        matched.trip = Some(on.run.instance);
        matched.pattern = Some(on.run.pattern);
        matched.direction = pattern.direction;
        matched.shape_dist_m = Some(on.dist_m);
        let beside = (matched.state == State::OffRoute).then(|| {
            // Of what is left of its way.
            network.shape(on.run.shape).project_window(point.xy, on.dist_m, on.run.last_m)
        });
        matched.cross_track_m = Some(beside.flatten().map_or(on.cross_m, |at| narrow(at.cross_m)));
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a city's day; casts saturate")]
        let delay_s = (if waits { delay_s.max(0.0) } else { delay_s }).round() as i32;
        matched.delay_s = Some(delay_s);
        matched.next_stop = u32::try_from(next.min(pattern.stops.len().saturating_sub(1))).ok();
        matched.at_stop = at_stop;
        matched.confidence = decision.confidence;
    }
}
