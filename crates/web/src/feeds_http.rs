//! `/gtfs-rt/…` and `/gtfs/gtfs.zip`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::answer::Versioned;
use crate::hub::Feed;
use crate::server::App;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

fn feed(app: &App, request: &HeaderMap, feed: Feed, json: bool) -> Response {
    let feeds = app.hub.feeds.load();
    let version = format!("{}-{}", feeds.snapshot.time.as_secs(), feeds.snapshot.version);
    Versioned {
        content: feeds.content(&app.hub.network, feed, json, request),
        content_type: if json { JSON } else { PROTOBUF },
        version: &version,
        modified: Some(feeds.snapshot.time),
        cache: "public, max-age=1",
    }
    .answer(request)
}

pub(crate) async fn vehicle_positions(State(app): State<Arc<App>>, request: HeaderMap) -> Response {
    feed(&app, &request, Feed::VehiclePositions, false)
}

pub(crate) async fn vehicle_positions_json(State(app): State<Arc<App>>, request: HeaderMap) -> Response {
    feed(&app, &request, Feed::VehiclePositions, true)
}

pub(crate) async fn trip_updates(State(app): State<Arc<App>>, request: HeaderMap) -> Response {
    feed(&app, &request, Feed::TripUpdates, false)
}

pub(crate) async fn trip_updates_json(State(app): State<Arc<App>>, request: HeaderMap) -> Response {
    feed(&app, &request, Feed::TripUpdates, true)
}

pub(crate) async fn gtfs_zip(State(app): State<Arc<App>>, request: HeaderMap) -> Response {
    Versioned {
        content: app.gtfs_zip.plain(),
        content_type: "application/zip",
        version: &app.gtfs_zip.version,
        modified: Some(app.started),
        cache: "public, max-age=300",
    }
    .answer(&request)
}
