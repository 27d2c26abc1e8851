//! One data folder belongs to one process.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::support::day::{Window, gtfs, positions, write_devices};
use super::support::service::{Http, Setup};
use super::support::{MARSHRUT, wait_until};

#[test]
fn a_second_process_on_one_data_folder_refuses_and_leaves_the_first_alone() {
    let folder = tempfile::tempdir().unwrap();
    let devices = folder.path().join("devices.csv");
    write_devices(&positions(), &devices);
    let minute = Window { from: "2026-11-18T05:00:00Z", until: "2026-11-18T05:01:00Z", speed: "max" };
    let first = Setup::new(folder.path(), &gtfs(), &devices, "", &minute.clock());
    let service = first.start();

    // The same data folder, but ports of its own: only the folder stands in its way.
    let second = Setup::new(folder.path(), &gtfs(), &devices, "", &minute.clock());
    let mut refused = Command::new(MARSHRUT)
        .args(["serve", "--config"])
        .arg(second.config())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut status = None;
    wait_until("the second process to refuse", Duration::from_mins(1), || {
        status = refused.try_wait().unwrap();
        status.is_some()
    });
    let said = String::from_utf8(refused.wait_with_output().unwrap().stderr).unwrap();
    println!("the second process: {}, {said}", status.unwrap());
    assert_eq!(status.unwrap().code(), Some(1), "{said}");
    assert!(said.contains("in use by another process"), "{said}");

    assert_eq!(Http::new().get(&first.url("/readyz")).map(|(code, _)| code), Some(200), "the first goes on");
    assert!(service.stop().success());
}
