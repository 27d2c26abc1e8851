//! Rows as the store takes and gives them.

use compact_str::CompactString;
use model::{DeviceId, Fix, LatLon, Report, ServiceDate, Timestamp, VehicleId};

use crate::attributes;

/// What one transaction writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Fixes in any order; one that the store has already is passed over.
    pub fixes: Vec<FixRow>,
    /// Stop visits; a later one of the same key replaces the earlier.
    pub visits: Vec<VisitRow>,
    /// What is known better of fixes, of this batch or there already; the last one of a fix counts.
    pub corrections: Vec<Correction>,
}

/// What the live matcher says anew of a vehicle's fix. It replaces what was said of that vehicle's
/// fixes of that time, but not of those that were rejected for another reason than that they came
/// late; where there is none, it is nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// Whose.
    pub vehicle_id: VehicleId,
    /// The fix's time.
    pub time: Timestamp,
    /// What holds of it now.
    pub live: LiveMatch,
}

/// One fix with who sent it, when it came in, and what the live matcher said of it.
///
/// Its key is device, time and content hash.
#[derive(Clone, Debug, PartialEq)]
pub struct FixRow {
    /// What the tracker calls itself. Never published.
    pub device_id: DeviceId,
    /// What the public knows the vehicle by.
    pub vehicle_id: VehicleId,
    /// When the receiver took it.
    pub time: Timestamp,
    /// When the gateway took it in.
    pub received_at: Timestamp,
    /// [`model::FixBatch::content_hash`].
    pub content_hash: u64,
    /// The protocol's name.
    pub protocol: CompactString,
    /// The tracker's own word that the position is a real GNSS solution.
    pub valid: bool,
    /// Where.
    pub position: Option<LatLon>,
    /// Metres above sea level.
    pub altitude_m: Option<f32>,
    /// Metres per second over ground.
    pub speed_mps: Option<f32>,
    /// Degrees clockwise from true north.
    pub heading_deg: Option<f32>,
    /// Satellites used.
    pub satellites: Option<u8>,
    /// Horizontal dilution of precision.
    pub hdop: Option<f32>,
    /// Everything else it said, as a JSON object; empty where it said nothing else. Driver
    /// ids are in here: never published.
    pub attributes: String,
    /// What the live matcher said, at the time or better since.
    pub live: LiveMatch,
}

/// What the live matcher said of a fix when it came in, or corrected within the vehicle's next
/// fixes. Data sets are matched anew, the whole day at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveMatch {
    /// `in_service`, `layover`, `deadhead`, `off_route`, `unknown`; `None` where it was not matched.
    pub state: Option<CompactString>,
    /// Why the fix was not used.
    pub rejected: Option<CompactString>,
    /// GTFS `trip_id`.
    pub trip_id: Option<CompactString>,
    /// The trip's service day.
    pub service_date: Option<ServiceDate>,
    /// GTFS `route_id`.
    pub route_id: Option<CompactString>,
    /// GTFS `direction_id`.
    pub direction_id: Option<u8>,
    /// Metres along the shape.
    pub shape_dist_m: Option<f64>,
    /// Metres beside the shape.
    pub cross_track_m: Option<f32>,
    /// Seconds behind the timetable; negative where early.
    pub delay_s: Option<i32>,
}

/// Where a page of fixes ended: hand it back to read on from there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FixKey {
    /// The vehicle.
    pub vehicle_id: VehicleId,
    /// The fix's time.
    pub time: Timestamp,
    /// The content hash in the store's order, that of a signed number of the same bits.
    pub content_hash: i64,
    /// The device.
    pub device_id: DeviceId,
}

/// One vehicle at one stop of one trip. Its key is day, trip, vehicle, run and stop sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct VisitRow {
    /// The trip's service day.
    pub service_date: ServiceDate,
    /// GTFS `trip_id`.
    pub trip_id: CompactString,
    /// What the public knows the vehicle by.
    pub vehicle_id: VehicleId,
    /// Tells the runs of a trip of frequencies.txt apart: seconds from its stop times, 0 for
    /// all other trips.
    pub run_offset_s: i32,
    /// GTFS `stop_sequence`.
    pub stop_sequence: u32,
    /// GTFS `stop_id`.
    pub stop_id: CompactString,
    /// GTFS `route_id`.
    pub route_id: Option<CompactString>,
    /// GTFS `direction_id`.
    pub direction_id: Option<u8>,
    /// When it came.
    pub arrival: Timestamp,
    /// When it left, where that was seen.
    pub departure: Option<Timestamp>,
    /// Passed between two fixes, so the time is reckoned and not seen.
    pub interpolated: bool,
    /// How far off the times may be, seconds.
    pub uncertainty_s: f32,
    /// Seconds behind the timetable; negative where early.
    pub delay_s: Option<i32>,
}

/// Where a page of stop visits ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VisitKey {
    /// The trip.
    pub trip_id: CompactString,
    /// The vehicle.
    pub vehicle_id: VehicleId,
    /// The run, as in [`VisitRow::run_offset_s`].
    pub run_offset_s: i32,
    /// The stop's place in the trip.
    pub stop_sequence: u32,
}

impl FixRow {
    /// The row of one fix of a report, not yet matched.
    pub fn of(report: &Report, fix: &Fix) -> Self {
        Self {
            device_id: report.device.clone(),
            vehicle_id: report.vehicle.clone(),
            time: fix.time,
            received_at: report.received_at,
            content_hash: report.batch.content_hash(fix),
            protocol: report.protocol.clone(),
            valid: fix.valid,
            position: fix.position,
            altitude_m: fix.altitude_m,
            speed_mps: fix.speed_mps,
            heading_deg: fix.heading_deg,
            satellites: fix.satellites,
            hdop: fix.hdop,
            attributes: attributes::json(&report.batch, fix),
            live: LiveMatch::default(),
        }
    }

    /// The fix without its attributes, as matching takes it.
    pub fn fix(&self) -> Fix {
        Fix {
            position: self.position,
            valid: self.valid,
            altitude_m: self.altitude_m,
            speed_mps: self.speed_mps,
            heading_deg: self.heading_deg,
            satellites: self.satellites,
            hdop: self.hdop,
            ..Fix::nowhere(self.time)
        }
    }

    /// Its place in the order of pages.
    pub fn key(&self) -> FixKey {
        FixKey {
            vehicle_id: self.vehicle_id.clone(),
            time: self.time,
            content_hash: self.content_hash.cast_signed(),
            device_id: self.device_id.clone(),
        }
    }
}

impl VisitRow {
    /// Its place in the order of pages.
    pub fn key(&self) -> VisitKey {
        VisitKey {
            trip_id: self.trip_id.clone(),
            vehicle_id: self.vehicle_id.clone(),
            run_offset_s: self.run_offset_s,
            stop_sequence: self.stop_sequence,
        }
    }
}
