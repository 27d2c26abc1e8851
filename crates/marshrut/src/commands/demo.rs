//! `marshrut demo`: a recorded day in one process, on embedded storage.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use model::Timestamp;
use rust_embed::RustEmbed;
use simulator::{Fleet, Options, Recording, ReplayClock, Report, Speed, Targets, devices};
use tokio_util::sync::CancellationToken;

use crate::cli::DemoArgs;
use crate::config::Config;
use crate::{gtfs, logging, progress, service};

/// The illustrative day, so that the program alone can show itself.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../replay-data/sloviansk"]
#[include = "gtfs/*.txt"]
#[include = "positions.csv.gz"]
#[include = "outages.csv"]
struct Sloviansk;

/// Trackers begin with what they would have buffered in so many minutes, so that the map is
/// alive at once and vehicles have their trips.
const CATCH_UP: Duration = Duration::from_mins(30);
/// A recording this long is entered so far after its beginning that there is something to
/// catch up with.
const LONG: Duration = Duration::from_mins(90);
/// How long trackers try to reach the gateway of their own process.
const PATIENCE: Duration = Duration::from_mins(5);

/// Runs until it is interrupted.
pub async fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let metrics = logging::start("info,sqlx=warn")?;
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = data_folder(args.data.as_deref(), scratch.path())?;
    let day = match &args.day {
        Some(day) => day.clone(),
        None => unpack(&folder.join("sloviansk"))?,
    };
    let recording = Arc::new(Recording::open(&day)?);
    super::say_skips(&recording);
    let gtfs_path = recording.gtfs_path().with_context(|| {
        format!("{} has neither gtfs.zip nor a folder gtfs; a recorded day needs its timetable", day.display())
    })?;
    let schedule = gtfs::read(gtfs_path).await?;
    let devices = devices::assign(recording.vehicles());
    let config = config(args, &folder, &devices)?;
    let from = args.from.unwrap_or_else(|| start(&recording));
    let zone = schedule.network.zone().clone();
    let clock = ReplayClock::start(from, args.speed);
    let label = match args.day {
        Some(_) => Default::default(),
        None => ("ілюстративна мережа".to_owned(), "illustrative network".to_owned()),
    };
    let mut service = service::start(&config, schedule, clock.clock(), Some(label), Some(metrics)).await?;

    let targets = service
        .tracker_addresses()
        .iter()
        .fold(Targets::default(), |targets, (protocol, address)| targets.with(protocol, *address));
    let options = Options {
        from,
        until: recording.busy_span().1.max(from.plus_seconds(3600.0)),
        catch_up: CATCH_UP,
        speed: Speed::Clock(clock),
        patience: PATIENCE,
        ..Options::everything(&recording)
    };
    let fleet = Fleet::new(&recording, &devices, &targets, &options)?;
    tracing::info!(
        "playing {} from {} at speed {}: {} vehicles",
        day.display(),
        from.to_jiff().to_zoned(zone),
        args.speed,
        fleet.report().trackers
    );
    tracing::info!("the map is at http://{}/ (stop with Ctrl-C)", service.web);
    let cancel = CancellationToken::new();
    let playing = tokio::spawn(play(fleet, cancel.clone()));
    let failure = tokio::select! {
        () = super::interrupted() => None,
        error = service.failed() => Some(error),
    };
    cancel.cancel();
    playing.await?;
    match failure {
        Some(error) => Err(error),
        None => service.stop().await,
    }
}

/// Where the recording is worth entering.
fn start(recording: &Recording) -> Timestamp {
    let (begins, ends) = recording.busy_span();
    let start = recording.busiest_start();
    let is_long = ends.seconds_since(begins) >= LONG.as_secs_f64();
    if start == begins && is_long { start.plus_seconds(CATCH_UP.as_secs_f64()) } else { start }
}

async fn play(fleet: Fleet, cancel: CancellationToken) {
    let bar = progress::bar("replaying", fleet.report().planned);
    let report: Report = fleet.run(cancel.clone(), |report| bar.set_position(report.acknowledged)).await;
    bar.finish_and_clear();
    if !cancel.is_cancelled() {
        tracing::info!(
            "the recorded day has ended: {} fixes acknowledged; the map shows its last minutes",
            report.acknowledged
        );
    }
}

/// The folder asked for, which must be new, or the temporary one.
fn data_folder(asked: Option<&Path>, scratch: &Path) -> anyhow::Result<PathBuf> {
    let Some(folder) = asked else { return Ok(scratch.to_owned()) };
    if folder.join("journal").exists() {
        bail!("{} holds an earlier run; a recorded day begins anew, so give --data an empty folder", folder.display());
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder.to_owned())
}

fn unpack(folder: &Path) -> anyhow::Result<PathBuf> {
    for name in Sloviansk::iter() {
        let path = folder.join(&*name);
        let file = Sloviansk::get(&name).with_context(|| format!("the bundled day lacks {name}"))?;
        std::fs::create_dir_all(path.parent().unwrap_or(folder))
            .and_then(|()| std::fs::write(&path, &file.data))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(folder.to_owned())
}

fn config(args: &DemoArgs, folder: &Path, fleet: &[devices::Device]) -> anyhow::Result<Config> {
    let list = folder.join("devices.csv");
    let file = std::fs::File::create(&list).with_context(|| format!("cannot write {}", list.display()))?;
    devices::write_registry(fleet, file)?;
    let mut config = Config::default();
    if args.day.is_none() {
        "Слов'янськ".clone_into(&mut config.city.name);
        "Sloviansk".clone_into(&mut config.city.name_en);
    }
    folder.clone_into(&mut config.data.folder);
    config.data.devices = list;
    config.data.allow_list = true;
    config.web.listen = SocketAddr::from(([127, 0, 0, 1], args.port));
    // Free ports: a demonstration must not be in the way of a service beside it.
    config.gateway.udp = false;
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    config.gateway.listen = fleet.iter().map(|device| (device.protocol.to_owned(), free)).collect();
    Ok(config)
}
