//! The server: what it needs, its paths, its start and stop.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use model::{Clock, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _};
use tower_http::cors::{Any, CorsLayer};

use crate::answer::problem;
use crate::encoded::Fixed;
use crate::{Check, Hub, api, events, feeds_http, operations, schedule_json, site};

/// What the page shows besides the vehicles.
#[derive(Clone, Debug, Default)]
pub struct MapSettings {
    /// Name of the city or the operator.
    pub name: String,
    /// MapLibre style or tile address; empty: a plain ground.
    pub style: String,
    /// Credit line for it.
    pub attribution: String,
    /// The same in English, where it differs.
    pub name_en: String,
    /// For a recorded day: what to say of it besides its date, in the city's language and in
    /// English. Empty where the date says all.
    pub recorded_day: Option<(String, String)>,
}

/// What the server needs.
#[derive(Debug)]
pub struct Settings {
    /// What the publisher lets out.
    pub hub: Arc<Hub>,
    /// The feed that the live feeds refer to.
    pub gtfs_zip: Bytes,
    /// The page's settings.
    pub map: MapSettings,
    /// Most clients of live events at once.
    pub max_live_clients: usize,
    /// What `/readyz` asks.
    pub checks: Vec<Check>,
    /// What `/metrics` renders.
    pub metrics: Option<PrometheusHandle>,
    /// Tells the time.
    pub clock: Clock,
    /// Ends live events, and the server.
    pub stop: CancellationToken,
}

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The listening socket failed.
    #[error("the web server stopped: {0}; restart marshrut")]
    Serve(#[from] std::io::Error),
}

/// Everything the handlers read.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) hub: Arc<Hub>,
    pub(crate) gtfs_zip: Fixed,
    pub(crate) routes_json: Fixed,
    pub(crate) stops_json: Fixed,
    pub(crate) map: MapSettings,
    pub(crate) live_clients: Arc<Semaphore>,
    pub(crate) checks: Vec<Check>,
    pub(crate) metrics: Option<PrometheusHandle>,
    pub(crate) clock: Clock,
    pub(crate) started: Timestamp,
    pub(crate) stop: CancellationToken,
}

/// All paths.
pub fn router(settings: Settings) -> Router {
    let network = &settings.hub.network;
    let policy = content_policy(&settings.map.style);
    let app = Arc::new(App {
        routes_json: Fixed::new(schedule_json::routes(network).into()),
        stops_json: Fixed::new(schedule_json::stops(network).into()),
        gtfs_zip: Fixed::new(settings.gtfs_zip),
        map: settings.map,
        live_clients: Arc::new(Semaphore::new(settings.max_live_clients.min(Semaphore::MAX_PERMITS))),
        checks: settings.checks,
        metrics: settings.metrics,
        started: settings.clock.now(),
        clock: settings.clock,
        stop: settings.stop,
        hub: settings.hub,
    });
    // Archives and fonts are compressed as they are.
    let compressible = DefaultPredicate::new()
        .and(NotForContentType::const_new("application/zip"))
        .and(NotForContentType::const_new("font/woff2"));
    let open = CorsLayer::new().allow_origin(Any).allow_methods([axum::http::Method::GET, axum::http::Method::HEAD]);
    Router::new()
        .route("/", get(site::index))
        .route("/assets/{*path}", get(site::file))
        .route("/favicon.svg", get(site::favicon))
        .route("/live/events", get(events::events))
        .route("/gtfs-rt/vehicle-positions", get(feeds_http::vehicle_positions))
        .route("/gtfs-rt/vehicle-positions.json", get(feeds_http::vehicle_positions_json))
        .route("/gtfs-rt/trip-updates", get(feeds_http::trip_updates))
        .route("/gtfs-rt/trip-updates.json", get(feeds_http::trip_updates_json))
        .route("/gtfs/gtfs.zip", get(feeds_http::gtfs_zip))
        .route("/api/v1/vehicles", get(api::vehicles))
        .route("/api/v1/routes", get(api::routes))
        .route("/api/v1/routes/{id}", get(api::route))
        .route("/api/v1/stops", get(api::stops))
        .route("/api/v1/stops/{id}", get(api::stop))
        .route("/api/v1/map", get(api::map))
        .route("/openapi.json", get(api::openapi))
        .route("/healthz", get(operations::healthz))
        .route("/readyz", get(operations::readyz))
        .route("/metrics", get(operations::metrics))
        .fallback(|| async {
            problem(StatusCode::NOT_FOUND, "there is nothing here; /openapi.json lists what there is")
        })
        .method_not_allowed_fallback(|| async {
            problem(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here")
        })
        .layer(open)
        .layer(CompressionLayer::new().compress_when(compressible))
        .layer(middleware::from_fn(move |request, next| secure(policy.clone(), request, next)))
        .with_state(app)
}

/// Serves until the settings' `stop`, then finishes the answers under way.
pub async fn serve(listener: TcpListener, settings: Settings) -> Result<(), WebError> {
    let stop = settings.stop.clone();
    // An event must not wait for the next one to fill a packet; without it, it is only slower.
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    axum::serve(listener, router(settings)).with_graceful_shutdown(stop.cancelled_owned()).await?;
    Ok(())
}

async fn secure(policy: HeaderValue, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin"));
    response
}

/// Only this server, and the one that the map's ground comes from.
fn content_policy(style: &str) -> HeaderValue {
    let origin = style.split_once("://").map(|(scheme, rest)| {
        let host = rest.split('/').next().unwrap_or_default().replace("{s}", "*");
        format!("{scheme}://{host}")
    });
    // A style may draw its tiles, glyphs and sprites from servers that only it names.
    let ground = origin.map(|o| format!(" {o} https:")).unwrap_or_default();
    let policy = format!(
        "default-src 'self'; img-src 'self' data: blob:{ground}; connect-src 'self'{ground}; \
         style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; frame-ancestors *"
    );
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'self'"))
}
