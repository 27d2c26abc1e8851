//! `kill -9` while appending: what was acknowledged is read back.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and speaks by printing")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{number, report};
use journal::{Journal, Options, Position};

mod common;

const CHILD: &str = "JOURNAL_CRASH_FOLDER";
const ROUNDS: usize = 20;
/// The numbers stand for seconds of receipt too, and are not to age.
fn options() -> Options {
    Options { retention: Duration::MAX, ..Options::default() }
}

/// Not a test by itself: the process that is killed. Appends until then and prints the
/// position and number of each report once it is acknowledged.
#[test]
fn child() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let journal = Journal::open(folder.as_ref(), options()).unwrap();
        let start = journal.head().0;
        let tasks: Vec<_> = (0..8u64)
            .map(|task| {
                let journal = journal.clone();
                tokio::spawn(async move {
                    for n in 0.. {
                        let number = start * 1_000 + n * 8 + task;
                        let position = journal.append(report(number)).await.unwrap();
                        println!("ack {position} {number}");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn acknowledged_is_read_back_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        // A different moment each round: right after the first acknowledgements, or later.
        for _ in 0..20 + round * 37 {
            out.read_line(&mut text).unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        out.read_to_string(&mut text).unwrap();
        // The pipe may end in the middle of a line.
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            if let Some((position, number)) = line.trim().strip_prefix("ack ").and_then(|l| l.split_once(' ')) {
                acknowledged.insert(position.parse::<u64>().unwrap(), number.parse::<u64>().unwrap());
            }
        }

        let journal = Journal::open(folder.path(), options()).unwrap();
        let read = journal.read(Position::START, usize::MAX).unwrap();
        assert!(read.iter().map(|(p, _)| p.0).eq(1..=read.len() as u64), "positions have no gap");
        let read: BTreeMap<u64, u64> = read.iter().map(|(p, r)| (p.0, number(r))).collect();
        for (position, number) in &acknowledged {
            assert_eq!(read.get(position), Some(number), "round {round}: acknowledged and not there");
        }
    }
    assert!(acknowledged.len() > ROUNDS * 20, "the child hardly ran: {} acknowledged", acknowledged.len());
    println!("{} acknowledged over {ROUNDS} kills, all read back", acknowledged.len());
}
