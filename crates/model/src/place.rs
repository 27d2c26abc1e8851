//! Places on the earth.

use serde::Serialize;

/// A place in WGS 84, in degrees: latitude −90 to 90, longitude −180 to 180, both finite.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct LatLon {
    lat: f64,
    lon: f64,
}

impl LatLon {
    /// `None` where a coordinate is out of range or not a number.
    #[inline]
    pub fn new(lat: f64, lon: f64) -> Option<Self> {
        ((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)).then_some(Self { lat, lon })
    }

    /// Degrees north of the equator.
    #[inline]
    pub const fn lat(self) -> f64 {
        self.lat
    }

    /// Degrees east of Greenwich.
    #[inline]
    pub const fn lon(self) -> f64 {
        self.lon
    }

    /// Within a few centimetres of 0° N 0° E, where receivers put what they do not know.
    #[inline]
    pub fn is_null_island(self) -> bool {
        self.lat.abs() < 1e-6 && self.lon.abs() < 1e-6
    }
}
