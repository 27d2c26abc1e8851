//! Matching by its public face: a small city made here, and a recorded day where it is at hand.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

mod synthetic;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use matching::{MatchedFix, Matcher, Outcome, Parameters, Rejection, State, StopVisit, Track, match_fleet};
use model::{Fix, LatLon, Timestamp, VehicleId};
use network::Network;
use proptest::prelude::*;

/// Metres of a degree of longitude at the city's latitude.
const DEGREE_M: f64 = 73_170.0;
const STOPS: i32 = 6;
const APART_M: f64 = 800.0;

/// One straight street, 4 km from west to east; buses go both ways, 40 s a stop at 20 m/s or
/// so, a trip at 08:00 and 09:00 each way, all of one block.
fn city() -> Arc<Network> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("agency.txt", "agency_id,agency_name,agency_url,agency_timezone\nA,A,https://example.org,Europe/Kyiv\n");
    write("routes.txt", "route_id,route_short_name,route_long_name,route_type\nR,1,,3\n");
    write(
        "calendar.txt",
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\nD,1,1,1,1,1,1,1,20260101,20261231\n",
    );
    let mut stops = String::from("stop_id,stop_name,stop_lat,stop_lon\n");
    let mut shapes = String::from("shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n");
    for i in 0..STOPS {
        let lon = 37.6 + f64::from(i) * APART_M / DEGREE_M;
        writeln!(stops, "S{i},Stop {i},48.85,{lon}").unwrap();
        writeln!(shapes, "east,48.85,{lon},{i}\nwest,48.85,{lon},{}", STOPS - i).unwrap();
    }
    let mut trips = String::from("route_id,service_id,trip_id,direction_id,shape_id,block_id\n");
    let mut times = String::from("trip_id,arrival_time,departure_time,stop_id,stop_sequence\n");
    for hour in [8, 9] {
        for (name, minute, direction) in [("east", 0, 0), ("west", 30, 1)] {
            writeln!(trips, "R,D,{name}-{hour},{direction},{name},B").unwrap();
            for i in 0..STOPS {
                let stop = if direction == 0 { i } else { STOPS - 1 - i };
                let at = format!("{hour:02}:{:02}:00", minute + 2 * i);
                writeln!(times, "{name}-{hour},{at},{at},S{stop},{}", i + 1).unwrap();
            }
        }
    }
    write("stops.txt", &stops);
    write("shapes.txt", &shapes);
    write("trips.txt", &trips);
    write("stop_times.txt", &times);
    Arc::new(network::load(folder.path()).unwrap().0)
}

/// 08:00 in Kyiv on a winter day, and seconds after it.
fn at(seconds: f64) -> Timestamp {
    Timestamp::parse("2026-01-16T06:00:00Z").unwrap().plus_seconds(seconds)
}

/// A fix on the street, metres from its western end and beside it.
fn fix(seconds: f64, along_m: f64, beside_m: f64) -> Fix {
    let place = LatLon::new(48.85 + beside_m / 111_200.0, 37.6 + along_m / DEGREE_M).unwrap();
    Fix::at(at(seconds), place)
}

fn run(fixes: impl IntoIterator<Item = Fix>) -> Outcome {
    let mut matcher = Matcher::new(city(), Parameters::default());
    let vehicle = VehicleId::new("7").unwrap();
    let mut outcome = Outcome::default();
    for fix in fixes {
        matcher.advance(&vehicle, &fix, None, &mut outcome);
    }
    matcher.finish(&mut outcome);
    outcome
}

/// A bus that keeps to the timetable eastward, `late_s` behind it, a fix every 10 s.
fn eastward(late_s: f64) -> impl Iterator<Item = Fix> {
    (0..=66).map(move |i| {
        let seconds = f64::from(i) * 10.0;
        fix(seconds + late_s, (seconds / 120.0 * APART_M).min(4000.0), 3.0 * f64::from(i % 3 - 1))
    })
}

fn visits_of<'a>(outcome: &'a Outcome, trip: &'a str) -> impl Iterator<Item = &'a StopVisit> {
    outcome.visits.iter().filter(move |v| city().trip(v.trip.trip).id == trip)
}

fn trip(fix: &MatchedFix) -> Option<String> {
    fix.trip.map(|run| city().trip(run.trip).id.to_string())
}

#[test]
fn a_bus_on_time_is_on_its_trip_and_stops_where_it_should() {
    let outcome = run(eastward(0.0));
    let told: Vec<_> = outcome.fixes.iter().skip(6).filter_map(trip).collect();
    assert_eq!(told.len(), outcome.fixes.len() - 6, "within a minute it is known, and stays so");
    assert!(told.iter().take(50).all(|t| t == "east-8"), "{told:?}");
    assert!(outcome.fixes[30].delay_s.unwrap().abs() < 20);
    let visits: Vec<(u32, f64)> =
        visits_of(&outcome, "east-8").map(|v| (v.stop_sequence, v.arrival.seconds_since(at(0.0)))).collect();
    assert_eq!(visits.iter().map(|v| v.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    for (sequence, seconds) in visits {
        assert!((seconds - f64::from(sequence - 1) * 120.0).abs() <= 12.0, "stop {sequence} at {seconds}");
    }
}

#[test]
fn a_late_bus_is_as_late_as_it_is() {
    let outcome = run(eastward(300.0));
    let delay = outcome.fixes[40].delay_s.unwrap();
    assert!((280..=320).contains(&delay), "{delay}");
}

#[test]
fn the_two_directions_of_one_street_are_told_apart() {
    // At 08:40 a bus going west is the one of 08:30, whatever drives east there.
    let outcome = run((0..40).map(|i| fix(1860.0 + f64::from(i) * 10.0, 3600.0 - f64::from(i) * 66.0, 4.0)));
    let told: Vec<_> = outcome.fixes.iter().filter_map(trip).collect();
    assert!(told.len() > 30 && told.iter().all(|t| t == "west-8"), "{told:?}");
    assert!(outcome.fixes.iter().skip(10).all(|f| f.direction == Some(1)));
}

#[test]
fn a_bus_parked_beside_the_line_is_on_no_trip() {
    let outcome = run((0..200).map(|i| fix(f64::from(i) * 15.0, 1300.0 + f64::from(i % 4), 12.0)));
    assert!(outcome.fixes.iter().all(|f| f.trip.is_none() && f.state == State::Unknown));
    assert_eq!(outcome.visits, []);
}

#[test]
fn a_jump_is_refused_and_a_move_that_lasts_is_believed() {
    let mut fixes: Vec<Fix> = eastward(0.0).take(20).collect();
    fixes[10] = fix(100.0, 90_000.0, 0.0);
    let outcome = run(fixes.clone());
    assert!(matches!(outcome.fixes[10].rejected, Some(Rejection::OutsideArea | Rejection::Jump)));
    assert_eq!(trip(&outcome.fixes[15]).as_deref(), Some("east-8"), "and the trip goes on");

    fixes.truncate(10);
    fixes.extend((10..20).map(|i| fix(f64::from(i) * 10.0, 15_000.0 + f64::from(i) * 10.0, 0.0)));
    let rejected: Vec<_> = run(fixes).fixes.iter().map(|f| f.rejected).collect();
    assert_eq!(rejected[10..12], [Some(Rejection::Jump); 2]);
    assert!(rejected[12..].iter().all(Option::is_none), "{rejected:?}");
}

#[test]
fn bad_fixes_are_kept_with_their_reason() {
    let mut matcher = Matcher::new(city(), Parameters::default());
    let vehicle = VehicleId::new("7").unwrap();
    let mut outcome = Outcome::default();
    let nowhere = Fix::at(at(20.0), LatLon::new(0.0, 0.0).unwrap());
    let invalid = Fix { valid: false, ..fix(30.0, 0.0, 0.0) };
    let fixes = [fix(10.0, 0.0, 0.0), fix(10.0, 0.0, 0.0), fix(5.0, 0.0, 0.0), nowhere, invalid, fix(9999.0, 0.0, 0.0)];
    for fix in fixes {
        matcher.advance(&vehicle, &fix, Some(at(40.0)), &mut outcome);
    }
    let reasons: Vec<_> = outcome.fixes.iter().map(|f| f.rejected.map(Rejection::as_str)).collect();
    let expected = [None, Some("duplicate"), Some("late"), Some("null_island"), Some("no_position"), Some("future")];
    assert_eq!(reasons, expected);
}

#[test]
fn a_late_fix_and_a_trip_recognised_late_are_said_anew() {
    let mut fixes: Vec<Fix> = eastward(0.0).take(30).collect();
    let late = fixes.remove(12);
    fixes.insert(20, late);
    let outcome = run(fixes);
    assert_eq!(outcome.fixes[20].rejected, Some(Rejection::Late), "it moves nothing backwards");
    let corrected = outcome.corrections.iter().find(|f| f.time == late.time).unwrap();
    assert_eq!(trip(corrected).as_deref(), Some("east-8"));
    assert!((corrected.shape_dist_m.unwrap() - 800.0).abs() < 20.0);
    let silent = outcome.fixes.iter().take_while(|f| f.trip.is_none()).count();
    let said_anew = outcome.corrections.iter().filter(|f| trip(f).as_deref() == Some("east-8")).count();
    assert!(said_anew >= silent, "{silent} fixes before the trip was recognised, {said_anew} corrections");
}

#[test]
fn a_buffer_that_comes_late_is_said_anew_whole_and_each_fix_once() {
    // No signal for five minutes; the first fixes after it come before what was kept meanwhile.
    let all: Vec<Fix> = eastward(0.0).collect();
    let (before, gap, after) = (&all[..15], &all[15..45], &all[45..]);
    let said = |come: &[&[Fix]]| run(come.iter().flat_map(|part| part.iter().copied()));
    let with = said(&[before, &after[..3], gap, &after[3..]]);
    assert_eq!(with.fixes.iter().filter(|f| f.rejected == Some(Rejection::Late)).count(), gap.len());
    let of_gap: Vec<_> = with.corrections.iter().filter(|f| gap.iter().any(|g| g.time == f.time)).collect();
    assert_eq!(of_gap.iter().map(|f| f.time).collect::<Vec<_>>(), gap.iter().map(|f| f.time).collect::<Vec<_>>());
    assert!(of_gap.iter().all(|f| trip(f).as_deref() == Some("east-8") && f.rejected.is_none()));

    // They wait for the next one in order; a resent buffer says nothing new.
    let waits = said(&[before, &after[..3], gap]);
    assert!(waits.corrections.iter().all(|f| f.time < gap[0].time), "nothing of the gap yet");
    let resent = said(&[before, &after[..3], gap, gap, &after[3..]]);
    assert_eq!(resent.corrections, with.corrections);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever comes: an answer for each fix, in order, the same each time, and no vehicle
    /// that drives back along its trip by more than noise.
    #[test]
    fn each_fix_has_one_answer_and_progress_does_not_fall(
        steps in proptest::collection::vec((0.0..60.0f64, -300.0..900.0f64, -80.0..80.0f64), 1..80),
    ) {
        let (mut seconds, mut along) = (0.0, 0.0);
        let fixes: Vec<Fix> = steps
            .into_iter()
            .map(|(dt, step, beside)| {
                seconds += dt;
                along += step;
                fix(seconds, along, beside)
            })
            .collect();
        let outcome = run(fixes.clone());
        prop_assert_eq!(&outcome, &run(fixes.clone()));
        prop_assert_eq!(outcome.fixes.len(), fixes.len());
        prop_assert!(outcome.fixes.iter().zip(&fixes).all(|(said, given)| said.time == given.time));
        let on: Vec<_> = outcome.fixes.iter().filter_map(|f| Some((f.trip?, f.time, f.shape_dist_m?))).collect();
        for visits in outcome.visits.chunk_by(|a, b| a.trip == b.trip) {
            prop_assert!(visits.windows(2).all(|w| w[0].stop_sequence < w[1].stop_sequence && w[0].arrival <= w[1].arrival));
        }
        prop_assert!(on.iter().all(|(_, _, dist)| (-0.1..=4030.0).contains(dist)));
    }
}

/// Of a recorded day's fixes in service, those on the right route and the right trip.
fn recorded(day: &str) -> Option<((f64, f64), (f64, f64))> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(day);
    if !folder.exists() {
        println!("skipped: {} is not at hand", folder.display());
        return None;
    }
    let network = Arc::new(network::load(&folder.join("gtfs.zip")).unwrap().0);
    let read = |name: &str| {
        let file = flate2::read::MultiGzDecoder::new(std::fs::File::open(folder.join(name)).unwrap());
        csv::Reader::from_reader(file).into_records().map(Result::unwrap).collect::<Vec<_>>()
    };
    let mut fixes: Vec<Recorded> = read("positions.csv.gz")
        .iter()
        .zip(read("truth.csv.gz"))
        .map(|(row, truth)| {
            assert_eq!((&row[0], &row[1]), (&truth[0], &truth[1]));
            let place = LatLon::new(row[2].parse().unwrap(), row[3].parse().unwrap()).unwrap();
            let fix = Fix {
                speed_mps: row[4].parse().ok(),
                heading_deg: row[5].parse().ok(),
                ..Fix::at(Timestamp::parse(&row[1]).unwrap(), place)
            };
            (VehicleId::new(&row[0]).unwrap(), fix, truth[2].to_owned(), truth[3].to_owned())
        })
        .collect();
    fixes.sort_by_key(|(_, fix, ..)| fix.time);
    let mut matcher = Matcher::new(Arc::clone(&network), Parameters::default());
    let mut outcome = Outcome::default();
    for (vehicle, fix, ..) in &fixes {
        matcher.advance(vehicle, fix, None, &mut outcome);
    }
    let live = right(&network, outcome.fixes.iter().zip(&fixes));
    println!("{day}, live: right route {:.3}, right trip {:.3}", live.0, live.1);

    let mut of_vehicle: BTreeMap<&VehicleId, Vec<&Recorded>> = BTreeMap::new();
    for row in &fixes {
        of_vehicle.entry(&row.0).or_default().push(row);
    }
    let tracks: Vec<Track> = of_vehicle
        .iter()
        .map(|(vehicle, rows)| Track {
            vehicle: (*vehicle).clone(),
            fixes: rows.iter().map(|row| (row.1, None)).collect(),
            priors: Vec::new(),
        })
        .collect();
    let outcomes = match_fleet(&network, &Parameters::default(), &tracks, 2, &|_| ());
    let said = outcomes.iter().flat_map(|o| &o.fixes).zip(of_vehicle.into_values().flatten());
    let hindsight = right(&network, said);
    println!("{day}, hindsight: right route {:.3}, right trip {:.3}", hindsight.0, hindsight.1);
    Some((live, hindsight))
}

/// A fix with its vehicle, and the trip and route that it truly was on.
type Recorded = (VehicleId, Fix, String, String);

fn right<'a>(network: &Network, pairs: impl Iterator<Item = (&'a MatchedFix, &'a Recorded)>) -> (f64, f64) {
    let (mut routes, mut trips) = ((0, 0), (0, 0));
    for (said, (.., trip, route)) in pairs {
        if !route.is_empty() {
            routes.1 += 1;
            routes.0 += u32::from(said.route.is_some_and(|r| network.route(r).id == *route));
        }
        if !trip.is_empty() {
            trips.1 += 1;
            trips.0 += u32::from(said.trip.is_some_and(|t| network.trip(t.trip).id == *trip));
        }
    }
    let share = |(right, all): (u32, u32)| f64::from(right) / f64::from(all.max(1));
    (share(routes), share(trips))
}

#[test]
fn kingston_is_matched_no_worse_than_before() {
    let Some((live, hindsight)) = recorded("kingston-2026-01-16") else { return };
    assert!(live.0 > 0.85 && live.1 > 0.84, "live, warm-up counted: {live:?}");
    assert!(hindsight.0 > 0.97 && hindsight.1 > 0.945, "hindsight, warm-up counted: {hindsight:?}");
}
