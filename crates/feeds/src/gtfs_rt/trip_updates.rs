//! TripUpdates: the current delay, carried to the stops ahead.

use network::{Network, TripInstance};

use super::{
    FeedEntity, FeedMessage, StopRelationship, StopTimeEvent, StopTimeUpdate, TripUpdate, feed, posix, trip_descriptor,
    vehicle_descriptor,
};
use crate::ahead::{StopAhead, speakers, stops_ahead};
use crate::{LiveVehicle, Snapshot};

/// One update for each trip under way, by the vehicle that speaks for it.
pub fn trip_updates(network: &Network, snapshot: &Snapshot) -> FeedMessage {
    let entity = speakers(network, snapshot)
        .into_iter()
        .filter_map(|(run, vehicle)| {
            let trip_update = trip_update(network, snapshot, run, vehicle)?;
            let id = format!("{}-{}-{}", network.trip(run.trip).id, run.day.compact(), run.offset_s);
            Some(FeedEntity { id, vehicle: None, trip_update: Some(trip_update) })
        })
        .collect();
    feed(snapshot.time, entity)
}

/// `None` where the trip has no stops ahead any more.
fn trip_update(network: &Network, snapshot: &Snapshot, run: TripInstance, vehicle: &LiveVehicle) -> Option<TripUpdate> {
    // A trip of which only the interval is promised is neither late nor early.
    let floating = network.trip(run.trip).is_floating();
    let stop_time_update: Vec<_> =
        stops_ahead(network, vehicle).iter().map(|ahead| stop_time_update(network, ahead, floating)).collect();
    (!stop_time_update.is_empty()).then(|| TripUpdate {
        trip: trip_descriptor(network, run),
        stop_time_update,
        vehicle: Some(vehicle_descriptor(vehicle)),
        timestamp: Some(posix(vehicle.time.min(snapshot.time))),
        delay: vehicle.on.filter(|_| !floating).map(|on| on.delay_s),
    })
}

fn stop_time_update(network: &Network, ahead: &StopAhead, floating: bool) -> StopTimeUpdate {
    let event = |time: i64, scheduled: i64| StopTimeEvent {
        delay: i32::try_from(time - scheduled).ok().filter(|_| !floating),
        time: Some(time),
    };
    let relationship = if floating { StopRelationship::Unscheduled } else { StopRelationship::Scheduled };
    StopTimeUpdate {
        stop_sequence: Some(ahead.stop_sequence),
        arrival: Some(event(ahead.arrival_s, ahead.scheduled_arrival_s)),
        departure: Some(event(ahead.departure_s, ahead.scheduled_departure_s)),
        stop_id: Some(network.stop(ahead.stop).id.to_string()),
        schedule_relationship: Some(relationship.into()),
    }
}
