//! Real recordings, where they are at hand.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that panics has failed, which is what it is for")]

use std::path::PathBuf;

use simulator::Recording;

fn open(day: &str) -> Option<Recording> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(day);
    if !folder.is_dir() {
        println!("skipped: no recording at {}", folder.display());
        return None;
    }
    Some(Recording::open(&folder).unwrap())
}

#[test]
fn kingston_starts_with_its_long_window() {
    let Some(recording) = open("kingston-2026-01-16") else { return };
    assert_eq!((recording.rows().len(), recording.vehicles().len(), recording.skips().count), (7_439, 139, 0));
    assert_eq!(recording.busiest_start().to_string(), "2026-01-16T19:31:00Z");
    assert!(recording.busy_span().1.to_string().starts_with("2026-01-16T20:2"));
    assert!(recording.gtfs_path().unwrap().ends_with("gtfs.zip") && recording.truth_path().is_some());
}

#[test]
fn warsaw_starts_with_its_recording_and_its_dirt_is_kept_apart() {
    let Some(recording) = open("warsaw-2024-02-19") else { return };
    // One time is broken in the source ("2024-02-1916:30:08"); what the day's notes count has it left out or in.
    let (rows, skipped) = (recording.rows().len() as u64, recording.skips().count);
    assert_eq!(rows + skipped, 647_786, "{:?}", recording.skips());
    assert!(skipped <= 1, "{:?}", recording.skips());
    assert_eq!(recording.vehicles().len(), 1_775);
    let start = recording.busiest_start().to_string();
    assert!(start.starts_with("2024-02-19T14:4"), "{start}");
    // Stale vehicles and one from the future must not stretch the window that is worth showing.
    let (from, until) = recording.busy_span();
    assert!((1.5..2.0).contains(&(until.seconds_since(from) / 3600.0)), "{from} to {until}");
    assert!(recording.span().1.to_string().starts_with("2024-02-2"), "the future fix is still there");
}
