//! `marshrut simulate`: a fleet that misbehaves, and the store looked at afterwards.

use std::process::{Command, Stdio};

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

    // By the service's counters, as one does who cannot see its database.
    let run = Command::new(MARSHRUT)
        .args(["simulate", "--protocol", "wialon-ips", "--to", &format!("127.0.0.1:{}", setup.wialon)])
        .args(["--vehicles", "10", "--rate", "5", "--seconds", "2", "--duplicates", "0.2", "--verify", &setup.url("")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(figure(&said, "verified_stored"), figure(&said, "verified_acknowledged"), "{said}");
    assert_eq!(figure(&said, "verified_beyond_acknowledged"), 0, "every answer came");
    assert!(!said.contains("verified_duplicates"), "counters cannot tell: {said}");
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

/// One service, one port for all, one small fleet a protocol, all at the same time.
#[test]
fn a_fleet_of_each_protocol_is_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let devices = folder.path().join("devices.csv");
    std::fs::write(&devices, "device_id,vehicle_id\n").unwrap();
    let setup = Setup::new(folder.path(), &gtfs(), &devices, "", "");
    let listen = format!("{{ auto = \"127.0.0.1:{}\" }}", setup.teltonika);
    let _service = setup.start_with(&[("MARSHRUT_DATA_ALLOW_LIST", "false"), ("MARSHRUT_GATEWAY_LISTEN", &listen)]);
    let start = |protocol: &protocols::Protocol| {
        Command::new(MARSHRUT)
            .args(["simulate", "--protocol", protocol.name, "--to", &format!("127.0.0.1:{}", setup.teltonika)])
            .args([
                "--vehicles",
                "3",
                "--rate",
                "5",
                "--seconds",
                "6",
                "--records-per-frame",
                "4",
                "--reconnects",
                "0.1",
            ])
            .args(["--duplicates", "0.1", "--storm", "3", "--verify", &setup.sqlite()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let runs: Vec<_> = protocols::REGISTRY.iter().map(|protocol| (protocol, start(protocol))).collect();
    println!("{:<20} {:>6} {:>12} {:>7} {:>6} {:>6}", "protocol", "sent", "acknowledged", "stored", "lost", "twice");
    for (protocol, run) in runs {
        let run = run.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(run.status.success(), "{}: {said}{}", protocol.name, String::from_utf8_lossy(&run.stderr));
        let [sent, acknowledged, stored, lost, twice] =
            ["sent", "acknowledged", "verified_stored", "verified_missing", "verified_duplicates"]
                .map(|name| figure(&said, name));
        println!("{:<20} {sent:>6} {acknowledged:>12} {stored:>7} {lost:>6} {twice:>6}", protocol.name);
        assert!(sent >= 60 && stored >= sent && (lost, twice) == (0, 0), "{}: {said}", protocol.name);
        let is_answered = protocol.encoder.is_some_and(|encoder| encoder.acknowledged.is_some());
        assert_eq!(acknowledged, if is_answered { sent } else { 0 }, "{}: {said}", protocol.name);
    }
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
    let (status, said) = simulate("http://127.0.0.1:9/");
    assert!(status == Some(1) && said.contains("cannot read http://127.0.0.1:9/metrics"), "{said}");
    let (status, said) = simulate("mysql://127.0.0.1/marshrut");
    assert!(status == Some(1) && said.contains("`mysql:`"), "{said}");
}
