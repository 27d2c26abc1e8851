//! Readiness: whoever sends trackers here when it is said is not turned away.

use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use super::support::day::gtfs;
use super::support::service::{Http, Setup};
use super::support::wait_until;

const SOON: Duration = Duration::from_mins(1);

#[test]
fn ready_is_said_only_once_trackers_can_connect() {
    let folder = tempfile::tempdir().unwrap();
    let devices = folder.path().join("devices.csv");
    std::fs::write(&devices, "device_id,vehicle_id\n").unwrap();
    // The start waits for the list of duties, which nobody has written yet, and listens for trackers after it.
    let duties = folder.path().join("duties");
    assert!(Command::new("mkfifo").arg(&duties).status().unwrap().success());
    let matching = format!("[matching]\nassignments = '{}'", duties.display());
    let setup = Setup::new(folder.path(), &gtfs(), &devices, "", &matching);
    let running = setup.spawn("all", &[]);

    let (http, url) = (Http::new(), setup.url("/readyz"));
    let mut answer = None;
    wait_until("the service to be asked how it is", SOON, || {
        answer = http.get(&url);
        answer.is_some()
    });
    let (status, body) = answer.unwrap();
    let said = String::from_utf8(body).unwrap();
    println!("before its ports listen: {status}, {said}");
    assert!(status == 503 && said.contains("does not listen for trackers yet"), "{status}, {said}");
    assert!(TcpStream::connect(("127.0.0.1", setup.teltonika)).is_err());

    std::fs::write(&duties, "vehicle_id,route_id\n").unwrap();
    wait_until("the service to be ready", SOON, || http.get(&url).is_some_and(|(status, _)| status == 200));
    for port in [setup.teltonika, setup.wialon] {
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    }
    assert!(running.stop().success());
}
