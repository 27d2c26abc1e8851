//! Who drives what: the dispatcher's list, as evidence for matching.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context as _;
use matching::{Prior, Priors};
use model::{Timestamp, VehicleId};
use network::Network;

/// Largest list read, bytes.
const MAX_BYTES: u64 = 64 << 20;

/// A row of the list.
#[derive(Debug, serde::Deserialize)]
struct Row {
    vehicle_id: String,
    route_id: Option<String>,
    block_id: Option<String>,
    trip_id: Option<String>,
    from: Option<String>,
    until: Option<String>,
}

/// Reads a CSV with the column `vehicle_id` and any of `route_id`, `block_id`, `trip_id`, `from` and
/// `until` (instants). A vehicle may have several rows.
pub fn read(path: &Path, network: &Network) -> anyhow::Result<Priors> {
    let bytes = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    anyhow::ensure!(bytes <= MAX_BYTES, "{} has {bytes} bytes; at most {MAX_BYTES} are read", path.display());
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
    let blocks: HashMap<&str, _> = network.blocks().map(|(index, block)| (block.id.as_str(), index)).collect();
    let mut priors = Priors::new();
    let mut unknown = 0;
    for (line, row) in (2..).zip(reader.deserialize()) {
        let place = || format!("{}, line {line}", path.display());
        let row: Row = row.with_context(place)?;
        let given = |text: Option<String>| text.filter(|t| !t.is_empty());
        let instant = |text: Option<String>| {
            let parse = |t: String| Timestamp::parse(&t).with_context(|| format!("{}: `{t}` is no instant", place()));
            given(text).map(parse).transpose()
        };
        let vehicle = VehicleId::new(&row.vehicle_id).with_context(place)?;
        let (route, block, trip) = (given(row.route_id), given(row.block_id), given(row.trip_id));
        let says_something = route.is_some() || block.is_some() || trip.is_some();
        // What the schedule does not have cannot be compared with: it says nothing.
        let prior = Prior {
            from: instant(row.from)?,
            until: instant(row.until)?,
            route: route.and_then(|id| network.route_by_id(&id)),
            block: block.and_then(|id| blocks.get(id.as_str()).copied()),
            trip: trip.and_then(|id| network.trip_by_id(&id)),
        };
        if says_something && prior.route.is_none() && prior.block.is_none() && prior.trip.is_none() {
            unknown += 1;
        }
        priors.entry(vehicle).or_default().push(prior);
    }
    if unknown > 0 {
        tracing::warn!(
            "{}: {unknown} assignments name nothing that the timetable has; they are ignored",
            path.display()
        );
    }
    Ok(priors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_cannot_be_read_says_where() {
        let network =
            crate::gtfs::compile(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../replay-data/sloviansk/gtfs")))
                .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("assignments.csv");
        let read_text = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read(&path, &network)
        };
        let error = |text: &str| format!("{:#}", read_text(text).unwrap_err());
        assert!(error("vehicle,route_id\nb,1\n").contains("line 2"));
        let said = error("vehicle_id,route_id,from\nb,1,\nb,2,yesterday\n");
        assert!(said.contains("line 3") && said.contains("`yesterday` is no instant"), "{said}");
        let none = read_text("vehicle_id,route_id\nb,no such route\n").unwrap();
        assert_eq!(none.values().flatten().filter(|p| p.route.is_some()).count(), 0);
        let route = network.routes().next().unwrap().1.id.clone();
        let two =
            read_text(&format!("vehicle_id,route_id,until\nb,{route},2026-01-16T12:00:00Z\nb,{route},\n")).unwrap();
        let of_b = two.get(&VehicleId::new("b").unwrap()).unwrap();
        assert!(of_b.len() == 2 && of_b.iter().all(|p| p.route.is_some()), "{of_b:?}");
    }
}
