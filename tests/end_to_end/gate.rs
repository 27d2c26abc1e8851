//! The gate, switched while the service runs: every output obeys at once.

use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::support::day::{Window, gtfs, marshrut, positions, text, write_devices};
use super::support::events::Events;
use super::support::service::{Http, Setup};
use super::support::wait_until;

/// Played at the pace at which it happened, from its last minutes on.
const NOW: Window = Window { from: "2026-11-18T05:30:00Z", until: "2026-11-18T06:30:00Z", speed: "max" };
const REASON: &str = "Повітряна тривога";
const SOON: Duration = Duration::from_mins(1);

fn vehicles(http: &Http, setup: &Setup) -> Vec<Value> {
    http.json(&setup.url("/api/v1/vehicles"))["vehicles"].as_array().unwrap().clone()
}

fn entities(http: &Http, setup: &Setup, feed: &str) -> usize {
    http.json(&setup.url(&format!("/gtfs-rt/{feed}.json")))["entity"].as_array().map_or(0, Vec::len)
}

/// Whether any output says anything of any vehicle.
fn shows(http: &Http, setup: &Setup, canaries: &[String]) -> Option<String> {
    let stop = "/api/v1/stops/125";
    let live = [
        "/api/v1/vehicles",
        "/api/v1/map",
        stop,
        "/gtfs-rt/vehicle-positions",
        "/gtfs-rt/vehicle-positions.json",
        "/gtfs-rt/trip-updates",
        "/gtfs-rt/trip-updates.json",
    ];
    for path in live {
        let (status, body) = http.get(&setup.url(path)).unwrap();
        assert_eq!(status, 200, "{path}");
        let body = String::from_utf8_lossy(&body).into_owned();
        // Public ids are short numbers, so they are looked for as JSON or protobuf writes them.
        let found =
            canaries.iter().find(|id| body.contains(&format!("\"{id}\"")) || body.contains(&format!("\n\u{3}{id}")));
        if found.is_some() || body.contains("\"expected\"") {
            return Some(path.to_owned());
        }
    }
    None
}

fn export(setup: &Setup, name: &str) -> (bool, String) {
    let out = setup.folder.join(name);
    let run = marshrut(&["export", "--date", "2026-11-18", "--out", text(&out), "--config", text(&setup.config())]);
    (run.status.success(), String::from_utf8_lossy(&run.stderr).into_owned())
}

struct Trackers(Child);

impl Drop for Trackers {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn switched_off_delayed_and_live_again() {
    let folder = tempfile::tempdir().unwrap();
    let devices = folder.path().join("devices.csv");
    write_devices(&positions(), &devices);
    let setup = Setup::new(folder.path(), &gtfs(), &devices, "", &NOW.clock());
    let service = setup.start();
    NOW.replay(&setup, None);
    // Trackers that go on, so that there is something to hold back all the time.
    let later = Window { from: NOW.until, until: "2026-11-18T08:00:00Z", speed: "1" };
    let trackers = later.command(&setup, None).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let _trackers = Trackers(trackers);
    let http = Http::new();
    wait_until("vehicles in every output", SOON, || {
        vehicles(&http, &setup).len() > 20
            && entities(&http, &setup, "vehicle-positions") > 20
            && entities(&http, &setup, "trip-updates") > 5
    });
    let canaries: Vec<String> = vehicles(&http, &setup).iter().map(|v| v["id"].as_str().unwrap().to_owned()).collect();
    assert!(shows(&http, &setup, &canaries).is_some());
    let mut events = Events::listen(&setup);
    assert!(events.next("snapshot")["vehicles"].as_array().unwrap().len() > 20);

    setup.rewrite(&format!("[gate]\nmode = \"off\"\nreason = \"{REASON}\"\n"));
    service.signal("HUP");
    assert_eq!(events.next("gate")["reason"], REASON);
    assert_eq!(events.next("snapshot")["vehicles"], serde_json::json!([]));
    assert_eq!(shows(&http, &setup, &canaries), None, "an output goes round the gate");
    assert_eq!(http.json(&setup.url("/api/v1/map"))["gate"]["reason"], REASON);
    let (done, said) = export(&setup, "off");
    assert!(!done && said.contains(REASON), "{said}");
    assert!(!setup.folder.join("off/vehicle_locations.csv").exists());
    assert_eq!(http.get(&setup.url("/gtfs/gtfs.zip")).unwrap().0, 200, "the timetable stays");

    setup.rewrite("[gate]\nmode = \"delayed\"\nminutes = 5\nreason = \"\"\n");
    service.signal("HUP");
    assert_eq!(events.next("gate")["minutes"], 5);
    // Nothing older than the switch is known, and nothing newer may be seen for five minutes.
    assert_eq!(shows(&http, &setup, &canaries), None);

    setup.rewrite("[gate]\nmode = \"live\"\n");
    service.signal("HUP");
    assert_eq!(events.next("gate")["mode"], "live");
    wait_until("vehicles again", Duration::from_mins(2), || vehicles(&http, &setup).len() > 10);
    let (done, said) = export(&setup, "live");
    assert!(done, "{said}");
    assert!(service.stop().success());
}
