//! `/api/v1/…` and `/openapi.json`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use feeds::live_json;
use serde_json::json;

use crate::answer::{Versioned, problem};
use crate::departures::departures;
use crate::encoded::Fixed;
use crate::schedule_json;
use crate::server::App;

/// Describes what this file and its neighbours answer.
const OPENAPI: &str = include_str!("openapi.json");
const JSON: &str = "application/json";

pub(crate) async fn openapi() -> Response {
    ([(axum::http::header::CONTENT_TYPE, JSON)], OPENAPI).into_response()
}

pub(crate) async fn vehicles(State(app): State<Arc<App>>, request: HeaderMap) -> Response {
    let live = app.hub.live.load();
    let version = format!("{}-{}", live.snapshot.time.as_micros(), live.snapshot.version);
    Versioned {
        content: live.json(&app.hub.network, &request),
        content_type: JSON,
        version: &version,
        // It changes more than once a second.
        modified: None,
        cache: "public, max-age=1",
    }
    .answer(&request)
}

fn fixed(app: &App, request: &HeaderMap, json: &Fixed) -> Response {
    Versioned {
        content: json.content(request),
        content_type: JSON,
        version: &json.version,
        modified: Some(app.started),
        cache: "public, max-age=300",
    }
    .answer(request)
}

pub(crate) async fn routes(State(app): State<Arc<App>>, request: HeaderMap) -> Response {
    fixed(&app, &request, &app.routes_json)
}

pub(crate) async fn stops(State(app): State<Arc<App>>, request: HeaderMap) -> Response {
    fixed(&app, &request, &app.stops_json)
}

pub(crate) async fn route(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let network = &app.hub.network;
    let Some(index) = network.route_by_id(&id) else {
        return problem(StatusCode::NOT_FOUND, &format!("there is no route `{id}`; /api/v1/routes lists them"));
    };
    let live = app.hub.live.load();
    let on_route = live.snapshot.vehicles.iter().filter(|v| v.on.is_some_and(|on| on.route == index));
    let vehicles: Vec<_> = on_route.map(|v| live_json::vehicle(network, v)).collect();
    let gate = live_json::gate(&live.snapshot.gate);
    let more = json!({ "time": live.snapshot.time, "gate": gate, "vehicles": vehicles });
    axum::Json(schedule_json::route(network, index, more)).into_response()
}

pub(crate) async fn stop(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let network = &app.hub.network;
    let Some(index) = network.stop_by_id(&id) else {
        return problem(StatusCode::NOT_FOUND, &format!("there is no stop `{id}`; /api/v1/stops lists them"));
    };
    let stop = network.stop(index);
    let live = app.hub.live.load();
    let now = app.clock.now();
    axum::Json(json!({
        "id": stop.id.as_str(),
        "code": stop.code.as_deref(),
        "name": stop.name.as_str(),
        "name_en": stop.name_en.as_deref(),
        "lat": stop.position.lat(),
        "lon": stop.position.lon(),
        "time": now,
        "gate": live_json::gate(&live.snapshot.gate),
        "departures": departures(network, &live.snapshot, index, now),
    }))
    .into_response()
}

/// To 6 decimals, a tenth of a metre.
fn degrees(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

pub(crate) async fn map(State(app): State<Arc<App>>) -> Response {
    let (low, high) = app.hub.network.bounds();
    let bounds = [low.lon(), low.lat(), high.lon(), high.lat()].map(degrees);
    let live = app.hub.live.load();
    let now = app.clock.now();
    let text = |v: &str| (!v.is_empty()).then(|| v.to_owned());
    axum::Json(json!({
        "name": text(&app.map.name),
        "name_en": text(&app.map.name_en),
        "bounds": bounds,
        "style": text(&app.map.style),
        "attribution": text(&app.map.attribution),
        "timezone": app.hub.network.zone().iana_name(),
        "demo": app.map.recorded_day.as_ref().map(|(label, english)| json!({
            "label": text(label),
            "label_en": text(english),
            "time": now,
        })),
        "gate": live_json::gate(&live.snapshot.gate),
        "now": now,
    }))
    .into_response()
}
