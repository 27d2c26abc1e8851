//! Trackers: each sends a frame, waits for its answer, and sends the next.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use model::DeviceId;
use protocols::teltonika::{Codec, encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::bus::bus;

/// Bytes of a login: the length and 15 digits.
pub const LOGIN: usize = 17;
/// Elements of a record.
const ELEMENTS: usize = 12;
/// Connections from one address: fewer than it has ports.
const FROM_ONE_ADDRESS: usize = 500;

/// So many trackers and what they send.
#[derive(Clone)]
pub struct Load {
    trackers: usize,
    records: u32,
    pub frame: Arc<[u8]>,
    /// From one frame of a tracker to its next; `None`: as soon as it is answered.
    pace: Option<Duration>,
}

/// What came of it.
pub struct Outcome {
    pub fixes_a_second: f64,
    pub ack_p50: Duration,
    pub ack_p99: Duration,
}

impl Load {
    pub fn new(trackers: usize, records: u32) -> Self {
        let frame = encode::packet(Codec::Codec8Extended, &bus(records, ELEMENTS)).into();
        Self { trackers, records, frame, pace: None }
    }

    /// The same trackers, so many fixes a second of all together.
    pub fn at_rate(&self, fixes_a_second: f64) -> Self {
        let pace = self.trackers as f64 * f64::from(self.records) / fixes_a_second;
        Self { pace: Some(Duration::from_secs_f64(pace)), ..self.clone() }
    }

    /// Connects all, then counts what is acknowledged in so much time.
    pub fn run(&self, to: SocketAddr, time: Duration) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let acks = Arc::new(Mutex::new(Vec::new()));
        let took = runtime.block_on(async {
            let mut trackers = Vec::with_capacity(self.trackers);
            for n in 0..self.trackers {
                trackers.push(connect(to, n).await);
            }
            let begun = Instant::now();
            let tasks: Vec<_> = trackers
                .into_iter()
                .enumerate()
                .map(|(n, stream)| tokio::spawn(tracker(stream, self.clone(), n, Arc::clone(&stop), Arc::clone(&acks))))
                .collect();
            tokio::time::sleep(time).await;
            stop.store(true, Ordering::Relaxed);
            let took = begun.elapsed();
            for task in tasks {
                task.await.unwrap();
            }
            took
        });
        let mut acks = std::mem::take(&mut *acks.lock().unwrap());
        acks.sort_unstable();
        let at = |share: f64| acks[((acks.len() - 1) as f64 * share) as usize];
        let fixes = acks.len() as f64 * f64::from(self.records);
        Outcome { fixes_a_second: fixes / took.as_secs_f64(), ack_p50: at(0.5), ack_p99: at(0.99) }
    }
}

async fn connect(to: SocketAddr, n: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let from = u8::try_from(2 + n / FROM_ONE_ADDRESS).unwrap();
    socket.set_reuseaddr(true).unwrap(); // ports of the turn before are still in TIME_WAIT
    socket.bind(SocketAddr::from(([127, 0, 0, from], 0))).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let device = DeviceId::new(&format!("35209308{n:07}")).unwrap();
    stream.write_all(&encode::login(&device)).await.unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).await.unwrap();
    stream
}

async fn tracker(mut stream: TcpStream, load: Load, n: usize, stop: Arc<AtomicBool>, all: Arc<Mutex<Vec<Duration>>>) {
    let mut acks = Vec::with_capacity(1024);
    let mut next =
        Instant::now() + load.pace.map_or(Duration::ZERO, |pace| pace.mul_f64(n as f64 / load.trackers as f64));
    let mut answer = [0; 4];
    while !stop.load(Ordering::Relaxed) {
        if let Some(pace) = load.pace {
            tokio::time::sleep_until(next.into()).await;
            next += pace;
        }
        let sent = Instant::now();
        stream.write_all(&load.frame).await.unwrap();
        stream.read_exact(&mut answer).await.unwrap();
        if !stop.load(Ordering::Relaxed) {
            acks.push(sent.elapsed());
        }
    }
    all.lock().unwrap().append(&mut acks);
}
