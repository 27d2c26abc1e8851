//! `marshrut check`: what is wrong, and how to mend it.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use network::Network;
use tokio::net::TcpStream;

use crate::cli::CheckArgs;
use crate::config::{self, Config};

/// How long a database or a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Checks one thing after another and prints a line for each. Fails where one has failed.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub async fn run(args: &CheckArgs) -> anyhow::Result<()> {
    if args.example {
        print!("{}", config::example());
        return Ok(());
    }
    let mut list = List { failed: 0 };
    let config =
        list.say("configuration", config::load(args.config.config.as_deref(), std::env::vars()).map_err(Into::into));
    if let Some(config) = config {
        list.say("gateway", config.gateway_settings().map(|settings| listeners(&settings)));
        if let Some(network) = list.say("GTFS", schedule(&config.data.gtfs)) {
            list.say("assignments", config.assignments(&network));
        }
        list.say("depots", config.parameters());
        list.say("devices", devices(&config));
        list.say("data folder", folder(&config.data.folder));
        list.say("store", database(&config).await);
        if !config.nats.url.is_empty() {
            list.say("NATS", nats(&config).await);
        }
        for broker in config.gateway_settings().map(|s| s.mqtt).unwrap_or_default() {
            list.say("broker", reach(&broker.host, broker.port).await);
        }
    }
    anyhow::ensure!(list.failed == 0, "{} of the checks failed", list.failed);
    Ok(())
}

struct List {
    failed: u32,
}

impl List {
    #[expect(clippy::print_stdout, reason = "the command's answer")]
    fn say<T>(&mut self, what: &str, result: anyhow::Result<T>) -> Option<T> {
        match result {
            Ok(value) => {
                println!("ok      {what}");
                Some(value)
            }
            Err(error) => {
                self.failed += 1;
                println!("failed  {what}: {error:#}");
                None
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn schedule(path: &Path) -> anyhow::Result<Network> {
    anyhow::ensure!(path.exists(), "there is no GTFS at {}; set data.gtfs", path.display());
    let (network, findings) = network::load(path)?;
    for finding in &findings {
        println!("        {finding}");
    }
    println!(
        "        {} routes, {} trips, {} stops, time zone {}",
        network.routes().len(),
        network.trips().len(),
        network.stops().len(),
        network.zone().iana_name().unwrap_or("?")
    );
    Ok(network)
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn listeners(settings: &gateway::Settings) {
    for (listener, over) in
        settings.listeners.iter().map(|l| (l, "TCP")).chain(settings.datagrams.iter().map(|l| (l, "UDP")))
    {
        println!("        {:<20} {over} {}", listener.protocol, listener.address);
    }
    if let Some(shortfall) = gateway::OpenFiles::raise().shortfall(settings.limits.max_connections) {
        println!("        {shortfall}");
    }
}

fn devices(config: &Config) -> anyhow::Result<()> {
    if config.data.devices.as_os_str().is_empty() {
        anyhow::ensure!(!config.data.allow_list, "data.allow_list is set but data.devices names no list");
        return Ok(());
    }
    gateway::Registry::from_csv(&config.data.devices, config.data.allow_list, model::PseudonymKey::new([0; 16]))?;
    Ok(())
}

fn folder(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder)).map(drop).with_context(|| {
        format!("cannot write to {}; give this user the right to, or set data.folder", folder.display())
    })
}

async fn database(config: &Config) -> anyhow::Result<()> {
    let store = tokio::time::timeout(PATIENCE, store::open(&config.store_url()))
        .await
        .context("the store does not answer; check store.url and that the database runs")??;
    store.ready().await?;
    store.close().await;
    Ok(())
}

async fn nats(config: &Config) -> anyhow::Result<()> {
    let connection = stream::Connection::open(config.stream_settings()?).await?;
    tokio::time::timeout(PATIENCE, connection.ready())
        .await
        .context("the NATS server does not answer; check nats.url and that it runs with JetStream")??;
    Ok(())
}

async fn reach(host: &str, port: u16) -> anyhow::Result<()> {
    tokio::time::timeout(PATIENCE, TcpStream::connect((host, port)))
        .await
        .with_context(|| format!("{host}:{port} does not answer"))?
        .map(drop)
        .with_context(|| format!("cannot reach {host}:{port}; check gateway.mqtt.url and that the broker runs"))
}
