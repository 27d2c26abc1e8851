//! A small feed and what is asked of it.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::{folder, load, tables, zip};
use model::{ServiceDate, Timestamp};
use network::{Network, RouteKind, ServiceDay, TripInstance};

const TIMES: &str = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n";

fn date(text: &str) -> ServiceDate {
    ServiceDate::parse(text).unwrap()
}

fn instant(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Everything under way at an instant, by trip and start of day.
fn under_way(network: &Network, at: Timestamp) -> Vec<TripInstance> {
    let mut found = Vec::new();
    for date in network.service_dates_at(at) {
        let day = network.service_day(date);
        for (pattern, _) in network.patterns() {
            network.runs_near(pattern, &day, day.seconds_at(at), 0.0, 0.0, |run| found.push(run));
        }
    }
    found
}

fn starts(network: &Network, day: &ServiceDay, seconds: f64, margin_s: f64) -> Vec<i32> {
    let mut starts = Vec::new();
    for (pattern, _) in network.patterns() {
        let start = |run: TripInstance| network.span_s(run.trip).0 + run.offset_s;
        network.runs_near(pattern, day, seconds, margin_s, margin_s, |run| starts.push(start(run)));
    }
    starts
}

#[test]
fn a_feed_without_shapes_gets_them_from_its_stops() {
    let (network, findings) = load(&[]);
    assert_eq!(findings, []);
    let (_, pattern) = network.patterns().next().unwrap();
    assert_eq!(network.patterns().len(), 1);
    assert!(network.shape(pattern.shape).coarse);
    assert_eq!(network.route(pattern.route).kind, RouteKind::Trolleybus);
    // One degree of longitude at 48.85° north is 73.39 km on WGS 84.
    assert!((pattern.stops[1].dist_m - 733.9).abs() < 0.5, "{:?}", pattern.stops);
    // The stop without a time lies half-way.
    let t1 = network.trip_by_id("T1").unwrap();
    assert_eq!(network.stop_times(t1)[1].arrival_s, 8 * 3600 + 300);
    assert_eq!(network.stop_times(t1)[1].stop_sequence, 5);
    assert!(!network.stop_times(t1)[1].timepoint && network.stop_times(t1)[2].timepoint);
    assert!((network.schedule_time(t1, pattern.stops[1].dist_m / 2.0) - (8.0 * 3600.0 + 150.0)).abs() < 1.0);
    assert!((network.schedule_distance(t1, 8.0 * 3600.0 + 300.0) - pattern.stops[1].dist_m).abs() < 1.0);
}

#[test]
fn the_timetable_waits_at_a_stop_and_leaves_it() {
    let (network, _) = load(&[]);
    let t2 = network.trip_by_id("T2").unwrap();
    let stops = &network.pattern(network.trip(t2).pattern).stops;
    let at = |h: i32, m: i32, s: i32| f64::from(h * 3600 + m * 60 + s);
    assert_eq!(network.schedule_time(t2, stops[1].dist_m), at(24, 56, 0), "the departure stands for the stop");
    for (h, m, s) in [(24, 55, 0), (24, 55, 30), (24, 56, 0)] {
        assert_eq!(network.schedule_distance(t2, at(h, m, s)), stops[1].dist_m);
    }
    assert_eq!(network.schedule_distance(t2, 0.0), 0.0);
    assert_eq!(network.schedule_distance(t2, at(30, 0, 0)), stops[2].dist_m);
    assert_eq!(network.schedule_time(t2, -50.0), at(24, 50, 0));
    assert_eq!(network.schedule_time(t2, 1e6), at(25, 5, 0));
}

#[test]
fn calendars_exceptions_and_nights_are_obeyed() {
    let (network, _) = load(&[]);
    let service = network.trip(network.trip_by_id("T1").unwrap()).service;
    let runs = |day: &str| network.runs(service, date(day));
    assert!(runs("2026-11-18") && !runs("2026-11-21"), "weekdays");
    assert!(!runs("2026-08-24") && runs("2026-08-29"), "a holiday off, a Saturday on");
    assert_eq!(network.service_span(), Some((date("2026-01-01"), date("2026-12-31"))));
    // 00:52 on the 19th belongs to the trip of the 18th that starts at 24:50.
    let found = under_way(&network, instant("2026-11-18T22:52:00Z"));
    let t2 = network.trip_by_id("T2").unwrap();
    let day = date("2026-11-18");
    assert_eq!(found, [TripInstance { trip: t2, day, offset_s: 0 }]);
    assert_eq!(network.span(found[0]).0.to_string(), "2026-11-18T22:50:00Z");
    // A Saturday night: the trip of Friday is still under way.
    let found = under_way(&network, instant("2026-11-20T22:52:00Z"));
    assert_eq!(found, [TripInstance { trip: t2, day: date("2026-11-20"), offset_s: 0 }]);
    assert_eq!(under_way(&network, instant("2026-11-21T22:52:00Z")), []);
}

#[test]
fn a_feed_with_calendar_dates_alone_runs_on_them() {
    let (network, findings) = load(&[
        ("calendar.txt", ""),
        ("calendar_dates.txt", "service_id,date,exception_type\nWD,20260901,1\nWD,20260903,1\n"),
    ]);
    assert_eq!(findings, []);
    let service = network.trip(network.trip_by_id("T1").unwrap()).service;
    let days = ["2026-08-31", "2026-09-01", "2026-09-02", "2026-09-03"].map(|d| network.runs(service, date(d)));
    assert_eq!(days, [false, true, false, true]);
    assert_eq!(network.service_span(), Some((date("2026-09-01"), date("2026-09-03"))));
}

#[test]
fn days_on_which_clocks_change_count_from_noon() {
    let times = format!(
        "{TIMES}T1,00:20:00,00:20:00,S1,1\nT1,00:40:00,00:40:00,S3,2\nT2,08:00:00,08:00:00,S1,1\nT2,08:20:00,08:20:00,S3,2\n"
    );
    let daily = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\nWD,1,1,1,1,1,1,1,20260101,20261231\n";
    let (network, _) = load(&[("stop_times.txt", &times), ("calendar.txt", daily)]);
    let [t1, t2] = ["T1", "T2"].map(|id| network.trip_by_id(id).unwrap());
    let run = |trip, day: &str| TripInstance { trip, day: date(day), offset_s: 0 };
    // In the morning the wall clock is right on either day: UTC+3 in summer, UTC+2 in winter.
    assert_eq!(under_way(&network, instant("2026-03-29T05:10:00Z")), [run(t2, "2026-03-29")]);
    assert_eq!(under_way(&network, instant("2026-10-25T06:10:00Z")), [run(t2, "2026-10-25")]);
    // The day of 23 hours begins at 23:00 of its eve, so 00:20 of it is 23:20 there.
    assert_eq!(network.span(run(t1, "2026-03-29")).0.to_string(), "2026-03-28T21:20:00Z");
    assert_eq!(under_way(&network, instant("2026-03-28T21:30:00Z")), [run(t1, "2026-03-29")]);
    assert_eq!(under_way(&network, instant("2026-10-24T22:30:00Z")), [run(t1, "2026-10-25")]);
}

#[test]
fn the_days_ahead_are_seen_as_far_as_asked() {
    let (network, _) = load(&[]);
    let late = instant("2026-11-18T21:50:00Z");
    assert_eq!(network.service_dates_at(late), [date("2026-11-18")]);
    assert_eq!(network.service_dates_near(late, 0.0, 1200.0), [date("2026-11-18"), date("2026-11-19")]);
    // Trips pass midnight by 65 minutes.
    let noon = instant("2026-11-18T10:00:00Z");
    assert_eq!(network.service_dates_at(noon), [date("2026-11-18")]);
    assert_eq!(network.service_dates_near(noon, 11.0 * 3600.0, 0.0), [date("2026-11-17"), date("2026-11-18")]);
}

#[test]
fn a_block_runs_its_trips_of_the_day_one_after_another() {
    let (network, _) = load(&[
        ("trips.txt", "route_id,service_id,trip_id,block_id\nR,WD,T1,B\nR,WD,T2,B\nR,SUN,T3,B\nR,WD,T4,\n"),
        ("calendar_dates.txt", "service_id,date,exception_type\nSUN,20261122,1\n"),
        (
            "stop_times.txt",
            &format!(
                "{TIMES}T1,08:00:00,,S1,1\nT1,08:10:00,,S3,2\nT2,10:00:00,,S1,1\nT2,10:10:00,,S3,2\nT3,09:00:00,,S1,1\nT3,09:10:00,,S3,2\nT4,09:00:00,,S1,1\nT4,09:10:00,,S3,2\n"
            ),
        ),
    ]);
    let day = network.service_day(date("2026-11-18"));
    let run = |id| TripInstance { trip: network.trip_by_id(id).unwrap(), day: day.date, offset_s: 0 };
    let block = network.trip(run("T1").trip).block.unwrap();
    assert_eq!(network.block_runs(block, &day).collect::<Vec<_>>(), [run("T1"), run("T2")]);
    assert_eq!(network.next_in_block(run("T1"), &day), Some(run("T2")));
    assert_eq!(network.next_in_block(run("T2"), &day), None);
    assert_eq!(network.previous_in_block(run("T2"), &day), Some(run("T1")));
    assert_eq!(network.previous_in_block(run("T1"), &day), None);
    assert_eq!(network.next_in_block(run("T4"), &day), None);
}

#[test]
fn a_frequency_runs_again_and_again() {
    let (network, _) = load(&[(
        "frequencies.txt",
        "trip_id,start_time,end_time,headway_secs,exact_times\nT1,06:00:00,07:00:00,1200,1\nT1,07:00:00,07:30:00,600,\n",
    )]);
    let day = network.service_day(date("2026-11-18"));
    let all = starts(&network, &day, 6.5 * 3600.0, 3600.0);
    assert_eq!(all, [21_600, 22_800, 24_000, 25_200, 25_800, 26_400]);
    // 06:35: of 6:00, 6:20 and 6:40 only the second is under way, which takes ten minutes from its start.
    assert_eq!(starts(&network, &day, 6.0 * 3600.0 + 25.0 * 60.0, 0.0), [22_800]);
    assert_eq!(starts(&network, &day, 6.0 * 3600.0 + 35.0 * 60.0, 0.0), []);
    let trip = network.trip(network.trip_by_id("T1").unwrap());
    assert!(trip.headways[0].exact && !trip.headways[1].exact && trip.is_floating());
    let run = TripInstance { trip: network.trip_by_id("T1").unwrap(), day: day.date, offset_s: 22_800 - 28_800 };
    assert_eq!(network.span(run).0.to_string(), "2026-11-18T04:20:00Z");
}

#[test]
fn a_frequency_goes_on_past_midnight() {
    let times = format!("{TIMES}T1,00:00:00,,S1,1\nT1,00:30:00,,S3,2\n");
    let (network, _) = load(&[
        ("stop_times.txt", &times),
        ("trips.txt", "route_id,service_id,trip_id\nR,WD,T1\n"),
        ("frequencies.txt", "trip_id,start_time,end_time,headway_secs,exact_times\nT1,23:00:00,25:10:00,1800,1\n"),
    ]);
    // 01:20 on Thursday: the run of Wednesday's 25:00.
    let at = instant("2026-11-18T23:20:00Z");
    let found = under_way(&network, at);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].day, found[0].offset_s), (date("2026-11-18"), 25 * 3600));
    assert_eq!(network.service_dates_at(instant("2026-11-18T23:50:00Z")).len(), 1, "25:00 and half an hour are over");
}

#[test]
fn english_names_come_from_translations() {
    let (network, findings) = load(&[
        ("trips.txt", "route_id,service_id,trip_id,trip_headsign\nR,WD,T1,Центр\nR,WD,T2,Вокзал\n"),
        (
            "translations.txt",
            "table_name,field_name,language,translation,record_id,record_sub_id,field_value\nstops,stop_name,en,Station,S1,,\nstops,stop_name,en-GB,Railway Station,S1,,\nstops,stop_name,en,Market,,,Ринок\nstops,stop_name,de,Markt,S2,,\nroutes,route_long_name,en,Station – Centre,R,,\ntrips,trip_headsign,en,Centre,,,Центр\nagency,agency_name,en,City Transport,A,,\n",
        ),
    ]);
    assert_eq!(findings, []);
    let names: Vec<_> = network.stops().map(|(_, s)| s.name_en.as_deref()).collect();
    assert_eq!(names, [Some("Station"), Some("Market"), None]);
    assert_eq!(network.routes().next().unwrap().1.long_name_en.as_deref(), Some("Station – Centre"));
    let headsigns: Vec<_> = network.trips().map(|(_, t)| t.headsign_en.as_deref()).collect();
    assert_eq!(headsigns, [Some("Centre"), None]);
}

const SHAPES: &str = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\nL1,48.8500,37.6000,1,0\nL1,48.8520,37.6050,2,0.5\nL1,48.8500,37.6200,3,1.7\nL2,48.8500,37.6000,10,\nL2,48.8520,37.6050,20,\nL2,48.8500,37.6200,30,\nL3,48.8500,37.6000,1,\nL3,48.8480,37.6050,2,\nL3,48.8500,37.6200,3,\n";

#[test]
fn shapes_of_one_geometry_are_one() {
    let (network, findings) = load(&[
        ("shapes.txt", SHAPES),
        ("trips.txt", "route_id,service_id,trip_id,shape_id\nR,WD,T1,L1\nR,WD,T2,L2\nR,WD,T3,L3\n"),
        (
            "stop_times.txt",
            &format!(
                "{TIMES}T1,08:00:00,,S1,1\nT1,08:10:00,,S3,2\nT2,10:00:00,,S1,1\nT2,10:10:00,,S3,2\nT3,09:00:00,,S1,1\nT3,09:10:00,,S3,2\n"
            ),
        ),
    ]);
    assert_eq!(findings, []);
    assert_eq!((network.shapes().len(), network.patterns().len()), (2, 2));
    let pattern = |id| network.trip(network.trip_by_id(id).unwrap()).pattern;
    assert!(pattern("T1") == pattern("T2") && pattern("T1") != pattern("T3"));
    let at = network.plane().to_xy(model::LatLon::new(48.8520, 37.6050).unwrap());
    let mut near = network::Nearby::default();
    network.candidates(at, 20.0, &mut near);
    let found = near.all();
    assert!(found.iter().all(|c| c.shape == network.pattern(pattern("T1")).shape) && found.len() == 2, "{found:?}");
    assert_eq!(network.patterns_of(found[0].shape), [pattern("T1")]);
}

/// The feed with the rows of all its tables the other way round.
fn reversed(tables: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let reverse = |text: &[u8]| {
        let text = String::from_utf8(text.to_vec()).unwrap();
        let mut lines = text.lines();
        let header = lines.next().unwrap();
        let rows: Vec<&str> = lines.rev().collect();
        format!("\u{feff}{header}\r\n{}\r\n", rows.join("\r\n")).into_bytes()
    };
    tables.iter().map(|(name, text)| (name.clone(), reverse(text))).collect()
}

#[test]
fn the_order_of_rows_and_the_wrapping_do_not_matter() {
    let tables = tables(&[
        ("shapes.txt", SHAPES),
        ("trips.txt", "route_id,service_id,trip_id,shape_id,block_id\nR,WD,T1,L1,B\nR,WD,T2,L3,B\n"),
    ]);
    let print = |network: &Network| {
        let trips: Vec<_> =
            network.trips().map(|(i, t)| (t.clone().id, t.pattern, network.stop_times(i).to_vec())).collect();
        let patterns: Vec<_> =
            network.patterns().map(|(_, p)| (p.id.clone(), p.stops.clone(), p.trips.clone())).collect();
        let shapes: Vec<_> = network.shapes().map(|(_, s)| s.clone()).collect();
        format!("{trips:?} {patterns:?} {shapes:?} {:?}", network.bounds())
    };
    let (network, odd) = network::load(folder(&tables).path()).unwrap();
    let (other, _) = network::load(folder(&reversed(&tables)).path()).unwrap();
    assert_eq!(print(&network), print(&other));
    // In a zip file, in a folder of it, beside an older copy deeper down.
    let outside = tempfile::tempdir().unwrap();
    let path = outside.path().join("gtfs.zip");
    let mut entries: Vec<_> = tables.iter().map(|(name, text)| (format!("feed/{name}"), text.clone())).collect();
    entries.insert(0, ("feed/old/stops.txt".to_owned(), b"stop_id\nOLD\n".to_vec()));
    entries.push(("feed/old/trips.txt".to_owned(), b"nonsense".to_vec()));
    zip(&path, &entries);
    let (zipped, findings) = network::load(&path).unwrap();
    assert_eq!((print(&network), findings), (print(&zipped), odd));
}

#[test]
fn entrances_are_no_stops() {
    let (network, findings) = load(&[(
        "stops.txt",
        "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\nS1,A,48.85,37.60,0,ST\nS2,B,48.85,37.61,,\nS3,C,48.85,37.62,,\nST,Station,48.85,37.60,1,\nE1,Entrance,48.85,37.60,2,ST\nN1,,,,3,ST\n",
    )]);
    assert_eq!(findings, []);
    let stops: Vec<_> = network.stops().map(|(_, s)| s.id.as_str()).collect();
    assert_eq!(stops, ["S1", "S2", "S3", "ST"]);
    let served = |id| network.patterns_at(network.stop_by_id(id).unwrap()).len();
    assert_eq!((served("S1"), served("ST")), (1, 0));
}
