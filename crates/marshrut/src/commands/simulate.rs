//! `marshrut simulate`: a load of virtual trackers.

use std::time::Duration;

use anyhow::bail;
use model::{LatLon, Timestamp};
use simulator::{Mischief, load};

use crate::cli::SimulateArgs;
use crate::{logging, progress};

/// Runs the load and prints its figures. Fails where something was not acknowledged.
pub async fn run(args: &SimulateArgs) -> anyhow::Result<()> {
    logging::log("info")?;
    let Some(centre) = LatLon::new(48.853, 37.606) else { bail!("the centre of Sloviansk is a place") };
    let load = load::Load {
        protocol: args.protocol.name.to_owned(),
        address: super::replay::resolve(&args.to).await?,
        vehicles: usize::try_from(args.vehicles)?,
        rate_hz: Some(args.rate),
        records_per_frame: 1,
        duration: Duration::from_secs(args.seconds),
        first: Timestamp::from(jiff::Timestamp::now()),
        centre,
        from: Vec::new(),
        silence: None,
        mischief: Mischief::default(),
        patience: Duration::from_secs(30),
        acknowledged_log: None,
    };
    let bar = progress::bar("simulating", args.seconds);
    let report =
        load::run(&load, super::cancelled_by_signal(), |report| bar.set_position(report.elapsed.as_secs())).await?;
    bar.finish_and_clear();
    super::replay::say(&report);
    if report.acknowledged < report.sent {
        bail!("{} of {} fixes were not acknowledged", report.sent - report.acknowledged, report.sent);
    }
    Ok(())
}
