//! The messages of gtfs-realtime.proto that marshrut writes, with the numbers of the
//! specification (gtfs.org/documentation/realtime/reference). Fields that are never written
//! are left out; a reader of the whole specification reads these as they are.

use prost::{Enumeration, Message};
use serde::{Serialize, Serializer};

/// A feed.
#[derive(Clone, PartialEq, Message, Serialize)]
pub struct FeedMessage {
    /// About the feed.
    #[prost(message, required, tag = "1")]
    pub header: FeedHeader,
    /// What it says.
    #[prost(message, repeated, tag = "2")]
    pub entity: Vec<FeedEntity>,
}

/// About a feed.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedHeader {
    /// `2.0`.
    #[prost(string, required, tag = "1")]
    pub gtfs_realtime_version: String,
    /// Whole or difference.
    #[prost(enumeration = "Incrementality", optional, tag = "2")]
    #[serde(serialize_with = "name_of::<Incrementality, _>")]
    pub incrementality: Option<i32>,
    /// When it was made, POSIX seconds.
    #[prost(uint64, optional, tag = "3")]
    #[serde(serialize_with = "as_text")]
    pub timestamp: Option<u64>,
}

/// Whether a feed is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum Incrementality {
    /// It is.
    FullDataset = 0,
    /// It is not.
    Differential = 1,
}

/// One thing that a feed says.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedEntity {
    /// Unique in the feed.
    #[prost(string, required, tag = "1")]
    pub id: String,
    /// When a trip's vehicle will come.
    #[prost(message, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trip_update: Option<TripUpdate>,
    /// Where a vehicle is.
    #[prost(message, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<VehiclePosition>,
}

/// When a trip's vehicle will come.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TripUpdate {
    /// Which trip.
    #[prost(message, required, tag = "1")]
    pub trip: TripDescriptor,
    /// Its stops from the next one on.
    #[prost(message, repeated, tag = "2")]
    pub stop_time_update: Vec<StopTimeUpdate>,
    /// Which vehicle.
    #[prost(message, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<VehicleDescriptor>,
    /// When the vehicle was last seen, POSIX seconds.
    #[prost(uint64, optional, tag = "4")]
    #[serde(serialize_with = "as_text")]
    pub timestamp: Option<u64>,
    /// Seconds behind the timetable now.
    #[prost(int32, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<i32>,
}

/// When a vehicle comes to one stop.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StopTimeUpdate {
    /// GTFS `stop_sequence`.
    #[prost(uint32, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_sequence: Option<u32>,
    /// When it comes.
    #[prost(message, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival: Option<StopTimeEvent>,
    /// When it leaves.
    #[prost(message, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub departure: Option<StopTimeEvent>,
    /// GTFS `stop_id`.
    #[prost(string, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_id: Option<String>,
    /// How the stop stands to the timetable.
    #[prost(enumeration = "StopRelationship", optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "name_of::<StopRelationship, _>")]
    pub schedule_relationship: Option<i32>,
}

/// How a stop of a trip stands to the timetable; the specification's
/// `StopTimeUpdate.ScheduleRelationship`, which numbers otherwise than that of trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum StopRelationship {
    /// It is served by it.
    Scheduled = 0,
    /// It is served at an interval without times.
    Unscheduled = 3,
}

/// An arrival or a departure.
#[derive(Clone, Copy, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StopTimeEvent {
    /// Seconds behind the timetable.
    #[prost(int32, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<i32>,
    /// When, POSIX seconds.
    #[prost(int64, optional, tag = "2")]
    #[serde(serialize_with = "as_text")]
    pub time: Option<i64>,
}

/// Where a vehicle is.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VehiclePosition {
    /// Its trip, where it is on one.
    #[prost(message, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trip: Option<TripDescriptor>,
    /// Where.
    #[prost(message, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// `stop_sequence` of the stop that the status is about.
    #[prost(uint32, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_stop_sequence: Option<u32>,
    /// How it stands to that stop.
    #[prost(enumeration = "VehicleStopStatus", optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "name_of::<VehicleStopStatus, _>")]
    pub current_status: Option<i32>,
    /// When the fix was taken, POSIX seconds.
    #[prost(uint64, optional, tag = "5")]
    #[serde(serialize_with = "as_text")]
    pub timestamp: Option<u64>,
    /// `stop_id` of that stop.
    #[prost(string, optional, tag = "7")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_id: Option<String>,
    /// Which vehicle.
    #[prost(message, optional, tag = "8")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<VehicleDescriptor>,
}

/// How a vehicle stands to its stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum VehicleStopStatus {
    /// About to arrive.
    IncomingAt = 0,
    /// There.
    StoppedAt = 1,
    /// On its way.
    InTransitTo = 2,
}

/// A place.
#[derive(Clone, Copy, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// Degrees north.
    #[prost(float, required, tag = "1")]
    pub latitude: f32,
    /// Degrees east.
    #[prost(float, required, tag = "2")]
    pub longitude: f32,
    /// Degrees clockwise from north.
    #[prost(float, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearing: Option<f32>,
    /// Metres per second.
    #[prost(float, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<f32>,
}

/// Which trip.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TripDescriptor {
    /// GTFS `trip_id`.
    #[prost(string, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trip_id: Option<String>,
    /// `HH:MM:SS`, for trips of frequencies.txt.
    #[prost(string, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// The service day, `YYYYMMDD`.
    #[prost(string, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date: Option<String>,
    /// How it stands to the timetable.
    #[prost(enumeration = "ScheduleRelationship", optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "name_of::<ScheduleRelationship, _>")]
    pub schedule_relationship: Option<i32>,
    /// GTFS `route_id`.
    #[prost(string, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_id: Option<String>,
    /// GTFS `direction_id`.
    #[prost(uint32, optional, tag = "6")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction_id: Option<u32>,
}

/// How a trip stands to the timetable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum ScheduleRelationship {
    /// It runs by it.
    Scheduled = 0,
    /// It runs by an interval without times.
    Unscheduled = 2,
}

/// Which vehicle.
#[derive(Clone, PartialEq, Message, Serialize)]
pub struct VehicleDescriptor {
    /// Its public id.
    #[prost(string, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What riders know it by.
    #[prost(string, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// An enum with the specification's name for each value.
trait Named: TryFrom<i32> {
    fn name(&self) -> &'static str;
}

impl Named for Incrementality {
    fn name(&self) -> &'static str {
        match self {
            Self::FullDataset => "FULL_DATASET",
            Self::Differential => "DIFFERENTIAL",
        }
    }
}

impl Named for StopRelationship {
    fn name(&self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Unscheduled => "UNSCHEDULED",
        }
    }
}

impl Named for VehicleStopStatus {
    fn name(&self) -> &'static str {
        match self {
            Self::IncomingAt => "INCOMING_AT",
            Self::StoppedAt => "STOPPED_AT",
            Self::InTransitTo => "IN_TRANSIT_TO",
        }
    }
}

impl Named for ScheduleRelationship {
    fn name(&self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Unscheduled => "UNSCHEDULED",
        }
    }
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde hands the field over so")]
fn name_of<E: Named, S: Serializer>(value: &Option<i32>, s: S) -> Result<S::Ok, S::Error> {
    match value.and_then(|v| E::try_from(v).ok()) {
        Some(value) => s.serialize_str(value.name()),
        None => s.serialize_none(),
    }
}

#[expect(clippy::ref_option, reason = "serde hands the field over so")]
fn as_text<T: std::fmt::Display, S: Serializer>(value: &Option<T>, s: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => s.collect_str(value),
        None => s.serialize_none(),
    }
}
