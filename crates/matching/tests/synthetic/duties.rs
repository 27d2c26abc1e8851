//! What vehicles do between, before and after their trips, scored by name: pull-outs, layovers, breaks,
//! deadheads, depots, and vehicles that drive along a line out of service.

use std::collections::BTreeMap;

use matching::{Depot, Parameters, State, Track, match_fleet};
use model::{Fix, ServiceDate, VehicleId};

use super::city::{SPEED, along, city, length, place, way};
use super::{DAY, Noise, jiff_zone};

const H: f64 = 3600.0;
/// Metres per second of a vehicle with nobody on board.
const EMPTY_SPEED: f64 = 10.0;
const DEPOT: [f64; 2] = [2000.0, 9400.0];

/// What a vehicle truly does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Duty {
    Parked,
    PullOut,
    Trip,
    Layover,
    Break,
    Deadhead,
    PullIn,
    Shadow,
}

/// A fix, what its vehicle does, and on which trip.
type Moment = (Fix, Duty, Option<String>);

struct Bus {
    noise: Noise,
    every_s: f64,
    clock_s: f64,
    at: [f64; 2],
    moments: Vec<Moment>,
}

impl Bus {
    fn new(seed: u64, every_s: f64, begins_s: f64) -> Self {
        let noise = Noise(0x9E37_79B9_7F4A_7C15 ^ seed);
        Self { noise, every_s, clock_s: begins_s, at: DEPOT, moments: Vec::new() }
    }

    /// Some 7 m around 0: the sum of a few even numbers.
    fn noise_m(&mut self) -> f64 {
        let mut even = || self.noise.uniform() - 0.5;
        (even() + even() + even()) * 14.0
    }

    fn fix(&mut self, duty: Duty, trip: Option<&str>) {
        let origin = ServiceDate::parse(DAY).unwrap().origin(&jiff_zone());
        let at = [self.at[0] + self.noise_m(), self.at[1] + self.noise_m()];
        let fix = Fix::at(origin.plus_seconds(self.clock_s), place(at));
        self.moments.push((fix, duty, trip.map(str::to_owned)));
        self.clock_s += self.every_s;
    }

    fn stand(mut self, until_s: f64, duty: Duty) -> Self {
        while self.clock_s < until_s {
            self.fix(duty, None);
        }
        self
    }

    fn go(mut self, duty: Duty, to: &[[f64; 2]]) -> Self {
        let mut way = vec![self.at];
        way.extend(to);
        let mut done_m = 0.0;
        while done_m < length(&way) {
            self.at = along(&way, done_m);
            self.fix(duty, None);
            done_m += EMPTY_SPEED * self.every_s;
        }
        self.at = *to.last().unwrap();
        self
    }

    /// Drives a pattern from its beginning at the timetable's speed, standing a while at every stop.
    fn drive(mut self, pattern: &str, departs_s: f64, duty: Duty, trip: Option<&str>) -> Self {
        let way = way(pattern);
        let mut done_m = 0.0;
        self.clock_s = self.clock_s.max(departs_s);
        let began_s = self.clock_s;
        while done_m < length(&way) {
            self.at = along(&way, done_m);
            self.fix(duty, trip);
            done_m = SPEED * (self.clock_s - began_s);
        }
        self.at = *way.last().unwrap();
        self
    }

    fn trip(self, pattern: &str, departs_s: f64, late_s: f64) -> Self {
        let trip = format!("{pattern}-{departs_s}");
        self.drive(pattern, departs_s + late_s, Duty::Trip, Some(&trip))
    }
}

/// Of the fixes of each duty, the share told right.
fn scores(buses: &[Bus]) -> BTreeMap<Duty, f64> {
    let network = city();
    let depots = vec![Depot { position: place(DEPOT), radius_m: 150.0 }];
    let tracks: Vec<Track> = buses
        .iter()
        .enumerate()
        .map(|(at, bus)| Track {
            vehicle: VehicleId::new(&format!("bus-{at}")).unwrap(),
            fixes: bus.moments.iter().map(|(fix, ..)| (*fix, None)).collect(),
            priors: Vec::new(),
        })
        .collect();
    let parameters = Parameters { depots, ..Parameters::default() };
    let outcomes = match_fleet(&network, &parameters, &tracks, 1, &|_| ());
    let mut counts: BTreeMap<Duty, (f64, f64)> = BTreeMap::new();
    for ((_, duty, trip), said) in buses.iter().flat_map(|b| &b.moments).zip(outcomes.iter().flat_map(|o| &o.fixes)) {
        let said_trip = said.trip.map(|run| network.trip(run.trip).id.to_string());
        let right = match duty {
            Duty::Trip => said.state == State::InService && said_trip == *trip,
            Duty::Layover | Duty::Break => said.state == State::Layover,
            Duty::Parked => said.state == State::Depot && said_trip.is_none(),
            // At the gate it is in the depot still; at a corner it stands for one fix.
            Duty::PullOut | Duty::Deadhead | Duty::PullIn | Duty::Shadow => {
                said_trip.is_none() && matches!(said.state, State::Deadhead | State::Depot | State::Unknown)
            }
        };
        let count = counts.entry(*duty).or_default();
        *count = (count.0 + f64::from(u8::from(right)), count.1 + 1.0);
    }
    counts.into_iter().map(|(duty, (right, all))| (duty, right / all)).collect()
}

/// Scores a day of some buses at several intervals between fixes.
fn check(name: &str, buses: impl Fn(f64) -> Vec<Bus>, least: &[(Duty, f64)]) {
    let mut failed = Vec::new();
    for every_s in [5.0, 10.0, 30.0] {
        let scores = scores(&buses(every_s));
        println!("{name}, every {every_s} s: {scores:.3?}");
        failed.extend(least.iter().filter(|(duty, least)| scores[duty] < *least).map(|(duty, _)| (every_s, *duty)));
    }
    assert!(failed.is_empty(), "{name}: {failed:?}");
}

const WEST: [f64; 2] = [0.0, 10_000.0];
const EAST: [f64; 2] = [4000.0, 10_000.0];
/// Where the way from the depot meets the line.
const GATE: [f64; 2] = [2000.0, 10_000.0];

/// From the depot along the line to its western end, three trips of a block, and home.
fn block(every_s: f64, seed: u64, later_s: f64) -> Bus {
    let at = |s: f64| 8.0 * H + later_s + s;
    let bus = Bus::new(seed, every_s, at(-1200.0)).stand(at(-700.0), Duty::Parked);
    let bus = bus.go(Duty::PullOut, &[GATE, WEST]).stand(at(0.0), Duty::Layover);
    let bus = bus.trip("east", at(0.0), 20.0).stand(at(1200.0), Duty::Layover);
    let bus = bus.trip("west", at(1200.0), 10.0).stand(at(2400.0), Duty::Layover);
    let bus = bus.trip("east", at(2400.0), 40.0).go(Duty::PullIn, &[GATE, DEPOT]);
    let home_s = bus.clock_s;
    bus.stand(home_s + 600.0, Duty::Parked)
}

#[test]
fn a_day_from_the_depot_and_back_along_the_line() {
    let least =
        [(Duty::Parked, 0.95), (Duty::PullOut, 0.9), (Duty::Trip, 0.95), (Duty::Layover, 0.9), (Duty::PullIn, 0.85)];
    check("alone", |every_s| vec![block(every_s, 1, 0.0)], &least);
    check("with the other block's bus", |every_s| vec![block(every_s, 1, 0.0), block(every_s, 2, 600.0)], &least);
}

#[test]
fn a_break_in_the_depot_between_two_trips() {
    let buses = |every_s| {
        let bus = Bus::new(3, every_s, 8.0 * H - 60.0);
        let bus = Bus { at: WEST, ..bus }.stand(8.0 * H, Duty::Layover).trip("east", 8.0 * H, 0.0);
        let bus = bus.go(Duty::Deadhead, &[[4000.0, 9700.0], [2000.0, 9700.0], DEPOT]);
        let bus = bus.stand(8.0 * H + 2400.0 - 330.0, Duty::Parked);
        vec![bus.go(Duty::Deadhead, &[[0.0, 9400.0], WEST]).stand(8.0 * H + 2400.0, Duty::Layover).trip(
            "east",
            8.0 * H + 2400.0,
            0.0,
        )]
    };
    check(
        "break in the depot",
        buses,
        &[(Duty::Parked, 0.95), (Duty::Deadhead, 0.8), (Duty::Trip, 0.95), (Duty::Layover, 0.8)],
    );
}

#[test]
fn a_deadhead_back_along_another_street() {
    let buses = |every_s| {
        let bus = Bus { at: WEST, ..Bus::new(4, every_s, 8.0 * H) }.trip("east", 8.0 * H, 0.0);
        let bus = bus.go(Duty::Deadhead, &[[4000.0, 10_300.0], [0.0, 10_300.0], WEST]);
        vec![bus.stand(8.0 * H + 2400.0, Duty::Layover).trip("east", 8.0 * H + 2400.0, 0.0)]
    };
    check("deadhead", buses, &[(Duty::Deadhead, 0.85), (Duty::Trip, 0.95), (Duty::Layover, 0.9)]);
}

#[test]
fn a_layover_around_the_corner_of_the_terminal() {
    let buses = |every_s| {
        let bus = Bus { at: WEST, ..Bus::new(5, every_s, 8.0 * H) }.trip("east", 8.0 * H, 0.0);
        let bus = bus.go(Duty::Layover, &[[4000.0, 10_150.0]]).stand(8.0 * H + 1200.0 - 20.0, Duty::Layover);
        let bus = bus.go(Duty::Layover, &[EAST]).trip("west", 8.0 * H + 1200.0, 0.0);
        let aside = bus.go(Duty::Deadhead, &[[-700.0, 10_000.0]]).stand(8.0 * H + 2400.0 - 80.0, Duty::Break);
        vec![aside.go(Duty::Deadhead, &[WEST]).trip("east", 8.0 * H + 2400.0, 0.0)]
    };
    check("layovers aside", buses, &[(Duty::Layover, 0.9), (Duty::Break, 0.9), (Duty::Trip, 0.95)]);
}

/// A learner drives behind a bus in service; the trip is that bus's alone.
#[test]
fn a_bus_that_follows_another_one_is_on_no_trip() {
    let buses = |every_s| {
        let shadow = Bus { at: WEST, ..Bus::new(7, every_s, 8.0 * H) };
        let shadow = shadow.drive("east", 8.0 * H + 110.0, Duty::Shadow, None);
        vec![block(every_s, 1, 0.0), block(every_s, 2, 600.0), shadow]
    };
    check("shadow", buses, &[(Duty::Shadow, 0.95), (Duty::Trip, 0.95)]);
}

/// Along the line out of service at a time when nothing goes there.
#[test]
fn nothing_is_served_where_no_trip_is_due() {
    let buses = |every_s| {
        let bus = Bus { at: WEST, ..Bus::new(8, every_s, 10.0 * H) };
        vec![bus.go(Duty::Deadhead, &[EAST, WEST])]
    };
    check("no trip is due", buses, &[(Duty::Deadhead, 0.95)]);
}
