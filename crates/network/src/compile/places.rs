//! stops.txt and routes.txt, and where the city lies.

use std::collections::HashMap;

use compact_str::CompactString;
use gtfs_structures::{ExtendedRouteType, LocationType, RouteType};
use model::LatLon;

use super::Names;
use crate::error::Findings;
use crate::{Plane, Route, RouteIdx, RouteKind, Shape, Stop, StopIdx};

/// A stop farther than this from the middle of all stops is told in a finding: a digit is
/// wrong or latitude and longitude have changed places.
const FAR_M: f64 = 200_000.0;

/// The middle of the stops: the median of their latitudes and longitudes, so that a few
/// stops with wrong places do not draw the plane away from the city.
pub(super) fn centre(stops: &[gtfs_structures::Stop]) -> LatLon {
    let places: Vec<LatLon> = stops.iter().filter_map(place).collect();
    // Longitudes are counted from the first stop, so that a city on the antimeridian is whole.
    let from = places.first().map_or(0.0, |p| p.lon());
    let lat = median(places.iter().map(|p| p.lat()).collect());
    let lon = median(places.iter().map(|p| around(p.lon() - from)).collect());
    LatLon::new(lat, around(from + lon)).unwrap_or_else(equator)
}

/// A longitude or a difference of two, from −180 to 180 degrees.
fn around(lon: f64) -> f64 {
    (lon + 540.0).rem_euclid(360.0) - 180.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn equator() -> LatLon {
    // In range by its very numbers; the other branch is never taken.
    LatLon::new(0.0, 0.0).unwrap_or_else(equator)
}

fn place(stop: &gtfs_structures::Stop) -> Option<LatLon> {
    LatLon::new(stop.latitude?, stop.longitude?).filter(|p| !p.is_null_island())
}

/// South-west and north-east corners of all shapes and of stops that are served.
pub(super) fn bounds<'a>(plane: &Plane, served: impl Iterator<Item = &'a Stop>, shapes: &[Shape]) -> (LatLon, LatLon) {
    let all = served.map(|s| s.xy).chain(shapes.iter().flat_map(|s| s.points.iter().map(|p| p.xy)));
    let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for [x, y] in all {
        low = [low[0].min(x), low[1].min(y)];
        high = [high[0].max(x), high[1].max(y)];
    }
    (plane.to_lat_lon(low), plane.to_lat_lon(high))
}

/// The places where vehicles can stop, in the order of their ids; entrances and other nodes
/// of stations are none.
pub(super) fn stops(
    mut raw: Vec<gtfs_structures::Stop>,
    plane: &Plane,
    names: &Names,
    findings: &mut Findings,
) -> (Vec<Stop>, HashMap<CompactString, StopIdx>) {
    use LocationType::{BoardingArea, GenericNode, StationEntrance};
    raw.retain(|s| !matches!(s.location_type, StationEntrance | GenericNode | BoardingArea));
    raw.sort_by(|a, b| a.id.cmp(&b.id));
    raw.dedup_by(|later, earlier| {
        if later.id == earlier.id {
            findings.add("stops.txt", "twice", || format!("stop {} is there twice; the first is used", later.id));
        }
        later.id == earlier.id
    });
    let mut stops = Vec::with_capacity(raw.len());
    for stop in raw {
        let Some(position) = place(&stop) else {
            findings.add("stops.txt", "place", || {
                format!("stop {} has no usable stop_lat and stop_lon; trips skip it", stop.id)
            });
            continue;
        };
        let xy = plane.to_xy(position);
        let far_m = xy[0].hypot(xy[1]);
        if far_m > FAR_M {
            findings.add("stops.txt", "far", || {
                format!(
                    "stop {} lies {:.0} km from the middle of all stops; check its stop_lat and stop_lon",
                    stop.id,
                    far_m / 1_000.0
                )
            });
        }
        let name = CompactString::from(stop.name.unwrap_or_default());
        stops.push(Stop {
            name_en: names.stop_name.english(&stop.id, &name),
            id: stop.id.into(),
            code: stop.code.filter(|c| !c.is_empty()).map(CompactString::from),
            name,
            position,
            xy,
        });
    }
    let ids = stops.iter().enumerate().map(|(i, s)| (s.id.clone(), StopIdx::from_len(i))).collect();
    (stops, ids)
}

/// The routes in the order of their ids.
pub(super) fn routes(
    mut raw: Vec<gtfs_structures::Route>,
    names: &Names,
    findings: &mut Findings,
) -> (Vec<Route>, HashMap<CompactString, RouteIdx>) {
    raw.sort_by(|a, b| a.id.cmp(&b.id));
    raw.dedup_by(|later, earlier| {
        if later.id == earlier.id {
            findings.add("routes.txt", "twice", || format!("route {} is there twice; the first is used", later.id));
        }
        later.id == earlier.id
    });
    let hex = |r: u8, g: u8, b: u8| CompactString::from(format!("{r:02X}{g:02X}{b:02X}"));
    let routes: Vec<Route> = raw
        .into_iter()
        .map(|route| {
            let long_name = CompactString::from(route.long_name.unwrap_or_default());
            Route {
                long_name_en: names.route_long_name.english(&route.id, &long_name),
                id: route.id.into(),
                short_name: route.short_name.unwrap_or_default().into(),
                long_name,
                kind: kind(route.route_type),
                color: route.color.map(|c| hex(c.r, c.g, c.b)),
                text_color: route.text_color.map(|c| hex(c.r, c.g, c.b)),
                sort_order: route.order,
            }
        })
        .collect();
    let ids = routes.iter().enumerate().map(|(i, r)| (r.id.clone(), RouteIdx::from_len(i))).collect();
    (routes, ids)
}

/// After the numbers of GTFS and of its extended route types.
fn kind(kind: RouteType) -> RouteKind {
    match kind {
        RouteType::Tramway => RouteKind::Tram,
        RouteType::Subway => RouteKind::Subway,
        RouteType::Rail => RouteKind::Rail,
        RouteType::Bus => RouteKind::Bus,
        RouteType::Ferry => RouteKind::Ferry,
        RouteType::CableCar => RouteKind::CableTram,
        RouteType::Gondola => RouteKind::AerialLift,
        RouteType::Funicular => RouteKind::Funicular,
        RouteType::Other(11) | RouteType::Extended(ExtendedRouteType::Trolleybus) => RouteKind::Trolleybus,
        RouteType::Other(12) => RouteKind::Monorail,
        RouteType::Extended(extended) => match extended.to_standard_route_type() {
            RouteType::Extended(_) => RouteKind::Other,
            standard => self::kind(standard),
        },
        RouteType::Other(_) => RouteKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(id: &str, lat: f64, lon: f64) -> gtfs_structures::Stop {
        gtfs_structures::Stop { id: id.into(), latitude: Some(lat), longitude: Some(lon), ..Default::default() }
    }

    #[test]
    fn a_city_on_the_antimeridian_has_its_middle_there() {
        let fiji = [stop("a", -16.8, 179.9), stop("b", -16.8, -179.9), stop("c", -16.8, -179.99)];
        let centre = centre(&fiji);
        assert!((centre.lon() + 179.99).abs() < 1e-9, "{centre:?}");
        let plane = Plane::around(centre);
        let (stops, _) = stops(fiji.to_vec(), &plane, &Names::default(), &mut Findings::default());
        let (low, high) = bounds(&plane, stops.iter(), &[]);
        assert!((low.lon() - 179.9).abs() < 1e-9 && (high.lon() + 179.9).abs() < 1e-9, "{low:?} {high:?}");
    }

    #[test]
    fn a_stop_with_swapped_coordinates_does_not_move_the_city() {
        let city: Vec<_> = (0..9).map(|i| stop(&i.to_string(), 50.45, 30.5 + f64::from(i) / 100.0)).collect();
        let with_swapped: Vec<_> = city.iter().cloned().chain([stop("swapped", 30.5, 50.45)]).collect();
        let (a, b) = (centre(&city), centre(&with_swapped));
        assert!((a.lat() - b.lat()).abs() < 0.02 && (a.lon() - b.lon()).abs() < 0.02, "{a:?} {b:?}");
        let mut findings = Findings::default();
        stops(with_swapped, &Plane::around(b), &Names::default(), &mut findings);
        let told = findings.into_sorted();
        assert!(told.len() == 1 && told[0].text.contains("stop swapped lies 2"), "{told:?}");
    }
}
