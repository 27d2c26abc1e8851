//! `marshrut match --live`: what riders would have been shown, fix by fix, of a recorded day.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::support::day::{gtfs, marshrut, positions, sloviansk, text};

/// A row's fields by the names of their columns.
type Row = HashMap<String, String>;

/// The rows of a table, packed or not.
fn rows(path: &Path) -> Vec<Row> {
    let file = std::fs::File::open(path).unwrap();
    let packed = path.extension().is_some_and(|e| e == "gz");
    let read: Box<dyn Read> = if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    csv::Reader::from_reader(read).into_deserialize().map(Result::unwrap).collect()
}

/// The day's positions up to an instant, on their own, in a folder.
fn positions_until(until: &str, folder: &Path) -> std::path::PathBuf {
    let path = folder.join(format!("until-{}.csv", until.replace(':', "")));
    let mut whole = String::new();
    MultiGzDecoder::new(std::fs::File::open(positions()).unwrap()).read_to_string(&mut whole).unwrap();
    let is_before = |line: &&str| line.split(',').nth(1).is_some_and(|time| time == "time" || time < until);
    std::fs::write(&path, whole.lines().filter(is_before).fold(String::new(), |all, line| all + line + "\n")).unwrap();
    path
}

/// What is said of each fix, in the order of the answer, and the stop visits.
fn matched(positions: &Path, live: bool) -> (Vec<Row>, Vec<Row>) {
    let folder = tempfile::tempdir().unwrap();
    let (out, visits) = (folder.path().join("matched.csv"), folder.path().join("visits.csv"));
    let (gtfs, live) = (gtfs(), if live { &["--live"][..] } else { &[] });
    let mut args = vec!["match", "--gtfs", text(&gtfs), "--positions", text(positions)];
    args.extend(["--out", text(&out), "--stop-visits", text(&visits)]);
    args.extend(live);
    let run = marshrut(&args);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    (rows(&out), rows(&visits))
}

fn key(row: &Row) -> (String, String) {
    (row["vehicle_id"].clone(), row["time"].clone())
}

#[test]
fn match_live_says_each_fix_once_rightly_and_by_nothing_that_comes_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let morning = positions_until("2026-11-18T06:00:00Z", folder.path());
    let (said, visits) = matched(&morning, true);

    // Every fix comes back once.
    let mut given: Vec<_> = rows(&morning).iter().map(key).collect();
    let mut told: Vec<_> = said.iter().map(key).collect();
    given.sort();
    told.sort();
    assert_eq!(told, given);

    // Of those on a trip most are told so, warm-up counted, and stops are found.
    let truth: HashMap<_, _> =
        rows(&sloviansk().join("truth.csv.gz")).iter().map(|r| (key(r), r["trip_id"].clone())).collect();
    let on_trips: Vec<_> = said.iter().filter(|row| !truth[&key(row)].is_empty()).collect();
    let right = on_trips.iter().filter(|row| row["trip_id"] == truth[&key(row)]).count();
    println!("{right} of {} fixes on the right trip at once, {} stop visits", on_trips.len(), visits.len());
    assert!(on_trips.len() > 1000 && right * 100 >= on_trips.len() * 88, "{right} of {}", on_trips.len());
    assert!(visits.len() > 100, "{}", visits.len());

    // What is said until an instant does not depend on what comes after it; in hindsight it does.
    let early = positions_until("2026-11-18T05:30:00Z", folder.path());
    let differs = |live: bool, whole: &[Row]| {
        let whole: HashMap<_, _> = whole.iter().map(|row| (key(row), row)).collect();
        let (part, _) = matched(&early, live);
        assert!(!part.is_empty());
        part.iter().filter(|row| whole[&key(row)] != *row).count()
    };
    assert_eq!(differs(true, &said), 0, "live");
    assert!(differs(false, &matched(&morning, false).0) > 0, "in hindsight");
}
