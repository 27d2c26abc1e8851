//! Looking things up in a network.

use jiff::tz::TimeZone;
use model::{LatLon, Timestamp};

use crate::{
    BetweenStops, Block, BlockIdx, Network, Pattern, PatternIdx, Plane, Route, RouteIdx, ServiceDay, Shape, ShapeIdx,
    Stop, StopIdx, StopTime, Trip, TripIdx, TripInstance,
};

macro_rules! arena {
    ($($(#[$doc:meta])* $one:ident, $all:ident, $idx:ident => $type:ty;)+) => { $(
        $(#[$doc])*
        ///
        /// # Panics
        /// With an index of another network.
        #[expect(clippy::indexing_slicing, reason = "indices are made by the compiler of this very network")]
        pub fn $one(&self, index: $idx) -> &$type {
            &self.$all[index.usize()]
        }

        /// All of them with their indices, in the order of their ids.
        pub fn $all(&self) -> impl ExactSizeIterator<Item = ($idx, &$type)> {
            self.$all.iter().enumerate().map(|(i, item)| ($idx::from_len(i), item))
        }
    )+ };
}

impl Network {
    arena! {
        /// A route.
        route, routes, RouteIdx => Route;
        /// A stop.
        stop, stops, StopIdx => Stop;
        /// A shape.
        shape, shapes, ShapeIdx => Shape;
        /// A pattern.
        pattern, patterns, PatternIdx => Pattern;
        /// A trip.
        trip, trips, TripIdx => Trip;
        /// A block.
        block, blocks, BlockIdx => Block;
    }

    /// The time zone of the schedule's times.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The agency's name.
    pub fn agency(&self) -> &str {
        &self.agency
    }

    /// The language of the feed's names as a BCP 47 tag such as `uk`, where it is given.
    pub fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// The feed's own version, where it has one.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The flat map that all metres of this network are on.
    pub fn plane(&self) -> &Plane {
        &self.plane
    }

    /// South-west and north-east corners of shapes and stops.
    pub fn bounds(&self) -> (LatLon, LatLon) {
        self.bounds
    }

    /// The trip with a GTFS id.
    pub fn trip_by_id(&self, id: &str) -> Option<TripIdx> {
        self.trips.binary_search_by(|t| t.id.as_str().cmp(id)).ok().map(TripIdx::from_len)
    }

    /// The route with a GTFS id.
    pub fn route_by_id(&self, id: &str) -> Option<RouteIdx> {
        self.routes.binary_search_by(|r| r.id.as_str().cmp(id)).ok().map(RouteIdx::from_len)
    }

    /// The stop with a GTFS id.
    pub fn stop_by_id(&self, id: &str) -> Option<StopIdx> {
        self.stops.binary_search_by(|s| s.id.as_str().cmp(id)).ok().map(StopIdx::from_len)
    }

    /// The patterns that take a shape.
    pub fn patterns_of(&self, shape: ShapeIdx) -> &[PatternIdx] {
        self.patterns_of_shape.get(shape.usize()).map_or(&[], Vec::as_slice)
    }

    /// The patterns that serve a stop.
    pub fn patterns_at(&self, stop: StopIdx) -> &[PatternIdx] {
        self.patterns_of_stop.get(stop.usize()).map_or(&[], Vec::as_slice)
    }

    /// The times of a trip, one for each stop of its pattern.
    pub fn stop_times(&self, trip: TripIdx) -> &[StopTime] {
        let times = &self.trip(trip).times;
        self.stop_times.get(times.start as usize..times.end as usize).unwrap_or(&[])
    }

    /// First departure and last arrival of a trip, seconds of its service day, without the
    /// offset of a frequency run.
    pub fn span_s(&self, trip: TripIdx) -> (i32, i32) {
        self.trip(trip).span_s
    }

    /// When a trip on a day begins and ends by its timetable.
    pub fn span(&self, run: TripInstance) -> (Timestamp, Timestamp) {
        let origin = run.day.origin(&self.zone);
        let (first, last) = self.span_s(run.trip);
        let at = |s: i32| origin.plus_seconds(f64::from(s) + f64::from(run.offset_s));
        (at(first), at(last))
    }

    /// Calls `found` with the runs of a pattern on a day that are under way at `seconds` of
    /// that day, or were or will be within the given margins, by their start.
    ///
    /// A run of a trip that frequencies.txt repeats without exact times is offered at the
    /// starts that its interval gives, counted from the interval's beginning.
    pub fn runs_near(
        &self,
        pattern: PatternIdx,
        day: &ServiceDay,
        seconds: f64,
        before_start_s: f64,
        after_end_s: f64,
        mut found: impl FnMut(TripInstance),
    ) {
        let pattern = self.pattern(pattern);
        let latest_start = seconds + before_start_s;
        let earliest_end = seconds - after_end_s;
        let earliest_start = earliest_end - f64::from(pattern.longest_trip_s);
        let start = |trip: &TripIdx| f64::from(self.span_s(*trip).0);
        // The trips that run once come first, by start; those of frequencies.txt after them.
        let (once, repeated) = pattern.trips.split_at(pattern.once.min(pattern.trips.len()));
        let from = once.partition_point(|t| start(t) < earliest_start);
        for &trip in once.get(from..).unwrap_or(&[]) {
            let (first, last) = self.span_s(trip);
            if f64::from(first) > latest_start {
                break;
            }
            if f64::from(last) >= earliest_end && day.runs(self.trip(trip).service) {
                found(TripInstance { trip, day: day.date, offset_s: 0 });
            }
        }
        for &trip in repeated {
            if day.runs(self.trip(trip).service) {
                let (first, last) = self.span_s(trip);
                let earliest_start = earliest_end - f64::from(last - first);
                for headway in &self.trip(trip).headways {
                    let offer = |start_s| found(TripInstance { trip, day: day.date, offset_s: start_s - first });
                    headway.starts(earliest_start, latest_start).for_each(offer);
                }
            }
        }
    }

    /// The runs of a block on a day, one after another. Trips of frequencies.txt, of which
    /// nobody can say which run belongs to the block, are not among them.
    pub fn block_runs<'a>(&'a self, block: BlockIdx, day: &'a ServiceDay) -> impl Iterator<Item = TripInstance> + 'a {
        let runs = |trip: &&TripIdx| {
            let trip = self.trip(**trip);
            trip.headways.is_empty() && day.runs(trip.service)
        };
        self.block(block).trips.iter().filter(runs).map(|trip| TripInstance { trip: *trip, day: day.date, offset_s: 0 })
    }

    /// The run that the same vehicle makes next on that day, by its block.
    pub fn next_in_block(&self, run: TripInstance, day: &ServiceDay) -> Option<TripInstance> {
        let mut runs = self.block_runs(self.trip(run.trip).block?, day).skip_while(|r| r.trip != run.trip);
        runs.nth(1)
    }

    /// The run that the same vehicle made before on that day, by its block.
    pub fn previous_in_block(&self, run: TripInstance, day: &ServiceDay) -> Option<TripInstance> {
        self.block_runs(self.trip(run.trip).block?, day).take_while(|r| r.trip != run.trip).last()
    }

    /// Seconds of the service day at which a trip is at a distance along its shape, by its
    /// timetable: the departure at a stop, in between by distance. Without the offset of a
    /// frequency run.
    pub fn schedule_time(&self, trip: TripIdx, dist_m: f64) -> f64 {
        self.schedule_time_at(trip, self.between_stops(self.trip(trip).pattern, dist_m))
    }

    /// Between which stops of a pattern a distance along its shape lies: the same for all its trips.
    pub fn between_stops(&self, pattern: PatternIdx, dist_m: f64) -> BetweenStops {
        let stops = &self.pattern(pattern).stops;
        let after = stops.partition_point(|s| s.dist_m <= dist_m);
        let ends = after.checked_sub(1).and_then(|before| stops.get(before)).zip(stops.get(after));
        let part = ends.map_or(0.0, |(a, b)| (dist_m - a.dist_m) / (b.dist_m - a.dist_m).max(f64::MIN_POSITIVE));
        BetweenStops { after, part }
    }

    /// [`Network::schedule_time`] where it is known between which stops of its pattern the trip is.
    pub fn schedule_time_at(&self, trip: TripIdx, BetweenStops { after, part }: BetweenStops) -> f64 {
        let times = self.stop_times(trip);
        let departure = |i: usize| times.get(i).map_or(0.0, |t| f64::from(t.departure_s));
        let Some(before) = after.checked_sub(1) else { return departure(0) };
        let Some(arrival) = times.get(after) else { return times.last().map_or(0.0, |t| f64::from(t.arrival_s)) };
        departure(before) + part * (f64::from(arrival.arrival_s) - departure(before))
    }

    /// Metres along its shape at which a trip is at seconds of the service day, by its
    /// timetable. Without the offset of a frequency run.
    pub fn schedule_distance(&self, trip: TripIdx, seconds: f64) -> f64 {
        let (stops, times) = (&self.pattern(self.trip(trip).pattern).stops, self.stop_times(trip));
        let after = times.partition_point(|t| f64::from(t.arrival_s) <= seconds);
        let dist = |i: usize| stops.get(i).map_or(0.0, |s| s.dist_m);
        let Some(before) = after.checked_sub(1) else { return dist(0) };
        let (Some(a), Some(b)) = (times.get(before), times.get(after)) else {
            return dist(stops.len().saturating_sub(1));
        };
        let (left, arrives) = (f64::from(a.departure_s), f64::from(b.arrival_s));
        let part = ((seconds - left) / (arrives - left).max(1.0)).clamp(0.0, 1.0);
        dist(before) + part * (dist(after) - dist(before))
    }
}
