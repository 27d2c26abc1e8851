//! A small city, and vehicles put where a test wants them.

#![allow(dead_code, reason = "not every test file uses all of it")]

pub mod rules;

use feeds::{LiveState, Snapshot};
use matching::{MatchedFix, State};
use model::{Fix, GatePolicy, LatLon, ServiceDate, Timestamp, VehicleId};
use network::{Network, TripInstance};

/// Line 1 goes out by trip T1, which waits five minutes at the market, and T2 after midnight;
/// line 2 is a loop; line 3 runs every ten minutes without times, line 4 with them.
const TABLES: &[(&str, &str)] = &[
    ("agency.txt", "agency_id,agency_name,agency_url,agency_timezone\nA,Міськтранс,https://example.org,Europe/Kyiv\n"),
    (
        "routes.txt",
        "route_id,agency_id,route_short_name,route_long_name,route_type,route_color\nR,A,1,Вокзал – Центр,11,1A73E8\n\
         L,A,2,Кільце,3,\nF,A,3,Вокзал – Ринок,3,\nE,A,4,Вокзал – Ринок,3,\n",
    ),
    (
        "stops.txt",
        "stop_id,stop_name,stop_lat,stop_lon\nS1,Вокзал,48.8500,37.6000\nS2,Ринок,48.8500,37.6100\n\
         S3,Центр,48.8500,37.6200\nS4,Парк,48.8600,37.6100\n",
    ),
    (
        "calendar.txt",
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
         WD,1,1,1,1,1,1,1,20260101,20261231\n",
    ),
    (
        "trips.txt",
        "route_id,service_id,trip_id,direction_id,trip_headsign,shape_id\nR,WD,T1,0,Центр,H\nR,WD,T2,0,Центр,H\n\
         L,WD,T3,,Кільце,\nF,WD,T4,1,Ринок,\nE,WD,T5,1,Ринок,\n",
    ),
    (
        "stop_times.txt",
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
         T1,10:00:00,10:00:00,S1,1\nT1,10:10:00,10:15:00,S2,5\nT1,10:25:00,10:25:00,S3,9\n\
         T2,24:50:00,24:50:00,S1,1\nT2,24:55:00,24:55:20,S2,2\nT2,25:05:00,25:05:00,S3,3\n\
         T3,10:00:00,10:00:00,S1,1\nT3,10:05:00,10:05:00,S2,2\nT3,10:08:00,10:08:00,S4,3\nT3,10:12:00,10:12:00,S1,4\n\
         T4,06:00:00,06:00:00,S1,1\nT4,06:06:00,06:06:00,S2,2\nT5,06:00:00,06:00:00,S1,1\nT5,06:06:00,06:06:00,S2,2\n",
    ),
    (
        "shapes.txt",
        "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\nH,48.8500,37.6000,1\nH,48.8503,37.6050,2\n\
         H,48.8500,37.6100,3\nH,48.8503,37.6150,4\nH,48.8500,37.6200,5\n",
    ),
    (
        "frequencies.txt",
        "trip_id,start_time,end_time,headway_secs,exact_times\nT4,07:00:00,20:00:00,600,0\nT5,07:00:00,20:00:00,600,1\n",
    ),
];

pub fn city() -> Network {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in TABLES {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    network::load(folder.path()).unwrap().0
}

pub fn day() -> ServiceDate {
    ServiceDate::parse("2026-01-16").unwrap()
}

/// An instant of the service day by its local time; Kyiv is two hours ahead of UTC in winter.
pub fn at(hours: i64, minutes: i64, seconds: i64) -> Timestamp {
    let midnight = Timestamp::parse("2026-01-15T22:00:00Z").unwrap();
    Timestamp::from_secs(midnight.as_secs() + hours * 3600 + minutes * 60 + seconds)
}

/// A trip's run on the day, so many seconds after the times of stop_times.txt.
pub fn run(network: &Network, trip: &str, offset_s: i32) -> TripInstance {
    TripInstance { trip: network.trip_by_id(trip).unwrap(), day: day(), offset_s }
}

/// A fix of a vehicle on no trip.
pub fn fix(vehicle: &str, time: Timestamp) -> MatchedFix {
    let place = LatLon::new(48.85, 37.605).unwrap();
    let fix = Fix { speed_mps: Some(7.5), heading_deg: Some(90.0), ..Fix::at(time, place) };
    MatchedFix { state: State::Deadhead, ..MatchedFix::unmatched(&VehicleId::new(vehicle).unwrap(), &fix) }
}

/// A fix of a vehicle on `run`, a little before the stop of index `next_stop` or, where
/// `at_stop`, at it, `delay_s` behind the timetable.
pub fn on(
    network: &Network,
    vehicle: &str,
    time: Timestamp,
    run: TripInstance,
    (next_stop, at_stop, delay_s): (usize, bool, i32),
) -> MatchedFix {
    let index = network.trip(run.trip).pattern;
    let pattern = network.pattern(index);
    let stop_m = pattern.stops[next_stop].dist_m;
    let dist_m = if at_stop { stop_m } else { (stop_m - 200.0).max(0.0) };
    let place = network.plane().to_lat_lon(network.shape(pattern.shape).point_at(dist_m));
    MatchedFix {
        position: Some(place),
        state: State::InService,
        trip: Some(run),
        pattern: Some(index),
        route: Some(pattern.route),
        direction: pattern.direction,
        shape_dist_m: Some(dist_m),
        cross_track_m: Some(3.0),
        delay_s: Some(delay_s),
        next_stop: Some(u32::try_from(next_stop).unwrap()),
        at_stop,
        confidence: 0.9,
        ..fix(vehicle, time)
    }
}

/// What the public sees at `now` of vehicles with these fixes.
pub fn seen(fixes: &[MatchedFix], now: Timestamp) -> Snapshot {
    let mut state = LiveState::default();
    state.apply(fixes, now);
    state.take_changes();
    state.snapshot(&GatePolicy::Live, now)
}
