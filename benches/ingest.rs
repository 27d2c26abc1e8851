//! How many fixes a second go from trackers' sockets to the journal and are acknowledged there,
//! beside a server that does nothing with the same bytes.
//!
//! One machine does all: a thread that plays the trackers, and a server with as many threads as
//! there are cores. A tracker sends its next frame when the last one is acknowledged, as trackers
//! do. What is compared takes turns, and of the turns the median counts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench is run by hand: a panic is how it fails"
)]

mod bus;
#[path = "ingest/load.rs"]
mod load;
#[path = "ingest/server.rs"]
mod server;

use std::path::{Path, PathBuf};
use std::time::Duration;

use load::{Load, Outcome};
use server::Server;

/// Turns of each of the servers.
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(5);
/// A file system in memory, whose sync costs nothing.
const IN_MEMORY: &str = "/dev/shm";

fn main() {
    // `cargo bench` gives flags of its own; a number is how many connections to try alone.
    let on_disk = std::env::var_os("MARSHRUT_BENCH_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
    println!("journal on disk in {}, without sync in {IN_MEMORY}", on_disk.display());
    full_speed("20 records a frame, 1,000 trackers", &Load::new(1_000, 20), &on_disk);
    full_speed("1 record a frame, 9,000 trackers", &Load::new(9_000, 1), &on_disk);
}

/// All three servers at full speed, then ours at half of its own.
fn full_speed(what: &str, load: &Load, on_disk: &Path) {
    println!("\n{what}, {} bytes a frame", load.frame.len());
    println!("{:<28} {:>12} {:>9} {:>9} {:>9}", "", "fixes/s", "ACK p50", "p99", "of sink");
    let mut rounds: [Vec<Outcome>; 3] = Default::default();
    for _ in 0..ROUNDS {
        rounds[0].push(Server::sink(load.frame.len()).under(load, ROUND));
        rounds[1].push(Server::gateway(on_disk).under(load, ROUND));
        rounds[2].push(Server::gateway(Path::new(IN_MEMORY)).under(load, ROUND));
    }
    let [sink, ours, unsynced] = rounds.map(median);
    line("sink: reads and answers", &sink, &sink);
    line("gateway, fdatasync", &ours, &sink);
    line("gateway, no fdatasync", &unsynced, &sink);
    let half = load.at_rate(ours.fixes_a_second / 2.0);
    line("gateway at half of its load", &Server::gateway(on_disk).under(&half, ROUND), &sink);
}

fn median(mut rounds: Vec<Outcome>) -> Outcome {
    rounds.sort_by(|a, b| a.fixes_a_second.total_cmp(&b.fixes_a_second));
    rounds.swap_remove(rounds.len() / 2)
}

fn line(name: &str, outcome: &Outcome, sink: &Outcome) {
    let ms = |ack: Duration| format!("{:.1} ms", ack.as_secs_f64() * 1e3);
    println!(
        "{name:<28} {:>12.0} {:>9} {:>9} {:>9.2}",
        outcome.fixes_a_second,
        ms(outcome.ack_p50),
        ms(outcome.ack_p99),
        outcome.fixes_a_second / sink.fixes_a_second
    );
}
