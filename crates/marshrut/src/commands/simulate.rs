//! `marshrut simulate`: a load of virtual trackers.

use std::time::Duration;

use anyhow::bail;
use model::{LatLon, Timestamp};
use simulator::{Mischief, load};

use super::verify::{Acknowledged, Verdict};
use crate::cli::SimulateArgs;
use crate::{logging, progress};

/// In reach so many times as long as out of it.
const IN_REACH: u64 = 3;

/// Runs the load and prints its figures. Fails where something was not acknowledged, or was
/// and is not stored once.
pub async fn run(args: &SimulateArgs) -> anyhow::Result<()> {
    logging::log("info")?;
    let Some(centre) = LatLon::new(48.853, 37.606) else { bail!("the centre of Sloviansk is a place") };
    // Opened first: a database that cannot be reached is better known before the load.
    let store = match &args.verify {
        Some(url) if url.starts_with("http") => {
            bail!("--verify takes the service's database, postgres://… or sqlite://…; its API does not give history")
        }
        Some(url) => Some(store::open(url).await?),
        None => None,
    };
    let acknowledged = store.is_some().then(Acknowledged::file).transpose()?;
    let load = load::Load {
        protocol: args.protocol.name.to_owned(),
        address: super::replay::resolve(&args.to).await?,
        vehicles: usize::try_from(args.vehicles)?,
        rate_hz: Some(args.rate),
        records_per_frame: args.records_per_frame.into(),
        duration: Duration::from_secs(args.seconds),
        // Whole seconds: not every protocol can say finer ones.
        first: Timestamp::from_secs(jiff::Timestamp::now().as_second()),
        centre,
        from: Vec::new(),
        silence: args.burst.map(|s| (Duration::from_secs(s * (IN_REACH + 1)), Duration::from_secs(s))),
        mischief: Mischief {
            duplicates: args.duplicates,
            reconnects: args.reconnects,
            garbage: args.garbage,
            storm: args.storm.map(Duration::from_secs),
        },
        patience: Duration::from_secs(30),
        acknowledged_log: acknowledged.as_ref().map(|file| file.path().to_owned()),
    };
    let bar = progress::bar("simulating", args.seconds);
    let report =
        load::run(&load, super::cancelled_by_signal(), |report| bar.set_position(report.elapsed.as_secs())).await?;
    bar.finish_and_clear();
    super::replay::say(&report);
    if let (Some(store), Some(acknowledged)) = (store, acknowledged) {
        let verdict = Verdict::of(store.as_ref(), acknowledged.read()?).await?;
        store.close().await;
        verdict.say();
        verdict.check()?;
    }
    if report.unacknowledged() > 0 {
        bail!("{} of {} fixes were not acknowledged", report.unacknowledged(), report.sent);
    }
    Ok(())
}
