//! `marshrut demo`, looked at as its user does: the feed against the truth, and the page.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use model::Timestamp;
use serde_json::Value;

use super::outputs::node;
use super::support::service::Http;
use super::support::{MARSHRUT, free_port, shared, wait_until};

/// Vehicles that report are in the feed, and have their trips, about a minute after the start;
/// on a machine that runs other tests beside, somewhat later.
const PATIENCE: Duration = Duration::from_mins(3);
/// The issue of a demonstration: so many of those in service carry a trip.
const SHARE: f64 = 0.8;
/// A fix is on its way for a moment.
const TRANSIT_S: i64 = 15;

struct Demo {
    child: Child,
    port: u16,
    http: Http,
}

impl Demo {
    fn start(day: Option<&Path>) -> Self {
        let port = free_port();
        let mut command = Command::new(MARSHRUT);
        command.args(["demo", "--port", &port.to_string()]).stderr(Stdio::null());
        if let Some(day) = day {
            command.arg("--day").arg(day);
        }
        let demo = Self { child: command.spawn().unwrap(), port, http: Http::new() };
        wait_until("the demo to answer", Duration::from_mins(3), || demo.http.get(&demo.url("/readyz")).is_some());
        demo
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn feed(&self) -> Value {
        self.http.json(&self.url("/gtfs-rt/vehicle-positions.json"))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Vehicle, time and true route of every fix of a recorded day ("" where it has none).
fn truth(day: &Path) -> Vec<(String, i64, String)> {
    let mut text = String::new();
    let file = std::fs::File::open(day.join("truth.csv.gz")).unwrap();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let column = |name: &str, headers: &csv::StringRecord| headers.iter().position(|h| h == name).unwrap();
    let headers = reader.headers().unwrap().clone();
    let [vehicle, time, route] = ["vehicle_id", "time", "route_id"].map(|name| column(name, &headers));
    let rows = reader.records().map(Result::unwrap);
    rows.filter_map(|r| Some((r[vehicle].to_owned(), Timestamp::parse(&r[time])?.as_secs(), r[route].to_owned())))
        .collect()
}

/// How the feed stands against what the vehicles sent and were in the last minute.
struct Against {
    missing: Vec<String>,
    in_service: usize,
    with_trip: usize,
    right_route: usize,
}

fn compare(feed: &Value, truth: &[(String, i64, String)]) -> Against {
    let now: i64 = feed["header"]["timestamp"].as_str().unwrap().parse().unwrap();
    let routes: BTreeMap<&str, Option<&str>> = feed["entity"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| (e["id"].as_str().unwrap(), e["vehicle"]["trip"]["routeId"].as_str()))
        .collect();
    let lately = truth.iter().filter(|(_, time, _)| (now - 60 - TRANSIT_S..now - TRANSIT_S).contains(time));
    let last: BTreeMap<&str, &str> = lately.map(|(vehicle, _, route)| (vehicle.as_str(), route.as_str())).collect();
    let missing = last.keys().filter(|v| !routes.contains_key(**v)).map(|v| (*v).to_owned()).collect();
    let in_service: Vec<_> = last.iter().filter(|(_, route)| !route.is_empty()).collect();
    let said = |vehicle: &str| routes.get(vehicle).copied().flatten();
    Against {
        missing,
        in_service: in_service.len(),
        with_trip: in_service.iter().filter(|(v, _)| said(v).is_some()).count(),
        right_route: in_service.iter().filter(|(v, route)| said(v) == Some(**route)).count(),
    }
}

fn shows_its_fleet(name: &str, share: impl Fn(&Against) -> f64) {
    let Some(day) = shared(&format!("data/{name}")) else { return };
    let truth = truth(&day);
    let demo = Demo::start(Some(&day));
    let (begun, mut last) = (Instant::now(), None);
    wait_until("the fleet on its trips", PATIENCE, || {
        let against = compare(&demo.feed(), &truth);
        let well = against.in_service > 20 && against.missing.is_empty() && share(&against) >= SHARE;
        last = Some(against);
        well
    });
    let Against { in_service, with_trip, right_route, .. } = last.unwrap();
    println!(
        "{name}: after {:.0?} of {in_service} vehicles in service {with_trip} have a trip, {right_route} of the right line",
        begun.elapsed()
    );
}

#[test]
fn kingston_is_on_its_trips_within_a_minute() {
    shows_its_fleet("kingston-2026-01-16", |a| a.with_trip as f64 / a.in_service as f64);
}

#[test]
fn warsaw_is_on_its_lines_within_a_minute() {
    shows_its_fleet("warsaw-2024-02-19", |a| a.right_route as f64 / a.in_service as f64);
}

#[test]
fn the_bundled_day_moves_in_a_browser() {
    let Some(ui) = node("crates/web/ui") else { return };
    if !Path::new("/usr/bin/chromium").exists() {
        println!("skipped: no /usr/bin/chromium");
        return;
    }
    let demo = Demo::start(None);
    let places = || -> BTreeSet<String> {
        demo.http.json(&demo.url("/api/v1/vehicles"))["vehicles"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|v| format!("{} {} {}", v["id"], v["lat"], v["lon"]))
            .collect()
    };
    wait_until("vehicles on the map", PATIENCE, || places().len() > 20);
    let before = places();
    wait_until("vehicles to move", PATIENCE, || places().difference(&before).count() > 10);
    let pictures = tempfile::tempdir().unwrap();
    let run = Command::new("node")
        .arg(ui.join("test/browser/screens.mjs"))
        .args(["--check", "--vehicles", "20", "--url", &demo.url("/"), "--out"])
        .arg(pictures.path())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    let drawn =
        std::fs::read_dir(pictures.path()).unwrap().filter(|f| f.as_ref().unwrap().metadata().unwrap().len() > 20_000);
    assert_eq!(drawn.count(), 4, "desktop and phone, light and dark");
}
