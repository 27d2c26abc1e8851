//! What a compiled feed holds.

use std::ops::Range;

use compact_str::CompactString;
use jiff::tz::TimeZone;
use model::{LatLon, ServiceDate};

use crate::index::SegmentIndex;
use crate::{BlockIdx, PatternIdx, Plane, RouteIdx, Service, ServiceIdx, Shape, ShapeIdx, StopIdx, TripIdx};

/// A compiled feed. Immutable; share it behind an `Arc`.
#[derive(Debug)]
pub struct Network {
    pub(crate) zone: TimeZone,
    pub(crate) agency: CompactString,
    pub(crate) language: Option<CompactString>,
    pub(crate) version: Option<CompactString>,
    pub(crate) plane: Plane,
    pub(crate) bounds: (LatLon, LatLon),
    pub(crate) routes: Vec<Route>,
    pub(crate) stops: Vec<Stop>,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) patterns_of_shape: Vec<Vec<PatternIdx>>,
    pub(crate) patterns_of_stop: Vec<Vec<PatternIdx>>,
    pub(crate) trips: Vec<Trip>,
    pub(crate) stop_times: Vec<StopTime>,
    /// The latest time of any run, seconds of its service day.
    pub(crate) last_time_s: i32,
    pub(crate) services: Vec<Service>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) index: SegmentIndex,
}

/// What runs on a route, after GTFS `route_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteKind {
    /// Tram, light rail.
    Tram,
    /// Metro.
    Subway,
    /// Rail.
    Rail,
    /// Bus, coach.
    Bus,
    /// Ferry.
    Ferry,
    /// Cable tram.
    CableTram,
    /// Gondola, aerial lift.
    AerialLift,
    /// Funicular.
    Funicular,
    /// Trolleybus.
    Trolleybus,
    /// Monorail.
    Monorail,
    /// Taxi, air and what else there is.
    Other,
}

/// A GTFS route: what riders call a line.
#[derive(Clone, Debug)]
pub struct Route {
    /// GTFS `route_id`.
    pub id: CompactString,
    /// What is written on the vehicle, `12`.
    pub short_name: CompactString,
    /// The whole name.
    pub long_name: CompactString,
    /// The whole name in English, where translations.txt has it.
    pub long_name_en: Option<CompactString>,
    /// What runs on it.
    pub kind: RouteKind,
    /// Colour as `RRGGBB`, where given.
    pub color: Option<CompactString>,
    /// Colour for text on it as `RRGGBB`, where given.
    pub text_color: Option<CompactString>,
    /// Its place in lists, smaller first, where given.
    pub sort_order: Option<u32>,
}

impl Route {
    /// What to call it where there is room for one name.
    pub fn name(&self) -> &str {
        if !self.short_name.is_empty() {
            &self.short_name
        } else if !self.long_name.is_empty() {
            &self.long_name
        } else {
            &self.id
        }
    }
}

/// A place where vehicles stop.
#[derive(Clone, Debug)]
pub struct Stop {
    /// GTFS `stop_id`.
    pub id: CompactString,
    /// The number riders see on the pole, where given.
    pub code: Option<CompactString>,
    /// Its name.
    pub name: CompactString,
    /// Its name in English, where translations.txt has it.
    pub name_en: Option<CompactString>,
    /// Where it is.
    pub position: LatLon,
    /// Metres east and north of the network's centre.
    pub xy: [f64; 2],
}

/// What trips of the same route, direction, shape and stops have in common.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// A stable name made from route, direction, shape and stops.
    pub id: CompactString,
    /// The route.
    pub route: RouteIdx,
    /// GTFS `direction_id`, where the feed gives it.
    pub direction: Option<u8>,
    /// The way it takes.
    pub shape: ShapeIdx,
    /// Its stops with their distance along the shape, never falling. At least two.
    pub stops: Vec<PatternStop>,
    /// Where its first stop is on the shape, metres east and north of the network's centre.
    pub start: [f64; 2],
    /// Its trips: those that run once by first departure, then those of frequencies.txt.
    pub trips: Vec<TripIdx>,
    /// How many of them run once.
    pub(crate) once: usize,
    /// The longest time from first departure to last arrival among them, seconds.
    pub longest_trip_s: i32,
    /// What the vehicle shows, where the feed gives it; of the first trip.
    pub headsign: Option<CompactString>,
}

impl Pattern {
    /// Metres along the shape of its first stop.
    pub fn first_m(&self) -> f64 {
        self.stops.first().map_or(0.0, |stop| stop.dist_m)
    }

    /// The same of its last one.
    pub fn last_m(&self) -> f64 {
        self.stops.last().map_or(0.0, |stop| stop.dist_m)
    }
}

/// A stop of a pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PatternStop {
    /// Which stop.
    pub stop: StopIdx,
    /// Metres along the pattern's shape.
    pub dist_m: f64,
}

/// A scheduled run.
#[derive(Clone, Debug)]
pub struct Trip {
    /// GTFS `trip_id`.
    pub id: CompactString,
    /// Its pattern.
    pub pattern: PatternIdx,
    /// The days on which it runs.
    pub service: ServiceIdx,
    /// The vehicle duty that it belongs to, where the feed says so.
    pub block: Option<BlockIdx>,
    /// What the vehicle shows, where the feed gives it.
    pub headsign: Option<CompactString>,
    /// That in English, where translations.txt has it.
    pub headsign_en: Option<CompactString>,
    /// For trips of frequencies.txt: between which times it starts and how often. Empty for
    /// trips that run once at the times of stop_times.txt.
    pub headways: Vec<Headway>,
    /// Where its times lie among those of all trips.
    pub(crate) times: Range<u32>,
    /// First departure and last arrival, seconds of its service day: asked for far more often than the times.
    pub(crate) span_s: (i32, i32),
}

impl Trip {
    /// Its runs have no times of their own: only the interval between them is promised.
    pub fn is_floating(&self) -> bool {
        self.headways.iter().any(|h| !h.exact)
    }
}

/// A trip of frequencies.txt, repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headway {
    /// First start, seconds of the service day.
    pub start_s: i32,
    /// No start at or after, seconds of the service day.
    pub end_s: i32,
    /// Seconds between starts.
    pub headway_s: i32,
    /// Starts are scheduled to the second; otherwise only the interval is promised.
    pub exact: bool,
}

impl Headway {
    /// The first start that is not before a time.
    fn starts_from(&self, earliest_s: f64) -> i32 {
        let skipped = ((earliest_s - f64::from(self.start_s)) / f64::from(self.headway_s.max(1))).ceil().max(0.0);
        #[expect(clippy::cast_possible_truncation, reason = "float-to-integer casts saturate")]
        let skipped = skipped as i32;
        self.start_s.saturating_add(skipped.saturating_mul(self.headway_s.max(1)))
    }

    /// The starts from one time to another, both included.
    pub fn starts(&self, earliest_s: f64, latest_s: f64) -> impl Iterator<Item = i32> + use<> {
        let step = usize::try_from(self.headway_s).unwrap_or(1).max(1);
        let starts = (self.starts_from(earliest_s)..self.end_s).step_by(step);
        starts.take_while(move |s| f64::from(*s) <= latest_s)
    }
}

/// When a trip is at one stop of its pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopTime {
    /// Arrival, seconds of the service day; may pass 24 h.
    pub arrival_s: i32,
    /// Departure, seconds of the service day, not before the arrival.
    pub departure_s: i32,
    /// GTFS `stop_sequence`.
    pub stop_sequence: u32,
    /// The times are the feed's own; otherwise they were filled in by distance.
    pub timepoint: bool,
}

/// Between two stops of a pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BetweenStops {
    /// Index of the stop that comes next.
    pub(crate) after: usize,
    /// The part of the way from the one before to it, 0 to 1.
    pub(crate) part: f64,
}

/// One vehicle's duty: trips run one after another.
#[derive(Clone, Debug)]
pub struct Block {
    /// GTFS `block_id`.
    pub id: CompactString,
    /// Its trips of all services, by first departure.
    pub trips: Vec<TripIdx>,
}

/// A trip on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TripInstance {
    /// Which trip.
    pub trip: TripIdx,
    /// On which service day.
    pub day: ServiceDate,
    /// Seconds to add to the trip's stop times: 0 but for trips of frequencies.txt.
    pub offset_s: i32,
}
