//! The reference validator's rules (MobilityData, gtfs-realtime-validator) for what is
//! published, by their numbers.

use std::collections::{BTreeMap, BTreeSet};

use feeds::gtfs_rt::{FeedMessage, StopTimeUpdate, TripDescriptor, TripUpdate, VehiclePosition};
use network::Network;

/// Rules that a pair of feeds made at `now` (POSIX seconds) breaks.
pub fn broken(network: &Network, positions: &FeedMessage, updates: &FeedMessage, now: u64) -> Vec<String> {
    let mut broken = Vec::new();
    for feed in [positions, updates] {
        header(feed, now, &mut broken);
        let ids: BTreeSet<_> = feed.entity.iter().map(|e| &e.id).collect();
        check(ids.len() == feed.entity.len(), "entity ids are unique", &mut broken);
    }
    let mut vehicles = BTreeSet::new();
    let mut trips = BTreeMap::new();
    for entity in &positions.entity {
        let vehicle = entity.vehicle.as_ref().unwrap();
        let id = vehicle.vehicle.as_ref().and_then(|v| v.id.clone());
        check(id.is_some(), "W002 vehicle without id", &mut broken);
        check(vehicles.insert(id.clone()), "E052 vehicle id twice", &mut broken);
        position(network, vehicle, positions.header.timestamp.unwrap(), &mut broken);
        if let Some(trip) = &vehicle.trip {
            trips
                .entry((trip.trip_id.clone(), trip.start_date.clone(), trip.start_time.clone()))
                .or_insert(vec![])
                .push(id);
        }
    }
    for entity in &updates.entity {
        let update = entity.trip_update.as_ref().unwrap();
        trip_update(network, update, updates.header.timestamp.unwrap(), &mut broken);
        let key = (update.trip.trip_id.clone(), update.trip.start_date.clone(), update.trip.start_time.clone());
        let id = update.vehicle.as_ref().and_then(|v| v.id.clone());
        let paired = trips.get(&key).is_some_and(|ids| ids.contains(&id));
        check(paired, "E047 trip and vehicle are not a pair of VehiclePositions", &mut broken);
    }
    broken
}

fn check(holds: bool, rule: &str, broken: &mut Vec<String>) {
    if !holds {
        broken.push(rule.to_owned());
    }
}

fn header(feed: &FeedMessage, now: u64, broken: &mut Vec<String>) {
    let header = &feed.header;
    check(header.gtfs_realtime_version == "2.0", "E038 version", broken);
    check(header.incrementality == Some(0), "E049 incrementality", broken);
    check(header.timestamp.is_some_and(|t| t > 1_000_000_000 && t < 10_000_000_000), "E048 E001 timestamp", broken);
    check(header.timestamp.is_some_and(|t| t <= now + 60), "E050 header in the future", broken);
}

fn descriptor(network: &Network, trip: &TripDescriptor, broken: &mut Vec<String>) {
    let Some(id) = trip.trip_id.as_deref() else { return broken.push("W006 no trip_id".into()) };
    let Some(index) = network.trip_by_id(id) else { return broken.push(format!("E003 no trip {id}")) };
    let scheduled = network.trip(index);
    let pattern = network.pattern(scheduled.pattern);
    check(trip.route_id.as_deref() == Some(&network.route(pattern.route).id), "E004 E035 route", broken);
    check(trip.direction_id == pattern.direction.map(u32::from), "E024 direction", broken);
    check(trip.schedule_relationship.is_some(), "W009 schedule_relationship", broken);
    let date = trip.start_date.as_deref().unwrap_or("");
    check(date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()), "E021 start_date", broken);
    if let Some(time) = trip.start_time.as_deref() {
        let parts: Vec<_> = time.split(':').collect();
        let good = parts.len() == 3 && parts.iter().all(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_digit()));
        check(good, "E020 start_time", broken);
    }
    let floating = scheduled.headways.iter().any(|h| !h.exact);
    if scheduled.headways.is_empty() {
        check(trip.start_time.is_none(), "E023 start_time of a trip that runs once", broken);
    } else {
        let start = seconds(trip.start_time.as_deref().unwrap_or(""));
        let on_time = scheduled.headways.iter().any(|h| start >= h.start_s && (start - h.start_s) % h.headway_s == 0);
        check(on_time, "E006 E019 start_time is none of the frequency's", broken);
    }
    check(trip.schedule_relationship == Some(if floating { 2 } else { 0 }), "E013 relationship", broken);
}

fn seconds(time: &str) -> i32 {
    time.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i32>().unwrap_or(0))
}

fn position(network: &Network, vehicle: &VehiclePosition, header: u64, broken: &mut Vec<String>) {
    check(vehicle.timestamp.is_some(), "W001 timestamp", broken);
    check(vehicle.timestamp.is_some_and(|t| t <= header), "E012 newer than its header", broken);
    let place = vehicle.position.as_ref().unwrap();
    check(place.latitude.abs() <= 90.0 && place.longitude.abs() <= 180.0, "E026 position", broken);
    check(place.bearing.is_none_or(|b| (0.0..=360.0).contains(&b)), "E027 bearing", broken);
    check(place.speed.is_none_or(|s| (0.0..=50.0).contains(&s)), "W004 speed", broken);
    if let Some(trip) = &vehicle.trip {
        descriptor(network, trip, broken);
    } else {
        let bare =
            vehicle.stop_id.is_none() && vehicle.current_stop_sequence.is_none() && vehicle.current_status.is_none();
        check(bare, "a stop without a trip", broken);
    }
    if let Some(stop) = &vehicle.stop_id {
        check(network.stop_by_id(stop).is_some(), "E011 stop", broken);
    }
}

fn trip_update(network: &Network, update: &TripUpdate, header: u64, broken: &mut Vec<String>) {
    descriptor(network, &update.trip, broken);
    check(update.timestamp.is_some_and(|t| t <= header), "W001 E012 timestamp", broken);
    check(!update.stop_time_update.is_empty(), "E041 no stops", broken);
    let Some(trip) = update.trip.trip_id.as_deref().and_then(|id| network.trip_by_id(id)) else { return };
    let pattern = network.pattern(network.trip(trip).pattern);
    let mut last: Option<(&StopTimeUpdate, i64)> = None;
    for stop in &update.stop_time_update {
        let sequence = stop.stop_sequence.unwrap_or_default();
        let Some(place) = network.stop_times(trip).iter().position(|t| t.stop_sequence == sequence) else {
            broken.push(format!("E051 E009 stop_sequence {sequence}"));
            continue;
        };
        let scheduled = &network.stop(pattern.stops[place].stop).id;
        check(stop.stop_id.as_deref() == Some(scheduled), "E011 E040 E045 stop_id", broken);
        check(stop.schedule_relationship.is_some(), "W009 schedule_relationship of a stop", broken);
        let (Some(arrival), Some(departure)) = (&stop.arrival, &stop.departure) else {
            broken.push("E043 no arrival or departure".into());
            continue;
        };
        let (Some(arrives), Some(departs)) = (arrival.time, departure.time) else {
            broken.push("E044 E005 E046 no time".into());
            continue;
        };
        check(departs >= arrives, "E025 leaves before it comes", broken);
        if let Some((before, left)) = last {
            check(before.stop_sequence < stop.stop_sequence, "E002 E036 order of stop_sequence", broken);
            check(before.stop_id != stop.stop_id, "E037 the same stop again", broken);
            check(arrives > left, "E022 times do not increase", broken);
        }
        last = Some((stop, departs));
    }
}
