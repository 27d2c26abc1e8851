//! `marshrut serve`: the service, until it is told to stop.

use std::path::Path;

use anyhow::Context as _;
use model::{Clock, Timestamp};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Role, ServeArgs};
use crate::config::{self, Config};
use crate::{gtfs, logging, service};

/// Runs until SIGTERM or SIGINT, then drains. SIGHUP reads the configuration again for the
/// gate and the list of devices.
pub async fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let config = read(args.config.config.as_deref())?;
    let metrics = logging::start(&config.log.level)?;
    let clock = clock(&config)?;
    let mut service = if args.role == Role::All {
        let schedule = gtfs::read(&config.data.gtfs).await?;
        let recorded_day = (!config.replay.start.is_empty()).then(Default::default);
        service::start(&config, schedule, clock, recorded_day, Some(metrics)).await?
    } else {
        service::start_role(args.role, &config, clock, metrics).await?
    };
    announce(&service);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let failure = loop {
        tokio::select! {
            _ = terminate.recv() => break None,
            _ = tokio::signal::ctrl_c() => break None,
            _ = hang_up.recv() => reload(&service, args.config.config.as_deref()).await,
            error = service.failed() => break Some(error),
        }
    };
    if let Some(error) = failure {
        // Nothing more may be acknowledged; what was is in the journal.
        return Err(error);
    }
    tracing::info!("stopping: no more trackers, bringing the store up to date");
    service.stop().await?;
    tracing::info!("stopped");
    Ok(())
}

/// The configuration from a file and this process's environment.
pub fn read(file: Option<&Path>) -> anyhow::Result<Config> {
    Ok(config::load(file, std::env::vars())?)
}

/// Says where everything is.
pub fn announce(service: &service::Service) {
    tracing::info!("map: http://{}/", service.web);
}

async fn reload(service: &service::Service, file: Option<&Path>) {
    let done = match read(file) {
        Ok(config) => service.reload(&config).await.map(|()| config),
        Err(error) => Err(error),
    };
    match done {
        Ok(config) => tracing::info!("configuration read again; the gate stands at {:?}", config.gate.mode),
        Err(error) => tracing::error!("configuration not taken, everything stays as it was: {error:#}"),
    }
}

/// Real time, or a recorded day's.
fn clock(config: &Config) -> anyhow::Result<Clock> {
    let now = || Timestamp::from(jiff::Timestamp::now());
    let replay = &config.replay;
    if replay.start.is_empty() {
        return Ok(Clock::new(now));
    }
    let parse = |key: &str, text: &str| {
        Timestamp::parse(text)
            .with_context(|| format!("replay.{key} `{text}` is no instant; write it as 2026-01-16T19:31:00Z"))
    };
    let start = parse("start", &replay.start)?;
    let real_start = if replay.real_start.is_empty() { now() } else { parse("real_start", &replay.real_start)? };
    anyhow::ensure!(replay.speed.is_finite() && replay.speed > 0.0, "replay.speed must be above 0");
    let speed = replay.speed;
    Ok(Clock::new(move || start.plus_seconds(now().seconds_since(real_start) * speed)))
}
