//! Vehicles as JSON: for the API and for live events.

use network::Network;
use serde::Serialize;

use model::{GatePolicy, Timestamp, VehicleId};

use crate::{Changes, LiveVehicle, Snapshot};

/// A vehicle; what is not known is left out.
#[derive(Debug, Serialize)]
pub struct VehicleJson<'a> {
    id: &'a str,
    label: &'a str,
    lat: f64,
    lon: f64,
    time: Timestamp,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    heading: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<f64>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    on: Option<OnTripJson<'a>>,
}

#[derive(Debug, Serialize)]
struct OnTripJson<'a> {
    route: &'a str,
    line: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<u8>,
    trip: &'a str,
    pattern: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    headsign: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headsign_en: Option<&'a str>,
    delay: i32,
    stop: &'a str,
    stop_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_name_en: Option<&'a str>,
    stop_sequence: u32,
    status: &'static str,
    dist: f64,
}

/// How the gate stands, for the public.
#[derive(Debug, Serialize)]
pub struct GateJson<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// All vehicles: the answer of the API, and the first event of a live stream.
#[derive(Debug, Serialize)]
struct SnapshotJson<'a> {
    time: Timestamp,
    version: u64,
    gate: GateJson<'a>,
    vehicles: Vec<VehicleJson<'a>>,
}

/// What changed: every further event.
#[derive(Debug, Serialize)]
struct UpdateJson<'a> {
    time: Timestamp,
    version: u64,
    vehicles: Vec<VehicleJson<'a>>,
    gone: &'a [VehicleId],
}

/// What is said anew of a vehicle at an earlier time: nothing that would move it.
#[derive(Debug, Serialize)]
struct CorrectionJson<'a> {
    id: &'a str,
    time: Timestamp,
    state: &'static str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    on: Option<CorrectedTripJson<'a>>,
}

#[derive(Debug, Serialize)]
struct CorrectedTripJson<'a> {
    route: &'a str,
    line: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<u8>,
    trip: &'a str,
    delay: i32,
    dist: f64,
}

#[derive(Debug, Serialize)]
struct CorrectionsJson<'a> {
    time: Timestamp,
    version: u64,
    corrections: Vec<CorrectionJson<'a>>,
}

/// A vehicle with its line, stop and headsign in words.
pub fn vehicle<'a>(network: &'a Network, vehicle: &'a LiveVehicle) -> VehicleJson<'a> {
    let on = vehicle.on.and_then(|on| {
        let (route, trip, pattern) = (network.route(on.route), network.trip(on.run.trip), network.pattern(on.pattern));
        let index = on.next_stop as usize;
        let stop = network.stop(pattern.stops.get(index)?.stop);
        Some(OnTripJson {
            route: &route.id,
            line: route.name(),
            color: route.color.as_deref(),
            direction: on.direction,
            trip: &trip.id,
            pattern: &pattern.id,
            headsign: trip.headsign.as_deref(),
            headsign_en: trip.headsign_en.as_deref(),
            delay: on.delay_s,
            stop: &stop.id,
            stop_name: &stop.name,
            stop_name_en: stop.name_en.as_deref(),
            stop_sequence: network.stop_times(on.run.trip).get(index)?.stop_sequence,
            status: if on.at_stop { "at_stop" } else { "in_transit" },
            dist: decimals(on.shape_dist_m, 1),
        })
    });
    VehicleJson {
        id: vehicle.id.as_str(),
        label: vehicle.id.as_str(),
        lat: decimals(vehicle.position.lat(), 6),
        lon: decimals(vehicle.position.lon(), 6),
        time: vehicle.time,
        state: vehicle.state.as_str(),
        heading: vehicle.heading_deg.map(|h| decimals(f64::from(h), 0)),
        speed: vehicle.speed_mps.map(|s| decimals(f64::from(s), 1)),
        on,
    }
}

fn decimals(value: f64, places: i32) -> f64 {
    (value * 10f64.powi(places)).round() / 10f64.powi(places)
}

fn correction<'a>(network: &'a Network, vehicle: &'a LiveVehicle) -> CorrectionJson<'a> {
    let on = vehicle.on.map(|on| {
        let route = network.route(on.route);
        CorrectedTripJson {
            route: &route.id,
            line: route.name(),
            direction: on.direction,
            trip: &network.trip(on.run.trip).id,
            delay: on.delay_s,
            dist: decimals(on.shape_dist_m, 1),
        }
    });
    CorrectionJson { id: vehicle.id.as_str(), time: vehicle.time, state: vehicle.state.as_str(), on }
}

/// How the gate stands.
pub fn gate(policy: &GatePolicy) -> GateJson<'_> {
    let (mode, minutes) = match policy {
        GatePolicy::Live => ("live", None),
        GatePolicy::Delayed { minutes, .. } => ("delayed", Some(*minutes)),
        GatePolicy::Off { .. } => ("off", None),
    };
    GateJson { mode, minutes, reason: policy.reason().filter(|r| !r.is_empty()) }
}

/// `{"time", "version", "gate", "vehicles"}` of the vehicles that `keep` admits.
pub fn snapshot(
    network: &Network,
    snapshot: &Snapshot,
    keep: impl Fn(&LiveVehicle) -> bool,
) -> serde_json::Result<String> {
    serde_json::to_string(&SnapshotJson {
        time: snapshot.time,
        version: snapshot.version,
        gate: gate(&snapshot.gate),
        vehicles: snapshot.vehicles.iter().filter(|v| keep(v)).map(|v| vehicle(network, v)).collect(),
    })
}

/// `{"time", "version", "vehicles", "gone"}` of what changed.
pub fn update(network: &Network, time: Timestamp, version: u64, changes: &Changes) -> serde_json::Result<String> {
    serde_json::to_string(&UpdateJson {
        time,
        version,
        vehicles: changes.changed.iter().map(|v| vehicle(network, v)).collect(),
        gone: &changes.gone,
    })
}

/// `{"time", "version", "corrections"}` of vehicles as they are now known to have been.
pub fn corrections<'a>(
    network: &'a Network,
    time: Timestamp,
    version: u64,
    corrected: impl Iterator<Item = &'a LiveVehicle>,
) -> serde_json::Result<String> {
    let corrections = corrected.map(|vehicle| correction(network, vehicle)).collect();
    serde_json::to_string(&CorrectionsJson { time, version, corrections })
}
