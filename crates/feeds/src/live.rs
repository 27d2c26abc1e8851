//! Where every vehicle is, as the public may know it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use matching::{MatchedFix, State};
use model::{GatePolicy, LatLon, Timestamp, VehicleId};
use network::{Network, PatternIdx, RouteIdx, TripInstance};

/// A vehicle leaves the live outputs when its last fix is older than this, seconds.
pub const MAX_AGE_S: f64 = 600.0;
/// A vehicle farther than this beside its trip's shape is told without the trip, metres:
/// readers take such a pair for an error (rule E029 of the reference validator).
const FAR_M: f32 = 200.0;

/// A vehicle as the public sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveVehicle {
    /// Its public id.
    pub id: VehicleId,
    /// When its last fix was taken.
    pub time: Timestamp,
    /// Where it was then.
    pub position: LatLon,
    /// Degrees clockwise from north.
    pub heading_deg: Option<f32>,
    /// Metres per second.
    pub speed_mps: Option<f32>,
    /// What it is doing.
    pub state: State,
    /// The trip it is on.
    pub on: Option<OnTrip>,
}

/// A vehicle's place on its trip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnTrip {
    /// The trip and its day.
    pub run: TripInstance,
    /// The trip's pattern.
    pub pattern: PatternIdx,
    /// The trip's route.
    pub route: RouteIdx,
    /// GTFS `direction_id`, where the feed has it.
    pub direction: Option<u8>,
    /// Metres along the shape.
    pub shape_dist_m: f64,
    /// Metres beside the shape.
    pub cross_track_m: Option<f32>,
    /// Seconds behind the timetable; negative where early.
    pub delay_s: i32,
    /// Index of the stop at which it is or which comes next.
    pub next_stop: u32,
    /// It is at that stop.
    pub at_stop: bool,
}

impl OnTrip {
    /// Whether the vehicle is near enough to the trip's shape to be told with it in
    /// GTFS-realtime. Lines drawn from stop to stop, for want of a shape, say nothing of that.
    pub fn is_near(&self, network: &Network) -> bool {
        let shape = network.shape(network.pattern(self.pattern).shape);
        shape.coarse || self.cross_track_m.is_none_or(|cross_m| cross_m <= FAR_M)
    }
}

impl LiveVehicle {
    /// The vehicle as a fix has it; `None` for one that does not move its vehicle.
    pub fn from_fix(fix: &MatchedFix) -> Option<Self> {
        let position = fix.position.filter(|_| fix.rejected.is_none())?;
        let on = || {
            Some(OnTrip {
                run: fix.trip?,
                pattern: fix.pattern?,
                route: fix.route?,
                direction: fix.direction,
                shape_dist_m: fix.shape_dist_m?,
                cross_track_m: fix.cross_track_m,
                delay_s: fix.delay_s?,
                next_stop: fix.next_stop?,
                at_stop: fix.at_stop,
            })
        };
        Some(Self {
            id: fix.vehicle.clone(),
            time: fix.time,
            position,
            heading_deg: fix.heading_deg,
            speed_mps: fix.speed_mps,
            state: fix.state,
            on: on(),
        })
    }
}

/// All vehicles at one moment; immutable, to be shared.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Rises with every change of the vehicles or of the gate.
    pub version: u64,
    /// The moment it was taken; never goes back from one snapshot to the next.
    pub time: Timestamp,
    /// How the gate stands.
    pub gate: GatePolicy,
    /// The vehicles, by id.
    pub vehicles: Vec<Arc<LiveVehicle>>,
}

/// What happened since the last time it was asked.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Vehicles that are new or otherwise than before, by id.
    pub changed: Vec<Arc<LiveVehicle>>,
    /// Vehicles that left, by id.
    pub gone: Vec<VehicleId>,
}

impl Changes {
    /// Nothing happened.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.gone.is_empty()
    }
}

/// The live state. It has one writer.
#[derive(Debug, Default)]
pub struct LiveState {
    vehicles: BTreeMap<VehicleId, Arc<LiveVehicle>>,
    changed: BTreeSet<VehicleId>,
    gone: BTreeSet<VehicleId>,
    version: u64,
    time: Timestamp,
    gate: GatePolicy,
}

impl LiveState {
    /// Takes fixes that the gate has let through. A fix older than its vehicle's last one, or
    /// too old to be called live at `visible` (the latest instant that may be seen), changes
    /// nothing.
    pub fn apply(&mut self, fixes: &[MatchedFix], visible: Timestamp) {
        for vehicle in fixes.iter().filter_map(LiveVehicle::from_fix) {
            let is_old = visible.seconds_since(vehicle.time) > MAX_AGE_S
                || self.vehicles.get(&vehicle.id).is_some_and(|known| known.time > vehicle.time);
            if !is_old {
                self.gone.remove(&vehicle.id);
                self.changed.insert(vehicle.id.clone());
                self.vehicles.insert(vehicle.id.clone(), Arc::new(vehicle));
            }
        }
    }

    /// Lets go of vehicles that have been silent too long.
    pub fn expire(&mut self, visible: Timestamp) {
        let (changed, gone) = (&mut self.changed, &mut self.gone);
        self.vehicles.retain(|id, vehicle| {
            let stays = visible.seconds_since(vehicle.time) <= MAX_AGE_S;
            if !stays {
                changed.remove(id);
                gone.insert(id.clone());
            }
            stays
        });
    }

    /// Lets go of all vehicles at once.
    pub fn clear(&mut self) {
        self.changed.clear();
        self.gone.extend(std::mem::take(&mut self.vehicles).into_keys());
    }

    /// What happened since the last call.
    pub fn take_changes(&mut self) -> Changes {
        let changed = std::mem::take(&mut self.changed);
        let changes = Changes {
            changed: changed.iter().filter_map(|id| self.vehicles.get(id)).cloned().collect(),
            gone: std::mem::take(&mut self.gone).into_iter().collect(),
        };
        self.version += u64::from(!changes.is_empty());
        changes
    }

    /// The state at `now`, or at the last snapshot's time where clocks went back.
    pub fn snapshot(&mut self, gate: &GatePolicy, now: Timestamp) -> Snapshot {
        self.time = self.time.max(now);
        if self.gate != *gate {
            self.gate = gate.clone();
            self.version += 1;
        }
        Snapshot {
            version: self.version,
            time: self.time,
            gate: gate.clone(),
            vehicles: self.vehicles.values().cloned().collect(),
        }
    }
}
