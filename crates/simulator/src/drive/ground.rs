//! The ground that is driven on: flat, in metres, and the same whatever the network makes
//! of the earth for its own ends, so that a driven day stays what it is.

use model::LatLon;
use network::{Network, PatternIdx, ShapeIdx};

use super::path::Path;

/// Metres in a degree of latitude: a 360th of the meridian of a sphere of 6,371 km.
const METRES_PER_DEGREE: f64 = 111_194.93;
/// Decimals of a degree that count: a tenth of a metre.
const MICRO: f64 = 1e6;
/// A stop lies on its shape where the network has it, give or take so many metres.
const STOP_SEARCH_M: f64 = 40.0;

/// An equirectangular map around a place.
pub(super) struct Ground<'a> {
    network: &'a Network,
    centre: LatLon,
    metres_per_lon: f64,
}

impl<'a> Ground<'a> {
    pub(super) fn new(network: &'a Network, centre: LatLon) -> Self {
        let metres_per_lon = METRES_PER_DEGREE * centre.lat().to_radians().cos();
        Self { network, centre, metres_per_lon }
    }

    /// Metres east and north of the centre.
    pub(super) fn xy(&self, place: LatLon) -> [f64; 2] {
        let (lat, lon) = (place.lat() - self.centre.lat(), place.lon() - self.centre.lon());
        [lon * self.metres_per_lon, lat * METRES_PER_DEGREE]
    }

    pub(super) fn place(&self, [x, y]: [f64; 2]) -> LatLon {
        let (lat, lon) = (self.centre.lat() + y / METRES_PER_DEGREE, self.centre.lon() + x / self.metres_per_lon);
        LatLon::new(lat, lon).unwrap_or(self.centre)
    }

    /// A shape's vertices, as the feed gives them.
    pub(super) fn line(&self, shape: ShapeIdx) -> impl Iterator<Item = LatLon> {
        self.network.shape(shape).points.iter().map(|p| rounded(self.network.plane().to_lat_lon(p.xy)))
    }

    /// The way that a pattern's trips take.
    pub(super) fn path(&self, pattern: PatternIdx) -> Path {
        Path::new(self.line(self.network.pattern(pattern).shape).map(|place| self.xy(place)))
    }

    /// How far along its path each stop of a pattern lies. The network says on which pass of
    /// a street that is crossed twice; where exactly is measured here.
    pub(super) fn stops(&self, pattern: PatternIdx, path: &Path) -> Vec<f64> {
        let length = self.network.shape(self.network.pattern(pattern).shape).length_m();
        let scale = path.length() / length.max(1.0);
        let stops = self.network.pattern(pattern).stops.iter();
        let near = |stop: &network::PatternStop| {
            let place = self.xy(rounded(self.network.stop(stop.stop).position));
            path.nearest(place, stop.dist_m * scale, STOP_SEARCH_M)
        };
        stops.map(near).collect()
    }
}

/// To the sixth decimal of a degree.
pub(super) fn rounded(place: LatLon) -> LatLon {
    let round = |degrees: f64| (degrees * MICRO).round() / MICRO;
    LatLon::new(round(place.lat()), round(place.lon())).unwrap_or(place)
}

/// A place as a pair of whole numbers by which equal vertices are known.
#[expect(clippy::cast_possible_truncation, reason = "180 million micro-degrees at most")]
pub(super) fn key(place: LatLon) -> (i64, i64) {
    ((place.lat() * MICRO).round() as i64, (place.lon() * MICRO).round() as i64)
}
