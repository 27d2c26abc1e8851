//! The parts of the API that only change with the timetable: made once.

use std::collections::{BTreeMap, BTreeSet};

use network::{Network, Pattern, PatternIdx, PatternStop, Route, RouteIdx, RouteKind, Shape, ShapeIdx, Stop, StopIdx};
use serde::Serialize;

/// Decimals of a degree in drawn lines: about a metre.
const LINE_DECIMALS: i32 = 5;

#[derive(Debug, Serialize)]
struct RouteJson<'a> {
    id: &'a str,
    short_name: &'a str,
    long_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    long_name_en: Option<&'a str>,
    r#type: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_color: Option<&'a str>,
    shapes: Vec<ShapeJson<'a>>,
}

#[derive(Debug, Serialize)]
struct ShapeJson<'a> {
    pattern: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headsign: Option<&'a str>,
    points: Vec<[f64; 2]>,
}

/// A route with its patterns' stops and whatever `T` adds.
#[derive(Debug, Serialize)]
pub(crate) struct OneRouteJson<'a, T> {
    #[serde(flatten)]
    route: RouteJson<'a>,
    patterns: Vec<PatternJson<'a>>,
    #[serde(flatten)]
    more: T,
}

#[derive(Debug, Serialize)]
struct PatternJson<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headsign: Option<&'a str>,
    trips: usize,
    stops: Vec<PatternStopJson<'a>>,
}

#[derive(Debug, Serialize)]
struct PatternStopJson<'a> {
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_en: Option<&'a str>,
    dist: f64,
}

#[derive(Debug, Serialize)]
struct StopJson<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_en: Option<&'a str>,
    lat: f64,
    lon: f64,
    routes: Vec<&'a str>,
}

/// All routes with the lines they take.
pub(crate) fn routes(network: &Network) -> String {
    let lines = lines(network, |_| true);
    let all: Vec<_> =
        lines.into_iter().map(|(route, patterns)| route_json(network, network.route(route), &patterns)).collect();
    serde_json::to_string(&all).unwrap_or_default()
}

/// One route with its lines, its patterns and `more`.
pub(crate) fn route<T>(network: &Network, index: RouteIdx, more: T) -> OneRouteJson<'_, T> {
    let drawn = lines(network, |route| route == index).remove(&index).unwrap_or_default();
    let patterns = network.patterns().filter(|(_, p)| p.route == index).map(|(_, p)| pattern_json(network, p));
    OneRouteJson { route: route_json(network, network.route(index), &drawn), patterns: patterns.collect(), more }
}

fn pattern_json<'a>(network: &'a Network, pattern: &'a Pattern) -> PatternJson<'a> {
    let stop_json = |place: &PatternStop| {
        let stop = network.stop(place.stop);
        PatternStopJson { id: &stop.id, name: &stop.name, name_en: stop.name_en.as_deref(), dist: place.dist_m.round() }
    };
    PatternJson {
        id: &pattern.id,
        direction: pattern.direction,
        headsign: pattern.headsign.as_deref(),
        trips: pattern.trips.len(),
        stops: pattern.stops.iter().map(stop_json).collect(),
    }
}

/// The patterns to draw for the routes that `wanted` admits: each shape once, by the pattern
/// with most trips.
fn lines(network: &Network, wanted: impl Fn(RouteIdx) -> bool) -> BTreeMap<RouteIdx, Vec<&Pattern>> {
    let mut shapes: BTreeMap<(RouteIdx, ShapeIdx), PatternIdx> = BTreeMap::new();
    for (index, pattern) in network.patterns().filter(|(_, p)| wanted(p.route)) {
        let chosen = shapes.entry((pattern.route, pattern.shape)).or_insert(index);
        if pattern.trips.len() > network.pattern(*chosen).trips.len() {
            *chosen = index;
        }
    }
    let mut by_route: BTreeMap<RouteIdx, Vec<&Pattern>> = BTreeMap::new();
    for ((route, _), pattern) in shapes {
        by_route.entry(route).or_default().push(network.pattern(pattern));
    }
    by_route
}

fn route_json<'a>(network: &'a Network, route: &'a Route, patterns: &[&'a Pattern]) -> RouteJson<'a> {
    RouteJson {
        id: &route.id,
        short_name: &route.short_name,
        long_name: &route.long_name,
        long_name_en: route.long_name_en.as_deref(),
        r#type: route_type(route.kind),
        color: route.color.as_deref(),
        text_color: route.text_color.as_deref(),
        shapes: patterns
            .iter()
            .map(|pattern| ShapeJson {
                pattern: &pattern.id,
                direction: pattern.direction,
                headsign: pattern.headsign.as_deref(),
                points: points(network, network.shape(pattern.shape)),
            })
            .collect(),
    }
}

fn points(network: &Network, shape: &Shape) -> Vec<[f64; 2]> {
    let short = |v: f64| (v * 10f64.powi(LINE_DECIMALS)).round() / 10f64.powi(LINE_DECIMALS);
    shape
        .points
        .iter()
        .map(|point| {
            let place = network.plane().to_lat_lon(point.xy);
            [short(place.lon()), short(place.lat())]
        })
        .collect()
}

/// All stops at which something stops, with the routes that do.
pub(crate) fn stops(network: &Network) -> String {
    let mut routes: BTreeMap<StopIdx, BTreeSet<RouteIdx>> = BTreeMap::new();
    for (_, pattern) in network.patterns() {
        for stop in &pattern.stops {
            routes.entry(stop.stop).or_default().insert(pattern.route);
        }
    }
    let all: Vec<_> = routes.iter().map(|(stop, routes)| stop_json(network, network.stop(*stop), routes)).collect();
    serde_json::to_string(&all).unwrap_or_default()
}

fn stop_json<'a>(network: &'a Network, stop: &'a Stop, routes: &BTreeSet<RouteIdx>) -> StopJson<'a> {
    StopJson {
        id: &stop.id,
        code: stop.code.as_deref(),
        name: &stop.name,
        name_en: stop.name_en.as_deref(),
        lat: stop.position.lat(),
        lon: stop.position.lon(),
        routes: routes.iter().map(|r| network.route(*r).id.as_str()).collect(),
    }
}

/// GTFS `route_type`; what GTFS has no basic number for is a bus to riders.
fn route_type(kind: RouteKind) -> u16 {
    match kind {
        RouteKind::Tram => 0,
        RouteKind::Subway => 1,
        RouteKind::Rail => 2,
        RouteKind::Bus | RouteKind::Other => 3,
        RouteKind::Ferry => 4,
        RouteKind::CableTram => 5,
        RouteKind::AerialLift => 6,
        RouteKind::Funicular => 7,
        RouteKind::Trolleybus => 11,
        RouteKind::Monorail => 12,
    }
}
