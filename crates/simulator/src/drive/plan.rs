//! Who drives what, and what goes wrong that day.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use model::VehicleId;
use network::{BlockIdx, Network, PatternIdx, RouteKind, ServiceDay, TripIdx};

use super::ground::Ground;
use super::{Rng, Settings};
use crate::SimulatorError;

/// Seconds that a vehicle needs between two blocks to come home and go out again.
const BETWEEN_BLOCKS_S: i32 = 45 * 60;
/// The vehicle in service at this hour of the day may be the one that breaks down.
const BREAKDOWN_S: i32 = 13 * 3600;
/// When a street is closed.
const CLOSED_S: (i32, i32) = (11 * 3600, 13 * 3600);
/// Which part of the shape is closed.
const CLOSED_PART: (f64, f64) = (0.40, 0.50);
/// Share of vehicles with an outage, and its length in seconds.
const OUTAGE_SHARE: f64 = 0.4;
const OUTAGE_S: (f64, f64) = (120.0, 480.0);
/// Share of outages whose fixes come late rather than never.
const BUFFERED_SHARE: f64 = 0.7;

/// The day's duties and mishaps. Times are seconds of the service day.
pub(super) struct Plan {
    pub(super) day: ServiceDay,
    pub(super) vehicles: Vec<Vehicle>,
    pub(super) closure: Option<Closure>,
}

/// A vehicle and its day.
pub(super) struct Vehicle {
    pub(super) id: VehicleId,
    pub(super) depot: [f64; 2],
    pub(super) stints: Vec<Stint>,
    /// From, until, and whether its fixes were kept.
    pub(super) outages: Vec<(i64, i64, bool)>,
}

/// Trips that a vehicle runs without going home in between.
pub(super) struct Stint {
    pub(super) trips: Vec<TripIdx>,
    /// It breaks down half-way on the last of them.
    pub(super) breaks_down: bool,
}

/// A street closed for a while, for one direction of one line.
pub(super) struct Closure {
    pub(super) pattern: PatternIdx,
    /// Metres along the pattern's path.
    pub(super) part: (f64, f64),
    pub(super) hours: (i64, i64),
}

impl Plan {
    pub(super) fn of(network: &Network, ground: &Ground<'_>, settings: &Settings) -> Result<Self, SimulatorError> {
        let day = network.service_day(settings.day);
        let mut blocks: BTreeMap<BlockIdx, Vec<TripIdx>> = BTreeMap::new();
        for (index, trip) in network.trips() {
            if let Some(block) = trip.block.filter(|_| day.runs(trip.service)) {
                blocks.entry(block).or_default().push(index);
            }
        }
        if blocks.is_empty() {
            let what = format!("no trip with a block_id runs on {}; name a day within the schedule", settings.day);
            return Err(SimulatorError::Schedule(what));
        }
        for trips in blocks.values_mut() {
            trips.sort_by_key(|t| network.span_s(*t).0);
        }
        // By what the feed says, not by the network's numbering, which is its own affair.
        let mut duties: Vec<(BlockIdx, Vec<TripIdx>)> = blocks.into_iter().collect();
        duties.sort_by_cached_key(|(block, trips)| {
            (trips.first().map(|t| network.span_s(*t).0), network.block(*block).id.clone())
        });
        let duties: Vec<Vec<TripIdx>> = duties.into_iter().map(|(_, trips)| trips).collect();
        let mut rng = Rng::new(settings.seed).fork("plan");
        let mut garage = Garage { network, ground, settings, vehicles: Vec::new() };
        let unlucky = garage.unlucky(&duties, &mut rng);
        for (index, trips) in duties.into_iter().enumerate() {
            let breaks_at = trips.iter().position(|t| network.span_s(*t).0 >= BREAKDOWN_S).filter(|_| index == unlucky);
            match breaks_at {
                Some(at) if at + 1 < trips.len() => {
                    let (before, after) = trips.split_at(at + 1);
                    garage.send_out(Stint { trips: before.to_vec(), breaks_down: true });
                    garage.send_out(Stint { trips: after.to_vec(), breaks_down: false });
                }
                _ => garage.send_out(Stint { trips, breaks_down: false }),
            }
        }
        let closure = closure(network, ground, &garage.vehicles);
        let mut vehicles: Vec<Vehicle> = garage.vehicles.into_iter().map(|parked| parked.vehicle).collect();
        for vehicle in &mut vehicles {
            vehicle.outages = outages(network, vehicle, &mut rng.fork(vehicle.id.as_str()));
        }
        vehicles.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Self { day, vehicles, closure })
    }
}

struct Garage<'a> {
    network: &'a Network,
    ground: &'a Ground<'a>,
    settings: &'a Settings,
    vehicles: Vec<Parked>,
}

struct Parked {
    vehicle: Vehicle,
    electric: bool,
    free_s: i32,
}

impl Garage<'_> {
    fn span(&self, trips: &[TripIdx]) -> (i32, i32) {
        let first = trips.first().map_or(0, |t| self.network.span_s(*t).0);
        (first, trips.last().map_or(0, |t| self.network.span_s(*t).1))
    }

    /// Gives a stint to a vehicle of its kind that is at home, or to a new one.
    fn send_out(&mut self, stint: Stint) {
        let (start, end) = self.span(&stint.trips);
        let Some(first) = stint.trips.first() else { return };
        let electric = is_electric(self.network, *first);
        // A vehicle that broke down stays in the workshop.
        let free_s = if stint.breaks_down { i32::MAX } else { end + BETWEEN_BLOCKS_S };
        if let Some(parked) = self.vehicles.iter_mut().find(|p| p.electric == electric && p.free_s <= start) {
            parked.vehicle.stints.push(stint);
            parked.free_s = free_s;
            return;
        }
        let number = self.vehicles.iter().filter(|p| p.electric == electric).count() + 1;
        let (series, depot) =
            if electric { (200, self.settings.trolleybus_depot) } else { (400, self.settings.bus_depot) };
        let Ok(id) = VehicleId::new(&format!("{}", series + number)) else { return };
        let depot = self.ground.xy(depot);
        let vehicle = Vehicle { id, depot, stints: vec![stint], outages: Vec::new() };
        self.vehicles.push(Parked { vehicle, electric, free_s });
    }

    /// Which duty loses its vehicle: one that is under way around the hour.
    fn unlucky(&self, duties: &[Vec<TripIdx>], rng: &mut Rng) -> usize {
        let spans = duties.iter().map(|trips| self.span(trips)).enumerate();
        let under_way: Vec<usize> = spans
            .filter(|(_, (start, end))| *start < BREAKDOWN_S && BREAKDOWN_S + 2 * 3600 < *end)
            .map(|(index, _)| index)
            .collect();
        rng.pick(&under_way).copied().unwrap_or(usize::MAX)
    }
}

fn is_electric(network: &Network, trip: TripIdx) -> bool {
    let route = network.route(network.pattern(network.trip(trip).pattern).route);
    matches!(route.kind, RouteKind::Trolleybus | RouteKind::Tram)
}

/// Closes a street for the pattern that runs most that day, buses before trolleybuses,
/// which cannot leave their wires.
fn closure(network: &Network, ground: &Ground<'_>, vehicles: &[Parked]) -> Option<Closure> {
    let mut counts: BTreeMap<PatternIdx, usize> = BTreeMap::new();
    for parked in vehicles.iter().filter(|p| !p.electric) {
        for trip in parked.vehicle.stints.iter().flat_map(|s| &s.trips) {
            *counts.entry(network.trip(*trip).pattern).or_default() += 1;
        }
    }
    let name = |pattern: PatternIdx| {
        let pattern = network.pattern(pattern);
        (network.route(pattern.route).id.clone(), pattern.direction)
    };
    let pattern = counts.into_iter().max_by_key(|(pattern, count)| (*count, Reverse(name(*pattern))))?.0;
    let length = ground.path(pattern).length();
    let part = (length * CLOSED_PART.0, length * CLOSED_PART.1);
    Some(Closure { pattern, part, hours: (CLOSED_S.0.into(), CLOSED_S.1.into()) })
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a day")]
fn outages(network: &Network, vehicle: &Vehicle, rng: &mut Rng) -> Vec<(i64, i64, bool)> {
    let Some(stint) = vehicle.stints.iter().max_by_key(|s| s.trips.len()) else { return Vec::new() };
    if !rng.chance(OUTAGE_SHARE) {
        return Vec::new();
    }
    let first = stint.trips.first().map_or(0, |t| network.span_s(*t).0);
    let last = stint.trips.last().map_or(0, |t| network.span_s(*t).1);
    let from = rng.range(first.into(), last.into()) as i64;
    let until = from + rng.range(OUTAGE_S.0, OUTAGE_S.1) as i64;
    vec![(from, until, rng.chance(BUFFERED_SHARE))]
}
