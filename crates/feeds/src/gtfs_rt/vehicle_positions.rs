//! VehiclePositions.

use network::Network;

use super::{
    FeedEntity, FeedMessage, Position, VehiclePosition, VehicleStopStatus, feed, posix, trip_descriptor,
    vehicle_descriptor,
};
use crate::{LiveVehicle, OnTrip, Snapshot};

/// A vehicle this near to its next stop is about to arrive, metres.
const INCOMING_M: f64 = 60.0;
/// No vehicle of public transport on streets drives faster; a tracker that says so errs, metres per second.
const FASTEST_MPS: f32 = 50.0;

/// Every vehicle of the snapshot, with its trip where it is on one.
pub fn vehicle_positions(network: &Network, snapshot: &Snapshot) -> FeedMessage {
    let entity = snapshot
        .vehicles
        .iter()
        .map(|vehicle| FeedEntity {
            id: vehicle.id.to_string(),
            trip_update: None,
            vehicle: Some(position(network, snapshot, vehicle)),
        })
        .collect();
    feed(snapshot.time, entity)
}

fn position(network: &Network, snapshot: &Snapshot, vehicle: &LiveVehicle) -> VehiclePosition {
    let on = vehicle.on.filter(|on| on.is_near(network));
    let stop = on.and_then(|on| {
        let index = on.next_stop as usize;
        let stop = network.pattern(on.pattern).stops.get(index)?;
        let time = network.stop_times(on.run.trip).get(index)?;
        Some((network.stop(stop.stop).id.to_string(), time.stop_sequence, status(&on, stop.dist_m)))
    });
    #[expect(clippy::cast_possible_truncation, reason = "the specification's coordinates are 32 bits: a metre or so")]
    let place = (vehicle.position.lat() as f32, vehicle.position.lon() as f32);
    VehiclePosition {
        trip: on.map(|on| trip_descriptor(network, on.run)),
        position: Some(Position {
            latitude: place.0,
            longitude: place.1,
            bearing: vehicle.heading_deg.filter(|h| h.is_finite()).map(|h| h.rem_euclid(360.0)),
            speed: vehicle.speed_mps.filter(|s| (0.0..=FASTEST_MPS).contains(s)),
        }),
        current_stop_sequence: stop.as_ref().map(|(_, sequence, _)| *sequence),
        current_status: stop.as_ref().map(|(.., status)| (*status).into()),
        // A device's clock may be some seconds ahead; the feed is never older than what it says.
        timestamp: Some(posix(vehicle.time.min(snapshot.time))),
        stop_id: stop.map(|(id, ..)| id),
        vehicle: Some(vehicle_descriptor(vehicle)),
    }
}

fn status(on: &OnTrip, stop_m: f64) -> VehicleStopStatus {
    if on.at_stop {
        VehicleStopStatus::StoppedAt
    } else if stop_m - on.shape_dist_m <= INCOMING_M {
        VehicleStopStatus::IncomingAt
    } else {
        VehicleStopStatus::InTransitTo
    }
}
