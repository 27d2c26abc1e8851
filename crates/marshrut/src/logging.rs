//! The log on standard error, and the metrics.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Starts both; the handle renders the metrics.
pub fn start(level: &str) -> anyhow::Result<PrometheusHandle> {
    log(level)?;
    PrometheusBuilder::new().install_recorder().context("cannot record metrics")
}

/// Starts the log alone, for commands that end by themselves.
pub fn log(level: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(level)
        .with_context(|| format!("log.level `{level}` is no filter; write it as info or info,gateway=debug"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}
