//! `marshrut export`: a service day's data sets.

use std::sync::Arc;

use anyhow::Context as _;
use datasets::{Request, Thresholds};
use model::Timestamp;

use crate::cli::ExportArgs;
use crate::{gtfs, logging, progress};

/// Writes the files and says what is in them.
pub async fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let config = super::serve::read(args.config.config.as_deref())?;
    logging::log(&config.log.level)?;
    let network = Arc::new(gtfs::compile(&config.data.gtfs)?);
    let store = store::open(&config.store_url()).await?;
    let gate = config.gate_policy();
    let bar = progress::bar("matching", 0);
    let summary = datasets::export(&Request {
        store: store.as_ref(),
        network: &network,
        day: args.date,
        gate: &gate,
        now: Timestamp::from(jiff::Timestamp::now()),
        thresholds: Thresholds { early_s: config.punctuality.early_s, late_s: config.punctuality.late_s },
        parameters: config.parameters()?,
        priors: Arc::new(config.assignments(&network)?),
        threads: config.pipeline.shards,
        folder: &args.out,
        progress: &|read| bar.set_position(read),
    })
    .await
    .with_context(|| format!("no data sets for {}", args.date))?;
    bar.finish_and_clear();
    for file in &summary.files {
        tracing::info!("{}: {} rows", file.path.display(), file.rows);
    }
    tracing::info!(
        "{}: {} fixes of {} vehicles, {} of them unusable; the timetable has {} trips that day",
        summary.day,
        summary.fixes,
        summary.vehicles,
        summary.rejected,
        summary.trips_scheduled
    );
    if let Some(limit) = summary.held_back_after {
        tracing::warn!("the gate holds back what happened after {limit}: {}", gate.reason().unwrap_or_default());
    }
    store.close().await;
    Ok(())
}
