//! `kill -9` of a gateway under load: what its trackers were told is in the journal.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use common::{KEY, batch, device, listeners, now, seconds};
use gateway::{Registry, Settings};
use journal::{Journal, Options, Position};
use model::Clock;
use protocols::teltonika;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

mod common;

const CHILD: &str = "GATEWAY_CRASH_FOLDER";
const ROUNDS: usize = 20;
const TRACKERS: i64 = 16;

/// Not a test by itself: the process that is killed.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let journal = Journal::open(folder.as_ref(), Options::default()).unwrap();
    let settings = Settings { listeners: listeners(), ..Settings::default() };
    let registry = Arc::new(ArcSwap::from_pointee(Registry::open(KEY)));
    let token = CancellationToken::new();
    let gateway = gateway::serve(settings, registry, journal, Clock::new(now), token).await.unwrap();
    println!("listening {}", gateway.addresses()[0].1);
    gateway.stopped().await;
}

fn spawn(folder: &Path) -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines.map(Result::unwrap).find_map(|l| l.strip_prefix("listening ").map(|a| a.parse().unwrap()));
    (child, address.unwrap())
}

/// Sends one fix after the other, and gives the seconds of those that were acknowledged.
async fn track(address: SocketAddr, imei: i64, first: i64, count: Arc<AtomicUsize>) -> Vec<i64> {
    let mut acknowledged = Vec::new();
    let Ok(mut stream) = TcpStream::connect(address).await else { return acknowledged };
    let _ = stream.write_all(&teltonika::encode::login(&device(&format!("35209308145{imei:04}")))).await;
    let mut answer = [0; 1];
    if stream.read_exact(&mut answer).await.is_err() {
        return acknowledged;
    }
    for second in first.. {
        let mut answer = [0; 4];
        let sent = stream.write_all(&teltonika::encode::frame(&batch(second, 1))).await;
        if sent.is_err() || stream.read_exact(&mut answer).await.is_err() {
            break;
        }
        assert_eq!(answer, [0, 0, 0, 1]);
        acknowledged.push(second);
        count.fetch_add(1, Ordering::Relaxed);
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_is_in_the_journal_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let (mut child, address) = spawn(folder.path());
        let count = Arc::new(AtomicUsize::new(0));
        let trackers: Vec<_> = (0..TRACKERS)
            .map(|n| {
                let first = (i64::try_from(round).unwrap() * TRACKERS + n) * 1_000_000;
                tokio::spawn(track(address, n, first, Arc::clone(&count)))
            })
            .collect();
        // A different moment each round.
        while count.load(Ordering::Relaxed) < 10 + round * 23 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for tracker in trackers {
            acknowledged.extend(tracker.await.unwrap());
        }
        let journal = Journal::open(folder.path(), Options::default()).unwrap();
        let read = journal.read(Position::START, usize::MAX).unwrap();
        let stored: Vec<i64> = read.iter().flat_map(|(_, report)| seconds(report).collect::<Vec<_>>()).collect();
        let unique: BTreeSet<i64> = stored.iter().copied().collect();
        assert_eq!(stored.len(), unique.len(), "round {round}: something is there twice");
        let missing: Vec<_> = acknowledged.difference(&unique).collect();
        assert!(missing.is_empty(), "round {round}: acknowledged and not there: {missing:?}");
    }
    println!("{} acknowledged over {ROUNDS} kills, all in the journal", acknowledged.len());
}
