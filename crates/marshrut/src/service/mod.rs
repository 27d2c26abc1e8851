//! The whole service, wired: this file says what feeds what on one machine, [`roles`] what
//! does on several.
//!
//! ```text
//! gateway ─▶ journal ─▶ stage "live" ─┬▶ live task (gate, live state) ─▶ hub ─▶ web
//!                                     └▶ stage "history" ─▶ store
//! ```

mod folder;
mod roles;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use gateway::{Gateway, Registry};
use journal::{Journal, Options, Position};
use metrics_exporter_prometheus::PrometheusHandle;
use model::Clock;
use network::Network;
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use web::{Check, MapSettings, Publisher};

use crate::config::Config;
use crate::gtfs::Schedule;
use crate::pipeline::{
    self, Beforehand, CURSOR, Handover, History, HistorySink, LiveHandle, LiveSink, Shards, Stage, Start,
};

pub use roles::start_role;

/// How long the store may take to answer at start before the service goes on without it.
const STORE_PATIENCE: Duration = Duration::from_secs(10);
/// The most that `journal.ack_within_ms` may say: trackers give up sooner or later.
const MAX_ACK_MS: u64 = 10_000;
/// How often measurements are folded.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// How long the journal's rest may take to reach the store when the service stops.
const DRAIN_PATIENCE: Duration = Duration::from_secs(30);

/// A running service, or the part of it that this process is.
pub struct Service {
    /// Where the page is, or what an operator asks.
    pub web: SocketAddr,
    intake: Option<Intake>,
    live: Option<LiveHandle>,
    beforehand: Option<Arc<Beforehand>>,
    store: Option<Arc<dyn Store>>,
    stops: Stops,
    /// From journal or stream to what is shown and kept.
    stages: Tasks,
    /// What is shown.
    outputs: Tasks,
}

/// Trackers in.
struct Intake {
    gateway: Gateway,
    registry: Arc<ArcSwap<Registry>>,
    journal: Journal,
}

/// What is stopped, in this order.
#[derive(Default)]
struct Stops {
    gateway: CancellationToken,
    stages: CancellationToken,
    outputs: CancellationToken,
}

/// Tasks that run until they are told to stop, with their names.
#[derive(Default)]
struct Tasks(JoinSet<(&'static str, anyhow::Result<()>)>);

impl Tasks {
    fn spawn(&mut self, name: &'static str, task: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
        self.0.spawn(async move { (name, task.await) });
    }

    /// Ends when one has ended.
    async fn failed(&mut self) -> anyhow::Error {
        match self.0.join_next().await {
            Some(Ok((name, Ok(())))) => anyhow::anyhow!("{name} has ended unasked"),
            Some(Ok((name, Err(error)))) => error.context(format!("{name} has failed")),
            Some(Err(error)) => anyhow::Error::from(error).context("a task has failed"),
            None => std::future::pending().await,
        }
    }

    /// Ends when all have; tells the first error.
    async fn ended(&mut self) -> anyhow::Result<()> {
        let mut result = Ok(());
        while let Some(ended) = self.0.join_next().await {
            let ended = ended.map_err(anyhow::Error::from).and_then(|(_, ended)| ended);
            result = result.and(ended);
        }
        result
    }
}

/// Starts the whole on one machine. What cannot start says so before anything is acknowledged.
pub async fn start(
    config: &Config,
    schedule: Schedule,
    clock: Clock,
    recorded_day: Option<(String, String)>,
    metrics: Option<PrometheusHandle>,
) -> anyhow::Result<Service> {
    let data = &config.data.folder;
    folder::prepare(data)?;
    let (listener, web) = listen(config).await?;
    let store = store::open(&config.store_url()).await?;
    let committed = committed(store.as_ref()).await?;
    let journal = Journal::open(&data.join("journal"), journal_options(config, committed))?;
    journal.set_cursor(CURSOR, committed.min(journal.head()))?;
    let registry = Arc::new(ArcSwap::from_pointee(folder::registry(config)?));
    let stops = Stops::default();
    let network = Arc::clone(&schedule.network);

    let (now, warm_up) = (clock.now(), warm_up(config));
    // Counted back from the last report, or from now: what trackers kept while the service was away goes
    // on from their last reports, however long ago those came in.
    let since = |past: Duration| -> anyhow::Result<Position> {
        let since_now = journal.position_at(now.plus_seconds(-past.as_secs_f64()))?;
        Ok(since_now.min(pipeline::recent(&journal, journal.head(), past)?))
    };
    // After half of its past a vehicle is known as well as it will be: from there the store is served too.
    let (warm_up_after, known_after) = (since(warm_up)?, since(warm_up / 2)?);
    let handover = Handover::new(committed.max(known_after));
    let (mut stages, mut outputs) = (Tasks::default(), Tasks::default());
    let recorded = Recorded { clock: clock.clone(), day: recorded_day };
    let (listens, gateway_check) = gateway_check(&stops);
    let checks = vec![gateway_check, journal_check(&journal), store_check(&store)];
    let live = show(config, schedule, recorded, listener, checks, metrics, &stops, &mut outputs);
    let beforehand = beforehand(config, &network)?;
    let stage = |name| Stage { name, journal: journal.clone(), stop: stops.stages.clone() };
    let shards = Shards::start("live", &beforehand, config.pipeline.shards)?;
    let mut sink = LiveSink::new(live.clone(), Arc::clone(&handover));
    let (live_stage, start) = (stage("live"), Start { after: warm_up_after, warm_up_after });
    stages
        .spawn("the live stage", async move { live_stage.run(start, shards, &mut sink, |_| false).await.map(|_| ()) });
    let history = History { handover, beforehand: Arc::clone(&beforehand), shards: config.pipeline.shards, warm_up };
    let sink = HistorySink::new(Arc::clone(&store), journal.clone(), Arc::clone(&network));
    stages.spawn("the history stage", history.run(stage("history"), committed, sink));
    let gateway = gateway::serve(
        config.gateway_settings()?,
        Arc::clone(&registry),
        journal.clone(),
        clock,
        stops.gateway.clone(),
    )
    .await?;
    listens.store(true, Ordering::Release);
    let intake = Some(Intake { gateway, registry, journal });
    Ok(Service {
        web,
        intake,
        live: Some(live),
        beforehand: Some(beforehand),
        store: Some(store),
        stops,
        stages,
        outputs,
    })
}

/// How vehicles are matched, and what is known of their duties.
fn beforehand(config: &Config, network: &Arc<Network>) -> anyhow::Result<Arc<Beforehand>> {
    Ok(Beforehand::new(Arc::clone(network), config.parameters()?, config.assignments(network)?))
}

/// Where the process is asked how it is, and riders their questions.
async fn listen(config: &Config) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(config.web.listen).await.with_context(|| {
        format!("cannot listen on {}; is it in use? Set web.listen to another address", config.web.listen)
    })?;
    let address = listener.local_addr().context("the web listener has no address")?;
    Ok((listener, address))
}

/// The service's time, and what to say of a recorded day.
struct Recorded {
    clock: Clock,
    day: Option<(String, String)>,
}

/// Starts what riders see: the live task with the gate, and the server. What is matched goes
/// to the handle that it gives.
#[expect(clippy::too_many_arguments, reason = "the wiring's one place")]
fn show(
    config: &Config,
    schedule: Schedule,
    recorded: Recorded,
    listener: TcpListener,
    checks: Vec<Check>,
    metrics: Option<PrometheusHandle>,
    stops: &Stops,
    outputs: &mut Tasks,
) -> LiveHandle {
    let clock = recorded.clock;
    let publisher = Publisher::new(schedule.network, config.gate_policy(), clock.now());
    let hub = publisher.hub();
    let (live, messages) = LiveHandle::new();
    let (task_clock, stop) = (clock.clone(), stops.outputs.clone());
    outputs.spawn("the live task", async move {
        pipeline::live_task(publisher, messages, task_clock, stop).await;
        Ok(())
    });
    if let Some(metrics) = metrics.clone() {
        tokio::spawn(stops.outputs.clone().run_until_cancelled_owned(keep_up(metrics)));
    }
    let settings = web::Settings {
        hub,
        gtfs_zip: schedule.zip,
        map: MapSettings {
            name: config.city.name.clone(),
            name_en: config.city.name_en.clone(),
            style: config.web.style.clone(),
            attribution: config.web.attribution.clone(),
            recorded_day: recorded.day,
        },
        max_live_clients: config.web.max_live_clients,
        checks,
        metrics,
        clock,
        stop: stops.outputs.clone(),
    };
    outputs.spawn("the web server", async move { Ok(web::serve(listener, settings).await?) });
    live
}

impl Service {
    /// Where trackers of a protocol connect.
    pub fn tracker_addresses(&self) -> &[(String, SocketAddr)] {
        self.intake.as_ref().map(|intake| intake.gateway.addresses()).unwrap_or_default()
    }

    /// Takes the gate, the list of devices and the assignments from a configuration read again.
    pub async fn reload(&self, config: &Config) -> anyhow::Result<()> {
        if let Some(live) = &self.live {
            live.set_policy(config.gate_policy()).await;
        }
        if let Some(intake) = &self.intake {
            intake.registry.store(Arc::new(folder::registry(config)?));
        }
        if let Some(beforehand) = &self.beforehand {
            beforehand.assign(config.assignments(beforehand.network())?);
        }
        Ok(())
    }

    /// Ends when something that should run for ever has ended.
    pub async fn failed(&mut self) -> anyhow::Error {
        tokio::select! {
            error = self.stages.failed() => error,
            error = self.outputs.failed() => error,
        }
    }

    /// Drains: no more trackers, what was read is journaled and answered, the journal's rest
    /// goes to the store, then the outputs close.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stops.gateway.cancel();
        let journal = match self.intake {
            Some(intake) => {
                intake.gateway.stopped().await;
                Some(intake.journal)
            }
            None => None,
        };
        self.stops.stages.cancel();
        let drained = tokio::time::timeout(DRAIN_PATIENCE, self.stages.ended()).await;
        self.stops.outputs.cancel();
        // They only end by the token, and the server's error no longer matters.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.outputs.ended()).await;
        if let Some(journal) = journal {
            journal.close().await?;
        }
        if let Some(store) = self.store {
            store.close().await;
        }
        match drained {
            Ok(Ok(())) => {}
            // What is in the journal is safe there, and the next start goes on from it.
            Ok(Err(error)) => tracing::warn!("not everything has been handed on yet: {error:#}"),
            Err(_) => tracing::warn!("not everything has been handed on yet; the next start goes on from there"),
        }
        Ok(())
    }
}

/// Folds what the histograms have gathered, which otherwise grows with every measurement.
async fn keep_up(metrics: PrometheusHandle) {
    let mut ticks = tokio::time::interval(METRICS_UPKEEP);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
}

/// The journal's position that the store has. A store that does not answer for a while keeps
/// the service from starting: without that number it could not tell old reports from new.
async fn committed(store: &dyn Store) -> anyhow::Result<Position> {
    tokio::time::timeout(STORE_PATIENCE, store.position())
        .await
        .context("the store does not answer; check store.url and that the database runs")?
        .map(Position)
        .map_err(Into::into)
}

/// How much of the past vehicles need to have their trips.
fn warm_up(config: &Config) -> Duration {
    Duration::from_secs(config.pipeline.warm_up_minutes.saturating_mul(60))
}

fn journal_options(config: &Config, committed: Position) -> Options {
    Options {
        retention: Duration::from_secs(config.journal.retention_hours.saturating_mul(3600)),
        ack_within: Duration::from_millis(config.journal.ack_within_ms.min(MAX_ACK_MS)),
        max_bytes: config.journal.max_gigabytes.saturating_mul(1 << 30),
        may_drop_unread: config.journal.may_drop_unread,
        numbered_after: committed,
        ..Options::default()
    }
}

/// Whether trackers can connect: from the moment at which what is given is set, until the gateway stops.
fn gateway_check(stops: &Stops) -> (Arc<AtomicBool>, Check) {
    let listens = Arc::new(AtomicBool::new(false));
    let (listening, stop) = (Arc::clone(&listens), stops.gateway.clone());
    let check = Check::new("gateway", move || {
        std::future::ready(match (stop.is_cancelled(), listening.load(Ordering::Acquire)) {
            (true, _) => Err("it is stopping and takes no more trackers".to_owned()),
            (false, false) => Err("it is starting, and does not listen for trackers yet".to_owned()),
            (false, true) => Ok(()),
        })
    });
    (listens, check)
}

fn journal_check(journal: &Journal) -> Check {
    let journal = journal.clone();
    Check::new("journal", move || std::future::ready(journal.health().map_err(|e| e.to_string())))
}

fn store_check(store: &Arc<dyn Store>) -> Check {
    let store = Arc::clone(store);
    Check::new("store", move || {
        let store = Arc::clone(&store);
        async move { store.ready().await.map_err(|e| e.to_string()) }
    })
}
