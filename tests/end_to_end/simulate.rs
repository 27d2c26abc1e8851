//! `marshrut simulate`: a fleet that misbehaves, and the store looked at afterwards.

use std::process::Command;

use super::support::day::gtfs;
use super::support::service::Setup;
use super::support::{MARSHRUT, postgis::Postgis};

/// The lines that it prints, as names and numbers.
fn figure(said: &str, name: &str) -> u64 {
    let line = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no `{name}` in {said}"))
}

fn misbehave(store: &str, folder: &std::path::Path) {
    let devices = folder.join("devices.csv");
    std::fs::write(&devices, "device_id,vehicle_id\n").unwrap();
    let setup = Setup::new(folder, &gtfs(), &devices, store, "");
    // Whoever comes is let in: the fleet is made up.
    let _service = setup.start_with(&[("MARSHRUT_DATA_ALLOW_LIST", "false")]);
    let url = if store.is_empty() { setup.sqlite() } else { store.to_owned() };
    let run = Command::new(MARSHRUT)
        .args(["simulate", "--protocol", "teltonika", "--to", &format!("127.0.0.1:{}", setup.teltonika)])
        .args(["--vehicles", "40", "--rate", "5", "--seconds", "8", "--records-per-frame", "3", "--burst", "1"])
        .args(["--duplicates", "0.1", "--reconnects", "0.05", "--garbage", "0.02", "--verify", &url])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    println!("{said}");
    let acknowledged = figure(&said, "verified_acknowledged");
    assert!(acknowledged > 400, "{said}");
    assert_eq!(figure(&said, "sent"), acknowledged);
    assert_eq!((figure(&said, "verified_missing"), figure(&said, "verified_duplicates")), (0, 0));
    assert!(figure(&said, "retransmitted") > 0, "some were sent twice: {said}");
}

#[test]
fn a_fleet_that_misbehaves_is_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    misbehave("", folder.path());
}

#[test]
fn a_fleet_that_misbehaves_is_stored_once_in_postgis() {
    let Some(server) = Postgis::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    misbehave(&server.database(), folder.path());
}

#[test]
fn what_cannot_be_verified_is_said_before_the_load() {
    let simulate = |url: &str| {
        let run = Command::new(MARSHRUT)
            .args(["simulate", "--protocol", "teltonika", "--to", "127.0.0.1:9", "--verify", url])
            .output()
            .unwrap();
        (run.status.code(), String::from_utf8_lossy(&run.stderr).into_owned())
    };
    let (status, said) = simulate("http://127.0.0.1:8080");
    assert!(status == Some(1) && said.contains("postgres://"), "{said}");
    let (status, said) = simulate("mysql://127.0.0.1/marshrut");
    assert!(status == Some(1) && said.contains("`mysql:`"), "{said}");
}
