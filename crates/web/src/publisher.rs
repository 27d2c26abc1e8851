//! The one writer of what the public sees.

use std::sync::Arc;

use feeds::{Gate, LiveState, LiveVehicle, Snapshot, live_json};
use matching::MatchedFix;
use model::{GatePolicy, Horizon, Timestamp};
use network::Network;

use crate::events::event;
use crate::hub::{Feeds, Hub, Live, Update, UpdateKind};

/// Feeds are made anew at least this often, so that their readers see that they are alive.
const REFRESH_S: i64 = 15;
/// Most corrections in one event, some hundred kilobytes; more of them make several.
const CORRECTIONS: usize = 1024;

/// Owns the gate and the live state; tells the hub.
#[derive(Debug)]
pub struct Publisher {
    gate: Gate,
    /// The version with which the gate came to stand as it does.
    gate_since: u64,
    state: LiveState,
    /// Let out, and told with the next tick at the latest.
    corrected: Vec<LiveVehicle>,
    hub: Arc<Hub>,
    /// The feeds lag behind the live state.
    stale: bool,
    /// When the feeds were made, by the clock that was given.
    fed_at: Timestamp,
}

impl Publisher {
    /// A publisher whose gate stands at `policy`, with no vehicles yet.
    pub fn new(network: Arc<Network>, policy: GatePolicy, now: Timestamp) -> Self {
        let hub = Arc::new(Hub::new(network, policy.clone(), now));
        let state = LiveState::default();
        let corrected = Vec::new();
        Self { gate: Gate::new(policy), gate_since: 0, state, corrected, hub, stale: false, fed_at: now }
    }

    /// Where what is let out can be read.
    pub fn hub(&self) -> Arc<Hub> {
        Arc::clone(&self.hub)
    }

    /// Takes newly matched fixes. They are seen at the next tick at the earliest.
    pub fn apply(&mut self, fixes: Vec<MatchedFix>, now: Timestamp) {
        let released = self.gate.offer(fixes, now);
        self.state.apply(&released, self.visible(now));
    }

    /// Takes what is said anew of fixes that were applied before. It moves no vehicle.
    pub fn correct(&mut self, corrections: Vec<MatchedFix>, now: Timestamp) {
        let released = self.gate.offer_corrections(corrections, now);
        self.gather(&released, now);
    }

    /// Lets out what is due, and lets go of what is too old. To be called some times a second.
    pub fn tick(&mut self, now: Timestamp) {
        let released = self.gate.release(now);
        let visible = self.visible(now);
        self.state.apply(&released, visible);
        self.state.expire(visible);
        self.send_changes(now);
        let released = self.gate.release_corrections(now);
        self.gather(&released, now);
        self.send_corrections(now);
        // Also where the clock has gone back: the feeds then keep their time, and go on.
        let age_s = now.as_secs() - self.fed_at.as_secs();
        if (self.stale && age_s != 0) || age_s.abs() >= REFRESH_S {
            let snapshot = self.state.snapshot(self.gate.policy(), now);
            self.publish_feeds(snapshot, now);
        }
        metrics::counter!("marshrut_gate_refused_total").absolute(self.gate.refused());
        self.hub.pulse.beat();
    }

    /// Stands otherwise from now on. What the new policy would not have let through is taken
    /// back before this returns.
    pub fn set_policy(&mut self, policy: GatePolicy, now: Timestamp) {
        if *self.gate.policy() == policy {
            return;
        }
        if self.gate.set_policy(policy) {
            self.state.clear();
            self.corrected.clear();
        }
        let released = self.gate.release(now);
        self.state.apply(&released, self.visible(now));
        // Everyone is sent everything anew.
        let _ = self.state.take_changes();
        // Readers of feeds take one with the second of the last for the same.
        let next_second = Timestamp::from_secs(self.hub.feeds.load().snapshot.time.as_secs() + 1);
        let snapshot = self.state.snapshot(self.gate.policy(), now.max(next_second));
        self.gate_since = snapshot.version;
        let data = serde_json::to_string(&live_json::gate(self.gate.policy())).unwrap_or_default();
        let kind = UpdateKind::Gate { event: event("gate", &data) };
        let update = Update { time: snapshot.time, version: snapshot.version, kind };
        self.hub.live.store(Arc::new(Live::new(snapshot.clone(), self.gate_since)));
        self.publish_feeds(snapshot, now);
        // Nobody may be listening.
        let _ = self.hub.updates.send(Arc::new(update));
    }

    /// The latest instant that may be seen.
    fn visible(&self, now: Timestamp) -> Timestamp {
        match self.gate.policy().horizon(now) {
            Horizon::Until(limit) => limit,
            Horizon::Open | Horizon::Closed => now,
        }
    }

    fn send_changes(&mut self, now: Timestamp) {
        let changes = self.state.take_changes();
        if changes.is_empty() {
            return;
        }
        self.stale = true;
        let snapshot = self.state.snapshot(self.gate.policy(), now);
        let (time, version) = (snapshot.time, snapshot.version);
        let data = live_json::update(&self.hub.network, time, version, &changes).unwrap_or_default();
        let kind = UpdateKind::Vehicles { event: event("update", &data), changed: changes.changed, gone: changes.gone };
        // The state first: whoever joins in between has the update's vehicles already.
        self.hub.live.store(Arc::new(Live::new(snapshot, self.gate_since)));
        let _ = self.hub.updates.send(Arc::new(Update { time, version, kind }));
    }

    fn gather(&mut self, released: &[MatchedFix], now: Timestamp) {
        for vehicle in released.iter().filter_map(LiveVehicle::from_fix) {
            self.corrected.push(vehicle);
            if self.corrected.len() == CORRECTIONS {
                self.send_corrections(now);
            }
        }
    }

    fn send_corrections(&mut self, now: Timestamp) {
        if self.corrected.is_empty() {
            return;
        }
        let corrected = std::mem::take(&mut self.corrected);
        // They are no part of any version, but the gate must stand as it did with this one.
        let version = self.hub.live.load().snapshot.version;
        let data = live_json::corrections(&self.hub.network, now, version, corrected.iter()).unwrap_or_default();
        let kind = UpdateKind::Corrections { event: event("correction", &data), corrected };
        let _ = self.hub.updates.send(Arc::new(Update { time: now, version, kind }));
    }

    fn publish_feeds(&mut self, snapshot: Snapshot, now: Timestamp) {
        metrics::gauge!("marshrut_live_vehicles").set(snapshot.vehicles.len() as f64);
        self.hub.feeds.store(Arc::new(Feeds::new(snapshot)));
        self.stale = false;
        self.fed_at = now;
    }
}
