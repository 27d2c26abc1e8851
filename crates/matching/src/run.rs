//! The runs that a vehicle may be on, and what ties them together.

use model::{ServiceDate, Timestamp};
use network::{BetweenStops, BlockIdx, Network, PatternIdx, RouteIdx, ServiceDay, ShapeIdx, TripInstance};

use crate::{Parameters, Prior};

/// What ties runs of one vehicle together: its block or, where the feed has none, its route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Duty {
    /// Out of service.
    None,
    Block(BlockIdx, ServiceDate),
    Route(RouteIdx),
}

impl Duty {
    /// That of a run.
    pub(crate) fn of(network: &Network, run: TripInstance) -> Self {
        let trip = network.trip(run.trip);
        let route = || Self::Route(network.pattern(trip.pattern).route);
        trip.block.map_or_else(route, |block| Self::Block(block, run.day))
    }

    pub(crate) fn block(self) -> Option<BlockIdx> {
        if let Self::Block(block, _) = self { Some(block) } else { None }
    }
}

/// A run, and of its timetable what is asked for at each fix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) instance: TripInstance,
    pub(crate) pattern: PatternIdx,
    pub(crate) shape: ShapeIdx,
    pub(crate) route: RouteIdx,
    pub(crate) duty: Duty,
    /// The instant from which its schedule times count.
    pub(crate) origin: Timestamp,
    /// When it departs, seconds after that.
    pub(crate) departs_s: f64,
    /// Metres along the shape of its first and last stops.
    pub(crate) first_m: f64,
    pub(crate) last_m: f64,
    /// Where its first stop is.
    pub(crate) start: [f64; 2],
    /// Whether it is the one assigned beforehand, where anything is.
    pub(crate) assigned: Option<bool>,
}

impl Run {
    /// Another run of the same pattern; nothing of another one.
    pub(crate) fn other(
        &self,
        network: &Network,
        (day, instance): (&ServiceDay, TripInstance),
        assigned: Option<bool>,
    ) -> Option<Self> {
        (network.trip(instance.trip).pattern == self.pattern).then(|| Self {
            instance,
            duty: Duty::of(network, instance),
            origin: origin(day, instance),
            departs_s: f64::from(network.span_s(instance.trip).0),
            assigned,
            ..*self
        })
    }

    /// A run, and whether it is assigned.
    pub(crate) fn new(network: &Network, (day, instance): (&ServiceDay, TripInstance), assigned: Option<bool>) -> Self {
        let trip = network.trip(instance.trip);
        let pattern = network.pattern(trip.pattern);
        Self {
            instance,
            pattern: trip.pattern,
            shape: pattern.shape,
            route: pattern.route,
            duty: Duty::of(network, instance),
            origin: origin(day, instance),
            departs_s: f64::from(network.span_s(instance.trip).0),
            first_m: pattern.first_m(),
            last_m: pattern.last_m(),
            start: pattern.start,
            assigned,
        }
    }

    /// Seconds behind the timetable at a place.
    pub(crate) fn delay_s(&self, network: &Network, at: Timestamp, dist_m: f64) -> f64 {
        self.delay_between_s(network, at, network.between_stops(self.pattern, dist_m))
    }

    /// The same where it is known between which stops that is.
    pub(crate) fn delay_between_s(&self, network: &Network, at: Timestamp, between: BetweenStops) -> f64 {
        at.seconds_since(self.origin) - network.schedule_time_at(self.instance.trip, between)
    }

    /// Seconds until it departs.
    pub(crate) fn departs_in_s(&self, at: Timestamp) -> f64 {
        self.departs_s - at.seconds_since(self.origin)
    }
}

/// The instant from which a run's schedule times count.
pub(crate) fn origin(day: &ServiceDay, run: TripInstance) -> Timestamp {
    // Only runs of frequencies.txt are offset, and rounding costs more than all else here.
    if run.offset_s == 0 { day.origin } else { day.origin.plus_seconds(f64::from(run.offset_s)) }
}

/// Whether a run is the one assigned beforehand. Where assignments follow one another, a run of
/// any of them is.
pub(crate) fn assigned(
    network: &Network,
    parameters: &Parameters,
    priors: &[Prior],
    run: TripInstance,
) -> Option<bool> {
    priors.iter().filter_map(|p| p.agrees(network, parameters, run)).max()
}
