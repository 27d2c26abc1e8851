//! A flat map of the city, in metres.

use model::LatLon;

/// Semi-major axis of WGS 84, metres.
const AXIS_M: f64 = 6_378_137.0;
/// Square of the first eccentricity of WGS 84.
const ECCENTRICITY_2: f64 = 6.694_379_990_14e-3;

/// An equirectangular projection around a centre: x to the east, y to the north, metres.
///
/// Its scale is that of the WGS 84 ellipsoid at the centre, by its radii of curvature in the
/// meridian and in the prime vertical (Snyder, Map Projections – A Working Manual, 1987,
/// equations 4-18 and 4-20). North–south distances are true to 0.02 % within 100 km.
/// East–west distances are true on the central parallel and off it by tan(latitude) · y /
/// 6,371 km: at 50° north 0.2 % at 10 km from it and 0.9 % at 50 km. A fix is compared with
/// a shape on the same plane, so none of this moves it along or beside its street.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane {
    centre: LatLon,
    metres_per_lat: f64,
    metres_per_lon: f64,
}

impl Plane {
    /// A plane around `centre`.
    pub fn around(centre: LatLon) -> Self {
        let (sin, cos) = centre.lat().to_radians().sin_cos();
        let root = (1.0 - ECCENTRICITY_2 * sin * sin).sqrt();
        let meridian_m = AXIS_M * (1.0 - ECCENTRICITY_2) / root.powi(3);
        let prime_vertical_m = AXIS_M / root;
        // At the poles a degree of longitude shrinks to nothing; a tenth of a metre keeps division sane.
        Self {
            centre,
            metres_per_lat: meridian_m.to_radians(),
            metres_per_lon: (prime_vertical_m * cos).to_radians().max(0.1),
        }
    }

    /// The place that is at x = 0, y = 0.
    pub fn centre(&self) -> LatLon {
        self.centre
    }

    /// Metres east and north of the centre. The short way round the antimeridian.
    pub fn to_xy(&self, place: LatLon) -> [f64; 2] {
        let mut lon = place.lon() - self.centre.lon();
        if lon > 180.0 {
            lon -= 360.0;
        } else if lon < -180.0 {
            lon += 360.0;
        }
        [lon * self.metres_per_lon, (place.lat() - self.centre.lat()) * self.metres_per_lat]
    }

    /// The place at metres east and north of the centre, drawn to the poles past them.
    pub fn to_lat_lon(&self, [x, y]: [f64; 2]) -> LatLon {
        let lat = (self.centre.lat() + y / self.metres_per_lat).clamp(-90.0, 90.0);
        let lon = (self.centre.lon() + x / self.metres_per_lon + 540.0).rem_euclid(360.0) - 180.0;
        LatLon::new(lat, lon).unwrap_or(self.centre)
    }
}

/// Degrees clockwise from north of the way from `a` to `b`, 0 to 360.
pub fn heading_between(a: [f64; 2], b: [f64; 2]) -> f64 {
    let [dx, dy] = [b[0] - a[0], b[1] - a[1]];
    dx.atan2(dy).to_degrees().rem_euclid(360.0)
}

/// The angle between two headings, 0 to 180 degrees.
pub fn turn_between(a: f64, b: f64) -> f64 {
    let d = (a - b).rem_euclid(360.0);
    d.min(360.0 - d)
}

#[cfg(test)]
mod tests {
    use geo::Distance;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn there_and_back(lat in -85.0..85.0f64, lon in -180.0..180.0f64, x in -30e3..30e3f64, y in -30e3..30e3f64) {
            let plane = Plane::around(LatLon::new(lat, lon).unwrap());
            let there = plane.to_lat_lon([x, y]);
            let [bx, by] = plane.to_xy(there);
            prop_assert!((bx - x).abs() < 0.01 && (by - y).abs() < 0.01);
        }

        #[test]
        fn distances_are_those_of_the_ellipsoid(
            lat in -70.0..70.0f64, lon in -180.0..180.0f64, dx in -5e3..5e3f64, dy in -5e3..5e3f64,
        ) {
            let centre = LatLon::new(lat, lon).unwrap();
            let there = Plane::around(centre).to_lat_lon([dx, dy]);
            let point = |p: LatLon| geo::Point::new(p.lon(), p.lat());
            let true_m = geo::Geodesic.distance(point(centre), point(there));
            // tan(70°) · 5 km / 6,371 km is 0.22 %, half of it from the centre to the edge.
            prop_assert!((true_m - dx.hypot(dy)).abs() < 0.0015 * dx.hypot(dy) + 0.01);
        }

        #[test]
        fn the_antimeridian_is_no_edge(lat in -80.0..80.0f64, x in 10.0..20e3f64, y in -20e3..20e3f64) {
            let plane = Plane::around(LatLon::new(lat, 180.0).unwrap());
            let (east, west) = (plane.to_lat_lon([x, y]), plane.to_lat_lon([-x, y]));
            prop_assert!(east.lon() < 0.0 && west.lon() > 0.0);
            let (e, w) = (plane.to_xy(east), plane.to_xy(west));
            prop_assert!((e[0] - w[0] - 2.0 * x).abs() < 0.01 && (e[1] - w[1]).abs() < 0.01);
        }
    }

    #[test]
    fn the_poles_are_reached_without_trouble() {
        let plane = Plane::around(LatLon::new(90.0, 0.0).unwrap());
        let beyond = plane.to_lat_lon([0.0, 5e3]);
        assert_eq!(beyond.lat(), 90.0);
        assert!(plane.to_xy(LatLon::new(89.9, 77.0).unwrap()).iter().all(|v| v.is_finite()));
    }

    #[test]
    fn headings_go_clockwise_from_north() {
        assert_eq!(heading_between([0.0, 0.0], [0.0, 5.0]).round(), 0.0);
        assert_eq!(heading_between([0.0, 0.0], [5.0, 0.0]).round(), 90.0);
        assert_eq!(heading_between([0.0, 0.0], [-5.0, -5.0]).round(), 225.0);
        assert_eq!(turn_between(350.0, 10.0).round(), 20.0);
    }
}
