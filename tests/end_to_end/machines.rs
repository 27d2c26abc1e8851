//! More than one machine: three gateways, two workers and two web hosts meet at NATS, and
//! one of each kind is killed while trackers send.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use model::Timestamp;
use simulator::Recording;

use super::support::day::{Window, gtfs, positions, text, write_devices};
use super::support::nats::Nats;
use super::support::postgis::Postgis;
use super::support::service::{Http, Setup};
use super::support::{MARSHRUT, acknowledged_in, stored, wait_until};

/// Six hours in some twenty seconds, to outlast the kills.
const DAY: Window = Window { from: "2026-11-18T05:00:00Z", until: "2026-11-18T11:00:00Z", speed: "1000" };
const PATIENCE: Duration = Duration::from_mins(5);

/// The recording in parts, each with the vehicles of one gateway.
fn parts(folder: &Path, count: usize) -> Vec<PathBuf> {
    let mut reader = csv::Reader::from_reader(GzDecoder::new(File::open(positions()).unwrap()));
    let headers = reader.headers().unwrap().clone();
    let vehicle = headers.iter().position(|name| name == "vehicle_id").unwrap();
    let paths: Vec<_> = (0..count).map(|part| folder.join(format!("positions-{part}.csv"))).collect();
    let mut writers: Vec<_> = paths.iter().map(|path| csv::Writer::from_path(path).unwrap()).collect();
    for writer in &mut writers {
        writer.write_record(&headers).unwrap();
    }
    for record in reader.records() {
        let record = record.unwrap();
        let part = record[vehicle].bytes().map(usize::from).sum::<usize>() % count;
        writers[part].write_record(&record).unwrap();
    }
    paths
}

/// The list of all trackers; each part alone says which protocols its vehicles speak.
fn devices_of(folder: &Path, parts: &[PathBuf]) -> PathBuf {
    let list = folder.join("devices.csv");
    let mut all = csv::Writer::from_path(&list).unwrap();
    all.write_record(["device_id", "vehicle_id"]).unwrap();
    for part in parts {
        let of_part = part.with_extension("devices.csv");
        write_devices(part, &of_part);
        let mut reader = csv::Reader::from_path(of_part).unwrap();
        reader.records().for_each(|record| all.write_record(&record.unwrap()).unwrap());
    }
    all.flush().unwrap();
    list
}

fn replay(setup: &Setup, part: &Path) -> Child {
    let said = File::create(setup.folder.join("replay.log")).unwrap();
    Command::new(MARSHRUT)
        .args(["replay", "--speed", DAY.speed, "--positions", text(part)])
        .args(["--from", DAY.from, "--until", DAY.until, "--acknowledged"])
        .arg(setup.folder.join("acknowledged.csv"))
        .args(setup.targets())
        .stdout(said.try_clone().unwrap())
        .stderr(said)
        .spawn()
        .unwrap()
}

/// Vehicles that send in the last minutes: each web host must show them in the end.
fn late_vehicles() -> BTreeSet<String> {
    let recording = Recording::open(&positions()).unwrap();
    let until = Timestamp::parse(DAY.until).unwrap();
    let rows = recording.sent_between(until.plus_seconds(-120.0), until);
    rows.iter().map(|row| recording.vehicle_of(row).unwrap().to_string()).collect()
}

fn shown(http: &Http, web: &Setup) -> BTreeSet<String> {
    let answer = http.json(&web.url("/api/v1/vehicles"));
    let vehicles = answer["vehicles"].as_array().cloned().unwrap_or_default();
    vehicles.iter().filter_map(|v| Some(v["id"].as_str()?.to_owned())).collect()
}

fn shards(http: &Http, worker: &Setup) -> Option<u32> {
    let (_, body) = http.get(&worker.url("/metrics"))?;
    let text = String::from_utf8(body).ok()?;
    text.lines().find_map(|line| line.strip_prefix("marshrut_worker_shards ")?.parse().ok())
}

/// All of it with `servers` of NATS; `harm` is done to them in the middle.
fn survive(servers: usize, harm: impl FnOnce(&mut Nats)) {
    let Some(mut nats) = Nats::start(servers) else { return };
    let Some(postgis) = Postgis::start() else { return };
    let (store, folder) = (postgis.database(), tempfile::tempdir().unwrap());
    let parts = parts(folder.path(), 3);
    let devices = devices_of(folder.path(), &parts);
    let extra = format!("{}[nats]\nurl = {:?}\nreplicas = {servers}\n", DAY.clock(), nats.url());
    let setup = |name: &str| {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        Setup::new(&folder, &gtfs(), &devices, &store, &extra)
    };
    let gateways = ["gateway-0", "gateway-1", "gateway-2"].map(setup);
    let workers = ["worker-0", "worker-1"].map(setup);
    let webs = ["web-0", "web-1"].map(setup);
    let mut running = gateways.each_ref().map(|setup| Some(setup.serve("gateway", &[])));
    let mut working = workers.each_ref().map(|setup| Some(setup.serve("worker", &[])));
    let showing = webs.each_ref().map(|setup| setup.serve("web", &[]));
    let http = Http::new();
    wait_until("equal shares", PATIENCE, || workers.iter().all(|worker| shards(&http, worker) == Some(64)));

    let mut replays: Vec<_> = gateways.iter().zip(&parts).map(|(setup, part)| replay(setup, part)).collect();
    wait_until("rows", PATIENCE, || !stored(&store).is_empty());
    running[0].take().unwrap().kill();
    running[0] = Some(gateways[0].serve("gateway", &[]));
    let killed = Instant::now();
    working[0].take().unwrap().kill();
    wait_until("the other worker to have all", PATIENCE, || shards(&http, &workers[1]) == Some(128));
    let handed_over = killed.elapsed();
    harm(&mut nats);
    working[0] = Some(workers[0].serve("worker", &[]));
    let under_way = replays.iter_mut().map(|replay| usize::from(replay.try_wait().unwrap().is_none())).sum::<usize>();

    for (replay, setup) in replays.iter_mut().zip(&gateways) {
        let mut status = None;
        wait_until("a replay to end", PATIENCE, || {
            status = replay.try_wait().unwrap();
            status.is_some()
        });
        let said = std::fs::read_to_string(setup.folder.join("replay.log")).unwrap();
        assert!(status.unwrap().success(), "not everything was acknowledged in the end: {said}");
    }
    let lists = gateways.iter().map(|setup| acknowledged_in(&setup.folder.join("acknowledged.csv")));
    let acknowledged: BTreeSet<_> = lists.flatten().collect();
    wait_until("all that was acknowledged to be stored", PATIENCE, || {
        let kept: BTreeSet<_> = stored(&store).into_iter().collect();
        acknowledged.is_subset(&kept)
    });
    let late = late_vehicles();
    for web in &webs {
        wait_until("all vehicles on each web host", PATIENCE, || late.is_subset(&shown(&http, web)));
    }
    let rows = stored(&store);
    let kept: BTreeSet<_> = rows.iter().cloned().collect();
    println!(
        "{servers} NATS servers: {} acknowledged, {} stored, {} twice, {} lost; {under_way} of 3 replays outlasted \
         the kills; the shards of a killed worker were taken over within {handed_over:.1?}; {} vehicles on both web \
         hosts",
        acknowledged.len(),
        kept.len(),
        rows.len() - kept.len(),
        acknowledged.difference(&kept).count(),
        late.len()
    );
    assert_eq!(rows.len(), kept.len(), "stored twice");
    // The replays have ended well: what they acknowledged is all that they had to send.
    assert!(kept == acknowledged, "{} stored that no tracker sent", kept.difference(&acknowledged).count());
    assert!(handed_over < Duration::from_mins(1), "{handed_over:?}");
    drop(showing);
    for setup in gateways.iter().chain(&workers).chain(&webs) {
        assert!(!std::fs::read_to_string(setup.folder.join("log")).unwrap().contains("panicked"));
    }
}

#[test]
fn one_of_each_kind_is_killed_and_nats_is_restarted() {
    survive(1, |nats| {
        nats.kill(0);
        nats.restart(0);
    });
}

#[test]
fn one_of_each_kind_is_killed_and_one_of_three_nats_servers() {
    survive(3, |nats| nats.kill(0));
}
