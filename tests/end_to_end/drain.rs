//! SIGTERM: what was acknowledged is in the store when the service has stopped.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use super::support::day::{Window, gtfs, positions, write_devices};
use super::support::service::{Http, Setup};
use super::support::{acknowledged_in, stored, visits, wait_until};

#[test]
fn a_stopped_service_has_stored_all_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let devices = folder.path().join("devices.csv");
    write_devices(&positions(), &devices);
    let half_hour = Window { from: "2026-11-18T05:00:00Z", until: "2026-11-18T05:30:00Z", speed: "max" };
    let setup = Setup::new(folder.path(), &gtfs(), &devices, "", &half_hour.clock());
    let service = setup.start();
    let acknowledged = folder.path().join("acknowledged.csv");
    let mut replay =
        half_hour.command(&setup, Some(&acknowledged)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let http = Http::new();
    wait_until("vehicles on the map", Duration::from_mins(2), || {
        http.json(&setup.url("/api/v1/vehicles"))["vehicles"].as_array().is_some_and(|v| v.len() > 10)
    });
    assert!(service.stop().success(), "exit status 0");
    replay.kill().unwrap();
    replay.wait().unwrap();
    let acknowledged = acknowledged_in(&acknowledged);
    assert!(acknowledged.len() > 100, "something was acknowledged before the stop: {}", acknowledged.len());
    let stored: BTreeSet<_> = stored(&setup.sqlite()).into_iter().collect();
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "{} acknowledged but not stored, first {:?}", lost.len(), lost.first());
}

#[test]
fn vehicles_go_on_with_their_trips_after_a_service_was_away_for_hours() {
    const DAY: &str = "2026-11-18";
    let before = Window { from: "2026-11-18T05:00:00Z", until: "2026-11-18T05:30:00Z", speed: "max" };
    // Kept by the trackers meanwhile.
    let kept = Window { from: before.until, until: "2026-11-18T06:00:00Z", speed: "max" };
    let visits_of = |is_away: bool| {
        let folder = tempfile::tempdir().unwrap();
        let devices = folder.path().join("devices.csv");
        write_devices(&positions(), &devices);
        let setup = Setup::new(folder.path(), &gtfs(), &devices, "", &kept.clock());
        let mut service = setup.start();
        before.replay(&setup, None);
        if is_away {
            assert!(service.stop().success());
            // The service's clock at the next start.
            let text = std::fs::read_to_string(setup.config()).unwrap();
            std::fs::write(setup.config(), text.replace(kept.until, "2026-11-18T09:00:00Z")).unwrap();
            service = setup.start();
        }
        kept.replay(&setup, None);
        assert!(service.stop().success());
        visits(&setup.sqlite(), DAY)
    };
    let (without, with) = (visits_of(false), visits_of(true));
    assert!(without.len() > 100, "{} visits", without.len());
    let lost = without.iter().filter(|visit| !with.contains(visit)).count();
    println!("{} visits, {} where the service was away: {lost} lost or changed", without.len(), with.len());
    assert_eq!((lost, with.len()), (0, without.len()));
}
