//! Data sets obey the gate, and a failure leaves no half file.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod support;

use datasets::ExportError;
use model::{GatePolicy, Timestamp};
use support::{City, a_day, at, day, files, network, table};

async fn city() -> City {
    let network = network();
    let fixes = a_day(&network);
    City::of(network, &[fixes]).await
}

#[tokio::test]
async fn off_writes_nothing_and_says_why() {
    let city = city().await;
    let off = GatePolicy::Off { reason: "повітряна тривога".to_owned() };
    let error = city.export_as(day(), &off, 0).await.unwrap_err();
    assert!(matches!(error, ExportError::Gate { .. }) && error.to_string().contains("повітряна тривога"), "{error}");
    assert!(files(&city.out()).is_empty());

    // What was published before stays as it was.
    city.export().await.unwrap();
    let before = files(&city.out());
    city.export_as(day(), &off, 0).await.unwrap_err();
    assert!(files(&city.out()) == before);
}

/// It is 06:40 UTC: a delay of 30 minutes lets out what happened up to 06:10.
#[tokio::test]
async fn delayed_leaves_out_what_is_later() {
    let city = city().await;
    let delayed = |minutes| GatePolicy::Delayed { minutes, reason: "правила міста".to_owned() };
    let summary = city.export_as(day(), &delayed(30), 0).await.unwrap();
    let horizon = at("2026-01-16T06:10:00Z");
    assert_eq!(summary.held_back_after, Some(horizon));
    let files = files(&city.out());
    let mut latest = at("2026-01-16T00:00:00Z");
    for (name, column) in [
        ("vehicle_locations.csv", "event_timestamp"),
        ("stop_visits.csv", "actual_arrival_time"),
        ("stop_visits.csv", "actual_departure_time"),
        ("trips_performed.csv", "actual_trip_end"),
    ] {
        for row in table(&files[name]) {
            if let Some(time) = Timestamp::parse(&row[column]) {
                assert!(time <= horizon, "{name}: {column} {time}");
                latest = latest.max(time);
            }
        }
    }
    assert!(horizon.seconds_since(latest) < 10.0, "up to the horizon it is all there, {latest}");

    let error = city.export_as(day(), &delayed(24 * 60), 0).await.unwrap_err();
    assert!(matches!(error, ExportError::TooSoon { .. }) && error.to_string().contains("правила міста"), "{error}");
}

#[tokio::test]
async fn a_day_without_fixes_is_an_error_that_names_the_days_there_are() {
    let city = city().await;
    let error = city.export_as(support::day().previous().previous(), &GatePolicy::Live, 0).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ExportError::NoFixes { .. }), "{text}");
    assert!(text.contains("2026-01-14") && text.contains("2026-01-16"), "{text}");
    assert!(files(&city.out()).is_empty(), "not even temporary ones");
}

#[tokio::test]
async fn a_folder_that_is_none_is_named() {
    let city = city().await;
    std::fs::write(city.folder.path().join("data"), "a file").unwrap();
    let text = city.export().await.unwrap_err().to_string();
    assert!(text.contains("data/of/the/day") && text.contains("writable"), "{text}");
}
