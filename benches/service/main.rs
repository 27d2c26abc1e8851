//! The whole service, from trackers' sockets to PostGIS and to a rider's live events: what it
//! takes in, how old what riders see is, and how much memory it holds, minute by minute.
//!
//! It is a release build in a process of its own, with a PostgreSQL that syncs each commit. A
//! made city's vehicles send over real sockets; the service runs on the city's time, which goes
//! by faster than ours, so that a day of it can be seen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a bench is run by hand: a panic is how it fails"
)]

#[path = "../bus.rs"]
mod bus;
mod city;
mod fleet;
#[path = "../../crates/store/tests/support/mod.rs"]
mod postgis;
mod program;
mod rider;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use city::City;
use fleet::{Day, Log};
use model::Timestamp;
use postgis::Postgis;
use program::Program;

/// How often a line is printed.
const LINE: Duration = Duration::from_mins(1);
/// Until all trackers are connected.
const CONNECT: Duration = Duration::from_secs(10);
/// A server that is meant for this work, on a small machine.
const SERVER: [&str; 2] = ["shared_buffers=1GB", "max_wal_size=4GB"];
/// What is taken in and read on, and rows in the store.
const METRICS: [&str; 4] = [
    "marshrut_journal_head",
    "marshrut_pipeline_position{stage=\"live\"}",
    "marshrut_pipeline_position{stage=\"history\"}",
    "marshrut_store_fixes_total",
];

fn setting(name: &str, usual: f64) -> f64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn main() {
    let vehicles = setting("MARSHRUT_BENCH_VEHICLES", 10_000.0) as usize;
    let every_s = setting("MARSHRUT_BENCH_EVERY_S", 30.0);
    // A day in 24 minutes; and how much of it.
    let speed = setting("MARSHRUT_BENCH_SPEED", 60.0);
    let (from_h, hours) = (setting("MARSHRUT_BENCH_FROM_H", 5.0), setting("MARSHRUT_BENCH_HOURS", 2.0));
    let Some(binary) = program::built() else { return };
    let Some(server) = Postgis::start_with(&SERVER) else { return };

    let folder = tempfile::tempdir().unwrap();
    let city = Arc::new(City::make());
    std::fs::create_dir(folder.path().join("gtfs")).unwrap();
    let (trips, stop_times) = city.write(&folder.path().join("gtfs"));
    let mut devices = String::from("device_id,vehicle_id\n");
    (0..vehicles).for_each(|vehicle| writeln!(devices, "{},{vehicle}", fleet::device(vehicle)).unwrap());
    std::fs::write(folder.path().join("devices.csv"), devices).unwrap();

    println!("{vehicles} vehicles, a fix every {every_s} s, {hours} h of a day {speed} times as fast");
    println!("{trips} trips, {stop_times} stop times; PostgreSQL with {}", SERVER.join(", "));
    let begins = city.midnight().plus_seconds(from_h * 3600.0);
    let real_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + CONNECT;
    // Before the day begins there is time to start and to connect.
    let day = Day { begins, begun: Instant::now() + CONNECT, speed };
    let real = Timestamp::from_micros(real_ms.as_micros() as i64);
    let url = server.database();
    let program = Program::start(&binary, folder.path(), &url, begins, real, speed);
    println!("ready; it holds {:.1} MiB", program.resident());

    let (log, ages) = (Arc::new(Log::new(vehicles)), Arc::new(Mutex::new(Vec::new())));
    let stop = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.spawn(rider::ride(program.web, Arc::clone(&log), Arc::clone(&ages)));
    let fleet = fleet::drive(city, day, vehicles, every_s, program.trackers, Arc::clone(&log), Arc::clone(&stop));
    let fleet = runtime.spawn(fleet);
    watch(&program, &log, &ages, day, hours);
    stop.store(true, Ordering::Relaxed);
    runtime.block_on(fleet).unwrap();
    let sent = log.acknowledged.load(Ordering::Relaxed);
    program.stop();
    let stored = server.psql(&url, "SELECT count(*) FROM marshrut.fixes");
    println!("{sent} fixes acknowledged, {stored} stored");
}

/// Prints a line a minute until so many hours of the day are over.
fn watch(program: &Program, log: &Log, ages: &Mutex<Vec<Duration>>, day: Day, hours: f64) {
    println!(
        "{:>6} {:>20} {:>9} {:>9} {:>11} {:>12} {:>9} {:>9} {:>9} {:>9}",
        "", "day's time", "in/s", "stored/s", "live behind", "store behind", "seen p50", "p99", "fixes", "RSS MiB"
    );
    let (mut line, mut before, mut sent_before) = (0, program.metrics(METRICS), 0);
    let mut printed = Instant::now();
    while day.now() < day.begins.plus_seconds(hours * 3600.0) {
        std::thread::sleep(Duration::from_millis(200));
        if printed.elapsed() < LINE {
            continue;
        }
        let seconds = printed.elapsed().as_secs_f64();
        printed = Instant::now();
        line += 1;
        let (now, sent) = (program.metrics(METRICS), log.acknowledged.load(Ordering::Relaxed));
        let mut ages = std::mem::take(&mut *ages.lock().unwrap());
        ages.sort_unstable();
        let age = |share: f64| {
            let at = ages.get((ages.len().saturating_sub(1) as f64 * share) as usize);
            at.map_or_else(|| "-".to_owned(), |age| format!("{:.0} ms", age.as_secs_f64() * 1e3))
        };
        println!(
            "{:>6} {:>20} {:>9.0} {:>9.0} {:>11.0} {:>12.0} {:>9} {:>9} {:>9} {:>9.1}",
            format!("{line} min"),
            Timestamp::from_secs(day.now().as_secs()).to_string(),
            (sent - sent_before) as f64 / seconds,
            (now[3] - before[3]) / seconds,
            now[0] - now[1],
            now[0] - now[2],
            age(0.5),
            age(0.99),
            ages.len(),
            program.resident()
        );
        (before, sent_before) = (now, sent);
    }
}
