//! Virtual trackers against a small gateway that loses connections at random.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::{LatLon, Timestamp};
use protocols::{Kind, Step};
use simulator::load::Load;
use simulator::{
    Fleet, Mischief, Options, Recording, ReplayClock, Report, Speed, TELTONIKA, Targets, WIALON_IPS, devices, load,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const LONGEST_TEST: Duration = Duration::from_mins(2);

/// What a gateway does with each frame in turn.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    /// Takes and acknowledges all.
    Kind,
    /// Closes one connection in three before or after taking a frame, and answers in pieces.
    Flaky,
    /// Refuses every login.
    Closed,
}

/// A gateway of a few lines: it decodes, remembers and answers.
#[derive(Default)]
struct Gateway {
    /// How often each record came: by device, by its time in microseconds.
    taken: Mutex<BTreeMap<(String, i64), u64>>,
    /// Records decoded, whether taken or not.
    seen: AtomicU64,
    frames: AtomicU64,
    largest_frame: AtomicU64,
    /// The largest lead of a record's time over the clock when it came in, microseconds.
    early: Mutex<Option<i64>>,
    clock: Mutex<Option<ReplayClock>>,
    peers: Mutex<BTreeSet<String>>,
}

impl Gateway {
    async fn listen(self: &Arc<Self>, protocol: &'static str, mood: Mood) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = Arc::clone(self);
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let gateway = Arc::clone(&gateway);
                gateway.peers.lock().unwrap().insert(peer.ip().to_string());
                // A connection that the tracker closed ends with an error: nothing to do.
                tokio::spawn(async move { gateway.serve(stream, protocol, mood).await.ok() });
            }
        });
        address
    }

    async fn serve(&self, mut stream: TcpStream, protocol: &str, mood: Mood) -> std::io::Result<()> {
        let mut decoder = (protocols::by_name(protocol).unwrap().decoder)();
        let mut buffer = Vec::new();
        loop {
            let Step::Took { consumed, message } = decoder.decode(&buffer) else {
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
                continue;
            };
            buffer.drain(..consumed);
            match &message.kind {
                Kind::Login if mood == Mood::Closed => {
                    stream.write_all(message.refusal.as_bytes()).await?;
                    continue;
                }
                // Signs of life too are owed what the device waits for.
                Kind::Login | Kind::Heartbeat => {}
                Kind::Fixes(batch) => {
                    let count = batch.fixes.len() as u64;
                    self.seen.fetch_add(count, SeqCst);
                    self.largest_frame.fetch_max(count, SeqCst);
                    let turn = self.frames.fetch_add(1, SeqCst) % 11;
                    if mood == Mood::Flaky && turn == 3 {
                        return Ok(()); // lost on the way in
                    }
                    let device = message.device.as_ref().unwrap();
                    for fix in &batch.fixes {
                        let key = (device.as_str().to_owned(), fix.time.as_micros());
                        *self.taken.lock().unwrap().entry(key).or_default() += 1;
                        self.note_lead(fix.time);
                    }
                    if mood == Mood::Flaky && turn == 7 {
                        return Ok(()); // taken, but the tracker will never know
                    }
                }
                Kind::Error(error) if error.is_fatal() => return Ok(()),
                // Noise may look like anything.
                _ => continue,
            }
            for byte in message.reply.as_bytes() {
                stream.write_all(&[*byte]).await?;
            }
        }
    }

    fn note_lead(&self, time: Timestamp) {
        if let Some(clock) = *self.clock.lock().unwrap() {
            let lead = time.as_micros() - clock.now().as_micros();
            let mut early = self.early.lock().unwrap();
            *early = Some(early.map_or(lead, |e| e.max(lead)));
        }
    }

    fn taken(&self) -> BTreeMap<(String, i64), u64> {
        self.taken.lock().unwrap().clone()
    }
}

/// `vehicles` vehicles, one fix each every 10 s for `minutes` minutes.
fn recording(vehicles: u32, minutes: u32) -> Arc<Recording> {
    let mut text = String::from("vehicle_id,time,lat,lon,speed_mps,heading_deg\n");
    let start = Timestamp::parse("2026-11-18T05:30:00Z").unwrap();
    for n in 0..minutes * 6 {
        let time = start.plus_seconds(f64::from(n) * 10.0);
        for v in 0..vehicles {
            writeln!(text, "{v},{time},48.{:06},37.{:06},5.5,{}", 850_000 + n, 600_000 + v, n % 360).unwrap();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("positions.csv"), text).unwrap();
    Arc::new(Recording::open(folder.path()).unwrap())
}

async fn targets(gateway: &Arc<Gateway>, mood: Mood) -> Targets {
    let mut targets = Targets::default();
    for protocol in [TELTONIKA, WIALON_IPS] {
        targets = targets.with(protocol, gateway.listen(protocol, mood).await);
    }
    targets
}

async fn play(recording: &Arc<Recording>, targets: &Targets, options: &Options, cancel: CancellationToken) -> Report {
    let fleet = Fleet::new(recording, &devices::assign(recording.vehicles()), targets, options).unwrap();
    tokio::time::timeout(LONGEST_TEST, fleet.run(cancel, |_| {})).await.unwrap()
}

/// What the gateway should hold of a recording.
fn expected(recording: &Recording) -> BTreeSet<(String, i64)> {
    let devices = devices::assign(recording.vehicles());
    let key = |row: &simulator::Row| (devices[row.vehicle as usize].device.to_string(), row.time.as_micros());
    recording.rows().iter().map(key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_connections_are() {
    let gateway = Arc::new(Gateway::default());
    let recording = recording(24, 20);
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("acknowledged.csv");
    let options = Options { acknowledged_log: Some(log.clone()), ..Options::everything(&recording) };
    let report = play(&recording, &targets(&gateway, Mood::Flaky).await, &options, CancellationToken::new()).await;

    let rows = recording.rows().len() as u64;
    assert_eq!(
        (report.trackers, report.planned, report.sent, report.acknowledged),
        (24, rows, rows, rows),
        "{report:?}"
    );
    assert_eq!((report.unacknowledged(), report.gave_up, report.connected), (0, 0, 0), "{report:?}");
    assert!(report.retransmitted > 0 && report.connections > 24 && report.ack_p99.is_some(), "{report:?}");
    // What was sent is what came, frame by frame; and each record was taken, some twice.
    assert_eq!(gateway.seen.load(SeqCst), report.sent + report.retransmitted, "{report:?}");
    let taken = gateway.taken();
    assert!(taken.keys().eq(expected(&recording).iter()), "the gateway holds other records than the recording");
    assert!(taken.values().any(|times| *times > 1));

    let lines = std::fs::read_to_string(&log).unwrap();
    let logged: BTreeSet<(String, i64)> = lines
        .lines()
        .map(|line| line.split_once(',').unwrap())
        .map(|(device, time)| (device.to_owned(), Timestamp::parse(time).unwrap().as_micros()))
        .collect();
    assert_eq!(logged, expected(&recording));
    assert_eq!(lines.lines().count() as u64, rows, "a record is acknowledged once");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_hold_no_more_records_than_asked_for() {
    for records_per_frame in [1, 7] {
        let gateway = Arc::new(Gateway::default());
        let recording = recording(4, 5);
        let options = Options { records_per_frame, ..Options::everything(&recording) };
        let report = play(&recording, &targets(&gateway, Mood::Kind).await, &options, CancellationToken::new()).await;
        assert_eq!((report.acknowledged, report.retransmitted), (120, 0));
        assert_eq!(gateway.largest_frame.load(SeqCst), records_per_frame as u64);
        assert_eq!(gateway.frames.load(SeqCst), 4 * 30u64.div_ceil(records_per_frame as u64));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fixes_come_when_the_clock_shows_their_time_after_those_to_catch_up_with() {
    let gateway = Arc::new(Gateway::default());
    let recording = recording(6, 10);
    let from = Timestamp::parse("2026-11-18T05:34:00Z").unwrap();
    let clock = ReplayClock::start(from, 240.0);
    *gateway.clock.lock().unwrap() = Some(clock);
    let options = Options {
        from,
        until: from.plus_seconds(180.0),
        catch_up: Duration::from_mins(2),
        speed: Speed::Clock(clock),
        ..Options::everything(&recording)
    };
    let report = play(&recording, &targets(&gateway, Mood::Kind).await, &options, CancellationToken::new()).await;
    assert_eq!(report.acknowledged, 6 * 6 * 5, "two minutes before and three after: {report:?}");
    let early = gateway.early.lock().unwrap().unwrap();
    assert!(early <= 0, "a fix came {early} µs before its time");
    assert!(report.elapsed >= Duration::from_secs_f64(170.0 / 240.0), "{report:?}");
    assert!(gateway.largest_frame.load(SeqCst) >= 12, "the records to catch up with come together");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_tracker_gives_up_and_says_so() {
    let gateway = Arc::new(Gateway::default());
    let recording = recording(2, 1);
    let options = Options { patience: Duration::from_millis(300), ..Options::everything(&recording) };
    let report = play(&recording, &targets(&gateway, Mood::Closed).await, &options, CancellationToken::new()).await;
    assert_eq!((report.gave_up, report.sent, report.acknowledged), (2, 0, 0), "{report:?}");
    assert!(report.logins_refused >= 2, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_can_be_called_off() {
    let gateway = Arc::new(Gateway::default());
    let recording = recording(6, 10);
    let clock = ReplayClock::start(recording.span().0, 1.0);
    let options = Options { speed: Speed::Clock(clock), ..Options::everything(&recording) };
    let cancel = CancellationToken::new();
    let fleet =
        Fleet::new(&recording, &devices::assign(recording.vehicles()), &targets(&gateway, Mood::Kind).await, &options);
    let called_off = cancel.clone();
    let run = fleet.unwrap().run(cancel, move |report| {
        if report.acknowledged >= 6 {
            called_off.cancel();
        }
    });
    let report = tokio::time::timeout(LONGEST_TEST, run).await.unwrap();
    assert!(report.acknowledged >= 6 && report.acknowledged < report.planned, "{report:?}");
    assert_eq!(report.connected, 0, "{report:?}");
}

fn load_of(protocol: &str, address: SocketAddr) -> Load {
    Load {
        protocol: protocol.to_owned(),
        address,
        from: Vec::new(),
        vehicles: 10,
        rate_hz: Some(20.0),
        records_per_frame: 4,
        duration: Duration::from_secs(3),
        first: Timestamp::parse("2026-11-18T05:30:00Z").unwrap(),
        centre: LatLon::new(48.853, 37.606).unwrap(),
        silence: None,
        mischief: Mischief::default(),
        patience: Duration::from_mins(1),
        acknowledged_log: None,
    }
}

async fn loaded(load: &Load) -> Report {
    let run = load::run(load, CancellationToken::new(), |_| {});
    tokio::time::timeout(LONGEST_TEST, run).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_is_made_at_its_rate_and_each_record_is_another() {
    let mut loads = tokio::task::JoinSet::new();
    for (protocol, encoder) in protocols::REGISTRY.iter().filter_map(|p| Some((p.name, p.encoder?))) {
        loads.spawn(async move {
            let gateway = Arc::new(Gateway::default());
            let from = vec!["127.0.0.2".parse().unwrap(), "127.0.0.3".parse().unwrap()];
            let report = loaded(&Load { from, ..load_of(protocol, gateway.listen(protocol, Mood::Kind).await) }).await;
            assert_eq!((report.unacknowledged(), report.gave_up), (0, 0), "{protocol}: {report:?}");
            assert!((300..=600).contains(&report.sent), "{protocol}: 10 vehicles × 20 Hz × 3 s: {report:?}");
            let answered = if encoder.acknowledged.is_some() { report.acknowledged } else { report.unanswered };
            assert_eq!(answered, report.sent, "{protocol}: {report:?}");
            // What nobody answers may be under way still.
            let deadline = tokio::time::Instant::now() + LONGEST_TEST;
            while (gateway.taken().len() as u64) < report.sent && tokio::time::Instant::now() < deadline {
                tokio::task::yield_now().await;
            }
            assert_eq!(gateway.taken().len() as u64, report.sent, "{protocol}: each record has a time of its own");
            let peers = gateway.peers.lock().unwrap();
            assert!(peers.iter().eq(["127.0.0.2", "127.0.0.3"]), "{protocol}: {peers:?}");
            assert!(report.ack_p50 <= report.ack_p99 && report.ack_p99 <= report.ack_max, "{protocol}");
        });
    }
    while let Some(ended) = loads.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_storm_all_come_back_and_miss_nothing() {
    let gateway = Arc::new(Gateway::default());
    let mischief = Mischief { storm: Some(Duration::from_millis(700)), ..Mischief::default() };
    let load = Load { vehicles: 50, mischief, ..load_of(TELTONIKA, gateway.listen(TELTONIKA, Mood::Kind).await) };
    let report = loaded(&load).await;
    assert_eq!((report.unacknowledged(), report.gave_up), (0, 0), "{report:?}");
    assert_eq!(gateway.taken().len() as u64, report.sent, "{report:?}");
    assert!(report.connections >= 50 * 3, "three storms or more: {report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mischievous_load_still_gets_everything_through() {
    let gateway = Arc::new(Gateway::default());
    let load = Load {
        vehicles: 8,
        rate_hz: Some(100.0),
        records_per_frame: 5,
        duration: Duration::from_millis(1500),
        silence: Some((Duration::from_millis(500), Duration::from_millis(200))),
        mischief: Mischief { duplicates: 0.1, reconnects: 0.1, garbage: 0.05, storm: None },
        ..load_of(TELTONIKA, gateway.listen(TELTONIKA, Mood::Flaky).await)
    };
    let report = loaded(&load).await;
    assert_eq!((report.unacknowledged(), report.gave_up), (0, 0), "{report:?}");
    assert!(report.garbage > 0 && report.retransmitted > 0 && report.connections > 16, "{report:?}");
    assert!(report.acknowledged > 8 * 100, "what was held back in silence is sent afterwards: {report:?}");
    assert_eq!(gateway.taken().len() as u64, report.acknowledged, "{report:?}");
}

#[tokio::test]
async fn what_cannot_be_played_is_refused_before_it_starts() {
    let recording = recording(2, 1);
    let devices = devices::assign(recording.vehicles());
    let only = Targets::default().with(TELTONIKA, "127.0.0.1:1".parse().unwrap());
    let refused = Fleet::new(&recording, &devices, &only, &Options::everything(&recording)).err().unwrap().to_string();
    assert!(refused.contains("vehicles speak wialon-ips, but no address"), "{refused}");
    let unknown = load::fleet("morse", 3).unwrap_err().to_string();
    assert!(unknown.contains("does not speak `morse`; it speaks "), "{unknown}");
}
