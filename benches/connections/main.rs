//! A hundred thousand trackers that are connected and seldom say something.
//!
//! What their connections cost the gateway in memory, how fast it takes them beside a bare server
//! that answers the login and holds the socket, and how long active trackers wait for their
//! acknowledgement, alone and among all the others.
//!
//! A process may open so many files and no more, so there are as many gateways as that asks for, each
//! with a journal of its own, and as many processes that play the trackers. All are this program,
//! started again. `MARSHRUT_BENCH_CONNECTIONS` sets how many connections there are.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench is run by hand: a panic is how it fails"
)]

#[path = "../bus.rs"]
mod bus;
mod child;
mod fleet;
#[path = "../ingest/load.rs"]
#[allow(dead_code, reason = "a part of it is needed here")]
mod load;
#[path = "../ingest/server.rs"]
#[allow(dead_code, reason = "a part of it is needed here")]
mod server;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use child::Child;
use load::{Load, Outcome};

/// Connections, where the machine can hold so many.
const WANTED: usize = 100_000;
/// What each takes of the machine's memory at most, both ends and the kernel's part together.
const BYTES_EACH: usize = 48 << 10;
/// Open files of a process that are not connections.
const OTHER_FILES: usize = 2_048;
/// Active trackers, each of which sends a record a second.
const ACTIVE: usize = 100;
/// For so long the active ones are measured.
const MEASURED: Duration = Duration::from_secs(20);
/// From one frame of an idle tracker to its next.
const IDLE_PERIOD: Duration = Duration::from_secs(60);

fn main() {
    if child::run_if_asked() {
        return;
    }
    let wanted = std::env::var("MARSHRUT_BENCH_CONNECTIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(WANTED);
    let connections = wanted.min(memory() / BYTES_EACH);
    if connections < wanted {
        println!("memory for {connections} connections only");
    }
    let each = files() - OTHER_FILES;
    let processes = connections.div_ceil(each);
    let folder = std::env::var_os("MARSHRUT_BENCH_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
    println!(
        "{connections} connections to {processes} processes, journals in {}; a frame of each every {} s",
        folder.display(),
        IDLE_PERIOD.as_secs()
    );
    println!("{:<34} {:>10} {:>12} {:>14} {:>14}", "", "accepted/s", "of sink", "bytes each", "having sent");
    let shares: Vec<usize> =
        (0..processes).map(|n| connections / processes + usize::from(n < connections % processes)).collect();
    let sink = held_by(|| Child::server("sink", &folder), &shares, None);
    sink.line("sink: answers the login and holds", &sink);
    let mut active = None;
    let ours = held_by(|| Child::server("gateway", &folder), &shares, Some(&mut active));
    ours.line("gateway", &sink);
    let (alone, among) = active.unwrap();
    println!("\n{ACTIVE} active trackers, a record a second each {:>14} {:>9}", "ACK p50", "p99");
    acks("with no others", &alone);
    acks(&format!("among {connections}"), &among);
}

/// What came of one kind of server.
struct Held {
    accepted_a_second: f64,
    /// Resident memory of the servers for each connection, once all had logged in.
    bytes_each: f64,
    /// The same after each had sent something.
    bytes_having_sent: Option<f64>,
}

impl Held {
    fn line(&self, name: &str, sink: &Self) {
        let sent = self.bytes_having_sent.map_or_else(|| "-".to_owned(), |bytes| format!("{bytes:.0}"));
        println!(
            "{name:<34} {:>10.0} {:>12.2} {:>14.0} {sent:>14}",
            self.accepted_a_second,
            self.accepted_a_second / sink.accepted_a_second,
            self.bytes_each,
        );
    }
}

/// Connects a share of the fleet to each of the servers. Where `active` is given, measures active
/// trackers before and after.
fn held_by(server: impl Fn() -> Child, shares: &[usize], active: Option<&mut Option<(Outcome, Outcome)>>) -> Held {
    let mut servers: Vec<Child> = shares.iter().map(|_| server()).collect();
    let load = Load::new(ACTIVE, 1).at_rate(ACTIVE as f64);
    let alone = active.is_some().then(|| load.run(servers[0].address, MEASURED));
    let memory = |servers: &mut [Child]| servers.iter_mut().map(Child::resident).sum::<usize>() as f64;
    let before = memory(&mut servers);
    let mut first = 0;
    let mut fleets = Vec::new();
    for (server, share) in servers.iter().zip(shares) {
        fleets.push(Child::fleet(server.address, first, *share, active.is_some().then_some(IDLE_PERIOD)));
        first += share;
    }
    let begun = Instant::now();
    fleets.iter_mut().for_each(Child::go);
    fleets.iter_mut().for_each(|fleet| drop(fleet.wait_for("connected")));
    let took = begun.elapsed();
    let all = shares.iter().sum::<usize>() as f64;
    let each = |servers: &mut [Child]| (memory(servers) - before) / all;
    let bytes_each = each(&mut servers);
    let bytes_having_sent = active.map(|active| {
        // Each has sent a frame, and some are at their second.
        fleets.iter_mut().for_each(|fleet| drop(fleet.wait_for("sent")));
        *active = alone.map(|alone| (alone, load.run(servers[0].address, MEASURED)));
        each(&mut servers)
    });
    fleets.iter_mut().for_each(Child::end);
    servers.iter_mut().for_each(Child::end);
    Held { accepted_a_second: all / took.as_secs_f64(), bytes_each, bytes_having_sent }
}

fn acks(name: &str, outcome: &Outcome) {
    let ms = |ack: Duration| format!("{:.1} ms", ack.as_secs_f64() * 1e3);
    println!("{name:<43} {:>14} {:>9}", ms(outcome.ack_p50), ms(outcome.ack_p99));
}

/// A line of numbers in one of the kernel's files about a process or the machine.
fn number(file: &str, name: &str, column: usize) -> usize {
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.trim_start_matches(name).split_whitespace().nth(column).unwrap().parse().unwrap_or(usize::MAX)
}

/// Bytes of memory that are free or can be made so.
fn memory() -> usize {
    number("/proc/meminfo", "MemAvailable:", 0) * 1024
}

/// Files that a process may open: the hard limit, to which the gateway raises itself.
fn files() -> usize {
    number("/proc/self/limits", "Max open files", 1)
}

/// Where this program is, to be started again.
fn this_program() -> PathBuf {
    Path::new(&std::env::args_os().next().unwrap()).canonicalize().unwrap()
}
