//! `/live/events`: a snapshot, then what changes, and what is said anew of earlier fixes (server-sent
//! events).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use feeds::{Changes, LiveVehicle, live_json};
use futures_util::stream;
use model::VehicleId;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Interval, MissedTickBehavior};

use crate::answer::problem;
use crate::filter::Filter;
use crate::hub::{Hub, Update, UpdateKind};
use crate::server::App;

/// How often a silent connection says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// When a client that found no room may come again, seconds.
const RETRY_S: HeaderValue = HeaderValue::from_static("30");

/// The bytes of one event. `data` is one line of JSON.
pub(crate) fn event(name: &str, data: &str) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

/// The data of an event of that name, sharing its bytes.
pub(crate) fn event_data(name: &str, event: &Bytes) -> Bytes {
    let from = ("event: ".len() + name.len() + "\ndata: ".len()).min(event.len());
    event.slice(from..event.len().saturating_sub(2).max(from))
}

/// One client.
struct Client {
    hub: Arc<Hub>,
    updates: broadcast::Receiver<Arc<Update>>,
    filter: Filter,
    /// With a filter: whom the client has been told of.
    known: HashSet<VehicleId>,
    /// What the client has seen.
    version: Option<u64>,
    heartbeat: Interval,
    stop: tokio_util::sync::CancellationToken,
    _permit: OwnedSemaphorePermit,
}

pub(crate) async fn events(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let filter = match Filter::parse(query.as_deref().unwrap_or(""), &app.hub.network) {
        Ok(filter) => filter,
        Err(reason) => return problem(StatusCode::BAD_REQUEST, &reason),
    };
    let Ok(permit) = Arc::clone(&app.live_clients).try_acquire_owned() else {
        let reason = "too many live clients; read /api/v1/vehicles instead, or try again later";
        let mut full = problem(StatusCode::SERVICE_UNAVAILABLE, reason);
        full.headers_mut().insert(header::RETRY_AFTER, RETRY_S);
        return full;
    };
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat.reset();
    let client = Client {
        updates: app.hub.updates.subscribe(),
        hub: Arc::clone(&app.hub),
        filter,
        known: HashSet::new(),
        version: None,
        heartbeat,
        stop: app.stop.clone(),
        _permit: permit,
    };
    let body = Body::from_stream(stream::unfold(client, |mut client| async {
        let bytes = client.next().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), client))
    }));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would gather events otherwise.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, body).into_response()
}

impl Client {
    /// The next bytes for this client; `None` when the service stops.
    async fn next(&mut self) -> Option<Bytes> {
        if self.version.is_none() {
            return Some(self.snapshot());
        }
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return None,
                _ = self.heartbeat.tick() => return Some(Bytes::from_static(b": alive\n\n")),
                update = self.updates.recv() => match update {
                    Ok(update) => if let Some(bytes) = self.take(&update) { return Some(bytes) },
                    // Too slow for the updates: begin anew.
                    Err(RecvError::Lagged(_)) => return Some(self.snapshot()),
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    fn snapshot(&mut self) -> Bytes {
        let live = self.hub.live.load();
        self.version = Some(live.snapshot.version);
        if self.filter.is_all() {
            return live.event(&self.hub.network);
        }
        self.known = live.snapshot.vehicles.iter().filter(|v| self.filter.admits(v)).map(|v| v.id.clone()).collect();
        let json = live_json::snapshot(&self.hub.network, &live.snapshot, |v| self.filter.admits(v));
        event("snapshot", &json.unwrap_or_default())
    }

    /// Those of vehicles that the client asked for, as they are now known to have been.
    fn corrections(&self, update: &Update, corrected: &[LiveVehicle]) -> Option<Bytes> {
        let mut inside = corrected.iter().filter(|vehicle| self.filter.admits(vehicle)).peekable();
        inside.peek()?;
        let data = live_json::corrections(&self.hub.network, update.time, update.version, inside);
        Some(event("correction", &data.unwrap_or_default()))
    }

    /// What an update means to this client; `None` where it means nothing.
    fn take(&mut self, update: &Update) -> Option<Bytes> {
        match &update.kind {
            UpdateKind::Gate { event } => {
                // The gate's event, then everything as it is seen through it.
                Some([event.clone(), self.snapshot()].concat().into())
            }
            // Let out by another policy than the present one; what that one lets out follows.
            _ if update.version < self.hub.live.load().gate_since => None,
            UpdateKind::Corrections { event, .. } if self.filter.is_all() => Some(event.clone()),
            UpdateKind::Corrections { corrected, .. } => self.corrections(update, corrected),
            UpdateKind::Vehicles { .. } if self.version.is_some_and(|seen| update.version <= seen) => None,
            UpdateKind::Vehicles { event, .. } if self.filter.is_all() => {
                self.version = Some(update.version);
                Some(event.clone())
            }
            UpdateKind::Vehicles { changed, gone, .. } => {
                self.version = Some(update.version);
                let (inside, outside): (Vec<_>, Vec<_>) = changed.iter().cloned().partition(|v| self.filter.admits(v));
                let left = outside.iter().map(|v| &v.id).chain(gone);
                let gone: Vec<VehicleId> = left.filter(|id| self.known.remove(*id)).cloned().collect();
                self.known.extend(inside.iter().map(|v| v.id.clone()));
                let changes = Changes { changed: inside, gone };
                if changes.is_empty() {
                    return None;
                }
                let data = live_json::update(&self.hub.network, update.time, update.version, &changes);
                Some(event("update", &data.unwrap_or_default()))
            }
        }
    }
}
