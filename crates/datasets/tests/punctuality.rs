//! Known delays in, figures worked out by hand out.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod support;

use support::{City, DAY, a_day, files, network, table};

/// Delays of T1: 0, −61, 300, 301; of T2: 20, 40 before nine and 60, 120 from nine on; of
/// T3, the other way past midnight: 0, 100, 200, 400. Hence:
///
/// * direction 0, hour 8: −61, 0, 20, 40, 300, 301. Median (20 + 40) / 2. The 90th
///   percentile lies at place 0.9 · 5 = 4.5, half-way from 300 to 301.
/// * direction 0, hour 9: 60, 120. Median 90, 90th percentile 60 + 0.9 · 60 = 114.
/// * direction 1, hour 24: 0, 100, 200, 400. Median 150, 90th percentile at place 2.7:
///   200 + 0.7 · 200 = 340.
#[tokio::test]
async fn the_figures_are_those_of_the_timetable_and_the_drive() {
    let network = network();
    let fixes = a_day(&network);
    let city = City::of(network, &[fixes]).await;
    city.export().await.unwrap();
    assert_eq!(
        files(&city.out())["punctuality.csv"],
        "service_date,route_id,route_short_name,direction_id,hour,observed_stop_visits,early,on_time,late,\
         early_share,on_time_share,late_share,median_delay_s,p90_delay_s\n\
         2026-01-16,R,\"1, А\",0,8,6,1,4,1,0.1667,0.6667,0.1667,30.0,300.5\n\
         2026-01-16,R,\"1, А\",0,9,2,0,2,0,0.0000,1.0000,0.0000,90.0,114.0\n\
         2026-01-16,R,\"1, А\",1,24,4,0,3,1,0.0000,0.7500,0.2500,150.0,340.0\n"
    );
}

#[tokio::test]
async fn stop_visits_and_trips_tell_the_same_story() {
    let network = network();
    let fixes = a_day(&network);
    let city = City::of(network, &[fixes]).await;
    let summary = city.export().await.unwrap();
    let files = files(&city.out());
    let visits = table(&files["stop_visits.csv"]);
    assert_eq!(visits.len(), 12);
    let of = |trip: &str| visits.iter().filter(|v| v["trip_id_performed"] == trip).cloned().collect::<Vec<_>>();
    let column = |rows: &support::Table, name: &str| rows.iter().map(|r| r[name].clone()).collect::<Vec<_>>();

    let first = of("T1@бус a");
    assert_eq!(column(&first, "trip_stop_sequence"), ["1", "2", "3", "4"]);
    assert_eq!(column(&first, "scheduled_stop_sequence"), ["10", "20", "30", "40"]);
    assert_eq!(column(&first, "stop_id"), ["S1", "S2", "S3", "S4"]);
    // Kyiv is two hours ahead of UTC in January.
    let expected = ["2026-01-16T06:00:00Z", "2026-01-16T06:05:00Z", "2026-01-16T06:10:00Z", "2026-01-16T06:15:00Z"];
    assert_eq!(column(&first, "schedule_departure_time"), expected);
    assert_eq!(
        column(&first, "actual_departure_time"),
        ["2026-01-16T06:00:00Z", "2026-01-16T06:03:59Z", "2026-01-16T06:15:00Z", ""]
    );
    assert_eq!(
        column(&first, "actual_arrival_time")[1..],
        ["2026-01-16T06:03:20Z", "2026-01-16T06:07:19Z", "2026-01-16T06:20:01Z"]
    );
    assert_eq!(column(&first, "dwell")[1..], ["39", "461", ""]);
    for distance in &column(&first, "distance")[1..] {
        // 0.02° of longitude at 48.85° north on the ellipsoid are 1,467.6 m, on a sphere 1,463 m.
        assert!((1460..1470).contains(&distance.parse::<i32>().unwrap()), "{distance} m");
    }

    let trips = table(&files["trips_performed.csv"]);
    assert_eq!(column(&trips, "trip_id_performed"), ["T2@b", "T1@бус a", "T3@бус a"]);
    assert_eq!(column(&trips, "route_type")[0], "Trolleybus");
    assert_eq!(column(&trips, "block_id")[2], "B-T3");
    let night = &trips[2];
    assert_eq!((&*night["trip_start_stop_id"], &*night["trip_end_stop_id"]), ("S4", "S1"));
    assert_eq!(night["service_date"], DAY, "a trip past midnight is of the day before");
    assert_eq!(night["schedule_trip_start"], "2026-01-16T22:30:00Z");
    assert_eq!(night["actual_trip_start"], "2026-01-16T22:30:00Z");
    assert_eq!(night["actual_trip_end"], "2026-01-16T22:51:40Z");
    assert_eq!((summary.trips_scheduled, summary.vehicles, summary.rejected), (4, 2, 0));
    assert_eq!(summary.files.map(|file| file.rows)[1..], [12, 3, 3]);
}

/// The next day's files do not repeat what belongs to this one.
#[tokio::test]
async fn two_days_share_no_row() {
    let network = network();
    let mut fixes = a_day(&network);
    // On Saturday nothing runs; a vehicle drives all the same, and one stands.
    let position = model::LatLon::new(48.86, 37.61).unwrap();
    fixes.extend((0..60).map(|step| support::row(&network, "b", 36 * 3600 + step * 10, position, 0.0)));
    let all = fixes.len();
    let city = City::of(network, &[fixes]).await;
    city.export().await.unwrap();
    let ids = |name: &str| {
        files(&city.out())[name].lines().skip(1).map(|l| l.split(',').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut locations = ids("vehicle_locations.csv");
    let saturday = support::day().next();
    city.export_as(saturday, &model::GatePolicy::Live, 1).await.unwrap();
    assert_eq!(ids("stop_visits.csv").len(), 0);
    assert_eq!(files(&city.out())["punctuality.csv"].lines().count(), 1, "the header alone");
    locations.extend(ids("vehicle_locations.csv"));
    locations.sort();
    locations.dedup();
    assert_eq!(locations.len(), all, "each fix in one of the days");
}
