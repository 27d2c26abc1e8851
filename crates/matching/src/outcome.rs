//! What matching says.

use model::{Fix, LatLon, Timestamp, VehicleId};
use network::{BlockIdx, PatternIdx, RouteIdx, StopIdx, TripInstance};

/// What followed from the fixes given; buffers to be used again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// One for each fix given, in the order given.
    pub fixes: Vec<MatchedFix>,
    /// Visits that became certain with those fixes.
    pub visits: Vec<StopVisit>,
    /// Fixes given before of which more is known now: those that came late, and those that
    /// belong to a trip which was recognised after them. What is said here replaces what was.
    /// Late fixes are said with their vehicle's next fix in order, a long buffer of them in parts.
    pub corrections: Vec<MatchedFix>,
}

impl Outcome {
    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.fixes.clear();
        self.visits.clear();
        self.corrections.clear();
    }
}

/// What a vehicle is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// On a trip.
    InService,
    /// At the beginning of its next trip, before it leaves.
    Layover,
    /// Moving, on no trip.
    Deadhead,
    /// Has left the shape of its trip.
    OffRoute,
    /// In a depot, by configuration.
    Depot,
    /// Nothing can be said.
    Unknown,
}

impl State {
    /// As in files and feeds.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InService => "in_service",
            Self::Layover => "layover",
            Self::Deadhead => "deadhead",
            Self::OffRoute => "off_route",
            Self::Depot => "depot",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a fix does not move its vehicle. It is kept all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rejection {
    /// No position, or the receiver itself calls it invalid.
    NoPosition,
    /// 0° N 0° E.
    NullIsland,
    /// Far outside the network.
    OutsideArea,
    /// Taken later than it came in, by more than clocks differ.
    Future,
    /// The same instant as the fix before.
    Duplicate,
    /// Older than a fix that came before it.
    Late,
    /// Farther from the fix before than any vehicle drives.
    Jump,
    /// The very same place as before while the speed says that it moves.
    Frozen,
}

impl Rejection {
    /// As in files and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoPosition => "no_position",
            Self::NullIsland => "null_island",
            Self::OutsideArea => "outside_area",
            Self::Future => "future",
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::Jump => "jump",
            Self::Frozen => "frozen",
        }
    }
}

/// A fix and what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchedFix {
    /// Whose.
    pub vehicle: VehicleId,
    /// When it was taken.
    pub time: Timestamp,
    /// Where the tracker said it was.
    pub position: Option<LatLon>,
    /// Metres per second over ground, by the tracker.
    pub speed_mps: Option<f32>,
    /// Degrees clockwise from north, by the tracker or by movement.
    pub heading_deg: Option<f32>,
    /// What the vehicle is doing.
    pub state: State,
    /// Why the fix was not used, where it was not.
    pub rejected: Option<Rejection>,
    /// The trip it is on.
    pub trip: Option<TripInstance>,
    /// That trip's pattern.
    pub pattern: Option<PatternIdx>,
    /// That trip's route; on no trip, the route in whose course the vehicle is, where it is known.
    pub route: Option<RouteIdx>,
    /// The block in the same way.
    pub block: Option<BlockIdx>,
    /// GTFS `direction_id` of the pattern, where the feed gives it.
    pub direction: Option<u8>,
    /// Metres along the shape.
    pub shape_dist_m: Option<f64>,
    /// Metres beside the shape.
    pub cross_track_m: Option<f32>,
    /// Seconds behind the timetable; negative where early.
    pub delay_s: Option<i32>,
    /// Index of the stop at which it is or which comes next, among the pattern's stops.
    pub next_stop: Option<u32>,
    /// It is at that stop.
    pub at_stop: bool,
    /// How sure the trip is against all others and none, 0 to 1.
    pub confidence: f32,
}

impl MatchedFix {
    /// What the tracker said, before anything is known of what it means.
    pub fn unmatched(vehicle: &VehicleId, fix: &Fix) -> Self {
        Self {
            vehicle: vehicle.clone(),
            time: fix.time,
            position: fix.position,
            speed_mps: fix.speed_mps,
            heading_deg: fix.heading_deg,
            state: State::Unknown,
            rejected: None,
            trip: None,
            pattern: None,
            route: None,
            block: None,
            direction: None,
            shape_dist_m: None,
            cross_track_m: None,
            delay_s: None,
            next_stop: None,
            at_stop: false,
            confidence: 0.0,
        }
    }
}

/// A vehicle at a stop of its trip.
#[derive(Clone, Debug, PartialEq)]
pub struct StopVisit {
    /// Which vehicle.
    pub vehicle: VehicleId,
    /// On which trip.
    pub trip: TripInstance,
    /// Index of the stop among the pattern's stops.
    pub stop_index: u32,
    /// GTFS `stop_sequence`.
    pub stop_sequence: u32,
    /// Which stop.
    pub stop: StopIdx,
    /// When it came.
    pub arrival: Timestamp,
    /// When it left; `None` where that was not seen, as at the end of a trip.
    pub departure: Option<Timestamp>,
    /// Reckoned across a gap in the fixes.
    pub interpolated: bool,
    /// Half the time between the fixes around the arrival, seconds: how far off it may be.
    pub uncertainty_s: f32,
}
