//! A server on a free port, over the small city of the feeds' tests.

#![allow(dead_code, clippy::expect_used, reason = "not every test file uses all of it")]

#[path = "../../../feeds/tests/support/mod.rs"]
pub mod city;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use matching::MatchedFix;
use model::{Clock, GatePolicy, Timestamp};
use network::Network;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use web::{Check, MapSettings, Publisher, Settings};

/// Longest wait for anything in a test.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// What stands in for the schedule's zip file.
pub const ZIP: &[u8] = b"PK\x03\x04 the schedule of a small city, as it was given, and nothing of it changed";

pub struct Site {
    pub network: Arc<Network>,
    pub publisher: Publisher,
    pub stop: CancellationToken,
    address: String,
    client: Client,
    now: Arc<AtomicI64>,
    _stop: DropGuard,
}

/// How a site differs from the usual one.
#[derive(Default)]
pub struct Options {
    pub policy: GatePolicy,
    pub checks: Vec<Check>,
    pub map: MapSettings,
    pub max_live_clients: Option<usize>,
}

impl Site {
    /// Serves from `now` on; time only passes by [`Site::tick`].
    pub async fn start(now: Timestamp, options: Options) -> Self {
        let network = Arc::new(city::city());
        let publisher = Publisher::new(Arc::clone(&network), options.policy, now);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let clock = Arc::new(AtomicI64::new(now.as_micros()));
        let told = Arc::clone(&clock);
        let stop = CancellationToken::new();
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let settings = Settings {
            hub: publisher.hub(),
            gtfs_zip: Bytes::from_static(ZIP),
            map: options.map,
            max_live_clients: options.max_live_clients.unwrap_or(10),
            checks: options.checks,
            metrics: Some(recorder.handle()),
            clock: Clock::new(move || Timestamp::from_micros(told.load(Ordering::SeqCst))),
            stop: stop.clone(),
        };
        tokio::spawn(web::serve(listener, settings));
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { network, publisher, stop: stop.clone(), address, client, now: clock, _stop: stop.drop_guard() }
    }

    /// Matched fixes come in at `now` and are let out as far as they may be.
    pub fn publish(&mut self, fixes: Vec<MatchedFix>, now: Timestamp) {
        self.publisher.apply(fixes, now);
        self.tick(now);
    }

    /// It is `now`.
    pub fn tick(&mut self, now: Timestamp) {
        self.now.store(now.as_micros(), Ordering::SeqCst);
        self.publisher.tick(now);
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.address))
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub async fn bytes(&self, path: &str) -> Bytes {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.bytes().await.unwrap()
    }

    pub async fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.bytes(path).await).unwrap()
    }

    /// Listens to live events; `query` with its question mark.
    pub async fn listen(&self, query: &str) -> Events {
        let response = self.get(&format!("/live/events{query}")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events { response, buffer: String::new() }
    }
}

/// A client of live events.
pub struct Events {
    response: Response,
    buffer: String,
}

/// An event's name and data.
pub type Event = (String, Value);

impl Events {
    /// The next event; `None` at the stream's end.
    pub async fn next(&mut self) -> Option<Event> {
        let text = self.next_text().await?;
        let field = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default().to_owned();
        Some((field("event: "), serde_json::from_str(&field("data: ")).unwrap()))
    }

    /// The next event as it came.
    pub async fn next_text(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                let text = self.buffer[..end].to_owned();
                self.buffer.drain(..end + 2);
                return Some(text);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("no event came");
            self.buffer.push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }
}

/// The ids of an event's or an answer's vehicles.
pub fn ids(value: &Value) -> Vec<&str> {
    value["vehicles"].as_array().unwrap().iter().map(|v| v["id"].as_str().unwrap()).collect()
}

/// The ids of an event's corrections.
pub fn corrected(value: &Value) -> Vec<&str> {
    value["corrections"].as_array().unwrap().iter().map(|v| v["id"].as_str().unwrap()).collect()
}
