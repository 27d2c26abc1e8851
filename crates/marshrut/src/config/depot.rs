//! Where vehicles are kept.

use std::path::Path;

use anyhow::Context as _;
use model::LatLon;
use serde::{Deserialize, Serialize};

/// Most metres that a depot reaches; more is a city.
const MAX_RADIUS_M: f64 = 5_000.0;

/// A depot, as a circle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Depot {
    /// Its name, for people.
    #[serde(default)]
    pub name: String,
    /// Latitude of its middle, degrees.
    pub lat: f64,
    /// Longitude of its middle, degrees.
    pub lon: f64,
    /// How far it reaches, metres.
    #[serde(default = "usual_radius_m")]
    pub radius_m: f64,
}

const fn usual_radius_m() -> f64 {
    150.0
}

impl Depot {
    /// As matching takes it.
    pub fn circle(&self) -> anyhow::Result<matching::Depot> {
        let named = if self.name.is_empty() { "a depot" } else { self.name.as_str() };
        let position = LatLon::new(self.lat, self.lon)
            .with_context(|| format!("{named}: {}, {} is no place; give lat and lon in degrees", self.lat, self.lon))?;
        anyhow::ensure!(
            self.radius_m > 0.0 && self.radius_m <= MAX_RADIUS_M,
            "{named}: a radius_m of {} is none; give metres, at most {MAX_RADIUS_M}",
            self.radius_m
        );
        Ok(matching::Depot { position, radius_m: self.radius_m })
    }
}

/// Reads a CSV with the columns `lat`, `lon` and, where they are there, `radius_m` and `name`.
pub fn read(path: &Path) -> anyhow::Result<Vec<matching::Depot>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
    let depot = |(line, row): (usize, Result<Depot, csv::Error>)| {
        let place = || format!("{}, line {line}", path.display());
        row.with_context(place)?.circle().with_context(place)
    };
    (2..).zip(reader.deserialize()).map(depot).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_depot_says_why() {
        let error = |text: &str| format!("{:#}", toml::from_str::<Depot>(text).unwrap().circle().unwrap_err());
        assert!(error("name = \"Депо 1\"\nlat = 148.8\nlon = 37.6").contains("Депо 1: 148.8, 37.6 is no place"));
        assert!(error("lat = 48.8\nlon = 37.6\nradius_m = -3").contains("a radius_m of -3"));
        assert!(toml::from_str::<Depot>("lat = 48.8\nlon = 37.6\nradius = 3").is_err());
    }

    #[test]
    fn a_list_of_depots_needs_no_more_than_places() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read_text = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            read(file.path())
        };
        let depots = read_text("lat,lon\n48.85,37.6\n48.86,37.61\n").unwrap();
        assert_eq!(depots.iter().map(|d| d.radius_m).collect::<Vec<_>>(), [150.0, 150.0]);
        assert_eq!(read_text("name,lat,lon,radius_m\nДепо,48.85,37.6,80\n").unwrap().first().unwrap().radius_m, 80.0);
        assert!(format!("{:#}", read_text("lat,lon\n48.85,x\n").unwrap_err()).contains("line 2"));
    }
}
