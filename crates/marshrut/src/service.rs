//! The whole service, wired: this file says what feeds what.
//!
//! ```text
//! gateway ─▶ journal ─┬▶ stage "live"    ─▶ live task (gate, live state) ─▶ hub ─▶ web
//!                     └▶ stage "history" ─▶ store
//! ```

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use arc_swap::ArcSwap;
use gateway::{Gateway, Registry};
use journal::{Journal, Options, Position};
use metrics_exporter_prometheus::PrometheusHandle;
use model::{Clock, PseudonymKey};
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use web::{Check, MapSettings, Publisher};

use crate::config::Config;
use crate::gtfs::Schedule;
use crate::pipeline::{self, CURSOR, HistorySink, LiveHandle, Shards, Start};

/// How long the store may take to answer at start before the service goes on without it.
const STORE_PATIENCE: Duration = Duration::from_secs(10);
/// The most that `journal.ack_within_ms` may say: trackers give up sooner or later.
const MAX_ACK_MS: u64 = 10_000;
/// How often measurements are folded.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// How long the journal's rest may take to reach the store when the service stops.
const DRAIN_PATIENCE: Duration = Duration::from_secs(30);

/// A running service.
pub struct Service {
    /// Where the page is.
    pub web: SocketAddr,
    gateway: Gateway,
    registry: Arc<ArcSwap<Registry>>,
    live: LiveHandle,
    journal: Journal,
    store: Arc<dyn Store>,
    stops: Stops,
    tasks: Tasks,
}

/// What is stopped, in this order.
#[derive(Default)]
struct Stops {
    gateway: CancellationToken,
    stages: CancellationToken,
    outputs: CancellationToken,
}

struct Tasks {
    live_stage: JoinHandle<anyhow::Result<()>>,
    history_stage: JoinHandle<anyhow::Result<()>>,
    live: JoinHandle<()>,
    web: JoinHandle<Result<(), web::WebError>>,
}

/// Starts everything. What cannot start says so before anything is acknowledged.
pub async fn start(
    config: &Config,
    schedule: Schedule,
    clock: Clock,
    recorded_day: Option<(String, String)>,
    metrics: Option<PrometheusHandle>,
) -> anyhow::Result<Service> {
    let folder = &config.data.folder;
    prepare_folder(folder)?;
    let listener = TcpListener::bind(config.web.listen).await.with_context(|| {
        format!("cannot listen on {}; is it in use? Set web.listen to another address", config.web.listen)
    })?;
    let web_address = listener.local_addr().context("the web listener has no address")?;
    let store = store::open(&config.store_url()).await?;
    let committed = committed(store.as_ref()).await?;
    let journal = Journal::open(&folder.join("journal"), journal_options(config, committed))?;
    journal.set_cursor(CURSOR, committed.min(journal.head()))?;
    let registry = Arc::new(ArcSwap::from_pointee(registry(config)?));
    let stops = Stops::default();
    let network = Arc::clone(&schedule.network);

    let now = clock.now();
    let warm_up_after = journal.position_at(now.plus_seconds(-60.0 * config.pipeline.warm_up_minutes as f64))?;
    let publisher = Publisher::new(Arc::clone(&network), config.gate_policy(), now);
    let hub = publisher.hub();
    let (live, messages) = LiveHandle::new();
    let live_task = tokio::spawn(pipeline::live_task(publisher, messages, clock.clone(), stops.outputs.clone()));
    let shards = |name| Shards::start(name, &network, config.pipeline.shards);
    let live_start = Start { after: warm_up_after, warm_up_after };
    let live_stage = tokio::spawn(pipeline::run(
        "live",
        journal.clone(),
        live_start,
        shards("live")?,
        live.clone(),
        stops.stages.clone(),
    ));
    let history_start = Start { after: committed, warm_up_after: warm_up_for(&journal, committed, config)? };
    let history_stage = tokio::spawn(pipeline::run(
        "history",
        journal.clone(),
        history_start,
        shards("history")?,
        HistorySink::new(Arc::clone(&store), journal.clone(), Arc::clone(&network)),
        stops.stages.clone(),
    ));

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
            recorded_day,
        },
        max_live_clients: config.web.max_live_clients,
        checks: checks(&journal, &store),
        metrics,
        clock: clock.clone(),
        stop: stops.outputs.clone(),
    };
    let web = tokio::spawn(web::serve(listener, settings));
    let gateway = gateway::serve(
        config.gateway_settings()?,
        Arc::clone(&registry),
        journal.clone(),
        clock,
        stops.gateway.clone(),
    )
    .await?;
    let tasks = Tasks { live_stage, history_stage, live: live_task, web };
    Ok(Service { web: web_address, gateway, registry, live, journal, store, stops, tasks })
}

impl Service {
    /// Where trackers of a protocol connect.
    pub fn tracker_addresses(&self) -> &[(String, SocketAddr)] {
        self.gateway.addresses()
    }

    /// Takes the gate and the list of devices from a configuration read again.
    pub async fn reload(&self, config: &Config) -> anyhow::Result<()> {
        self.live.set_policy(config.gate_policy()).await;
        self.registry.store(Arc::new(registry(config)?));
        Ok(())
    }

    /// Ends when something that should run for ever has ended.
    pub async fn failed(&mut self) -> anyhow::Error {
        let ended = |name: &str, result: Result<anyhow::Result<()>, tokio::task::JoinError>| match result {
            Ok(Ok(())) => anyhow::anyhow!("{name} has ended unasked"),
            Ok(Err(error)) => error.context(format!("{name} has failed")),
            Err(error) => anyhow::Error::from(error).context(format!("{name} has failed")),
        };
        tokio::select! {
            r = &mut self.tasks.live_stage => ended("the live stage", r),
            r = &mut self.tasks.history_stage => ended("the history stage", r),
            r = &mut self.tasks.live => ended("the live task", r.map(Ok)),
            r = &mut self.tasks.web => ended("the web server", r.map(|r| r.map_err(Into::into))),
        }
    }

    /// Drains: no more trackers, what was read is journaled and answered, the journal's rest
    /// goes to the store, then the outputs close.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stops.gateway.cancel();
        self.gateway.stopped().await;
        self.stops.stages.cancel();
        let stages = async {
            let live = self.tasks.live_stage.await;
            let history = self.tasks.history_stage.await;
            live??;
            history?
        };
        let drained = tokio::time::timeout(DRAIN_PATIENCE, stages).await;
        self.stops.outputs.cancel();
        // The live task only ends by the token, and the server's error no longer matters.
        let _ = self.tasks.live.await;
        let _ = tokio::time::timeout(Duration::from_secs(5), self.tasks.web).await;
        self.journal.close().await?;
        self.store.close().await;
        match drained {
            Ok(Ok(())) => {}
            // What is in the journal is safe there, and the next start goes on from it.
            Ok(Err(error)) => tracing::warn!("the store does not have everything yet: {error:#}"),
            Err(_) => tracing::warn!("the store does not have everything yet; the next start brings it up to date"),
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

/// Where the history's matchers begin to read, so that they know the vehicles' recent past.
fn warm_up_for(journal: &Journal, committed: Position, config: &Config) -> anyhow::Result<Position> {
    if committed < journal.first() || committed > journal.head() {
        // The journal does not hold that report any more, or not yet: nothing to warm up with.
        return Ok(committed);
    }
    let Some((_, report)) = journal.read(Position(committed.0.saturating_sub(1)), 1)?.into_iter().next() else {
        return Ok(committed);
    };
    let since = report.received_at.plus_seconds(-60.0 * config.pipeline.warm_up_minutes as f64);
    Ok(journal.position_at(since)?.min(committed))
}

fn journal_options(config: &Config, committed: Position) -> Options {
    Options {
        retention: Duration::from_secs(config.journal.retention_hours.saturating_mul(3600)),
        ack_within: Duration::from_millis(config.journal.ack_within_ms.min(MAX_ACK_MS)),
        max_bytes: config.journal.max_gigabytes.saturating_mul(1 << 30),
        numbered_after: committed,
        ..Options::default()
    }
}

fn checks(journal: &Journal, store: &Arc<dyn Store>) -> Vec<Check> {
    let (journal, store) = (journal.clone(), Arc::clone(store));
    vec![
        Check::new("journal", move || std::future::ready(journal.health().map_err(|e| e.to_string()))),
        Check::new("store", move || {
            let store = Arc::clone(&store);
            async move { store.ready().await.map_err(|e| e.to_string()) }
        }),
    ]
}

fn prepare_folder(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| {
        format!("cannot make the data folder {}; set data.folder to one that can be written", folder.display())
    })?;
    let probe = folder.join(".writable");
    std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)).with_context(|| {
        format!("cannot write to the data folder {}; give this user the right to, or set data.folder", folder.display())
    })
}

/// The devices of the fleet, and the key for the pseudonyms of all others.
fn registry(config: &Config) -> anyhow::Result<Registry> {
    let key = pseudonym_key(&config.data.folder)?;
    if config.data.devices.as_os_str().is_empty() {
        if config.data.allow_list {
            bail!("data.allow_list is set but data.devices names no list of devices; nobody could connect");
        }
        return Ok(Registry::open(key));
    }
    Ok(Registry::from_csv(&config.data.devices, config.data.allow_list, key)?)
}

/// The secret of this installation, made at its first start.
fn pseudonym_key(folder: &Path) -> anyhow::Result<PseudonymKey> {
    let path = folder.join("pseudonym.key");
    match std::fs::read(&path) {
        Ok(bytes) => {
            let key = <[u8; 16]>::try_from(bytes.as_slice());
            let key = key.with_context(|| format!("{} is damaged: it must hold 16 bytes", path.display()))?;
            Ok(PseudonymKey::new(key))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut key = [0; 16];
            getrandom::fill(&mut key).map_err(|e| anyhow::anyhow!("the system gives no random numbers: {e}"))?;
            write_secret(&path, &key).with_context(|| format!("cannot write {}", path.display()))?;
            Ok(PseudonymKey::new(key))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn write_secret(path: &Path, key: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(key)?;
    file.sync_all()
}
