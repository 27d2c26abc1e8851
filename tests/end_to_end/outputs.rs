//! What leaves, read by others: the official GTFS-realtime bindings, and a browser.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::support::day::{Window, gtfs, positions, write_devices};
use super::support::service::{Http, Setup};
use super::support::{root, wait_until};

const HOUR: Window = Window { from: "2026-11-18T05:30:00Z", until: "2026-11-18T06:30:00Z", speed: "max" };

/// Node with what a package of the tests needs; says so where it is missing.
pub fn node(package: &str) -> Option<PathBuf> {
    let folder = root().join(package);
    let ready = folder.join("node_modules").exists() && Command::new("node").arg("--version").output().is_ok();
    if !ready {
        println!("skipped: no node, or no `npm ci` in {package}");
    }
    ready.then_some(folder)
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("no {path} in {value}"))
}

fn number(value: &Value, path: &str) -> i64 {
    value.pointer(path).and_then(Value::as_i64).unwrap_or_else(|| panic!("no {path} in {value}"))
}

/// The ids of a table of the served gtfs.zip.
fn ids(zip: &[u8], table: &str, column: &str) -> BTreeSet<String> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
    let mut reader = csv::Reader::from_reader(archive.by_name(table).unwrap());
    let at = reader.headers().unwrap().iter().position(|name| name == column).unwrap();
    reader.records().map(|r| r.unwrap()[at].to_owned()).collect()
}

#[test]
fn the_feeds_are_read_by_the_official_bindings_and_refer_to_the_served_timetable() {
    let Some(folder) = node("tests/feed") else { return };
    let dir = tempfile::tempdir().unwrap();
    let devices = dir.path().join("devices.csv");
    write_devices(&positions(), &devices);
    let setup = Setup::new(dir.path(), &gtfs(), &devices, "", &HOUR.clock());
    let service = setup.start();
    HOUR.replay(&setup, None);
    let http = Http::new();
    let count = |feed: &str| {
        let feed = http.json(&setup.url(&format!("/gtfs-rt/{feed}.json")));
        feed["entity"].as_array().map_or(0, Vec::len)
    };
    wait_until("both feeds filled", Duration::from_mins(2), || {
        count("vehicle-positions") > 20 && count("trip-updates") > 5
    });
    let output = Command::new("node")
        .arg(folder.join("feed.mjs"))
        .args([setup.url("/gtfs-rt/vehicle-positions"), setup.url("/gtfs-rt/trip-updates")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let feeds: Value = serde_json::from_slice(&output.stdout).unwrap();
    let zip = http.get(&setup.url("/gtfs/gtfs.zip")).unwrap().1;
    let (trips, stops) = (ids(&zip, "trips.txt", "trip_id"), ids(&zip, "stops.txt", "stop_id"));

    for feed in feeds.as_array().unwrap() {
        assert_eq!(text(feed, "/header/gtfsRealtimeVersion"), "2.0");
        assert!(number(feed, "/header/timestamp") >= 1_794_983_400);
    }
    let entities = |index: usize| feeds[index]["entity"].as_array().unwrap();
    for entity in entities(0) {
        let lat = entity.pointer("/vehicle/position/latitude").and_then(Value::as_f64).unwrap();
        assert!((48.7..49.0).contains(&lat));
        assert!(!text(entity, "/vehicle/vehicle/id").is_empty());
        if entity.pointer("/vehicle/trip").is_some() {
            assert!(trips.contains(text(entity, "/vehicle/trip/tripId")));
        }
    }
    for entity in entities(1) {
        assert!(trips.contains(text(entity, "/tripUpdate/trip/tripId")));
        let mut last = 0;
        for update in entity.pointer("/tripUpdate/stopTimeUpdate").and_then(Value::as_array).unwrap() {
            assert!(stops.contains(text(update, "/stopId")));
            let [arrival, departure] = ["arrival", "departure"].map(|e| number(update, &format!("/{e}/time")));
            assert!(last < arrival && arrival <= departure, "{entity}");
            last = departure;
        }
    }
    assert!(service.stop().success());
}
