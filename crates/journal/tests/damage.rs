//! A journal's file that is not as it was written: bits flip and its end is cut off.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking and speaks by printing"
)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{number, report_of};
use journal::{Journal, JournalError, Options, Position};

mod common;

const CHILD: &str = "JOURNAL_DAMAGE_FOLDER";
const ACKNOWLEDGED: usize = 3_000;
/// So many append at once, so that no commit holds more reports.
const TASKS: u64 = 4;
const ROUNDS: u64 = 25;
/// What one page can hold: so much may be lost with it.
const REPORTS_OF_A_PAGE: usize = 120;
const FILE: &str = "journal.redb";

fn options() -> Options {
    Options { retention: Duration::MAX, ack_within: Duration::from_millis(1), ..Options::default() }
}

/// Small reports and large ones, so that groups share pages and fill many.
fn report(number: u64) -> model::Report {
    report_of(number, if number.is_multiple_of(17) { 900 } else { 1 + usize::try_from(number % 3).unwrap() })
}

/// Not a test by itself: appends until it is killed and prints what is acknowledged.
#[test]
fn child() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let journal = Journal::open(folder.as_ref(), options()).unwrap();
        let tasks: Vec<_> = (1..=TASKS)
            .map(|task| {
                let journal = journal.clone();
                tokio::spawn(async move {
                    for n in 0.. {
                        let number = n * TASKS + task;
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

/// The bytes of a journal, and the numbers that it had acknowledged, the last commit's apart.
struct Written {
    bytes: Vec<u8>,
    acknowledged: BTreeSet<u64>,
    last: BTreeSet<u64>,
}

impl Written {
    /// How many of those acknowledged are not among these. Nobody can tell a last commit that was
    /// damaged from one that was cut short before it was acknowledged, so its loss may go untold.
    fn lost(&self, read: &BTreeSet<u64>, told: bool) -> usize {
        let lost = self.acknowledged.difference(read).count();
        assert!(lost == 0 || told, "{lost} lost and nobody told");
        lost + self.last.difference(read).count()
    }
}

/// Of a journal whose process was killed.
fn killed() -> Written {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    for _ in 0..ACKNOWLEDGED {
        out.read_line(&mut text).unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    out.read_to_string(&mut text).unwrap();
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let pairs = lines.filter_map(|line| line.trim().strip_prefix("ack ")?.split_once(' '));
    let mut numbers: Vec<(u64, u64)> = pairs.map(|(p, n)| (p.parse().unwrap(), n.parse().unwrap())).collect();
    numbers.sort_unstable();
    let last = numbers.split_off(numbers.len() - usize::try_from(TASKS).unwrap());
    let of = |pairs: Vec<(u64, u64)>| pairs.into_iter().map(|(_, number)| number).collect();
    Written { bytes: std::fs::read(folder.path().join(FILE)).unwrap(), acknowledged: of(numbers), last: of(last) }
}

/// Of a journal that was closed.
fn closed() -> Written {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let journal = Journal::open(folder.path(), options()).unwrap();
        let mut receipts = Vec::new();
        for n in 1..=1_000 {
            receipts.push(journal.submit(&report(n)).await.unwrap());
            if n % 7 == 0 {
                receipts.pop().unwrap().durable().await.unwrap(); // groups of some reports each
            }
        }
        journal.close().await.unwrap();
    });
    let bytes = std::fs::read(folder.path().join(FILE)).unwrap();
    Written { bytes, acknowledged: (1..=1_000).collect(), last: BTreeSet::new() }
}

/// Pseudo-random numbers (SplitMix64).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Reads all that a journal gives, in order, waiting while it puts damage aside.
fn read_all(journal: &Journal) -> Vec<(Position, model::Report)> {
    let deadline = Instant::now() + Duration::from_mins(1);
    let (mut at, mut all) = (Position::START, Vec::new());
    loop {
        let read = journal.read(at, 100).unwrap();
        if let Some((last, _)) = read.last() {
            at = *last;
            all.extend(read);
        } else if journal.health().is_ok() && at >= journal.head() {
            return all;
        }
        assert!(Instant::now() < deadline, "reading comes to no end: {at} of {}", journal.head());
    }
}

/// What is left of a damaged file, through the eyes of a reader that has no other: never a wrong
/// record. And the journal goes on. Tells also whether the damaged file was put aside.
fn readable(bytes: &[u8]) -> (BTreeSet<u64>, bool) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), bytes).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let journal = Journal::open(folder.path(), options()).unwrap();
    let read = read_all(&journal);
    for (_, found) in &read {
        assert_eq!(*found, report(number(found)), "not as it was sent");
    }
    assert!(read.windows(2).all(|two| two[0].0 < two[1].0), "positions ascend");
    let position = runtime.block_on(journal.append(report(1_000_000))).unwrap();
    assert_eq!(journal.read(Position(position.0 - 1), 1).unwrap(), [(position, report(1_000_000))]);
    runtime.block_on(journal.close()).unwrap();
    drop(journal);
    let again = Journal::open(folder.path(), options()).unwrap();
    assert_eq!(read_all(&again).last().unwrap().1, report(1_000_000), "the next start finds it too");
    let numbers = read.iter().map(|(_, report)| number(report)).collect();
    (numbers, folder.path().join("journal.redb.damaged-1").exists())
}

fn flip_one_bit(what: &str, written: &Written, seed: u64) {
    let (mut state, mut put_aside, mut most) = (seed, 0, 0);
    for _ in 0..ROUNDS {
        let mut damaged = written.bytes.clone();
        let bit = random(&mut state) % (damaged.len() as u64 * 8);
        damaged[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
        let (read, aside) = readable(&damaged);
        let lost = written.lost(&read, aside);
        assert!(lost <= REPORTS_OF_A_PAGE, "bit {bit} of {}: {lost} lost", damaged.len());
        put_aside += u32::from(aside);
        most = most.max(lost);
    }
    println!(
        "{what}: {ROUNDS} times one bit of {} bytes flipped, {put_aside} times put aside, at most {most} of {} lost",
        written.bytes.len(),
        written.acknowledged.len() + written.last.len()
    );
}

#[test]
fn a_flipped_bit_after_a_kill_costs_what_it_hit_and_no_more() {
    flip_one_bit("killed", &killed(), 1);
}

#[test]
fn a_flipped_bit_in_a_closed_journal_costs_what_it_hit_and_no_more() {
    flip_one_bit("closed", &closed(), 2);
}

#[test]
fn what_a_cut_off_end_left_is_read() {
    let written = killed();
    let (bytes, acknowledged) = (&written.bytes, &written.acknowledged);
    let mut state = 3;
    for round in 0..ROUNDS {
        // Pages, or anywhere.
        let cut = usize::try_from(random(&mut state)).unwrap() % bytes.len();
        let cut = if round % 2 == 0 { cut / 4096 * 4096 } else { cut };
        let damaged = &bytes[..cut.max(4096)];
        let (read, aside) = readable(damaged);
        let lost = written.lost(&read, aside);
        println!("cut at {cut} of {}: {lost} of {} lost", bytes.len(), acknowledged.len() + written.last.len());
        // Each whole group in what is left is found: at least the groups that its pages hold.
        assert!(cut < bytes.len() / 2 || read.len() > acknowledged.len() / 10, "{} read", read.len());
    }
}

#[test]
fn many_flipped_bits_leave_what_they_did_not_hit() {
    let written = killed();
    let mut state = 4;
    for _ in 0..5 {
        let mut damaged = written.bytes.clone();
        for _ in 0..50 {
            let bit = random(&mut state) % (damaged.len() as u64 * 8);
            damaged[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
        }
        let (read, aside) = readable(&damaged);
        let lost = written.lost(&read, aside);
        println!("50 bits: {lost} of {} lost", written.acknowledged.len() + written.last.len());
        assert!(lost < written.acknowledged.len() / 4);
    }
}

#[test]
fn a_file_that_is_no_journal_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = vec![7; 40_000];
    std::fs::write(folder.path().join(FILE), &bytes).unwrap();
    let error = Journal::open(folder.path(), options()).unwrap_err();
    assert!(matches!(error, JournalError::Open { .. }) && error.to_string().contains("move it away"), "{error}");
    assert_eq!(std::fs::read(folder.path().join(FILE)).unwrap(), bytes);
}
