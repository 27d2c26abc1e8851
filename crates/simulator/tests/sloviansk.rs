//! The bundled day: its schedule is sound, and its positions are what `drive` makes of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use model::{LatLon, ServiceDate, Timestamp};
use network::Network;
use simulator::Recording;
use simulator::drive::{DrivenDay, Phase, Settings, day};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../replay-data/sloviansk")
}

fn network() -> Network {
    let (network, findings) = network::load(&folder().join("gtfs")).unwrap();
    assert!(findings.is_empty(), "the bundled schedule must raise no doubt: {findings:?}");
    network
}

/// As in `examples/drive_day.rs`.
fn settings() -> Settings {
    Settings {
        day: ServiceDate::parse("2026-11-18").unwrap(),
        seed: 1676,
        trolleybus_depot: LatLon::new(48.8424, 37.5796).unwrap(),
        bus_depot: LatLon::new(48.8450, 37.5988).unwrap(),
    }
}

fn text(path: &Path) -> String {
    let mut text = String::new();
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|e| e == "gz") {
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text
}

#[test]
fn the_day_is_what_drive_makes_of_its_schedule() {
    let network = network();
    let made = tempfile::tempdir().unwrap();
    day(&network, &settings()).unwrap().write(&network, made.path()).unwrap();
    for name in ["positions.csv.gz", "truth.csv.gz", "stops_truth.csv.gz", "outages.csv"] {
        let (kept, made) = (text(&folder().join(name)), text(&made.path().join(name)));
        let line = kept.lines().zip(made.lines()).position(|(a, b)| a != b);
        assert!(
            kept == made,
            "{name} differs from line {line:?} on; replay-data/sloviansk/README.md says how to renew it"
        );
    }
}

#[test]
fn every_trip_is_one_that_a_bus_could_drive() {
    let network = network();
    let mut served = BTreeSet::new();
    for (index, trip) in network.trips() {
        let pattern = network.pattern(trip.pattern);
        let shape = network.shape(pattern.shape);
        assert!(!shape.coarse, "{} has no shape of its own", trip.id);
        assert!(trip.block.is_some(), "{} has no block", trip.id);
        let times = network.stop_times(index);
        for (pair, clock) in pattern.stops.windows(2).zip(times.windows(2)) {
            let (metres, seconds) = (pair[1].dist_m - pair[0].dist_m, clock[1].arrival_s - clock[0].departure_s);
            let kmh = metres / f64::from(seconds) * 3.6;
            assert!(metres > 50.0 && (12.0..30.0).contains(&kmh), "{}: {metres} m in {seconds} s", trip.id);
        }
        for stop in &pattern.stops {
            let [x, y] = network.stop(stop.stop).xy;
            let [on_x, on_y] = shape.point_at(stop.dist_m);
            let beside = (x - on_x).hypot(y - on_y);
            assert!(beside < 20.0, "stop {} lies {beside} m beside {}", network.stop(stop.stop).id, pattern.id);
            served.insert(stop.stop);
        }
    }
    assert_eq!(served.len(), network.stops().len(), "a stop that no trip serves");
    assert!(network.stops().all(|(_, s)| s.name_en.is_some()));
    assert!(network.routes().all(|(_, r)| r.long_name_en.is_some()));
    duties_can_be_driven(&network);
}

/// Each trip of a block begins where the one before ended, after it.
fn duties_can_be_driven(network: &Network) {
    for (_, block) in network.blocks() {
        for pair in block.trips.windows(2) {
            assert!(network.span_s(pair[0]).1 < network.span_s(pair[1]).0, "{} overlaps itself", block.id);
            let stops = |trip| &network.pattern(network.trip(trip).pattern).stops;
            let name = |at: &network::PatternStop| &network.stop(at.stop).name;
            let (end, start) = (stops(pair[0]).last().unwrap(), &stops(pair[1])[0]);
            assert_eq!(name(end), name(start), "{} jumps", block.id);
        }
    }
}

#[test]
fn the_truth_is_true_of_the_positions() {
    let network = network();
    let driven = day(&network, &settings()).unwrap();
    let mut last: BTreeMap<&str, Timestamp> = BTreeMap::new();
    let mut errors = Vec::new();
    for fix in &driven.fixes {
        if let Some(before) = last.insert(fix.vehicle.as_str(), fix.time) {
            assert!(fix.time.seconds_since(before) >= 10.0, "{} is not after {before}", fix.time);
        }
        let (seen, really) = (network.plane().to_xy(fix.position), network.plane().to_xy(fix.true_position));
        errors.push((seen[0] - really[0]).hypot(seen[1] - really[1]));
        let on_trip = matches!(fix.phase, Phase::InProgress | Phase::Detour);
        assert_eq!(fix.trip.is_some(), on_trip, "{fix:?}");
        if let Some(trip) = fix.trip {
            let shape = network.shape(network.pattern(network.trip(trip).pattern).shape);
            let beside = shape.project(really).unwrap().cross_m;
            let limit = if fix.phase == Phase::Detour { 300.0 } else { 0.5 };
            assert!(beside < limit, "{beside} m beside the shape: {fix:?}");
        }
    }
    errors.sort_by(f64::total_cmp);
    let (median, worst) = (errors[errors.len() / 2], errors[errors.len() - 1]);
    assert!((3.0..6.0).contains(&median) && worst < 200.0, "errors of {median} m, at most {worst} m");
    for phase in [Phase::Detour, Phase::BrokenDown, Phase::PullOut, Phase::PullIn, Phase::Layover] {
        assert!(driven.fixes.iter().any(|f| f.phase == phase), "nobody was in {phase:?}");
    }
    fixes_at_a_stop_are_there(&network, &driven);
    every_trip_is_run_once(&network, &driven);
}

fn fixes_at_a_stop_are_there(network: &Network, driven: &DrivenDay) {
    let mut of_trip: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for fix in &driven.fixes {
        of_trip.entry(fix.trip).or_default().push(fix);
    }
    let mut checked = 0;
    for visit in &driven.visits {
        let pattern = network.pattern(network.trip(visit.trip).pattern);
        let stop = network.stop(pattern.stops[visit.stop].stop).xy;
        let fixes = of_trip.get(&Some(visit.trip)).into_iter().flatten();
        for fix in fixes.filter(|f| visit.arrival <= f.time && f.time < visit.departure) {
            let really = network.plane().to_xy(fix.true_position);
            let away = (stop[0] - really[0]).hypot(stop[1] - really[1]);
            assert!(away < 20.0, "{away} m from the stop: {visit:?}: {fix:?}");
            checked += 1;
        }
    }
    assert!(checked > 1_000, "{checked}");
}

/// All trips of the day are run, each by one vehicle, and only the broken-down one's is cut short.
fn every_trip_is_run_once(network: &Network, driven: &DrivenDay) {
    let today = network.service_day(settings().day);
    let mut last_stop = BTreeMap::new();
    for visit in &driven.visits {
        let (vehicle, stop) = last_stop.entry(visit.trip).or_insert((&visit.vehicle, 0));
        assert_eq!(*vehicle, &visit.vehicle, "one trip, two vehicles");
        assert!(visit.stop > *stop && visit.arrival <= visit.departure, "{visit:?} after stop {stop}");
        *stop = visit.stop;
    }
    let scheduled: BTreeSet<_> = network.trips().filter(|(_, t)| today.runs(t.service)).map(|(i, _)| i).collect();
    assert!(scheduled.iter().eq(last_stop.keys()), "trips run are not the trips scheduled");
    let end = |trip| network.pattern(network.trip(trip).pattern).stops.len() - 1;
    let short = last_stop.iter().filter(|(trip, (_, stop))| *stop < end(**trip)).count();
    assert_eq!(short, 1);
}

#[test]
fn another_seed_is_another_day() {
    let network = network();
    let other = day(&network, &Settings { seed: 1, ..settings() }).unwrap();
    assert_ne!(other, day(&network, &settings()).unwrap());
    let sunday = Settings { day: ServiceDate::parse("2026-11-22").unwrap(), ..settings() };
    assert!(day(&network, &sunday).unwrap().visits.len() < other.visits.len());
    let never = Settings { day: ServiceDate::parse("2031-01-01").unwrap(), ..settings() };
    assert!(day(&network, &never).unwrap_err().to_string().contains("name a day within the schedule"));
}

#[test]
fn it_opens_as_a_recorded_day() {
    let recording = Recording::open(&folder()).unwrap();
    assert_eq!(recording.skips().count, 0);
    assert!((90_000..160_000).contains(&recording.rows().len()));
    assert!((25..=45).contains(&recording.vehicles().len()), "{}", recording.vehicles().len());
    let start = recording.busiest_start();
    let at = |t: &str| Timestamp::parse(t).unwrap();
    assert!(at("2026-11-18T05:00:00Z") < start && start < at("2026-11-18T06:45:00Z"), "{start}");
    let late = recording.rows().iter().filter(|r| r.sent > r.time).count();
    assert!((50..1000).contains(&late), "{late} fixes were buffered");
}
