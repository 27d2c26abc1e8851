//! The matcher: one vehicle's fixes in, what they mean out.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Fix, ServiceDate, Timestamp, VehicleId};
use network::{Network, ServiceDay, TripInstance, heading_between};

use crate::beam::{self, Step};
use crate::decide::{self, Decision, Said};
use crate::duty::Duty;
use crate::hypothesis::Hypothesis;
use crate::qualify::{Point, Qualified, Qualifier};
use crate::recent::Recent;
use crate::search::Search;
use crate::visits::Progress;
use crate::{Hindsight, MatchedFix, Outcome, Parameters, Rejection, State};

/// Movement shorter than this gives no heading, metres.
const HEADING_M: f64 = 15.0;
/// Standing within this distance is standing at one place, metres.
const ONE_PLACE_M: f64 = 40.0;
/// How much driving a first fix is taken for, seconds.
const FIRST_S: f64 = 10.0;
/// Service days kept worked out.
const DAYS: usize = 8;
/// Fixes between two rounds of forgetting silent vehicles.
const FORGET_EVERY: u64 = 100_000;

/// Matches the fixes of many vehicles, each independent of all others.
///
/// Owned by one thread. The answer for a vehicle is a function of the network and of that
/// vehicle's fixes in the order given.
#[derive(Debug)]
pub struct Matcher {
    network: Arc<Network>,
    parameters: Parameters,
    vehicles: HashMap<VehicleId, Vehicle>,
    days: Days,
    search: Search,
    children: Vec<Hypothesis>,
    shares: Vec<(f64, Hypothesis)>,
    hindsight: Hindsight,
    seen: u64,
}

/// What is known of one vehicle.
#[derive(Debug, Default)]
struct Vehicle {
    qualifier: Qualifier,
    beam: Vec<Hypothesis>,
    no_trip: f64,
    duty: Duty,
    said: Said,
    progress: Progress,
    recent: Recent,
    /// The trip said of the last fix.
    told: Option<TripInstance>,
    heading_deg: Option<f64>,
    since_search: u32,
    /// Where and since when it stands.
    stands: Option<Point>,
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
            parameters,
            vehicles: HashMap::new(),
            days: Days::default(),
            search: Search::default(),
            children: Vec::new(),
            shares: Vec::new(),
            seen: 0,
        }
    }

    /// Takes a vehicle's next fix and appends exactly one matched fix, and the stop visits
    /// that became certain with it. `received_at`, where it is known, unmasks clocks that
    /// are ahead.
    pub fn advance(&mut self, vehicle: &VehicleId, fix: &Fix, received_at: Option<Timestamp>, out: &mut Outcome) {
        self.forget_silent(fix.time);
        if !self.vehicles.contains_key(vehicle) {
            self.vehicles.insert(vehicle.clone(), Vehicle::default());
        }
        let Some(state) = self.vehicles.get_mut(vehicle) else { return };
        let mut matched = MatchedFix::unmatched(vehicle, fix);
        let before = state.qualifier.last();
        match state.qualifier.judge(&self.network, &self.parameters, fix, received_at) {
            Err(rejection) => {
                matched.rejected = Some(rejection);
                // What was said still holds for a fix that merely repeats; a bad one says nothing.
                if rejection == Rejection::Duplicate {
                    matched.state = State::Unknown;
                }
            }
            Ok(qualified) => {
                let mut rooms = Rooms {
                    network: &self.network,
                    parameters: &self.parameters,
                    days: &mut self.days,
                    search: &mut self.search,
                    children: &mut self.children,
                    shares: &mut self.shares,
                };
                let decision = rooms.step(state, fix, qualified, before);
                self.tell(vehicle, qualified.point, decision, &mut matched, out);
            }
        }
        let (trip, rejected) = (matched.trip, matched.rejected);
        out.fixes.push(matched);
        self.correct(vehicle, fix, received_at, trip, rejected, out);
    }

    /// Says earlier fixes better where a late one came in or another trip has been recognised.
    fn correct(
        &mut self,
        id: &VehicleId,
        fix: &Fix,
        received_at: Option<Timestamp>,
        trip: Option<TripInstance>,
        rejected: Option<Rejection>,
        out: &mut Outcome,
    ) {
        let Some(vehicle) = self.vehicles.get_mut(id) else { return };
        let is_late = rejected == Some(Rejection::Late);
        if rejected.is_some() && !is_late {
            return;
        }
        let kept = vehicle.recent.keep(fix, received_at, trip, self.parameters.correct_fixes);
        let is_new = trip.is_some() && trip != vehicle.told;
        if !is_late {
            vehicle.told = trip;
        }
        if kept && (is_late || is_new) {
            let late = is_late.then_some(fix.time);
            vehicle.recent.correct(&mut self.hindsight, id, (vehicle.told, late), out);
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

    /// Writes a decision into the matched fix, and the visits that follow from it.
    fn tell(&mut self, id: &VehicleId, point: Point, decision: Decision, matched: &mut MatchedFix, out: &mut Outcome) {
        let Some(vehicle) = self.vehicles.get_mut(id) else { return };
        let (network, parameters) = (&self.network, &self.parameters);
        matched.state = decision.state;
        if matched.heading_deg.is_none() {
            #[expect(clippy::cast_possible_truncation, reason = "0 to 360")]
            let heading = vehicle.heading_deg.map(|h| h as f32);
            matched.heading_deg = heading;
        }
        let on_shape = decision.hypothesis.filter(|_| decision.state != State::OffRoute);
        let said = on_shape.map(|h| (h.run, h.pattern, h.dist_m));
        vehicle.progress.advance((network, parameters, id), said, &mut out.visits);
        let Some(hypothesis) = decision.hypothesis else { return };
        let pattern = network.pattern(hypothesis.pattern);
        let (next, at_stop) = vehicle.progress.next_stop();
        matched.trip = Some(hypothesis.run);
        matched.pattern = Some(hypothesis.pattern);
        matched.route = Some(pattern.route);
        matched.direction = pattern.direction;
        matched.shape_dist_m = Some(hypothesis.dist_m);
        #[expect(clippy::cast_possible_truncation, reason = "metres and seconds of a city's day; casts saturate")]
        {
            matched.cross_track_m = Some(hypothesis.cross_m as f32);
            matched.delay_s = Some(hypothesis.delay_s(network, parameters, point.time).round() as i32);
        }
        matched.next_stop = u32::try_from(next.min(pattern.stops.len().saturating_sub(1))).ok();
        matched.at_stop = at_stop;
        matched.confidence = decision.confidence;
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
    parameters: &'a Parameters,
    days: &'a mut Days,
    search: &'a mut Search,
    children: &'a mut Vec<Hypothesis>,
    shares: &'a mut Vec<(f64, Hypothesis)>,
}

impl Rooms<'_> {
    fn step(&mut self, vehicle: &mut Vehicle, fix: &Fix, qualified: Qualified, before: Option<Point>) -> Decision {
        let (point, parameters) = (qualified.point, self.parameters);
        let step = before.filter(|_| !qualified.anew).map(|from| {
            let heading_deg = heading(parameters, fix, from, point);
            Step { from, to: point, heading_deg }
        });
        let moving = match (&step, fix.speed_mps) {
            (_, Some(speed)) => f64::from(speed) >= parameters.standing_mps,
            (Some(step), None) => step.metres() / step.seconds().max(1.0) >= parameters.standing_mps,
            (None, None) => false,
        };
        let heading = step.map_or_else(|| device_heading(parameters, fix), |s| s.heading_deg);
        vehicle.heading_deg = heading.or(vehicle.heading_deg.filter(|_| !qualified.anew));
        if qualified.anew {
            vehicle.beam.clear();
            // A vehicle that drives says something with its first fix already.
            let drives = fix.speed_mps.map_or(0.0, |v| (f64::from(v) * FIRST_S / parameters.informative_m).min(1.0));
            vehicle.no_trip = drives * parameters.no_trip_log;
            vehicle.said = Said::default();
            // After a gap nothing counts but what comes: the answer must not depend on how far
            // back a reader has begun.
            vehicle.duty = Duty::default();
            vehicle.stands = None;
            vehicle.progress.forget_past();
        }
        vehicle.progress.remember(point, !moving);
        if vehicle.stands.is_none_or(|p| p.metres_to(&point) > ONE_PLACE_M) {
            vehicle.stands = Some(point);
        }
        self.move_on(vehicle, step, point, heading);
        let parked = vehicle.stands.is_some_and(|p| point.time.seconds_since(p.time) > parameters.parked_s);
        decide::decide(
            self.network,
            parameters,
            &mut vehicle.said,
            &vehicle.beam,
            (vehicle.no_trip, point.time, parked, moving),
        )
    }

    fn move_on(&mut self, vehicle: &mut Vehicle, step: Option<Step>, point: Point, heading: Option<f64>) {
        let (network, parameters) = (self.network, self.parameters);
        self.children.clear();
        if let Some(step) = &step {
            beam::advance(network, parameters, self.days, step, &vehicle.beam, self.children);
            vehicle.no_trip = beam::no_trip(parameters, vehicle.no_trip, step);
        }
        let weigh = |duty: &Duty, hypotheses: &mut [Hypothesis]| {
            for hypothesis in hypotheses {
                hypothesis.weigh(network, parameters, duty, point.time);
            }
        };
        weigh(&vehicle.duty, self.children);
        vehicle.since_search += 1;
        let best = self.children.iter().map(|h| h.weight).fold(f64::NEG_INFINITY, f64::max);
        let wanted = best < vehicle.no_trip + parameters.say_log
            || vehicle.since_search >= parameters.search_every
            || step.is_some_and(|s| s.seconds() > parameters.search_gap_s);
        if wanted {
            vehicle.since_search = 0;
            let known = self.children.len();
            // At a beginning all start even; later a newcomer starts behind "no trip", and behind
            // the best by the cost of a change.
            let base = match step {
                None => 0.0,
                Some(_) if best.is_finite() => (best.max(vehicle.no_trip) + parameters.switch_log).min(vehicle.no_trip),
                Some(_) => vehicle.no_trip,
            };
            self.search.find(network, parameters, self.days, (point, heading, base), self.children);
            weigh(&vehicle.duty, self.children.get_mut(known..).unwrap_or_default());
        }
        std::mem::swap(&mut vehicle.beam, self.children);
        beam::prune(parameters, &mut vehicle.beam);
        if let Some(step) = step {
            self.shares.clear();
            shares(&vehicle.beam, vehicle.no_trip, self.shares);
            vehicle.duty.add(network, parameters, self.shares, step.information(parameters));
        }
    }
}

/// Each hypothesis's share of the likelihood, by the fixes and the timetable.
fn shares(beam: &[Hypothesis], no_trip: f64, out: &mut Vec<(f64, Hypothesis)>) {
    let best = beam.first().map_or(no_trip, |h| h.weight.max(no_trip));
    let sum: f64 = beam.iter().map(|h| (h.weight - best).exp()).sum::<f64>() + (no_trip - best).exp();
    out.extend(beam.iter().map(|h| ((h.weight - best).exp() / sum, *h)));
}

/// The way a vehicle moves: by its own word while it drives, by its fixes otherwise.
fn heading(parameters: &Parameters, fix: &Fix, from: Point, to: Point) -> Option<f64> {
    device_heading(parameters, fix).or_else(|| {
        let stands = fix.speed_mps.is_some_and(|v| f64::from(v) < parameters.heading_min_mps);
        (from.metres_to(&to) >= HEADING_M && !stands).then(|| heading_between(from.xy, to.xy))
    })
}

fn device_heading(parameters: &Parameters, fix: &Fix) -> Option<f64> {
    let moves = fix.speed_mps.is_some_and(|v| f64::from(v) >= parameters.heading_min_mps);
    fix.heading_deg.filter(|_| moves).map(f64::from)
}
