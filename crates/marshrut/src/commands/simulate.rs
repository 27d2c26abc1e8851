//! `marshrut simulate`: a load of virtual trackers.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use model::{LatLon, Timestamp};
use simulator::{Mischief, load};
use store::Store;

use super::verify::{Acknowledged, Counters, Times, Verdict};
use crate::cli::SimulateArgs;
use crate::{logging, progress};

/// Who is asked afterwards what was stored.
enum Witness {
    Store(Arc<dyn Store>),
    Service(Counters),
}

impl Witness {
    async fn verdict(self, acknowledged: Times) -> anyhow::Result<Verdict> {
        match self {
            Self::Store(store) => {
                let verdict = Verdict::of(store.as_ref(), acknowledged).await;
                store.close().await;
                verdict
            }
            Self::Service(counters) => counters.verdict(acknowledged.values().map(Vec::len).sum()).await,
        }
    }
}

/// In reach so many times as long as out of it.
const IN_REACH: u64 = 3;

/// Runs the load and prints its figures. Fails where something was not acknowledged, or was
/// and is not stored once.
pub async fn run(args: &SimulateArgs) -> anyhow::Result<()> {
    logging::log("info")?;
    let Some(centre) = LatLon::new(48.853, 37.606) else { bail!("the centre of Sloviansk is a place") };
    // Opened first: a database that cannot be reached is better known before the load.
    let witness = match &args.verify {
        Some(url) if url.starts_with("http://") => Some(Witness::Service(Counters::open(url).await?)),
        Some(url) => Some(Witness::Store(store::open(url).await?)),
        None => None,
    };
    let acknowledged = witness.is_some().then(Acknowledged::file).transpose()?;
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
    if let (Some(witness), Some(acknowledged)) = (witness, acknowledged) {
        let verdict = witness.verdict(acknowledged.read()?).await?;
        verdict.say();
        verdict.check()?;
    }
    if report.unacknowledged() > 0 {
        bail!("{} of {} fixes were not acknowledged", report.unacknowledged(), report.sent);
    }
    Ok(())
}
