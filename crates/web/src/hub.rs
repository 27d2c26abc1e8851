//! What has been let out, for all handlers to read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use axum::http::HeaderMap;
use bytes::Bytes;
use feeds::{LiveVehicle, Snapshot, gtfs_rt, live_json};
use model::{GatePolicy, Timestamp, VehicleId};
use network::Network;
use tokio::sync::broadcast;

use crate::encoded::{Content, Encoded};
use crate::events::{event, event_data};

/// Updates that a slow client of live events may lag behind before it gets a new snapshot: some
/// seconds, for as long as one client lags they are all kept, and of a large city each has megabytes.
const BACKLOG: usize = 16;

/// What has been let out. Written by the publisher alone.
#[derive(Debug)]
pub struct Hub {
    pub(crate) network: Arc<Network>,
    /// The feeds: at most one version a second, since a feed is told apart by its second.
    pub(crate) feeds: ArcSwap<Feeds>,
    /// The vehicles as of the last update sent.
    pub(crate) live: ArcSwap<Live>,
    pub(crate) updates: broadcast::Sender<Arc<Update>>,
    pub(crate) pulse: Pulse,
}

/// When the publisher was last at work, by the machine's own clock.
#[derive(Debug)]
pub(crate) struct Pulse {
    began: Instant,
    last_ms: AtomicU64,
}

/// One version of the feeds, encoded when first asked for.
#[derive(Debug)]
pub(crate) struct Feeds {
    pub(crate) snapshot: Snapshot,
    encoded: [Encoded; 4],
}

/// Which feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feed {
    VehiclePositions,
    TripUpdates,
}

/// The vehicles, with their JSON made when first asked for.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) snapshot: Snapshot,
    /// The version with which the gate came to stand as it does. Updates of earlier versions
    /// were let out by another policy and must not be sent any more.
    pub(crate) gate_since: u64,
    event: OnceLock<Bytes>,
    json: Encoded,
}

/// One update of live events.
#[derive(Debug)]
pub(crate) struct Update {
    pub(crate) time: Timestamp,
    pub(crate) version: u64,
    pub(crate) kind: UpdateKind,
}

#[derive(Debug)]
pub(crate) enum UpdateKind {
    /// Vehicles changed; the event's bytes for those who asked for everything.
    Vehicles { event: Bytes, changed: Vec<Arc<LiveVehicle>>, gone: Vec<VehicleId> },
    /// What is said anew of earlier fixes; the event's bytes likewise. It changes no version.
    Corrections { event: Bytes, corrected: Vec<LiveVehicle> },
    /// The gate stands otherwise.
    Gate { event: Bytes },
}

impl Hub {
    pub(crate) fn new(network: Arc<Network>, gate: GatePolicy, now: Timestamp) -> Self {
        let empty = Snapshot { version: 0, time: now, gate, vehicles: Vec::new() };
        Self {
            network,
            feeds: ArcSwap::from_pointee(Feeds::new(empty.clone())),
            live: ArcSwap::from_pointee(Live::new(empty, 0)),
            updates: broadcast::channel(BACKLOG).0,
            pulse: Pulse { began: Instant::now(), last_ms: AtomicU64::new(0) },
        }
    }
}

impl Pulse {
    pub(crate) fn beat(&self) {
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(ms, Ordering::Relaxed);
    }

    /// For how long there was no beat.
    pub(crate) fn silence(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.last_ms.load(Ordering::Relaxed)))
    }
}

impl Feeds {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self { snapshot, encoded: Default::default() }
    }

    /// A feed as the client takes it, made once.
    pub(crate) fn content(&self, network: &Network, feed: Feed, json: bool, request: &HeaderMap) -> Content {
        let [positions, positions_json, updates, updates_json] = &self.encoded;
        let slot = match (feed, json) {
            (Feed::VehiclePositions, false) => positions,
            (Feed::VehiclePositions, true) => positions_json,
            (Feed::TripUpdates, false) => updates,
            (Feed::TripUpdates, true) => updates_json,
        };
        slot.content(request, || {
            let message = match feed {
                Feed::VehiclePositions => gtfs_rt::vehicle_positions(network, &self.snapshot),
                Feed::TripUpdates => gtfs_rt::trip_updates(network, &self.snapshot),
            };
            if json { gtfs_rt::encode_json(&message).unwrap_or_default() } else { gtfs_rt::encode(&message) }
        })
    }
}

impl Live {
    pub(crate) fn new(snapshot: Snapshot, gate_since: u64) -> Self {
        Self { snapshot, gate_since, event: OnceLock::new(), json: Encoded::default() }
    }

    /// The event that tells all vehicles, made once.
    pub(crate) fn event(&self, network: &Network) -> Bytes {
        let make = || event("snapshot", &live_json::snapshot(network, &self.snapshot, |_| true).unwrap_or_default());
        self.event.get_or_init(make).clone()
    }

    /// The same as JSON alone, sharing the event's bytes.
    pub(crate) fn json(&self, network: &Network, request: &HeaderMap) -> Content {
        self.json.content(request, || event_data("snapshot", &self.event(network)))
    }
}
