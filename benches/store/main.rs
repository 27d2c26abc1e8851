//! How many matched fixes a second the store commits, beside `psql \copy` of the same rows into
//! the same tables of the same server.
//!
//! Each has a database of its own, made by the store's migrations, and they take turns. The
//! store commits as the pipeline does: batches with the journal's position, each in one
//! transaction, what is there already passed over. `psql` copies the rows of a whole turn at
//! once from a file in PostgreSQL's binary format; it knows of no position and of nothing twice.
//! The server syncs each of their commits.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a bench is run by hand: a panic is how it fails"
)]

#[path = "../bus.rs"]
mod bus;
mod fleet;
#[path = "../../crates/store/tests/support/mod.rs"]
mod postgis;

use std::sync::Arc;
use std::time::{Duration, Instant};

use postgis::Postgis;
use store::{Batch, Store};
use tokio::runtime::Runtime;

/// Seconds that it takes in all; a claim wants 300.
const SECONDS: &str = "MARSHRUT_BENCH_SECONDS";
const USUAL_SECONDS: u64 = 30;
/// Fixes of a batch: what the pipeline reads at once from trackers that send one at a time.
const BATCH: u64 = 8192;
/// Batches of a turn.
const BATCHES: u64 = 25;
/// Of so many fixes one is sent again with the next batch, where trackers do that.
const AGAIN_EVERY: usize = 100;
/// How often a line is printed.
const LINE: Duration = Duration::from_mins(1);
/// A server that is meant for this work, on a small machine.
const SERVER: [&str; 2] = ["shared_buffers=1GB", "max_wal_size=4GB"];
const COLUMNS: &str = "device_id, vehicle_id, time, received_at, content_hash, protocol, valid, geom, altitude_m, \
     speed_mps, heading_deg, satellites, hdop, attributes, state, rejected, trip_id, service_date, route_id, \
     direction_id, shape_dist_m, cross_track_m, delay_s";

/// Rows and the time that they took.
#[derive(Clone, Copy, Default)]
struct Taken {
    rows: u64,
    time: Duration,
}

impl Taken {
    fn add(&mut self, rows: u64, time: Duration) {
        self.rows += rows;
        self.time += time;
    }

    fn a_second(&self) -> f64 {
        self.rows as f64 / self.time.as_secs_f64()
    }
}

/// One store and what it has been given.
struct Ours {
    store: Arc<dyn Store>,
    url: String,
    position: u64,
    commits: Vec<Duration>,
}

impl Ours {
    fn open(runtime: &Runtime, server: &Postgis) -> Self {
        let url = server.database();
        let store = runtime.block_on(store::open(&url)).unwrap();
        Self { store, url, position: 0, commits: Vec::new() }
    }

    /// Commits a batch of which so many fixes are there already. Only the commit is timed.
    fn commit(&mut self, runtime: &Runtime, batch: &Batch, again: usize) -> Duration {
        self.position += 1;
        let begun = Instant::now();
        let committed = runtime.block_on(self.store.commit(batch, self.position)).unwrap();
        let took = begun.elapsed();
        assert_eq!((committed.inserted, committed.duplicates), (batch.fixes.len() as u64 - again as u64, again as u64));
        self.commits.push(took);
        took
    }

    fn commit_p99(&mut self) -> Duration {
        self.commits.sort_unstable();
        self.commits[(self.commits.len() - 1) * 99 / 100]
    }
}

/// What is compared, in the order in which it is printed.
const NAMES: [&str; 4] = ["psql", "store", "1 % again", "with visits"];

fn main() {
    let seconds = std::env::var(SECONDS).ok().and_then(|text| text.parse().ok()).unwrap_or(USUAL_SECONDS);
    let Some(server) = Postgis::start_with(&SERVER) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let [mut plain, mut again, mut visits] = std::array::from_fn(|_| Ours::open(&runtime, &server));
    let peer = Ours::open(&runtime, &server).url;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows");

    println!(
        "{seconds} s; batches of {BATCH} fixes, turns of {BATCHES} batches; PostgreSQL with {}",
        SERVER.join(", ")
    );
    println!("rows a second; 'of psql' is the store's part of what psql does");
    println!(
        "{:>7} {:>9} {:>9} {:>8} {:>10} {:>12} {:>9}",
        "", NAMES[0], NAMES[1], "of psql", NAMES[2], NAMES[3], "RSS MiB"
    );
    let (mut minute, mut whole) = ([Taken::default(); 4], [Taken::default(); 4]);
    let (begun, mut lines, mut from) = (Instant::now(), 0_u32, 0);
    while begun.elapsed() < Duration::from_secs(seconds) {
        let turn = from..from + BATCH * BATCHES;
        let mut took = [Duration::ZERO; 4];
        for first in turn.clone().step_by(BATCH as usize) {
            let batch = Batch { fixes: fleet::fixes(first, BATCH), ..Batch::default() };
            took[1] += plain.commit(&runtime, &batch, 0);
        }
        export(&server, &plain.url, &file, turn.clone());
        took[0] += copy(&server, &peer, &file);
        let mut sent_again = Vec::new();
        for first in turn.clone().step_by(BATCH as usize) {
            let mut batch = Batch { fixes: fleet::fixes(first, BATCH), ..Batch::default() };
            let next = batch.fixes.iter().step_by(AGAIN_EVERY).cloned().collect();
            let count = sent_again.len();
            batch.fixes.append(&mut sent_again);
            sent_again = next;
            took[2] += again.commit(&runtime, &batch, count);
        }
        for first in turn.clone().step_by(BATCH as usize) {
            took[3] += visits.commit(&runtime, &fleet::with_visits(first, BATCH), 0);
        }
        for (index, took) in took.into_iter().enumerate() {
            minute[index].add(BATCH * BATCHES, took);
            whole[index].add(BATCH * BATCHES, took);
        }
        from = turn.end;
        if begun.elapsed() >= LINE * (lines + 1) {
            lines += 1;
            line(&format!("{lines} min"), &std::mem::take(&mut minute));
        }
    }
    line("whole", &whole);
    for ours in [&plain.url, &again.url, &visits.url, &peer] {
        assert_eq!(server.psql(ours, "SELECT count(*) FROM marshrut.fixes"), from.to_string(), "rows of {ours}");
    }
    println!("{from} rows in each; p99 of a commit {:.0} ms", plain.commit_p99().as_secs_f64() * 1e3);
}

/// Writes the rows of a turn as `psql` takes them, in the order in which they lie in the table.
fn export(server: &Postgis, url: &str, file: &std::path::Path, turn: std::ops::Range<u64>) {
    let (from, until) = (fleet::time(turn.start), fleet::time(turn.end));
    let rows = format!("SELECT {COLUMNS} FROM marshrut.fixes WHERE time >= '{from}' AND time < '{until}'");
    server.psql(url, &format!("\\copy ({rows}) TO '{}' WITH (FORMAT binary)", file.display()));
}

fn copy(server: &Postgis, url: &str, file: &std::path::Path) -> Duration {
    let begun = Instant::now();
    server.psql(url, &format!("\\copy marshrut.fixes ({COLUMNS}) FROM '{}' WITH (FORMAT binary)", file.display()));
    begun.elapsed()
}

fn line(name: &str, taken: &[Taken; 4]) {
    let [psql, plain, again, visits] = taken.map(|taken| taken.a_second());
    println!(
        "{name:>7} {psql:>9.0} {plain:>9.0} {:>8.2} {again:>10.0} {visits:>12.0} {:>9.1}",
        plain / psql,
        resident_bytes() as f64 / f64::from(1 << 20)
    );
}

/// Memory of this process.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    status.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}
