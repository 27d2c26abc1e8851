//! A gateway with a real journal in a folder of its own, and trackers to connect to it.
#![allow(dead_code, reason = "not every test file uses all of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

pub mod counters;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use gateway::{Gateway, Limits, Listener, QuarantineSettings, Registry, Settings};
use journal::{Journal, Options, Position};
use model::{Clock, DeviceId, Fix, FixBatch, LatLon, PseudonymKey, Report, Timestamp};
use protocols::{teltonika, wialon_ips};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_util::sync::CancellationToken;

pub const KEY: PseudonymKey = PseudonymKey::new([7; 16]);
/// Nothing in these tests takes longer.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The instant that the gateway's clock shows.
pub fn now() -> Timestamp {
    Timestamp::parse("2026-01-16T19:31:00Z").unwrap()
}

pub fn device(text: &str) -> DeviceId {
    DeviceId::new(text).unwrap()
}

/// Fixes a second apart, the first at so many seconds after the epoch.
pub fn batch(first_second: i64, fixes: i64) -> FixBatch {
    let mut batch = FixBatch::default();
    for second in first_second..first_second + fixes {
        let fix = Fix::at(Timestamp::from_secs(second), LatLon::new(48.85, 37.6).unwrap());
        batch.push(Fix { satellites: Some(9), ..fix });
    }
    batch
}

/// The seconds of all fixes in a report.
pub fn seconds(report: &Report) -> impl Iterator<Item = i64> {
    report.batch.fixes.iter().map(|fix| fix.time.as_secs())
}

pub struct Running {
    pub journal: Journal,
    pub registry: Arc<ArcSwap<Registry>>,
    pub shutdown: CancellationToken,
    pub gateway: Option<Gateway>,
    pub folder: tempfile::TempDir,
}

/// Listeners for some protocols on free ports, and the settings otherwise as given.
pub async fn start(settings: Settings) -> Running {
    start_with(settings, Registry::open(KEY), Options::default()).await
}

pub async fn start_with(settings: Settings, registry: Registry, options: Options) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("journal"), options).unwrap();
    let registry = Arc::new(ArcSwap::from_pointee(registry));
    let shutdown = CancellationToken::new();
    let settings = Settings {
        listeners: listeners(),
        datagrams: vec![any("wialon-ips"), any("auto")],
        quarantine: Some(QuarantineSettings::in_folder(folder.path().join("quarantine"))),
        ..settings
    };
    let clock = Clock::new(now);
    let gateway =
        gateway::serve(settings, Arc::clone(&registry), journal.clone(), clock, shutdown.clone()).await.unwrap();
    Running { journal, registry, shutdown, gateway: Some(gateway), folder }
}

pub fn listeners() -> Vec<Listener> {
    ["teltonika", "wialon-ips", "auto", "flespi"].map(any).into()
}

/// The protocol on a free port.
fn any(protocol: &str) -> Listener {
    Listener { protocol: protocol.into(), address: SocketAddr::from(([127, 0, 0, 1], 0)) }
}

pub fn limited(limits: Limits) -> Settings {
    Settings { limits, ..Settings::default() }
}

impl Running {
    pub fn address(&self, protocol: &str) -> SocketAddr {
        self.gateway.as_ref().unwrap().addresses().iter().find(|(name, _)| name == protocol).unwrap().1
    }

    /// A socket that sends datagrams to the protocol's port.
    pub async fn datagrams(&self, protocol: &str) -> UdpSocket {
        self.datagrams_from([127, 0, 0, 1], protocol).await
    }

    /// The same from another address of this machine.
    pub async fn datagrams_from(&self, from: [u8; 4], protocol: &str) -> UdpSocket {
        let addresses = self.gateway.as_ref().unwrap().datagram_addresses();
        let socket = UdpSocket::bind(SocketAddr::from((from, 0))).await.unwrap();
        socket.connect(addresses.iter().find(|(name, _)| name == protocol).unwrap().1).await.unwrap();
        socket
    }

    pub async fn connect(&self, protocol: &str) -> TcpStream {
        TcpStream::connect(self.address(protocol)).await.unwrap()
    }

    /// A Teltonika connection that has logged in.
    pub async fn teltonika(&self, imei: &str) -> TcpStream {
        let mut stream = self.connect("teltonika").await;
        stream.write_all(&teltonika::encode::login(&device(imei))).await.unwrap();
        assert_eq!(read(&mut stream, 1).await, [1]);
        stream
    }

    /// A Wialon IPS connection that has logged in.
    pub async fn wialon(&self, id: &str) -> TcpStream {
        let mut stream = self.connect("wialon-ips").await;
        stream.write_all(&wialon_ips::encode::login(&device(id))).await.unwrap();
        assert_eq!(read_line(&mut stream).await, "#AL#1");
        stream
    }

    pub fn reports(&self) -> Vec<Report> {
        self.journal.read(Position::START, usize::MAX).unwrap().into_iter().map(|(_, report)| report).collect()
    }

    pub async fn stop(&mut self) {
        self.shutdown.cancel();
        self.gateway.take().unwrap().stopped().await;
    }

    /// Stops, and gives what the quarantine holds.
    pub async fn quarantined(&mut self) -> Vec<serde_json::Value> {
        self.stop().await;
        quarantined(self.folder.path())
    }
}

pub fn quarantined(folder: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(folder.join("quarantine/quarantine.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Exactly so many bytes.
pub async fn read(stream: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut buffer = vec![0; bytes];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut buffer)).await.unwrap().unwrap();
    buffer
}

/// How many records a Teltonika reply takes.
pub async fn acknowledged(stream: &mut TcpStream) -> usize {
    teltonika::encode::acknowledged(&read(stream, 4).await).unwrap()
}

pub async fn read_line(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.extend(read(stream, 1).await);
    }
    String::from_utf8(line).unwrap().trim_end().to_owned()
}

/// One datagram, which must come.
pub async fn receive(socket: &UdpSocket) -> String {
    let mut buffer = [0; 2048];
    let length = tokio::time::timeout(PATIENCE, socket.recv(&mut buffer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

/// What comes until the gateway closes the connection.
pub async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("closed in time");
    rest
}

/// Asks again and again until it is so.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
