//! The parts of a service on more than one machine, wired.
//!
//! ```text
//! --role gateway   gateway ─▶ journal ─▶ forwarder ─▶ NATS
//! --role worker    NATS ─▶ the shards of its share: matching ─▶ store
//! --role web       NATS ─▶ matching ─▶ live task (gate, live state) ─▶ hub ─▶ web
//! ```
//!
//! Web hosts match for themselves, as the live side does on one machine: that costs
//! microseconds a fix, and what riders see waits neither for a worker nor for the store.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use journal::{Journal, Options, Position};
use metrics_exporter_prometheus::PrometheusHandle;
use model::Clock;
use stream::{Connection, Forwarded, Members};
use tokio::net::TcpListener;
use tokio::sync::watch;
use web::Check;

use super::{Intake, Recorded, Service, Stops, Tasks, folder};
use super::{gateway_check, journal_check, journal_options, keep_up, listen, show, store_check, warm_up};
use crate::cli::Role;
use crate::config::{Acknowledge, Config};
use crate::gtfs;
use crate::pipeline::{self, CURSOR, Shards, Worker};

/// Starts one part. It does not wait for NATS: what comes in meanwhile is in the journals.
pub async fn start_role(
    role: Role,
    config: &Config,
    clock: Clock,
    metrics: PrometheusHandle,
) -> anyhow::Result<Service> {
    let connection = Connection::open(config.stream_settings()?).await?;
    folder::prepare(&config.data.folder)?;
    match role {
        Role::Gateway => gateway(config, connection, clock, metrics).await,
        Role::Worker => worker(config, connection, metrics).await,
        Role::Web => web(config, connection, clock, metrics).await,
        Role::All => anyhow::bail!("the role `all` is no part; this is a fault of marshrut"),
    }
}

async fn gateway(
    config: &Config,
    connection: Connection,
    clock: Clock,
    metrics: PrometheusHandle,
) -> anyhow::Result<Service> {
    let (listener, web) = listen(config).await?;
    let (position, forwarded) = watch::channel(Position::START);
    let (trouble, troubled) = watch::channel(None);
    let acknowledge_after = (config.nats.ack == Acknowledge::Stream).then(|| forwarded.clone());
    let options = Options { acknowledge_after, ..journal_options(config, Position::START) };
    let journal = Journal::open(&config.data.folder.join("journal"), options)?;
    // From the time when this host was all in one: the store gets these reports by the stream now.
    journal.remove_cursor(CURSOR)?;
    let (stops, mut stages, mut outputs) = (Stops::default(), Tasks::default(), Tasks::default());
    let forward = stream::forward(
        journal.clone(),
        connection,
        folder::host(config)?,
        Forwarded { position, trouble },
        stops.stages.clone(),
    );
    stages.spawn("the forwarder", async move { Ok(forward.await?) });
    let (listens, gateway_check) = gateway_check(&stops);
    let checks = vec![gateway_check, journal_check(&journal), forwarder_check(&journal, forwarded, troubled)];
    operate(listener, checks, metrics, &stops, &mut outputs);
    let registry = Arc::new(ArcSwap::from_pointee(folder::registry(config)?));
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
    Ok(Service { web, intake, live: None, beforehand: None, store: None, stops, stages, outputs })
}

async fn worker(config: &Config, connection: Connection, metrics: PrometheusHandle) -> anyhow::Result<Service> {
    let (listener, web) = listen(config).await?;
    let schedule = gtfs::read(&config.data.gtfs).await?;
    let store = store::open(&config.store_url()).await?;
    // Says at once where the store cannot be shared.
    store.claim_shards(&[]).await?;
    let (stops, mut stages, mut outputs) = (Stops::default(), Tasks::default(), Tasks::default());
    let (view, members) = watch::channel(Vec::new());
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(|e| anyhow::anyhow!("the system gives no random numbers: {e}"))?;
    // Another one at each start: the process before this may be believed alive for a while.
    let name = format!("{}.{}", folder::host(config)?, hex::encode(random));
    let membership = Members::run(connection.clone(), name.clone(), view, stops.stages.clone());
    stages.spawn("the membership", async move { Ok(membership.await?) });
    let beforehand = super::beforehand(config, &schedule.network)?;
    let worker = Worker {
        connection: connection.clone(),
        store: Arc::clone(&store),
        beforehand: Arc::clone(&beforehand),
        name,
        members,
        warm_up: warm_up(config),
    };
    stages.spawn("the worker", worker.run(stops.stages.clone()));
    operate(listener, vec![store_check(&store), stream_check(connection)], metrics, &stops, &mut outputs);
    let beforehand = Some(beforehand);
    Ok(Service { web, intake: None, live: None, beforehand, store: Some(store), stops, stages, outputs })
}

async fn web(
    config: &Config,
    connection: Connection,
    clock: Clock,
    metrics: PrometheusHandle,
) -> anyhow::Result<Service> {
    let (listener, web) = listen(config).await?;
    let schedule = gtfs::read(&config.data.gtfs).await?;
    let beforehand = super::beforehand(config, &schedule.network)?;
    let shards = Shards::start("live", &beforehand, config.pipeline.shards)?;
    let (stops, mut stages, mut outputs) = (Stops::default(), Tasks::default(), Tasks::default());
    let day = (!config.replay.start.is_empty()).then(Default::default);
    let checks = vec![stream_check(connection.clone())];
    let recorded = Recorded { clock, day };
    let live = show(config, schedule, recorded, listener, checks, Some(metrics), &stops, &mut outputs);
    let follow = pipeline::follow(connection, warm_up(config), shards, live.clone(), stops.stages.clone());
    stages.spawn("the live stage", follow);
    let beforehand = Some(beforehand);
    Ok(Service { web, intake: None, live: Some(live), beforehand, store: None, stops, stages, outputs })
}

/// Answers an operator's questions.
fn operate(listener: TcpListener, checks: Vec<Check>, metrics: PrometheusHandle, stops: &Stops, outputs: &mut Tasks) {
    tokio::spawn(stops.outputs.clone().run_until_cancelled_owned(keep_up(metrics.clone())));
    let serve = web::serve_operations(listener, checks, Some(metrics), stops.outputs.clone());
    outputs.spawn("the web server", async move { serve.await.context("nobody can ask how it is") });
}

fn stream_check(connection: Connection) -> Check {
    Check::new("stream", move || {
        let connection = connection.clone();
        async move { connection.ready().await.map_err(|e| e.to_string()) }
    })
}

/// Says how much waits on this host while NATS does not take it.
fn forwarder_check(
    journal: &Journal,
    forwarded: watch::Receiver<Position>,
    trouble: watch::Receiver<Option<String>>,
) -> Check {
    let journal = journal.clone();
    Check::new("stream", move || {
        let behind = journal.head().0.saturating_sub(forwarded.borrow().0);
        let trouble = trouble.borrow().clone();
        std::future::ready(trouble.map_or(Ok(()), |reason| Err(format!("behind by {behind} reports: {reason}"))))
    })
}
