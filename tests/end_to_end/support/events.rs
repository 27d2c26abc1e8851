//! A client of live events, with no library in between.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::service::Setup;

/// How long an event may take.
const SOON: Duration = Duration::from_mins(1);

/// The events of a live stream, as they come.
pub struct Events(BufReader<TcpStream>);

impl Events {
    /// Asks for all of them.
    pub fn listen(setup: &Setup) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", setup.web)).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        write!(stream, "GET /live/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        Self(BufReader::new(stream))
    }

    /// Reads events until one of this name; gives its data.
    pub fn next(&mut self, name: &str) -> Value {
        let mut line = String::new();
        let mut named = false;
        // A silent stream says every some seconds that it is alive.
        let deadline = Instant::now() + SOON;
        loop {
            assert!(Instant::now() < deadline, "no event `{name}` came within {SOON:?}");
            line.clear();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended before an event `{name}`");
            if let Some(data) = line.strip_prefix("data: ").filter(|_| named) {
                return serde_json::from_str(data).unwrap();
            }
            if line.starts_with("event: ") {
                named = line.trim_end() == format!("event: {name}");
            }
        }
    }
}
