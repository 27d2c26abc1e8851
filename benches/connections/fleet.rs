//! Trackers that connect, log in, and send a frame now and then.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use model::DeviceId;
use protocols::teltonika::{Codec, encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::bus::bus;

/// Connections from one address, and the first of its ports. The kernel would look for a free one
/// longer than all else takes.
const FROM_ONE_ADDRESS: usize = 4_000;
const FIRST_PORT: usize = 10_000;
/// Connections that are made at once.
const AT_ONCE: usize = 256;
/// The first addresses are the active trackers'.
const FIRST_ADDRESS: usize = 1 << 8;
/// The first devices are the active trackers'.
const FIRST_DEVICE: usize = 1_000_000;
/// Elements of a record.
const ELEMENTS: usize = 12;

/// Connects trackers from number `first` on, says so, has each send a frame every `period` where that
/// is not nothing, says when each has sent one, and goes on until `wait` returns.
pub fn run(to: SocketAddr, first: usize, trackers: usize, period: Duration, wait: fn()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let doors = Arc::new(Semaphore::new(AT_ONCE));
        let connecting: Vec<_> = (first..first + trackers)
            .map(|n| {
                let doors = Arc::clone(&doors);
                tokio::spawn(async move {
                    let _door = doors.acquire().await.unwrap();
                    connect(to, n).await
                })
            })
            .collect();
        let mut streams = Vec::with_capacity(trackers);
        for stream in connecting {
            streams.push(stream.await.unwrap());
        }
        println!("connected");
        let ended = tokio::task::spawn_blocking(wait);
        if !period.is_zero() {
            let frame: Arc<[u8]> = encode::packet(Codec::Codec8Extended, &bus(1, ELEMENTS)).into();
            let silent = Arc::new(AtomicUsize::new(trackers));
            let begun = Instant::now();
            for (n, stream) in streams.drain(..).enumerate() {
                let at = begun + period.mul_f64(n as f64 / trackers as f64);
                tokio::spawn(send(stream, at, period, Arc::clone(&frame), Arc::clone(&silent)));
            }
        }
        ended.await.unwrap();
    });
}

async fn connect(to: SocketAddr, n: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let address = u16::try_from(FIRST_ADDRESS + n / FROM_ONE_ADDRESS).unwrap().to_be_bytes();
    socket.set_reuseaddr(true).unwrap(); // ports of the server before are still in TIME_WAIT
    let port = u16::try_from(FIRST_PORT + n % FROM_ONE_ADDRESS).unwrap();
    socket.bind(SocketAddr::from(([127, 1, address[0], address[1]], port))).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    let device = DeviceId::new(&format!("35209308{:07}", FIRST_DEVICE + n)).unwrap();
    stream.write_all(&encode::login(&device)).await.unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).await.unwrap();
    stream
}

async fn send(mut stream: TcpStream, first: Instant, period: Duration, frame: Arc<[u8]>, silent: Arc<AtomicUsize>) {
    let mut at = first;
    let mut answer = [0; 4];
    loop {
        sleep_until(at).await;
        stream.write_all(&frame).await.unwrap();
        stream.read_exact(&mut answer).await.unwrap();
        if at == first && silent.fetch_sub(1, Ordering::Relaxed) == 1 {
            println!("sent");
        }
        at += period;
    }
}
