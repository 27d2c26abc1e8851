//! A made-up day of driving: timetable and seed in, positions and the truth about them out.
//!
//! ```text
//! Network ──plan──▶ duties of vehicles ──duty, motion──▶ where each one was, second by second
//!                                                             │ receiver: noise, outages
//!                                                             ▼
//!                                              positions, truth, arrivals, outages
//! ```
//!
//! Vehicles leave the depot, run the trips of their blocks along the shapes, brake for
//! bends, signals and stops, wait out the timetable and go home. They are late as the hour
//! of the day and chance have it. One vehicle breaks down and is replaced, one street is
//! closed for two hours, and some vehicles are out of coverage for minutes. What the
//! tracker reports is not where the vehicle is: its error wanders, and grows for a while
//! among high walls.
//!
//! It is a pure function of what the feed says. Chance comes from a generator of whole
//! numbers, what is written is rounded, and neither the network's numbering nor its map
//! plays a part, so every machine and every version makes the same day.

mod duty;
mod ground;
mod motion;
mod path;
mod plan;
mod receiver;
mod rng;
mod roads;
mod write;

use model::{LatLon, ServiceDate, Timestamp, VehicleId};
use network::{Network, TripIdx};

pub(crate) use rng::{Rng, stir};

use crate::SimulatorError;

/// What day to drive.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The service day.
    pub day: ServiceDate,
    /// What chance makes of it; another number, another day.
    pub seed: u64,
    /// Where trolleybuses and trams spend the night.
    pub trolleybus_depot: LatLon,
    /// Where all others do.
    pub bus_depot: LatLon,
}

/// What a vehicle was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// From the depot to its first trip.
    PullOut,
    /// On a trip.
    InProgress,
    /// On a trip, but around a closed street.
    Detour,
    /// Between two trips.
    Layover,
    /// Broken down.
    BrokenDown,
    /// Back to the depot.
    PullIn,
}

impl Phase {
    /// Its name in truth.csv.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PullOut => "PULL_OUT",
            Self::InProgress => "IN_PROGRESS",
            Self::Detour => "DETOUR",
            Self::Layover => "LAYOVER",
            Self::BrokenDown => "BROKEN_DOWN",
            Self::PullIn => "PULL_IN",
        }
    }
}

/// One reported fix, with the truth about it.
#[derive(Clone, Debug, PartialEq)]
pub struct DrivenFix {
    /// Which vehicle.
    pub vehicle: VehicleId,
    /// When, to the second.
    pub time: Timestamp,
    /// Where the receiver had it, to the sixth decimal of a degree.
    pub position: LatLon,
    /// How fast, metres per second, to the first decimal.
    pub speed_mps: f64,
    /// Where to, whole degrees clockwise from north.
    pub heading_deg: f64,
    /// Where it really was.
    pub true_position: LatLon,
    /// The trip it was on, if any.
    pub trip: Option<TripIdx>,
    /// What it was doing.
    pub phase: Phase,
}

/// A vehicle at a stop of its trip: standing there, or driving past with nobody waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrivenVisit {
    /// Which vehicle.
    pub vehicle: VehicleId,
    /// On which trip.
    pub trip: TripIdx,
    /// Index into the stops of the trip's pattern.
    pub stop: usize,
    /// When it came to stand, or passed.
    pub arrival: Timestamp,
    /// When it left; the arrival where it passed.
    pub departure: Timestamp,
}

/// A time in which a vehicle's fixes could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Which vehicle.
    pub vehicle: VehicleId,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Whether the tracker kept the fixes and sent them at the end; otherwise there are none.
    pub buffered: bool,
}

/// A driven day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DrivenDay {
    /// Reported fixes by vehicle, then by time.
    pub fixes: Vec<DrivenFix>,
    /// Visits by vehicle, then by time.
    pub visits: Vec<DrivenVisit>,
    /// Outages by vehicle.
    pub outages: Vec<Outage>,
}

/// Drives all blocks of a day.
pub fn day(network: &Network, settings: &Settings) -> Result<DrivenDay, SimulatorError> {
    let ground = ground::Ground::new(network, settings.bus_depot);
    let plan = plan::Plan::of(network, &ground, settings)?;
    let roads = roads::Roads::of(network, &ground);
    let mut driven = DrivenDay::default();
    for vehicle in &plan.vehicles {
        let rng = Rng::new(settings.seed).fork(vehicle.id.as_str());
        let (moments, mut visits) = duty::drive(network, &ground, &roads, &plan, vehicle, rng.fork("driving"));
        receiver::observe(&ground, &plan, vehicle, &moments, rng.fork("receiver"), &mut driven);
        driven.visits.append(&mut visits);
    }
    Ok(driven)
}
