//! Whatever is done to a feed's tables, it loads or says what is wrong; nothing panics.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::{folder, tables};
use network::Network;
use proptest::prelude::*;

/// Values that have broken readers of GTFS before.
const NASTY: &[&str] = &[
    "",
    "-1",
    "0",
    "1",
    "2",
    "255",
    "4294967296",
    "99999999999999999999",
    "1e308",
    "NaN",
    "inf",
    "-inf",
    "ж",
    "aжжa",
    "#FF0000",
    "24:00:00",
    "167:59:59",
    "168:00:01",
    "999999:59:59",
    "9999999:00:00",
    "8:0:0",
    "::",
    "20260230",
    "99999999",
    "00000000",
    "\"",
    "\"\"",
    ",",
    "\n",
    "\r",
    "S1",
    "S2",
    "T1",
    "T2",
    "WD",
    "L",
    "R",
    "90.0001",
    "180",
    "-180",
    "0.0000001",
];

fn base() -> Vec<(String, Vec<u8>)> {
    tables(&[
        (
            "shapes.txt",
            "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\nL,48.85,37.60,1,0\nL,48.85,37.61,2,700\nL,48.85,37.62,3,1400\n",
        ),
        (
            "trips.txt",
            "route_id,service_id,trip_id,direction_id,block_id,shape_id,trip_headsign\nR,WD,T1,0,B,L,Центр\nR,WD,T2,1,B,,\n",
        ),
        (
            "stop_times.txt",
            "trip_id,arrival_time,departure_time,stop_id,stop_sequence,shape_dist_traveled\nT1,08:00:00,08:00:00,S1,1,0\nT1,,,S2,5,700\nT1,08:10:00,08:10:00,S3,9,1400\nT2,24:50:00,24:50:00,S1,1,\nT2,25:05:00,25:05:00,S3,3,\n",
        ),
        ("frequencies.txt", "trip_id,start_time,end_time,headway_secs,exact_times\nT1,06:00:00,07:00:00,1200,1\n"),
        (
            "translations.txt",
            "table_name,field_name,language,translation,record_id,record_sub_id,field_value\nstops,stop_name,en,Station,S1,,\n",
        ),
    ])
}

/// One change: which table, which of its fields counted over all rows, and what comes in its place.
fn change() -> impl Strategy<Value = (usize, usize, usize)> {
    (0..64_usize, 0..256_usize, 0..NASTY.len())
}

fn replace(text: &[u8], field: usize, with: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(text).into_owned();
    let fields: Vec<&str> = text.split_inclusive([',', '\n']).collect();
    let at = field % fields.len();
    let swap = |(i, f): (usize, &&str)| {
        let end = f.chars().last().filter(|c| matches!(c, ',' | '\n'));
        if i == at { format!("{with}{}", end.map_or(String::new(), String::from)) } else { (*f).to_owned() }
    };
    fields.iter().enumerate().map(swap).collect::<String>().into_bytes()
}

fn holds(network: &Network) {
    for (index, trip) in network.trips() {
        let pattern = network.pattern(trip.pattern);
        let length = network.shape(pattern.shape).length_m();
        assert!(length.is_finite() && length > 0.0);
        assert!(pattern.stops.len() >= 2 && pattern.stops.windows(2).all(|w| w[0].dist_m <= w[1].dist_m));
        assert!(pattern.stops.iter().all(|s| (0.0..=length).contains(&s.dist_m)));
        let times = network.stop_times(index);
        assert_eq!(times.len(), pattern.stops.len());
        assert!(times.windows(2).all(|w| w[0].arrival_s <= w[0].departure_s && w[0].departure_s <= w[1].arrival_s));
        assert!(network.schedule_time(index, length / 2.0).is_finite());
        assert!(network.schedule_distance(index, 30_000.0).is_finite());
    }
    let at = model::Timestamp::parse("2026-11-18T07:00:00Z").unwrap();
    for date in network.service_dates_at(at) {
        let day = network.service_day(date);
        for (pattern, _) in network.patterns() {
            network.runs_near(pattern, &day, day.seconds_at(at), 3_600.0, 3_600.0, |run| {
                let (start, end) = network.span(run);
                assert!(start <= end);
            });
        }
    }
    let mut near = network::Nearby::default();
    network.candidates([0.0, 0.0], 1_000.0, &mut near);
    assert!(near.all().iter().all(|c| c.projection.cross_m <= 1_000.0));
    network.service_span();
}

proptest! {
    #[test]
    fn fields_of_nonsense(changes in proptest::collection::vec(change(), 1..6)) {
        let mut tables = base();
        for (table, field, value) in changes {
            let at = table % tables.len();
            tables[at].1 = replace(&tables[at].1, field, NASTY[value]);
        }
        if let Ok((network, _)) = network::load(folder(&tables).path()) {
            holds(&network);
        }
    }

    #[test]
    fn bytes_of_nonsense(table in 0..64_usize, at in 0..4096_usize, bytes in proptest::collection::vec(any::<u8>(), 0..8), cut in any::<bool>()) {
        let mut tables = base();
        let index = table % tables.len();
        let text = &mut tables[index].1;
        let at = at % text.len();
        let end = if cut { text.len() } else { (at + bytes.len()).min(text.len()) };
        text.splice(at..end, bytes);
        if let Ok((network, _)) = network::load(folder(&tables).path()) {
            holds(&network);
        }
    }
}
