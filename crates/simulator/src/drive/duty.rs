//! One vehicle's day, second by second.

use model::Timestamp;
use network::{Network, TripIdx};

use super::ground::Ground;
use super::motion::Mover;
use super::path::{Path, between};
use super::plan::{Plan, Stint, Vehicle};
use super::roads::Roads;
use super::{DrivenVisit, Phase, Rng};

/// How fast one drives where nothing is in the way, metres per second.
const CRUISE: f64 = 9.2;
/// How much of it the traffic leaves, by hour of the day.
#[rustfmt::skip]
const TRAFFIC: [f64; 24] = [
    1.1, 1.1, 1.1, 1.1, 1.1, 1.05, 0.95, 0.71, 0.67, 0.78, 0.87, 0.88,
    0.86, 0.84, 0.85, 0.81, 0.71, 0.64, 0.71, 0.84, 0.94, 1.0, 1.1, 1.1,
];
/// How one trip goes compared to another at the same hour: the driver, the rain, the load.
const TEMPER: (f64, f64) = (0.80, 1.08);
/// On a long stretch without stops one drives faster: by so much at most, metres per second.
const STRETCH_MPS: f64 = 4.0;
const STRETCH_FROM_M: f64 = 500.0;
/// How many wait at a stop, by hour of the day: seconds of dwell beyond the doors' own.
#[rustfmt::skip]
const CROWD_S: [f64; 24] = [
    4.0, 4.0, 4.0, 4.0, 4.0, 5.0, 8.0, 14.0, 14.0, 10.0, 8.0, 8.0,
    8.0, 9.0, 9.0, 10.0, 13.0, 15.0, 12.0, 9.0, 6.0, 5.0, 4.0, 4.0,
];
const DOORS_S: f64 = 7.0;
/// Before so many seconds early a driver leaves a stop all the same.
const EARLY_S: i64 = 45;
/// A signal shows red in this share of cases, for so many seconds; one halts before it.
const RED_SHARE: f64 = 0.38;
const RED_S: (f64, f64) = (5.0, 38.0);
const SIGNAL_LINE_M: f64 = 8.0;
/// One trip in so many meets a jam that lasts so many seconds.
const JAM_SHARE: f64 = 0.06;
const JAM_S: (f64, f64) = (60.0, 400.0);
/// How long before it leaves the depot a vehicle is switched on, and afterwards off.
const WARM_UP_S: i64 = 300;
const COOL_DOWN_S: i64 = 180;
/// What one allows for coming from the depot: so many metres per second, and to spare.
const PULL_OUT_MPS: f64 = 6.0;
const SPARE_S: i64 = 240;
/// How long the broken-down vehicle stands.
const REPAIR_S: i64 = 25 * 60;
/// How far beside the closed street the way around it runs, metres.
const AROUND_M: f64 = 160.0;
/// Two ends of trips nearer than this are the two sides of one terminal.
const TERMINAL_M: f64 = 120.0;

/// Where a vehicle was at a second of the service day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) second: i64,
    pub(super) xy: [f64; 2],
    /// A vector in the direction in which it faces.
    pub(super) facing: [f64; 2],
    pub(super) speed: f64,
    pub(super) label: Label,
}

/// What it was doing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label {
    pub(super) trip: Option<TripIdx>,
    pub(super) phase: Phase,
}

impl Label {
    const fn off(phase: Phase) -> Self {
        Self { trip: None, phase }
    }
}

/// Drives all stints of a vehicle.
pub(super) fn drive(
    network: &Network,
    ground: &Ground<'_>,
    roads: &Roads,
    plan: &Plan,
    vehicle: &Vehicle,
    rng: Rng,
) -> (Vec<Moment>, Vec<DrivenVisit>) {
    let mut driver =
        Driver { network, ground, roads, plan, vehicle, rng, now: 0, moments: Vec::new(), visits: Vec::new() };
    for stint in &vehicle.stints {
        driver.stint(stint);
    }
    (driver.moments, driver.visits)
}

struct Driver<'a> {
    network: &'a Network,
    ground: &'a Ground<'a>,
    roads: &'a Roads,
    plan: &'a Plan,
    vehicle: &'a Vehicle,
    rng: Rng,
    now: i64,
    moments: Vec<Moment>,
    visits: Vec<DrivenVisit>,
}

/// A path being driven.
struct Leg<'a> {
    path: &'a Path,
    mover: Mover,
    signals: usize,
    /// The next signal, if it is red: where to halt, and for how long.
    red: Option<(f64, i64)>,
    label: Label,
    temper: f64,
}

impl<'a> Leg<'a> {
    fn new(path: &'a Path, label: Label) -> Self {
        Self { path, mover: Mover::default(), signals: 0, red: None, label, temper: 1.0 }
    }
}

/// A trip's path with its stops on it.
struct Course {
    path: Path,
    /// Index into the pattern's stops, and metres along the path.
    stops: Vec<(usize, f64)>,
    /// Which part leads around a closed street.
    around: Option<(f64, f64)>,
}

impl Driver<'_> {
    fn stint(&mut self, stint: &Stint) {
        let Some(first) = stint.trips.first() else { return };
        let depot = self.vehicle.depot;
        let (start, _) = self.ends(*first);
        let out = Path::new(self.roads.way(depot, start));
        let (departure, _) = self.network.span_s(*first);
        self.now = i64::from(departure) - whole(out.length() / PULL_OUT_MPS) - SPARE_S - WARM_UP_S;
        self.stand(&out, 0.0, WARM_UP_S, Label::off(Phase::PullOut));
        self.deadhead(&out, Phase::PullOut);

        let mut here = start;
        for (number, trip) in stint.trips.iter().enumerate() {
            let (from, to) = self.ends(*trip);
            if between(here, from) > 0.1 {
                let way = if between(here, from) < TERMINAL_M { vec![here, from] } else { self.roads.way(here, from) };
                self.deadhead(&Path::new(way), Phase::Layover);
            }
            here = to;
            let last = number + 1 == stint.trips.len();
            if stint.breaks_down && last {
                here = self.broken_trip(*trip);
            } else {
                self.trip(*trip);
            }
        }
        let home = Path::new(self.roads.way(here, depot));
        self.deadhead(&home, Phase::PullIn);
        self.stand(&home, home.length(), COOL_DOWN_S, Label::off(Phase::PullIn));
    }

    fn trip(&mut self, trip: TripIdx) {
        let course = self.course(trip);
        let mut leg = self.depart(trip, &course);
        let jam = self.rng.chance(JAM_SHARE).then(|| self.rng.range(0.2, 0.9) * course.path.length());
        let mut jam = jam.map(|at| (at, whole(self.rng.range(JAM_S.0, JAM_S.1))));
        for (number, (stop, dist)) in course.stops.iter().enumerate().skip(1) {
            if let Some((at, seconds)) = jam.filter(|(at, _)| *at < *dist) {
                self.ride(&mut leg, at, true, &course);
                self.stand(&course.path, at, seconds, leg.label);
                jam = None;
            }
            let last = number + 1 == course.stops.len();
            let halt = last || self.rng.chance(0.9 + CROWD_S.get(self.hour()).copied().unwrap_or(0.0) / 150.0);
            self.ride(&mut leg, *dist, halt, &course);
            let arrival = self.now;
            if halt {
                self.dwell(trip, *stop, *dist, &leg, last);
            }
            self.visit(trip, *stop, arrival);
        }
    }

    /// Drives half of a trip, stands broken, and says where.
    fn broken_trip(&mut self, trip: TripIdx) -> [f64; 2] {
        let course = self.course(trip);
        let mut leg = self.depart(trip, &course);
        let half = course.path.length() / 2.0;
        for (stop, dist) in course.stops.iter().skip(1).filter(|(_, dist)| *dist < half) {
            self.ride(&mut leg, *dist, true, &course);
            let arrival = self.now;
            self.dwell(trip, *stop, *dist, &leg, false);
            self.visit(trip, *stop, arrival);
        }
        self.ride(&mut leg, half, true, &course);
        self.stand(&course.path, half, REPAIR_S, Label::off(Phase::BrokenDown));
        course.path.at(half).0
    }

    /// Waits at the first stop for the departure.
    fn depart<'p>(&mut self, trip: TripIdx, course: &'p Course) -> Leg<'p> {
        let scheduled = i64::from(self.network.span_s(trip).0);
        let departure = (scheduled + whole(self.rng.range(-5.0, 25.0))).max(self.now + 20);
        self.stand(&course.path, 0.0, departure - self.now, Label::off(Phase::Layover));
        let temper = self.rng.range(TEMPER.0, TEMPER.1);
        Leg { temper, ..Leg::new(&course.path, Label { trip: Some(trip), phase: Phase::InProgress }) }
    }

    /// Stands at a stop until all are in and out, and the timetable lets it go.
    fn dwell(&mut self, trip: TripIdx, stop: usize, dist: f64, leg: &Leg<'_>, last: bool) {
        let crowd = CROWD_S.get(self.hour()).copied().unwrap_or(0.0);
        // The product of two even chances: mostly few, seldom many.
        let passengers = 4.0 * crowd * self.rng.unit() * self.rng.unit();
        let mut seconds = whole(DOORS_S + passengers);
        if !last {
            let scheduled = self.network.stop_times(trip).get(stop).map_or(0, |t| i64::from(t.departure_s));
            seconds = seconds.max((scheduled - EARLY_S - self.now).min(180));
        }
        self.stand(leg.path, dist, seconds, leg.label);
    }

    fn visit(&mut self, trip: TripIdx, stop: usize, arrival: i64) {
        self.visits.push(DrivenVisit {
            vehicle: self.vehicle.id.clone(),
            trip,
            stop,
            arrival: self.instant(arrival),
            departure: self.instant(self.now),
        });
    }

    fn deadhead(&mut self, path: &Path, phase: Phase) {
        let mut leg = Leg::new(path, Label::off(phase));
        let course = Course { path: Path::default(), stops: Vec::new(), around: None };
        self.ride(&mut leg, path.length(), true, &course);
    }

    /// Drives on to a distance, and halts there if asked to.
    fn ride(&mut self, leg: &mut Leg<'_>, to: f64, halt: bool, course: &Course) {
        let stretch = ((to - leg.mover.dist - STRETCH_FROM_M) / 200.0).clamp(0.0, STRETCH_MPS);
        let cruise = (CRUISE + stretch) * leg.temper * self.pace(leg, course);
        while leg.mover.dist < to {
            self.look_at_signals(leg);
            let red = leg.red.filter(|(line, _)| !halt || *line < to);
            let stop = red.map_or(if halt { to } else { f64::INFINITY }, |(line, _)| line);
            let traffic = TRAFFIC.get(self.hour()).copied().unwrap_or(1.0);
            let halted = leg.mover.step(leg.path, cruise * traffic, stop);
            let inside = course.around.is_some_and(|(from, until)| (from..until).contains(&leg.mover.dist));
            let phase = if inside { Phase::Detour } else { leg.label.phase };
            self.moment(leg.path, leg.mover, Label { phase, ..leg.label });
            if let Some((line, seconds)) = red.filter(|_| halted) {
                self.stand(leg.path, line, seconds, Label { phase, ..leg.label });
                leg.red = None;
            }
        }
    }

    /// Drivers who are early dawdle, those who are late hurry.
    fn pace(&self, leg: &Leg<'_>, course: &Course) -> f64 {
        let Some(trip) = leg.label.trip else { return 1.0 };
        let passed = course.stops.iter().rfind(|(_, dist)| *dist <= leg.mover.dist + 1.0);
        let scheduled = passed.and_then(|(stop, _)| self.network.stop_times(trip).get(*stop));
        match self.now - scheduled.map_or(self.now, |t| i64::from(t.departure_s)) {
            ..=-20 => 0.82,
            -19..=60 => 1.0,
            _ => 1.07,
        }
    }

    fn look_at_signals(&mut self, leg: &mut Leg<'_>) {
        const SEEN_FROM_M: f64 = 70.0;
        while leg.red.is_none()
            && let Some(signal) = leg.path.signals.get(leg.signals)
            && signal - leg.mover.dist < SEEN_FROM_M
        {
            leg.signals += 1;
            let line = signal - SIGNAL_LINE_M;
            if line > leg.mover.dist + 2.0 && self.rng.chance(RED_SHARE) {
                leg.red = Some((line, whole(self.rng.range(RED_S.0, RED_S.1))));
            }
        }
    }

    fn stand(&mut self, path: &Path, dist: f64, seconds: i64, label: Label) {
        for _ in 0..seconds.max(0) {
            self.moment(path, Mover { dist, speed: 0.0 }, label);
        }
    }

    /// Notes where the vehicle is at the end of this second.
    fn moment(&mut self, path: &Path, mover: Mover, label: Label) {
        self.now += 1;
        let (xy, facing) = path.at(mover.dist);
        self.moments.push(Moment { second: self.now, xy, facing, speed: mover.speed, label });
    }

    /// The trip's way and stops, around the closed street where it is closed by then.
    fn course(&self, trip: TripIdx) -> Course {
        let pattern = self.network.trip(trip).pattern;
        let path = self.ground.path(pattern);
        let stops = self.ground.stops(pattern, &path).into_iter().enumerate();
        let closed = self.plan.closure.as_ref().filter(|c| {
            let at = i64::from(self.network.span_s(trip).0);
            c.pattern == pattern && (c.hours.0..c.hours.1).contains(&at)
        });
        let Some(closure) = closed else { return Course { stops: stops.collect(), path, around: None } };

        let (from, to) = closure.part;
        let (start, end) = (path.at(from).0, path.at(to).0);
        let chord = between(start, end);
        let aside = [(end[1] - start[1]) / chord * AROUND_M, (start[0] - end[0]) / chord * AROUND_M];
        let mut line = path.part(0.0, from);
        line.extend([start, end].map(|p| [p[0] + aside[0], p[1] + aside[1]]));
        line.extend(path.part(to, path.length()));
        let longer = chord + 2.0 * AROUND_M - (to - from);
        let stops = stops
            .filter(|(_, dist)| *dist < from || to < *dist)
            .map(|(stop, dist)| (stop, if dist < from { dist } else { dist + longer }));
        Course { stops: stops.collect(), path: Path::new(line), around: Some((from, to + longer)) }
    }

    /// Where a trip begins and ends.
    fn ends(&self, trip: TripIdx) -> ([f64; 2], [f64; 2]) {
        let path = self.ground.path(self.network.trip(trip).pattern);
        (path.at(0.0).0, path.at(path.length()).0)
    }

    fn hour(&self) -> usize {
        usize::try_from(self.now.div_euclid(3600).rem_euclid(24)).unwrap_or(0)
    }

    fn instant(&self, second: i64) -> Timestamp {
        Timestamp::from_secs(self.plan.day.origin.as_secs() + second)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a day")]
fn whole(seconds: f64) -> i64 {
    seconds.round() as i64
}
