//! Bounds on connections: by address, by protocol, and by what the system gives.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::counters::{count, install};
use common::{acknowledged, batch, device, eventually, limited, read, read_to_end, start};
use gateway::{Limits, Settings};
use protocols::teltonika;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

mod common;

const CHILD: &str = "GATEWAY_LIMITS_CHILD";
/// Files that the child may open.
const FILES: u32 = 64;

/// A connection from one of this machine's addresses.
async fn connect_from(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    socket.connect(to).await.unwrap()
}

async fn log_in(stream: &mut TcpStream, imei: &str) -> Vec<u8> {
    // The other side may be closing already.
    let _ = stream.write_all(&teltonika::encode::login(&device(imei))).await;
    let mut answer = vec![0; 1];
    let read = tokio::time::timeout(common::PATIENCE, tokio::io::AsyncReadExt::read(stream, &mut answer)).await;
    answer.truncate(read.unwrap().unwrap_or(0));
    answer
}

#[tokio::test]
async fn one_address_may_have_so_many_connections_and_others_have_theirs() {
    install();
    let running = start(limited(Limits { max_per_address: 3, ..Limits::default() })).await;
    let to = running.address("teltonika");
    let mut crowd = Vec::new();
    for n in 0..3 {
        let mut stream = connect_from([127, 0, 0, 7], to).await;
        assert_eq!(log_in(&mut stream, &format!("35209308145000{n}")).await, [1]);
        crowd.push(stream);
    }
    let refused = || count("marshrut_gateway_closed_total{protocol=teltonika,reason=address}");
    for _ in 0..5 {
        let mut stream = connect_from([127, 0, 0, 7], to).await;
        assert_eq!(read_to_end(&mut stream).await, b"", "closed at once");
    }
    eventually("they are counted", || refused() == 5).await;
    let mut other = connect_from([127, 0, 0, 8], to).await;
    assert_eq!(log_in(&mut other, "352093081459998").await, [1], "another address has its own places");
    for stream in &mut crowd {
        stream.write_all(&teltonika::encode::frame(&batch(1, 2))).await.unwrap();
        assert_eq!(acknowledged(stream).await, 2, "those that were there go on");
    }
    drop(crowd);
    let deadline = Instant::now() + common::PATIENCE;
    while log_in(&mut connect_from([127, 0, 0, 7], to).await, "352093081459997").await != [1] {
        assert!(Instant::now() < deadline, "the places are not given back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_protocol_may_have_more_patience_than_others() {
    let limits = Limits {
        idle_timeout: Duration::from_millis(500),
        idle_timeouts: BTreeMap::from([("wialon-ips", common::PATIENCE)]),
        ..Limits::default()
    };
    let running = start(limited(limits)).await;
    let mut patient = running.wialon("bus-7").await;
    // Recognised on the common port, it has its protocol's patience there too.
    let mut recognised = running.connect("auto").await;
    recognised.write_all(b"#L#2.0;bus-8;NA;7FC9\r\n").await.unwrap();
    let answer = common::read_line(&mut recognised).await;
    assert!(answer.starts_with("#AL#"), "{answer}");
    let mut hasty = running.teltonika("352093081452251").await;
    assert_eq!(read_to_end(&mut hasty).await, b"");
    patient.write_all(b"#P#\r\n").await.unwrap();
    assert_eq!(common::read_line(&mut patient).await, "#AP#");
}

/// Not a test by itself: a gateway whose process has used up its files, until it reads a line.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let running = start(Settings::default()).await;
    println!("listening {}", running.address("teltonika"));
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    files.truncate(files.len() - 3);
    println!("files used up");
    let mut lines = std::io::stdin().lines();
    lines.next();
    drop(files);
    println!("files given back");
    lines.next();
}

/// Processor time that a process has used, in hundredths of a second.
fn ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().split(' ').skip(11).take(2).map(|t| t.parse::<u64>().unwrap()).sum()
}

#[tokio::test]
async fn want_of_files_is_waited_out_without_spinning_and_without_losing_the_port() {
    let limited = format!("ulimit -n {FILES} && exec \"$0\" \"$@\"");
    let mut child = Command::new("sh")
        .args(["-c", &limited])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, "yes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let to = lines.find_map(|l| l.strip_prefix("listening ").map(|a| a.parse::<SocketAddr>().unwrap())).unwrap();
    assert_eq!(to.ip(), IpAddr::from([127, 0, 0, 1]));
    lines.find(|line| line == "files used up").unwrap();

    let mut trackers = Vec::new();
    for n in 0..10 {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(&teltonika::encode::login(&device(&format!("35209308145000{n}")))).await.unwrap();
        trackers.push(stream);
    }
    // The kernel has taken all; the gateway had files for the first ones only.
    assert_eq!(read(&mut trackers[0], 1).await, [1]);
    let last = &mut trackers[9];
    let (before, window) = (ticks(child.id()), Duration::from_secs(1));
    let answered = tokio::time::timeout(window, tokio::io::AsyncReadExt::read(last, &mut [0])).await;
    let used = ticks(child.id()) - before;
    assert!(answered.is_err(), "there was no file for it");
    println!("{used} hundredths of a second of processor time in {window:?} without files");
    assert!(used < 30, "it spins: {used} hundredths of a second in {window:?}");

    let input = child.stdin.as_mut().unwrap();
    writeln!(input).unwrap();
    lines.find(|line| line == "files given back").unwrap();
    for stream in &mut trackers[1..] {
        assert_eq!(read(stream, 1).await, [1], "those that waited are served");
    }
    writeln!(child.stdin.as_mut().unwrap()).unwrap();
    assert!(child.wait().unwrap().success());
}
