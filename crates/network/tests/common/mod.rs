//! A small feed to change a table of.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;

use network::{Finding, Network};

/// One trolleybus line with two trips; no shapes.
const BASE: &[(&str, &str)] = &[
    ("agency.txt", "agency_id,agency_name,agency_url,agency_timezone\nA,Міськтранс,https://example.org,Europe/Kyiv\n"),
    (
        "routes.txt",
        "route_id,agency_id,route_short_name,route_long_name,route_type,route_color\nR,A,1,Вокзал – Центр,11,1A73E8\n",
    ),
    (
        "stops.txt",
        "stop_id,stop_name,stop_lat,stop_lon\nS1,Вокзал,48.8500,37.6000\nS2,Ринок,48.8500,37.6100\nS3,Центр,48.8500,37.6200\n",
    ),
    (
        "calendar.txt",
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\nWD,1,1,1,1,1,0,0,20260101,20261231\n",
    ),
    ("calendar_dates.txt", "service_id,date,exception_type\nWD,20260824,2\nWD,20260829,1\n"),
    ("trips.txt", "route_id,service_id,trip_id,direction_id,block_id\nR,WD,T1,0,B\nR,WD,T2,0,B\n"),
    (
        "stop_times.txt",
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nT1,08:00:00,08:00:00,S1,1\nT1,,,S2,5\nT1,08:10:00,08:10:00,S3,9\nT2,24:50:00,24:50:00,S1,1\nT2,24:55:00,24:56:00,S2,2\nT2,25:05:00,25:05:00,S3,3\n",
    ),
];

/// The small feed's tables, those given in place of its own; an empty text takes a table away.
pub fn tables(changed: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let own = BASE.iter().filter(|(name, _)| changed.iter().all(|(n, _)| n != name));
    own.chain(changed.iter().filter(|(_, text)| !text.is_empty()))
        .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
        .collect()
}

pub fn folder(tables: &[(String, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in tables {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[allow(dead_code, reason = "not every test file reads zip files")]
pub fn zip(path: &Path, tables: &[(String, Vec<u8>)]) {
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, text) in tables {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text).unwrap();
    }
    archive.finish().unwrap();
}

#[allow(dead_code, reason = "not every test file loads a good feed")]
pub fn load(changed: &[(&str, &str)]) -> (Network, Vec<Finding>) {
    network::load(folder(&tables(changed)).path()).unwrap()
}
