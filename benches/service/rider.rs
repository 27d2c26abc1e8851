//! A rider's page: reads the live events and tells how old the fixes in them are.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::Timestamp;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::fleet::Log;

/// Reads until the service ends. Everything after the first event, which holds vehicles as
/// they were, counts.
pub async fn ride(to: SocketAddr, log: Arc<Log>, ages: Arc<Mutex<Vec<Duration>>>) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    // HTTP/1.0 has no chunks, so what comes is nothing but the events.
    stream.write_all(b"GET /live/events HTTP/1.0\r\nHost: bench\r\n\r\n").await.unwrap();
    let mut lines = BufReader::with_capacity(1 << 20, stream);
    let (mut line, mut name) = (String::new(), String::new());
    loop {
        line.clear();
        if lines.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        if let Some(event) = line.strip_prefix("event: ") {
            event.trim_end().clone_into(&mut name);
        } else if let Some(data) = line.strip_prefix("data: ").filter(|_| name == "update") {
            let seen: Vec<_> = vehicles(data).filter_map(|(vehicle, time)| log.seen(vehicle, time)).collect();
            ages.lock().unwrap().extend(seen);
        }
    }
}

/// The number of each vehicle in an event and the time of its fix.
fn vehicles(data: &str) -> impl Iterator<Item = (usize, Timestamp)> {
    data.split("{\"id\":\"").skip(1).filter_map(|vehicle| {
        let (id, rest) = vehicle.split_once('"')?;
        let (_, rest) = rest.split_once("\"time\":\"")?;
        Some((id.parse().ok()?, Timestamp::parse(rest.split_once('"')?.0)?))
    })
}
