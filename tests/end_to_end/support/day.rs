//! The recorded day that the tests play.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use model::Timestamp;
use simulator::Recording;

use super::service::Setup;
use super::{MARSHRUT, root};

/// The illustrative day that every checkout has.
pub fn sloviansk() -> PathBuf {
    root().join("replay-data/sloviansk")
}

/// Its timetable.
pub fn gtfs() -> PathBuf {
    sloviansk().join("gtfs")
}

/// Its positions.
pub fn positions() -> PathBuf {
    sloviansk().join("positions.csv.gz")
}

/// Writes the list of devices of a recording's virtual trackers.
pub fn write_devices(positions: &Path, list: &Path) {
    let output = marshrut(&["replay", "--positions", text(positions), "--write-devices", text(list)]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Runs the program to its end, in a folder of its own: what it is not told a place for lands there.
pub fn marshrut(args: &[&str]) -> Output {
    let elsewhere = tempfile::tempdir().unwrap();
    Command::new(MARSHRUT).args(args).current_dir(elsewhere.path()).output().unwrap()
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A part of the illustrative day, and how fast it is played.
#[derive(Clone, Copy)]
pub struct Window {
    /// First instant sent.
    pub from: &'static str,
    /// Not sent any more.
    pub until: &'static str,
    /// `max`, or recorded seconds a real second.
    pub speed: &'static str,
}

impl Window {
    /// Configuration of the service's clock: it begins at the window's end, so that no fix
    /// lies in its future.
    pub fn clock(self) -> String {
        format!("[replay]\nstart = {:?}\n", self.until)
    }

    /// A replay of it to a service, noting what is acknowledged in a file where one is named.
    pub fn command(self, setup: &Setup, acknowledged: Option<&Path>) -> Command {
        let mut command = Command::new(MARSHRUT);
        command
            .args(["replay", "--speed", self.speed, "--positions", text(&positions())])
            .args(["--from", self.from, "--until", self.until])
            .args(setup.targets());
        if let Some(file) = acknowledged {
            command.arg("--acknowledged").arg(file);
        }
        command
    }

    /// Plays it to its end; everything must be acknowledged.
    pub fn replay(self, setup: &Setup, acknowledged: Option<&Path>) {
        let output = self.command(setup, acknowledged).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Device and time of every position that its vehicles send.
    pub fn sent(self, devices: &Path) -> BTreeSet<(String, String)> {
        let device_of: BTreeMap<String, String> = csv::Reader::from_path(devices)
            .unwrap()
            .into_records()
            .map(|r| r.unwrap())
            .map(|r| (r[1].to_owned(), r[0].to_owned()))
            .collect();
        let recording = Recording::open(&sloviansk()).unwrap();
        let alone = Recording::open(&positions()).unwrap();
        let [from, until] = [self.from, self.until].map(|t| Timestamp::parse(t).unwrap());
        // The replay knows the positions alone, without the outages beside them.
        assert_eq!(recording.rows().len(), alone.rows().len());
        alone
            .sent_between(from, until)
            .iter()
            .map(|row| (device_of[alone.vehicle_of(row).unwrap().as_str()].clone(), row.time.to_string()))
            .collect()
    }
}
