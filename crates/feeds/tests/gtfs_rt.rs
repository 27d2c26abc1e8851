//! The feeds as their readers want them.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use feeds::gtfs_rt::{self, FeedMessage, StopTimeUpdate, TripUpdate};
use matching::{MatchedFix, State};
use model::Timestamp;
use network::Network;
use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};
use support::{at, city, fix, on, rules, run, seen};

fn updates(city: &Network, fixes: &[MatchedFix], now: Timestamp) -> Vec<TripUpdate> {
    let feed = gtfs_rt::trip_updates(city, &seen(fixes, now));
    feed.entity.into_iter().map(|e| e.trip_update.unwrap()).collect()
}

/// Arrivals and departures as seconds of the service day.
fn times(update: &TripUpdate) -> Vec<(i64, i64)> {
    let second = |t: i64| t - at(0, 0, 0).as_secs();
    let one =
        |s: &StopTimeUpdate| (second(s.arrival.unwrap().time.unwrap()), second(s.departure.unwrap().time.unwrap()));
    update.stop_time_update.iter().map(one).collect()
}

fn hms(hours: i64, minutes: i64, seconds: i64) -> i64 {
    hours * 3600 + minutes * 60 + seconds
}

#[test]
fn every_vehicle_is_told_with_its_trip_where_it_has_one() {
    let city = city();
    let now = at(10, 5, 0);
    let bus = on(&city, "bus", now, run(&city, "T1", 0), (1, false, 60));
    let feed = gtfs_rt::vehicle_positions(&city, &seen(&[bus, fix("van", now)], now));
    let json: Value = serde_json::from_slice(&gtfs_rt::encode_json(&feed).unwrap()).unwrap();
    assert_eq!(
        json["header"],
        json!({
            "gtfsRealtimeVersion": "2.0", "incrementality": "FULL_DATASET", "timestamp": "1768550700",
        })
    );
    let [bus, van] = json["entity"].as_array().unwrap().as_slice() else { panic!("{json}") };
    assert_eq!(
        bus["vehicle"]["trip"],
        json!({
            "tripId": "T1", "startDate": "20260116", "routeId": "R", "directionId": 0,
            "scheduleRelationship": "SCHEDULED",
        })
    );
    assert_eq!(bus["vehicle"]["currentStatus"], "IN_TRANSIT_TO");
    assert_eq!((&bus["vehicle"]["currentStopSequence"], &bus["vehicle"]["stopId"]), (&json!(5), &json!("S2")));
    assert_eq!(
        van,
        &json!({
            "id": "van",
            "vehicle": {
                "position": { "latitude": 48.85, "longitude": 37.605, "bearing": 90.0, "speed": 7.5 },
                "timestamp": "1768550700",
                "vehicle": { "id": "van", "label": "van" },
            },
        })
    );
}

/// The bytes that the official bindings (gtfs-realtime-bindings for Python) make of this
/// message, so that a wrong field number or type is seen.
#[test]
fn bytes_are_those_of_the_official_bindings() {
    let city = city();
    let now = at(10, 5, 0);
    let bus = on(&city, "bus", now, run(&city, "T4", 3600 * 4), (1, true, 0));
    let snapshot = seen(&[bus], now);
    let official = include_str!("official.txt");
    let official: Vec<_> = official.lines().filter(|l| !l.starts_with('#')).collect();
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    };
    assert_eq!(gtfs_rt::encode(&gtfs_rt::vehicle_positions(&city, &snapshot)), bytes(official[0]));
    assert_eq!(gtfs_rt::encode(&gtfs_rt::trip_updates(&city, &snapshot)), bytes(official[1]));
}

#[test]
fn a_delay_is_carried_on_and_made_up_where_the_timetable_waits() {
    let city = city();
    let now = at(10, 5, 0);
    let late = |delay| updates(&city, &[on(&city, "bus", now, run(&city, "T1", 0), (1, false, delay))], now).remove(0);
    assert_eq!(times(&late(120)), [(hms(10, 12, 0), hms(10, 15, 0)), (hms(10, 25, 0), hms(10, 25, 0))]);
    assert_eq!(times(&late(480)), [(hms(10, 18, 0), hms(10, 18, 30)), (hms(10, 28, 30), hms(10, 28, 30))]);
    assert_eq!(times(&late(-120)), [(hms(10, 8, 0), hms(10, 15, 0)), (hms(10, 25, 0), hms(10, 25, 0))]);
    assert_eq!(late(480).delay, Some(480));
    assert_eq!(late(480).stop_time_update[1].arrival.unwrap().delay, Some(210));
}

#[test]
fn a_planned_wait_is_no_delay() {
    let city = city();
    // Came on time, has waited three of the five minutes: it will leave on time.
    let now = at(10, 13, 0);
    let [update] =
        updates(&city, &[on(&city, "bus", now, run(&city, "T1", 0), (1, true, -120))], now).try_into().unwrap();
    let [(arrived, leaves), next] = times(&update).try_into().unwrap();
    assert!(arrived <= hms(10, 13, 0));
    assert_eq!(leaves, hms(10, 15, 0));
    assert_eq!(next, (hms(10, 25, 0), hms(10, 25, 0)));
}

#[test]
fn a_vehicle_that_stands_longer_than_planned_does_not_leave_in_the_past() {
    let city = city();
    let now = at(10, 19, 0);
    let update = updates(&city, &[on(&city, "bus", now, run(&city, "T1", 0), (1, true, 240))], now).remove(0);
    assert_eq!(times(&update)[0].1, hms(10, 19, 0));
    assert_eq!(times(&update)[1], (hms(10, 29, 0), hms(10, 29, 0)));
}

#[test]
fn nobody_leaves_the_first_stop_before_the_time() {
    let city = city();
    let now = at(9, 20, 0);
    let update = updates(&city, &[on(&city, "bus", now, run(&city, "T1", 0), (0, true, -2400))], now).remove(0);
    assert_eq!(times(&update)[0].1, hms(10, 0, 0));
    assert_eq!(times(&update)[1].0, hms(10, 10, 0));
}

#[test]
fn a_trip_after_midnight_belongs_to_its_service_day() {
    let city = city();
    let now = at(24, 52, 0);
    let update = updates(&city, &[on(&city, "bus", now, run(&city, "T2", 0), (1, false, 0))], now).remove(0);
    assert_eq!(update.trip.start_date.as_deref(), Some("20260116"));
    assert_eq!(times(&update), [(hms(24, 55, 0), hms(24, 55, 20)), (hms(25, 5, 0), hms(25, 5, 0))]);
}

#[test]
fn runs_of_a_frequency_are_told_apart_by_their_start() {
    let city = city();
    let now = at(7, 12, 0);
    // stop_times.txt begins at 06:00: the run of 07:10 is 70 minutes after it.
    let floating = on(&city, "a", now, run(&city, "T4", 70 * 60), (1, false, 30));
    let exact = on(&city, "b", now, run(&city, "T5", 70 * 60), (1, false, 30));
    let all = updates(&city, &[floating, exact], now);
    assert_eq!(all.iter().map(|u| u.trip.start_time.as_deref()).collect::<Vec<_>>(), [Some("07:10:00"); 2]);
    // Without a timetable there is no delay, only a time.
    let stop = &all[0].stop_time_update[0];
    assert_eq!((all[0].delay, stop.arrival.unwrap().delay), (None, None));
    assert_eq!(times(&all[0])[0].0, hms(7, 16, 30));
    assert_eq!((all[1].delay, all[1].stop_time_update[0].arrival.unwrap().delay), (Some(30), Some(30)));
}

#[test]
fn the_vehicle_farthest_along_speaks_for_a_trip() {
    let city = city();
    let now = at(10, 5, 0);
    let t1 = run(&city, "T1", 0);
    let first = on(&city, "a", now, t1, (1, false, 0));
    let second = on(&city, "b", now, t1, (2, false, 300));
    let twin = on(&city, "c", now, t1, (2, false, 600));
    let all = updates(&city, &[twin, first, second], now);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].vehicle.as_ref().unwrap().id.as_deref(), Some("b"));
}

#[test]
fn a_detour_gives_no_predictions_and_far_off_no_trip() {
    let city = city();
    let now = at(10, 5, 0);
    let mut bus = on(&city, "bus", now, run(&city, "T1", 0), (1, false, 0));
    bus.state = State::OffRoute;
    bus.cross_track_m = Some(150.0);
    assert!(updates(&city, std::slice::from_ref(&bus), now).is_empty());
    let trip = |bus: &MatchedFix| {
        let feed = gtfs_rt::vehicle_positions(&city, &seen(std::slice::from_ref(bus), now));
        feed.entity[0].vehicle.clone().unwrap().trip
    };
    assert!(trip(&bus).is_some());
    bus.cross_track_m = Some(450.0);
    assert!(trip(&bus).is_none());
    bus.state = State::InService;
    assert!(trip(&bus).is_none());
    assert!(updates(&city, std::slice::from_ref(&bus), now).is_empty(), "both feeds say the same");
}

fn vehicle() -> impl Strategy<Value = (u8, usize, usize, bool, i32, i64, f32, f32)> {
    (0u8..6, 0usize..5, 0usize..4, any::<bool>(), -1200i32..3600, -30i64..500, -400f32..800.0, -5f32..90.0)
}

proptest! {
    /// Whatever the vehicles do, the feeds keep the validator's rules, and what is decoded is
    /// what was encoded.
    #[test]
    fn the_validator_has_nothing_to_say(vehicles in prop::collection::vec(vehicle(), 0..12)) {
        let city = city();
        let now = at(10, 5, 0);
        let trips = [("T1", 0), ("T2", 0), ("T3", 0), ("T4", 14_400), ("T5", 14_400)];
        let fixes: Vec<_> = vehicles.iter().map(|&(id, trip, stop, at_stop, delay, age, heading, speed)| {
            let run = run(&city, trips[trip].0, trips[trip].1);
            let stop = stop.min(city.stop_times(run.trip).len() - 1);
            let mut fix = on(&city, &id.to_string(), now.plus_seconds(-age as f64), run, (stop, at_stop, delay));
            (fix.heading_deg, fix.speed_mps) = (Some(heading), Some(speed));
            fix.cross_track_m = Some(speed.abs() * 5.0);
            if age % 7 == 0 { fix.state = State::OffRoute; }
            fix
        }).collect();
        let snapshot = seen(&fixes, now);
        let (positions, updates) = (gtfs_rt::vehicle_positions(&city, &snapshot), gtfs_rt::trip_updates(&city, &snapshot));
        prop_assert_eq!(positions.entity.len(), snapshot.vehicles.len());
        let header = u64::try_from(now.as_secs()).unwrap();
        let broken = rules::broken(&city, &positions, &updates, header);
        prop_assert!(broken.is_empty(), "{broken:?} {snapshot:?}");
        for feed in [positions, updates] {
            prop_assert_eq!(&FeedMessage::decode(gtfs_rt::encode(&feed)).unwrap(), &feed);
            let json: Value = serde_json::from_slice(&gtfs_rt::encode_json(&feed).unwrap()).unwrap();
            prop_assert_eq!(json["entity"].as_array().unwrap().len(), feed.entity.len());
        }
    }
}
