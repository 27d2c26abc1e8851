//! Trackers over real sockets: each sends where its vehicle is now, and waits for the answer.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use model::{DeviceId, LatLon, Timestamp};
use network::{Plane, heading_between};
use protocols::teltonika::{Codec, encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::bus::bus;
use crate::city::City;

/// Elements of a record.
const ELEMENTS: usize = 12;
/// Connections from one address: fewer than it has ports.
const FROM_ONE_ADDRESS: usize = 5_000;
/// Seconds over which a tracker sees its speed and heading.
const MOVED_S: f64 = 20.0;
/// What is slower stands.
const MOVES_MPS: f64 = 1.5;
/// Fixes of a vehicle that may not have been seen yet.
const UNSEEN: usize = 64;

/// The day's time: recorded seconds go by `speed` times as fast as real ones.
#[derive(Clone, Copy)]
pub struct Day {
    pub begins: Timestamp,
    pub begun: Instant,
    pub speed: f64,
}

impl Day {
    /// The recorded time now.
    pub fn now(&self) -> Timestamp {
        self.begins.plus_seconds(self.begun.elapsed().as_secs_f64() * self.speed)
    }

    fn instant(&self, at: Timestamp) -> Instant {
        self.begun + Duration::from_secs_f64((at.seconds_since(self.begins) / self.speed).max(0.0))
    }
}

/// What the trackers have done, for others to watch.
#[derive(Default)]
pub struct Log {
    pub acknowledged: AtomicU64,
    /// For each vehicle, when it sent its last fixes.
    sent: Vec<Mutex<VecDeque<(Timestamp, Instant)>>>,
}

impl Log {
    pub fn new(vehicles: usize) -> Self {
        Self { sent: (0..vehicles).map(|_| Mutex::default()).collect(), ..Self::default() }
    }

    fn note(&self, vehicle: usize, fix: Timestamp) {
        let mut sent = self.sent[vehicle].lock().unwrap();
        if sent.len() == UNSEEN {
            sent.pop_front();
        }
        sent.push_back((fix, Instant::now()));
    }

    /// How long ago a vehicle sent the fix that has just been seen; `None` for one seen before.
    pub fn seen(&self, vehicle: usize, fix: Timestamp) -> Option<Duration> {
        let mut sent = self.sent.get(vehicle)?.lock().unwrap();
        let at = sent.iter().position(|(time, _)| *time == fix)?;
        let (_, instant) = sent[at];
        sent.drain(..=at);
        Some(instant.elapsed())
    }
}

/// What a vehicle's tracker calls itself.
pub fn device(vehicle: usize) -> String {
    format!("35209308{vehicle:07}")
}

/// Connects all trackers and has them send one fix every so many recorded seconds until `stop`.
pub async fn drive(
    city: Arc<City>,
    day: Day,
    vehicles: usize,
    every_s: f64,
    to: SocketAddr,
    log: Arc<Log>,
    stop: Arc<AtomicBool>,
) {
    let mut tasks = Vec::with_capacity(vehicles);
    for vehicle in 0..vehicles {
        let stream = connect(to, vehicle).await;
        let (city, log, stop) = (Arc::clone(&city), Arc::clone(&log), Arc::clone(&stop));
        tasks.push(tokio::spawn(async move {
            tracker(stream, &city, day, vehicle, vehicles, every_s, &log, &stop).await;
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

async fn connect(to: SocketAddr, vehicle: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let from = u8::try_from(2 + vehicle / FROM_ONE_ADDRESS).unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, from], 0))).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(&encode::login(&DeviceId::new(&device(vehicle)).unwrap())).await.unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [1], "the gateway takes the tracker");
    stream
}

/// Speed, and heading where it moves, from one place to the next.
fn movement(before: LatLon, now: LatLon) -> (Option<f32>, Option<f32>) {
    let plane = Plane::around(now);
    let [before, now] = [before, now].map(|place| plane.to_xy(place));
    let speed = (now[0] - before[0]).hypot(now[1] - before[1]) / MOVED_S;
    let heading = heading_between(before, now);
    if speed < MOVES_MPS { (Some(0.0), None) } else { (Some(speed as f32), Some(heading as f32)) }
}

#[expect(clippy::too_many_arguments, reason = "all that a tracker knows")]
async fn tracker(
    mut stream: TcpStream,
    city: &City,
    day: Day,
    vehicle: usize,
    vehicles: usize,
    every_s: f64,
    log: &Log,
    stop: &AtomicBool,
) {
    let mut batch = bus(1, ELEMENTS);
    // In turn, not all at once.
    let offset_s = every_s * vehicle as f64 / vehicles as f64;
    let mut step = (day.now().seconds_since(day.begins) / every_s).ceil();
    let mut answer = [0; 4];
    while !stop.load(Ordering::Relaxed) {
        // The wire has milliseconds.
        let at = day.begins.plus_seconds(((step * every_s + offset_s) * 1e3).round() / 1e3);
        tokio::time::sleep_until(day.instant(at).into()).await;
        let place = city.place(vehicle, at);
        batch.fixes[0].time = at;
        batch.fixes[0].position = Some(place);
        (batch.fixes[0].speed_mps, batch.fixes[0].heading_deg) =
            movement(city.place(vehicle, at.plus_seconds(-MOVED_S)), place);
        let frame = encode::packet(Codec::Codec8Extended, &batch);
        log.note(vehicle, at);
        stream.write_all(&frame).await.unwrap();
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, [0, 0, 0, 1], "the record is acknowledged");
        log.acknowledged.fetch_add(1, Ordering::Relaxed);
        step += 1.0;
    }
}
