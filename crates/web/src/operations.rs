//! `/healthz`, `/readyz`, `/metrics`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::join_all;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::WebError;
use crate::server::App;

/// A check that takes longer has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(3);

/// The publisher is called some times a second; this long without it is a fault.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

type Answer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Something that must be well for the service to be ready.
#[derive(Clone)]
pub struct Check {
    name: &'static str,
    ask: Arc<dyn Fn() -> Answer + Send + Sync>,
}

impl Check {
    /// A check that `ask` answers: well, or why not and what to do.
    pub fn new<F>(name: &'static str, ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name, ask: Arc::new(move || Box::pin(ask())) }
    }

    async fn answer(&self, limit: Duration) -> Result<(), String> {
        tokio::time::timeout(limit, (self.ask)())
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", limit.as_secs())))
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Check({})", self.name)
    }
}

pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// For a process that shows riders nothing: health, readiness, measurements.
pub async fn serve_operations(
    listener: TcpListener,
    checks: Vec<Check>,
    metrics: Option<PrometheusHandle>,
    stop: CancellationToken,
) -> Result<(), WebError> {
    let checks = Arc::new(checks);
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(move || async move { report(ask(&checks).await) }))
        .route("/metrics", get(move || std::future::ready(render(metrics.as_ref()))));
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await?;
    Ok(())
}

pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let mut answers = ask(&app.checks).await;
    answers.push(("live", live(app.hub.pulse.silence())));
    report(answers)
}

async fn ask(checks: &[Check]) -> Vec<(&'static str, Result<(), String>)> {
    join_all(checks.iter().map(|check| async move { (check.name, check.answer(CHECK_TIMEOUT).await) })).await
}

fn report(answers: Vec<(&'static str, Result<(), String>)>) -> Response {
    let ready = answers.iter().all(|(_, answer)| answer.is_ok());
    let report: Map<_, _> = answers
        .into_iter()
        .map(|(name, answer)| (name.to_owned(), Value::String(answer.err().unwrap_or_else(|| "ok".to_owned()))))
        .collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(Value::Object(report))).into_response()
}

/// Whether the publisher is at work.
fn live(silence: Duration) -> Result<(), String> {
    if silence <= LONGEST_SILENCE {
        return Ok(());
    }
    Err(format!("the live outputs have stood still for {} s; see the log, restart marshrut", silence.as_secs()))
}

pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    render(app.metrics.as_ref())
}

fn render(metrics: Option<&PrometheusHandle>) -> Response {
    let text = metrics.map(PrometheusHandle::render).unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publisher_that_stands_still_is_not_ready() {
        assert_eq!(live(Duration::from_secs(2)), Ok(()));
        assert!(live(Duration::from_secs(31)).unwrap_err().contains("31 s"));
    }

    #[tokio::test]
    async fn a_check_without_an_answer_has_failed() {
        let check = Check::new("store", std::future::pending);
        assert!(check.answer(Duration::from_millis(5)).await.unwrap_err().contains("no answer"));
    }
}
