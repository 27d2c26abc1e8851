//! An hour through real sockets, in both protocols, into PostGIS and into SQLite.

use std::collections::BTreeSet;
use std::path::Path;

use super::support::day::{Window, gtfs, marshrut, positions, text, write_devices};
use super::support::postgis::Postgis;
use super::support::service::Setup;
use super::support::stored;

const FILES: [&str; 4] = ["vehicle_locations.csv", "stop_visits.csv", "trips_performed.csv", "punctuality.csv"];

fn hour() -> Window {
    Window { from: "2026-11-18T05:30:00Z", until: "2026-11-18T06:30:00Z", speed: "max" }
}

/// Plays the hour into a fresh service and checks what is stored; gives the exported files.
fn play(folder: &Path, store: &str) -> Vec<Vec<u8>> {
    let devices = folder.join("devices.csv");
    write_devices(&positions(), &devices);
    let setup = Setup::new(folder, &gtfs(), &devices, store, &hour().clock());
    let service = setup.start();
    hour().replay(&setup, None);
    // The same trackers send all of it once more.
    hour().replay(&setup, None);
    assert!(service.stop().success());

    let sent = hour().sent(&devices);
    let url = if store.is_empty() { setup.sqlite() } else { store.to_owned() };
    let kept = stored(&url);
    assert_eq!(kept.len(), sent.len(), "each position once");
    assert_eq!(kept.into_iter().collect::<BTreeSet<_>>(), sent, "and no other");

    let [first, second] = ["one", "two"].map(|name| {
        let out = folder.join(name);
        let run = marshrut(&["export", "--date", "2026-11-18", "--out", text(&out), "--config", text(&setup.config())]);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        FILES.map(|file| std::fs::read(out.join(file)).unwrap())
    });
    assert!(first == second, "exported twice, the same bytes");
    first.to_vec()
}

fn rows(file: &[u8]) -> usize {
    csv::Reader::from_reader(file).into_records().map(Result::unwrap).count()
}

#[test]
fn each_position_is_stored_once_and_the_data_sets_are_the_same_whatever_the_store() {
    let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let sqlite = play(one.path(), "");
    println!("rows: {:?}", FILES.iter().zip(&sqlite).map(|(name, file)| (name, rows(file))).collect::<Vec<_>>());
    assert!(rows(&sqlite[1]) > 500, "stop visits of 35 vehicles in an hour");
    assert!(rows(&sqlite[2]) > 30, "trips");
    let punctual = csv::Reader::from_reader(sqlite[3].as_slice()).into_records().map(Result::unwrap).next().unwrap();
    assert!(punctual.len() > 5, "{punctual:?}");
    // Vehicles have their public ids; devices have none here.
    let imei = std::fs::read_to_string(one.path().join("devices.csv")).unwrap();
    let imei = imei.lines().filter_map(|l| l.split(',').next()).find(|d| d.len() == 15).unwrap().to_owned();
    assert!(sqlite.iter().all(|file| !String::from_utf8_lossy(file).contains(&imei)), "no IMEI leaves");

    let Some(server) = Postgis::start() else { return };
    let postgis = play(two.path(), &server.database());
    for (name, (a, b)) in FILES.iter().zip(sqlite.iter().zip(&postgis)) {
        assert!(a == b, "{name} of another run and another store differs");
    }
}
