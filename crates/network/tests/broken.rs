//! Feeds that are broken end in one clear message; those that are odd are coped with and told.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

mod common;

use std::path::Path;

use common::{folder, load, tables};

fn error(changed: &[(&str, &str)]) -> String {
    network::load(folder(&tables(changed)).path()).unwrap_err().to_string()
}

fn told(changed: &[(&str, &str)]) -> Vec<String> {
    load(changed).1.iter().map(ToString::to_string).collect()
}

const TIMES: &str = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n";

#[test]
fn a_line_that_cannot_be_read_is_named() {
    for time in ["8 o'clock", "99999999:00:00", "-1:00:00", "08:00", "08:00:00:00", "08:0ж:00"] {
        let text =
            error(&[("stop_times.txt", &format!("{TIMES}T1,08:00:00,08:00:00,S1,1\nT1,{time},08:10:00,S2,2\n"))]);
        assert!(text.starts_with("GTFS stop_times.txt line 3: ") && text.contains(time), "{text}");
        assert!(text.ends_with("mend the table or ask the feed's publisher"), "{text}");
    }
    let text = error(&[("routes.txt", "route_id,route_short_name,route_type\nR,1,bus\n")]);
    assert!(text.starts_with("GTFS routes.txt line 2: ") && text.contains("R,1,bus"), "{text}");
    let text = error(&[("calendar_dates.txt", "service_id,date,exception_type\n\nWD,2026-08-24,2\n")]);
    assert!(text.starts_with("GTFS calendar_dates.txt line 3: ") && text.contains("2026-08-24"), "{text}");
    let text = error(&[("stops.txt", "stop_name,stop_lat,stop_lon\nВокзал,48.85,37.6\n")]);
    assert!(text.contains("stops.txt line 2") && text.contains("stop_id"), "{text}");
}

#[test]
fn lines_are_counted_whatever_ends_them() {
    let rows = [
        "route_id,route_short_name,route_type",
        "",
        "\"R\",\"1, or\u{2028}one\",\"11\"",
        "\"Q\",\"two\nlines\",11",
        "X,2,bus",
    ];
    for end in ["\n", "\r\n"] {
        let text = error(&[("routes.txt", &rows.join(end))]);
        assert!(text.starts_with("GTFS routes.txt line 6: "), "{text}");
    }
    let (network, findings) = load(&[("routes.txt", &format!("{}\r\n", rows[..4].join("\r\n")))]);
    assert_eq!(findings, []);
    let names: Vec<_> = network.routes().map(|(_, r)| r.short_name.as_str()).collect();
    assert_eq!(names, ["two\nlines", "1, or\u{2028}one"]);
}

#[test]
fn a_table_in_another_encoding_is_named() {
    let mut tables = tables(&[]);
    let stops = tables.iter_mut().find(|(name, _)| name == "stops.txt").unwrap();
    // Windows-1251, as the exports of old programs have it.
    stops.1 = b"stop_id,stop_name,stop_lat,stop_lon\nS1,\xc2\xee\xea\xe7\xe0\xeb,48.85,37.6\n".to_vec();
    let text = network::load(folder(&tables).path()).unwrap_err().to_string();
    assert!(text.contains("stops.txt line 2") && text.contains("UTF-8"), "{text}");
}

#[test]
fn what_is_not_there_is_named() {
    for table in ["agency.txt", "stops.txt", "routes.txt", "trips.txt", "stop_times.txt"] {
        let text = error(&[(table, "")]);
        assert!(text.contains(&format!("has no {table}")), "{text}");
    }
    let text = error(&[("calendar.txt", ""), ("calendar_dates.txt", "")]);
    assert!(text.contains("none of 2") && text.contains("service WD"), "{text}");
    let text = error(&[("stop_times.txt", TIMES)]);
    assert!(text.contains("none of 2") && text.contains("trip T1 has less than two"), "{text}");
    let text = error(&[("agency.txt", "agency_name,agency_url,agency_timezone\nA,https://example.org,Europe/Kiew\n")]);
    assert!(text.contains("`Europe/Kiew` is not known"), "{text}");
    let text = network::load(Path::new("/nowhere")).unwrap_err().to_string();
    assert!(text.contains("/nowhere"), "{text}");
}

#[test]
fn an_archive_that_is_none_or_was_cut_off_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gtfs.zip");
    common::zip(&path, &tables(&[]));
    let whole = std::fs::read(&path).unwrap();
    for part in [&b"no zip"[..], &whole[..whole.len() / 2], &[]] {
        std::fs::write(&path, part).unwrap();
        let text = network::load(&path).unwrap_err().to_string();
        assert!(text.contains("gtfs.zip") && text.contains("check that it is a GTFS zip file"), "{text}");
    }
    // A flipped byte in the middle of a table: the archive opens, the table does not.
    let mut flipped = whole.clone();
    let at = 400;
    flipped[at] ^= 0xff;
    std::fs::write(&path, &flipped).unwrap();
    if let Err(error) = network::load(&path) {
        assert!(error.to_string().contains(".txt"), "{error}");
    }
}

#[test]
fn ornaments_that_cannot_be_read_are_left_out() {
    for color in ["red", "#FF0000", "aжжa", "жжж"] {
        let routes = format!("route_id,route_short_name,route_type,route_color\nR,1,11,{color}\n");
        let (network, findings) = load(&[("routes.txt", &routes)]);
        assert_eq!(network.routes().next().unwrap().1.color, None);
        assert!(
            findings.len() == 1 && findings[0].to_string().contains("line 2: route_color cannot be read"),
            "{findings:?}"
        );
    }
    let told = told(&[
        ("trips.txt", "route_id,service_id,trip_id,direction_id\nR,WD,T1,255\nR,WD,T2,0\n"),
        ("translations.txt", "trans_id,lang,translation\nВокзал,en,Station\n"),
        ("feed_info.txt", "feed_publisher_name,feed_lang\nA,uk\n"),
        ("shapes.txt", "\n"),
        ("fare_attributes.txt", "nonsense"),
    ]);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("feed_info.txt: ") && told[0].ends_with("the table is left out"), "{told:?}");
    assert!(told[1].starts_with("translations.txt: ") || told[2].starts_with("translations.txt: "), "{told:?}");
    assert!(told.iter().any(|t| t.contains("trips.txt: line 2: direction_id")), "{told:?}");
}

#[test]
fn ids_that_lead_nowhere_are_told_and_their_trips_left_out() {
    let (network, findings) = load(&[
        (
            "trips.txt",
            "route_id,service_id,trip_id,direction_id,shape_id\nR,WD,T1,0,NONE\nX,WD,T2,0,\nR,ZZ,T3,0,\nR,WD,T1,1,\n",
        ),
        (
            "stop_times.txt",
            &format!(
                "{TIMES}T1,08:00:00,08:00:00,S1,1\nT1,08:05:00,,S9,2\nT1,08:10:00,08:10:00,S3,3\nT1,09:10:00,,S2,3\nT9,08:00:00,,S1,1\nT2,08:00:00,,S1,1\n"
            ),
        ),
    ]);
    assert_eq!(network.trips().len(), 1);
    let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
    for part in
        ["shape NONE", "route X", "service ZZ", "trip T1 is there twice", "stops at S9", "stop_sequence 3", "trip T9"]
    {
        assert!(told.iter().any(|t| t.contains(part)), "{part}: {told:?}");
    }
    assert_eq!(told.len(), 7, "{told:?}");
}

#[test]
fn times_and_places_that_cannot_be_are_told() {
    let told = told(&[
        (
            "stops.txt",
            "stop_id,stop_name,stop_lat,stop_lon\nS1,A,48.85,37.60\nS2,B,48.85,37.61\nS3,C,48.85,37.62\nS4,D,,\nS5,E,37.6,48.85\n",
        ),
        (
            "stop_times.txt",
            &format!(
                "{TIMES}T1,08:00:00,08:00:00,S1,1\nT1,07:55:00,07:55:00,S2,5\nT1,08:10:00,08:10:00,S3,9\nT2,999:00:00,24:50:00,S1,1\nT2,25:05:00,25:05:00,S3,3\n"
            ),
        ),
    ]);
    for part in
        ["stop S4 has no usable", "stop S5 lies", "trip T1: its times fall", "trip T2 has a time more than a week"]
    {
        assert!(told.iter().any(|t| t.contains(part)), "{part}: {told:?}");
    }
    assert_eq!(told.len(), 4, "{told:?}");
}

#[test]
fn a_stop_far_from_its_shape_and_stops_out_of_order_are_told() {
    let shape = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\nL,48.8600,37.6000,1\nL,48.8500,37.6100,2\nL,48.8500,37.6200,3\n";
    let trips = "route_id,service_id,trip_id,shape_id\nR,WD,T1,L\n";
    let (network, findings) = load(&[("shapes.txt", shape), ("trips.txt", trips)]);
    let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|t| t.contains("shape L passes stop S1 at")), "{told:?}");
    assert!(!network.shape(network.patterns().next().unwrap().1.shape).coarse);
    let backwards = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\nL,48.8500,37.6200,1\nL,48.8500,37.6100,2\nL,48.8500,37.6000,3\n";
    let (network, findings) = load(&[("shapes.txt", backwards), ("trips.txt", trips)]);
    assert!(!findings.is_empty(), "a shape drawn backwards");
    let (_, pattern) = network.patterns().next().unwrap();
    assert!(pattern.stops.windows(2).all(|w| w[0].dist_m <= w[1].dist_m), "{:?}", pattern.stops);
}
