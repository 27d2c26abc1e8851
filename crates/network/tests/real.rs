//! Real feeds, where they are at hand.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::path::{Path, PathBuf};

use model::{ServiceDate, Timestamp};
use network::{Network, RouteKind};

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(name);
    if !path.exists() {
        println!("skipped: {} is not at hand", path.display());
        return None;
    }
    Some(path)
}

fn loaded(name: &str) -> Option<Network> {
    let path = shared(name)?;
    let (network, findings) = network::load(&path).unwrap();
    println!("{name}: {findings:?}");
    for (index, pattern) in network.patterns() {
        let length = network.shape(pattern.shape).length_m();
        assert!(pattern.stops.windows(2).all(|w| w[0].dist_m <= w[1].dist_m), "{}", pattern.id);
        assert!(pattern.stops.iter().all(|s| (0.0..=length).contains(&s.dist_m)), "{}", pattern.id);
        assert!(pattern.stops.last().unwrap().dist_m > pattern.stops[0].dist_m, "{} goes nowhere", pattern.id);
        assert!(pattern.trips.iter().all(|t| network.trip(*t).pattern == index));
        assert!(pattern.stops.iter().all(|s| network.patterns_at(s.stop).contains(&index)));
    }
    let mut ids: Vec<&str> = network.patterns().map(|(_, p)| p.id.as_str()).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|w| w[0] != w[1]), "two patterns with one id");
    for (index, trip) in network.trips() {
        assert_eq!(network.trip_by_id(&trip.id), Some(index));
        let times = network.stop_times(index);
        assert_eq!(times.len(), network.pattern(trip.pattern).stops.len());
        assert!(times.iter().all(|t| t.arrival_s <= t.departure_s), "{}", trip.id);
        assert!(times.windows(2).all(|w| w[0].departure_s <= w[1].arrival_s), "{}", trip.id);
    }
    timetables_and_distances_agree(&network);
    Some(network)
}

/// Half-way in time between two stops the timetable has the trip between them, and says the
/// same time of that place.
fn timetables_and_distances_agree(network: &Network) {
    for (trip, id) in network.trips().step_by(29).map(|(i, t)| (i, &t.id)) {
        let stops = &network.pattern(network.trip(trip).pattern).stops;
        let mut before_m = 0.0;
        for (ends, times) in stops.windows(2).zip(network.stop_times(trip).windows(2)) {
            let (left, arrives) = (f64::from(times[0].departure_s), f64::from(times[1].arrival_s));
            if left >= arrives {
                continue;
            }
            let half = f64::midpoint(left, arrives);
            let dist_m = network.schedule_distance(trip, half);
            assert!((ends[0].dist_m..=ends[1].dist_m).contains(&dist_m) && dist_m >= before_m, "{id}: {dist_m}");
            if ends[1].dist_m - ends[0].dist_m > 1.0 {
                assert!((network.schedule_time(trip, dist_m) - half).abs() < 0.01, "{id}: {half} s, {dist_m} m");
            }
            before_m = dist_m;
        }
    }
}

/// How far stops lie beside their shapes: the given shares of them, metres.
fn offsets(network: &Network, shares: [usize; 2]) -> [f64; 2] {
    let mut off: Vec<f64> = Vec::new();
    for (_, pattern) in network.patterns() {
        for stop in &pattern.stops {
            let (at, stop) = (network.shape(pattern.shape).point_at(stop.dist_m), network.stop(stop.stop).xy);
            off.push((at[0] - stop[0]).hypot(at[1] - stop[1]));
        }
    }
    off.sort_by(f64::total_cmp);
    shares.map(|percent| off[(off.len() - 1) * percent / 100])
}

fn running(network: &Network, day: &str) -> usize {
    let day = network.service_day(ServiceDate::parse(day).unwrap());
    network.trips().filter(|(_, t)| day.runs(t.service)).count()
}

#[test]
fn kingston() {
    let Some(network) = loaded("kingston-2026-01-16/gtfs.zip") else { return };
    assert_eq!((network.routes().len(), network.trips().len(), network.stops().len()), (31, 7_113, 809));
    assert_eq!(network.trips().map(|(t, _)| network.stop_times(t).len()).sum::<usize>(), 176_768);
    assert_eq!(network.patterns().filter(|(_, p)| p.direction.is_some()).count(), 0, "the feed has no directions");
    let [half, most] = offsets(&network, [50, 98]);
    assert!(half < 15.0 && most < 60.0, "{half} {most}");
    assert_eq!(network.zone().iana_name(), Some("America/Toronto"));
    let (first, last) = network.service_span().unwrap();
    assert!(first.to_string() == "2025-12-29" && last.to_string().as_str() <= "2026-12-30", "{first} {last}");
    assert!(running(&network, "2026-01-16") > 500);
    // A trip that the agency's own feed had under way at that time is found among the runs.
    let at = Timestamp::parse("2026-01-16T19:45:00Z").unwrap();
    let mut runs = 0;
    for date in network.service_dates_at(at) {
        let day = network.service_day(date);
        for (pattern, _) in network.patterns() {
            network.runs_near(pattern, &day, day.seconds_at(at), 0.0, 0.0, |run| {
                let (start, end) = network.span(run);
                assert!(start <= at && at <= end);
                runs += 1;
            });
        }
    }
    assert!((40..70).contains(&runs), "{runs} buses by the timetable at a quarter to three");
}

#[test]
fn kyiv_with_control_points_only() {
    let Some(network) = loaded("kyiv-gtfs-2026-07-11/gtfs_kyiv.zip") else { return };
    assert_eq!((network.routes().len(), network.trips().len(), network.stops().len()), (160, 23_483, 1_464));
    assert_eq!(network.trips().map(|(t, _)| network.stop_times(t).len()).sum::<usize>(), 99_863);
    let of = |kind| network.routes().filter(|(_, r)| r.kind == kind).count();
    assert_eq!((of(RouteKind::Tram), of(RouteKind::Trolleybus), of(RouteKind::Bus)), (17, 44, 99));
    assert_eq!(running(&network, "2026-07-13"), 11_890);
    assert_eq!((network.language(), network.version()), (Some("uk"), Some("20260711")));
    // Its 2,054 shapes are drawn again and again under other ids.
    assert!(network.shapes().len() < 600, "{}", network.shapes().len());
}

#[test]
fn vilnius_and_its_next_version() {
    let Some(network) = loaded("vilnius-2026-08/gtfs-20260817.zip") else { return };
    assert_eq!((network.routes().len(), network.trips().len(), network.stops().len()), (115, 19_292, 1_538));
    assert!(running(&network, "2026-08-18") > 10_000);
    // Two trips of one vehicle follow each other.
    let day = network.service_day(ServiceDate::parse("2026-08-18").unwrap());
    let mut pairs = 0;
    for (block, _) in network.blocks() {
        let runs: Vec<_> = network.block_runs(block, &day).collect();
        for pair in runs.windows(2) {
            assert_eq!(network.next_in_block(pair[0], &day), Some(pair[1]));
            assert_eq!(network.previous_in_block(pair[1], &day), Some(pair[0]));
            assert!(network.span(pair[0]).0 <= network.span(pair[1]).0);
            pairs += 1;
        }
    }
    assert!(pairs > 5_000, "{pairs}");
    let Some(next) = loaded("vilnius-2026-08/gtfs-20260819.zip") else { return };
    assert_eq!((next.routes().len(), next.trips().len(), next.stops().len()), (115, 19_531, 1_539));
    let ids = |n: &Network| n.patterns().map(|(_, p)| p.id.clone()).collect::<std::collections::BTreeSet<_>>();
    let (before, after) = (ids(&network), ids(&next));
    let kept = before.intersection(&after).count();
    assert!(kept * 10 > before.len() * 9, "{kept} of {} patterns keep their id", before.len());
}

#[test]
fn warsaw_is_compiled_alike_twice() {
    let Some(network) = loaded("warsaw-2024-02-19/gtfs.zip") else { return };
    assert_eq!((network.routes().len(), network.stops().len()), (332, 6_904));
    assert_eq!((network.trips().len(), network.blocks().len(), network.patterns().len()), (37_083, 2_478, 1_876));
    assert_eq!(network.trips().map(|(t, _)| network.stop_times(t).len()).sum::<usize>(), 873_289);
    let (again, _) = network::load(&shared("warsaw-2024-02-19/gtfs.zip").unwrap()).unwrap();
    let ids =
        |n: &Network| n.patterns().map(|(_, p)| (p.id.clone(), p.trips.clone(), p.stops.clone())).collect::<Vec<_>>();
    assert!(ids(&network) == ids(&again));
    let coarse = network.patterns().filter(|(_, p)| network.shape(p.shape).coarse).count();
    assert!((1_300..1_450).contains(&coarse), "of 1,876 shapes 488 are traces, the rest straight lines: {coarse}");
}

#[test]
fn washington() {
    for (name, trips) in [("gtfs_S2.zip", 1_267), ("gtfs_3T.zip", 363), ("gtfs_5A.zip", 372)] {
        let Some(network) = loaded(&format!("transitclock-2016/gtfs/{name}")) else { return };
        assert_eq!(network.trips().len(), trips);
        let [half, most] = offsets(&network, [50, 98]);
        assert!(half < 15.0 && most < 60.0, "{name}: {half} {most}");
    }
}
