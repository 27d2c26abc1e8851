//! The files against the published schemas of TIDES.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "a test"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use model::{DeviceId, GatePolicy, LatLon, ServiceDate, Timestamp, VehicleId};
use store::{FixRow, LiveMatch};
use support::{City, SECRETS, a_day, drive, files, network, row, table, tides};

fn check(files: &BTreeMap<String, String>) {
    for name in ["vehicle_locations", "stop_visits", "trips_performed"] {
        if !tides::check(name, &files[&format!("{name}.csv")]) {
            println!("skipped: the schema of {name} is not at hand");
        }
    }
    references(files);
    for (name, text) in files {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{name} holds a {secret}");
        }
    }
}

/// What one table says of another's rows is there, and visits are counted from 1 without a gap.
fn references(files: &BTreeMap<String, String>) {
    let trips: BTreeSet<_> =
        table(&files["trips_performed.csv"]).iter().map(|t| t["trip_id_performed"].clone()).collect();
    let mut numbers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for visit in table(&files["stop_visits.csv"]) {
        assert!(trips.contains(&visit["trip_id_performed"]));
        let number = visit["trip_stop_sequence"].parse().unwrap();
        numbers.entry(visit["trip_id_performed"].clone()).or_default().push(number);
    }
    assert_eq!(numbers.len(), trips.len(), "each trip performed has a visit");
    for (trip, numbers) in &numbers {
        assert_eq!(*numbers, (1..=numbers.len()).collect::<Vec<_>>(), "{trip}");
    }
    for location in table(&files["vehicle_locations.csv"]) {
        let trip = &location["trip_id_performed"];
        assert!(trip.is_empty() || trips.contains(trip), "{trip}");
    }
}

#[tokio::test]
async fn a_day_with_all_that_is_odd_keeps_the_rules() {
    let network = network();
    let mut fixes = a_day(&network);
    // One trip by two vehicles, one of them with an id that looks like a trip's.
    fixes.extend(drive(&network, "T1", "T1@бус a, \"2\"", [10, 10, 10, 10]));
    let place = LatLon::new(48.85, 37.62).unwrap();
    // No position, a place that cannot be, numbers that are none, two devices at one instant.
    fixes.push(FixRow { position: None, ..row(&network, "b", 30_000, place, 0.0) });
    fixes.push(FixRow { valid: false, ..row(&network, "b", 30_010, place, 0.0) });
    fixes.push(row(&network, "b", 30_020, LatLon::new(0.0, 0.0).unwrap(), 0.0));
    fixes.push(row(&network, "b", 30_030, LatLon::new(-48.0, 37.6).unwrap(), 0.0));
    fixes.push(FixRow {
        speed_mps: Some(f32::INFINITY),
        heading_deg: Some(-5.0),
        hdop: Some(99.0),
        ..row(&network, "odd", 30_000, place, 0.0)
    });
    let other = DeviceId::new("canary-imei-other").unwrap();
    let twice = FixRow { device_id: other, ..row(&network, "odd", 30_000, place, 3.0) };
    fixes.push(FixRow { position: None, content_hash: 0, ..twice.clone() });
    fixes.push(twice);
    let city = City::of(network, &[fixes]).await;
    let summary = city.export().await.unwrap();
    let files = files(&city.out());
    check(&files);
    assert_eq!(summary.rejected, 4);
    let locations = table(&files["vehicle_locations.csv"]);
    assert_eq!(locations.iter().filter(|l| l["vehicle_id"] == "odd").count(), 1);
    let of_t1: Vec<_> = table(&files["trips_performed.csv"])
        .iter()
        .filter(|t| t["trip_id_scheduled"] == "T1")
        .map(|t| t["trip_id_performed"].clone())
        .collect();
    assert_eq!(of_t1, ["T1@T1%40бус a, \"2\"", "T1@бус a"]);
}

/// Kingston, Ontario, 16 January 2026: a real network, real fixes with their dirt.
#[tokio::test]
async fn a_real_day_keeps_the_rules() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/kingston-2026-01-16"));
    if !folder.exists() {
        println!("skipped: {} is not at hand", folder.display());
        return;
    }
    let (network, _) = network::load(&folder.join("gtfs.zip")).unwrap();
    let fixes = recording(&folder.join("positions.csv.gz"));
    let read = fixes.len();
    let city = City::of(Arc::new(network), &fixes.chunks(1000).map(<[_]>::to_vec).collect::<Vec<_>>()).await;
    let day = ServiceDate::parse("2026-01-16").unwrap();
    let summary = city.export_as(day, &GatePolicy::Live, 1).await.unwrap();
    let one_thread = files(&city.out());
    check(&one_thread);
    let [locations, visits, trips, groups] = summary.files.map(|file| file.rows);
    println!(
        "{read} fixes, {} rejected, {locations} locations, {visits} visits, {trips} trips, {groups} groups",
        summary.rejected
    );
    assert!(visits > 1000 && trips > 100 && groups > 30, "{visits} visits of {trips} trips in {groups} groups");
    // A few fixes of one instant are one location; the rest are all there.
    assert!(locations + summary.rejected > read as u64 * 95 / 100);

    city.export_as(day, &GatePolicy::Live, 3).await.unwrap();
    assert!(files(&city.out()) == one_thread, "the number of threads shows in the files");
}

fn recording(path: &Path) -> Vec<FixRow> {
    let reader = flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap());
    let rows = csv::Reader::from_reader(reader).into_deserialize().map(Result::unwrap);
    let number = |row: &BTreeMap<String, String>, column: &str| row[column].parse::<f64>().ok();
    rows.enumerate()
        .map(|(index, row): (usize, BTreeMap<String, String>)| {
            let time = Timestamp::parse(&row["time"]).unwrap();
            FixRow {
                device_id: DeviceId::new(&format!("canary-imei-{}", row["vehicle_id"])).unwrap(),
                vehicle_id: VehicleId::new(&row["vehicle_id"]).unwrap(),
                time,
                received_at: time.plus_seconds(2.0),
                content_hash: index as u64,
                protocol: "recording".into(),
                valid: true,
                position: LatLon::new(number(&row, "lat").unwrap(), number(&row, "lon").unwrap()),
                altitude_m: None,
                speed_mps: number(&row, "speed_mps").map(|v| v as f32),
                heading_deg: number(&row, "heading_deg").map(|v| v as f32),
                satellites: None,
                hdop: None,
                attributes: String::new(),
                live: LiveMatch::default(),
            }
        })
        .collect()
}
