//! What was said of a bus too early, or not at all, is put right in the store and for those who listen.

use std::collections::{BTreeMap, BTreeSet};

use flate2::read::GzDecoder;
use model::{Fix, FixBatch};
use simulator::Recording;

use super::support::day::{gtfs, positions, sloviansk};
use super::support::events::Events;
use super::support::fixes;
use super::support::service::{Http, Setup};
use super::support::trackers::Tracker;

const VEHICLE: &str = "201";
const DEVICE: &str = "352093080000201";
const TRIP: &str = "wd-t5-0-0730";
/// So many of its fixes on that trip are sent, the one in the middle late.
const FIXES: usize = 80;
const LATE: usize = 40;
/// How many of the others come before it.
const LATE_BY: usize = 6;

/// The times at which it truly was on its trip.
fn times() -> BTreeSet<String> {
    let file = std::fs::File::open(sloviansk().join("truth.csv.gz")).unwrap();
    let rows = csv::Reader::from_reader(GzDecoder::new(file)).into_records().map(Result::unwrap);
    rows.filter(|row| &row[0] == VEHICLE && &row[2] == TRIP).map(|row| row[1].to_owned()).collect()
}

/// Its first fixes on the trip.
fn drive() -> Vec<Fix> {
    let (times, recording) = (times(), Recording::open(&positions()).unwrap());
    let mut fixes: Vec<Fix> = recording
        .rows()
        .iter()
        .filter(|row| recording.vehicle_of(row).unwrap().as_str() == VEHICLE && times.contains(&row.time.to_string()))
        .map(|row| Fix { satellites: Some(9), ..row.fix() })
        .collect();
    fixes.sort_by_key(|fix| fix.time);
    fixes.truncate(FIXES);
    assert_eq!(fixes.len(), FIXES);
    fixes
}

#[test]
fn a_trip_recognised_late_and_a_late_fix_are_put_right_in_the_store_and_for_listeners() {
    let folder = tempfile::tempdir().unwrap();
    let devices = folder.path().join("devices.csv");
    std::fs::write(&devices, format!("device_id,vehicle_id\n{DEVICE},{VEHICLE}\n")).unwrap();
    let mut sent = drive();
    let last = sent[FIXES - 1].time.to_string();
    let setup = Setup::new(folder.path(), &gtfs(), &devices, "", &format!("[replay]\nstart = {last:?}\n"));
    let service = setup.start();
    let mut events = Events::listen(&setup);
    events.next("snapshot");

    let late = sent.remove(LATE);
    sent.insert(LATE + LATE_BY, late);
    let mut tracker = Tracker::connect(setup.teltonika, DEVICE).unwrap();
    for part in sent.chunks(5) {
        let mut batch = FixBatch::default();
        for fix in part {
            batch.push(*fix);
        }
        assert_eq!(tracker.send(&batch), Some(part.len()));
    }

    // Told: the fixes before the trip was recognised, and the one that came late.
    let late = late.time.to_string();
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    while !told.contains_key(&late) {
        let event = events.next("correction");
        for correction in event["corrections"].as_array().unwrap() {
            assert_eq!(correction["id"], VEHICLE);
            assert!(correction["delay"].is_i64() && correction["route"].is_string(), "{correction}");
            assert!(correction.get("lat").is_none() && correction.get("lon").is_none(), "it moves nothing");
            let text = |name: &str| correction[name].as_str().unwrap().to_owned();
            told.insert(text("time"), text("trip"));
        }
    }
    assert!(told.len() > 1 && told.values().all(|trip| trip == TRIP), "{told:?}");
    let vehicles = Http::new().json(&setup.url("/api/v1/vehicles"));
    assert_eq!(vehicles["vehicles"][0]["time"], last.as_str(), "the bus stays where its last fix was");
    assert!(service.stop().success());

    // Kept: the same, and nothing else of those rows has changed.
    let rows = fixes(&setup.sqlite());
    assert_eq!(rows.len(), FIXES);
    let on_trip = rows.iter().filter(|row| row.live.trip_id.as_deref() == Some(TRIP)).count();
    println!("{} corrections of {FIXES} fixes, of which {on_trip} are on their trip in the store", told.len());
    for row in rows.iter().filter(|row| told.contains_key(&row.time.to_string())) {
        assert_eq!(row.live.trip_id.as_deref(), Some(TRIP), "{row:?}");
        assert_eq!(row.live.rejected, None, "{row:?}");
        assert!(row.live.delay_s.is_some() && row.live.route_id.is_some() && row.position.is_some(), "{row:?}");
    }
    assert!(on_trip * 100 >= FIXES * 95, "{on_trip} of {FIXES}");
}
