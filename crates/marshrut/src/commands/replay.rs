//! `marshrut replay`: a recorded day to a running gateway.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use simulator::devices::{self, Device};
use simulator::{Fleet, Options, Recording, ReplayClock, Report, Speed, TELTONIKA, Targets};
use tokio::net::lookup_host;

use crate::cli::{ReplayArgs, ReplaySpeed};
use crate::{logging, progress};

/// Plays and says what was acknowledged. Fails where something was not.
pub async fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    logging::log("info")?;
    let recording = Arc::new(Recording::open(&args.positions)?);
    super::say_skips(&recording);
    let devices = devices_for(args, &recording)?;
    if let Some(path) = &args.write_devices {
        let file = std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        devices::write_registry(&devices, file)?;
        tracing::info!("{} devices in {}; name it in data.devices", devices.len(), path.display());
        return Ok(());
    }
    if let (Some(gtfs), []) = (&args.gtfs, args.to.as_slice()) {
        return super::matching::summary(gtfs, &recording);
    }
    let mut targets = Targets::default();
    for target in &args.to {
        let (protocol, address) = target.split_once('=').unwrap_or((TELTONIKA, target));
        targets = targets.with(protocol, resolve(address).await?);
    }
    let everything = Options::everything(&recording);
    let from = args.from.unwrap_or(everything.from);
    let options = Options {
        from,
        until: args.until.unwrap_or(everything.until),
        speed: match args.speed {
            ReplaySpeed::Max => Speed::Max,
            ReplaySpeed::Times(speed) => Speed::Clock(ReplayClock::start(from, speed)),
        },
        acknowledged_log: args.acknowledged.clone(),
        ..everything
    };
    let fleet = Fleet::new(&recording, &devices, &targets, &options)?;
    let bar = progress::bar("replaying", fleet.report().planned);
    let report = fleet.run(super::cancelled_by_signal(), |report| bar.set_position(report.acknowledged)).await;
    bar.finish_and_clear();
    say(&report);
    if report.acknowledged < report.planned {
        bail!("{} of {} fixes were not acknowledged", report.planned - report.acknowledged, report.planned);
    }
    Ok(())
}

/// Trackers of one make where one port is given, of all makes where each has its own.
fn devices_for(args: &ReplayArgs, recording: &Recording) -> anyhow::Result<Vec<Device>> {
    let protocol = match args.to.as_slice() {
        [one] => one.split_once('=').map_or(TELTONIKA, |(protocol, _)| protocol),
        _ => return Ok(devices::assign(recording.vehicles())),
    };
    Ok(devices::assign_all(recording.vehicles(), protocol)?)
}

/// An address by number or name.
pub async fn resolve(address: &str) -> anyhow::Result<SocketAddr> {
    let found =
        lookup_host(address).await.with_context(|| format!("`{address}` is no HOST:PORT that can be reached"))?;
    found.into_iter().next().with_context(|| format!("`{address}` has no address"))
}

/// The figures of a fleet's work, as lines on standard output.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub fn say(report: &Report) {
    let milliseconds = |d: Option<std::time::Duration>| d.map_or(0.0, |d| d.as_secs_f64() * 1e3);
    println!("trackers {}", report.trackers);
    println!("sent {}", report.sent);
    println!("acknowledged {}", report.acknowledged);
    if report.unanswered > 0 {
        println!("unanswered {} (the protocol has no acknowledgement)", report.unanswered);
    }
    println!("retransmitted {}", report.retransmitted);
    println!("connections {}", report.connections);
    println!("rate {:.0}/s over {:.1} s", report.rate(), report.elapsed.as_secs_f64());
    println!("ack_p50_ms {:.1}", milliseconds(report.ack_p50));
    println!("ack_p99_ms {:.1}", milliseconds(report.ack_p99));
}
