//! GTFS-realtime 2.0, as protobuf and as protobuf's JSON.

mod messages;
mod trip_updates;
mod vehicle_positions;

use bytes::Bytes;
use model::Timestamp;
use network::{Network, TripInstance};
use prost::Message as _;

pub use messages::{
    FeedEntity, FeedHeader, FeedMessage, Incrementality, Position, ScheduleRelationship, StopRelationship,
    StopTimeEvent, StopTimeUpdate, TripDescriptor, TripUpdate, VehicleDescriptor, VehiclePosition, VehicleStopStatus,
};
pub use trip_updates::trip_updates;
pub use vehicle_positions::vehicle_positions;

use crate::LiveVehicle;

/// A feed's bytes.
pub fn encode(feed: &FeedMessage) -> Bytes {
    feed.encode_to_vec().into()
}

/// A feed as protobuf's own JSON: names in lowerCamelCase, enums by name, 64-bit numbers as
/// text, as the official bindings print it.
pub fn encode_json(feed: &FeedMessage) -> serde_json::Result<Bytes> {
    serde_json::to_vec_pretty(feed).map(Bytes::from)
}

/// Seconds since 1970 as the specification counts them; instants before it are 0.
fn posix(at: Timestamp) -> u64 {
    u64::try_from(at.as_secs()).unwrap_or(0)
}

fn feed(now: Timestamp, entity: Vec<FeedEntity>) -> FeedMessage {
    FeedMessage {
        header: FeedHeader {
            gtfs_realtime_version: "2.0".to_owned(),
            incrementality: Some(Incrementality::FullDataset.into()),
            timestamp: Some(posix(now)),
        },
        entity,
    }
}

fn trip_descriptor(network: &Network, run: TripInstance) -> TripDescriptor {
    let trip = network.trip(run.trip);
    let pattern = network.pattern(trip.pattern);
    let start_time = (!trip.headways.is_empty()).then(|| clock_time(network.span_s(run.trip).0 + run.offset_s));
    TripDescriptor {
        trip_id: Some(trip.id.to_string()),
        route_id: Some(network.route(pattern.route).id.to_string()),
        direction_id: pattern.direction.map(u32::from),
        start_time,
        start_date: Some(run.day.compact()),
        schedule_relationship: Some(
            if trip.is_floating() { ScheduleRelationship::Unscheduled } else { ScheduleRelationship::Scheduled }.into(),
        ),
    }
}

/// `HH:MM:SS` of a service day; hours may pass 24.
fn clock_time(seconds: i32) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn vehicle_descriptor(vehicle: &LiveVehicle) -> VehicleDescriptor {
    VehicleDescriptor { id: Some(vehicle.id.to_string()), label: Some(vehicle.id.to_string()) }
}
