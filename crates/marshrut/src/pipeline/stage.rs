//! One reader of the journal: reads and matches a chunk while the one before it is handed on.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use journal::{Journal, Most, Position};
use model::Report;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::shards::{Matched, Shards};

/// Chunks that wait, matched, while another one is handed on.
const AHEAD: usize = 1;
/// How long to wait before a failed sink is offered its chunk again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(15));

/// What a sink is given: reports in the journal's order with what the matchers said.
pub struct Chunk {
    /// The reports and their positions.
    pub reports: Arc<Vec<(Position, Report)>>,
    /// What the matchers said of them.
    pub matched: Matched,
    /// The journal's position up to which everything has been handed on.
    pub upto: Position,
}

/// Where a reader begins.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// Reports up to here only bring the matchers up to date.
    pub after: Position,
    /// Where reading begins, so that vehicles have their recent past.
    pub warm_up_after: Position,
}

/// Takes what a reader has matched.
pub trait Sink: Send {
    /// The most that it is given at once: what is too little for it costs time, all of it memory.
    const MOST: Most;

    /// Takes a chunk. An error means that nothing of it was taken: it is offered again.
    fn take(&mut self, chunk: &Chunk) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Reads the journal until `stop`, then what is left in it up to its head, and returns.
pub async fn run<S: Sink>(
    name: &'static str,
    journal: Journal,
    start: Start,
    shards: Shards,
    sink: S,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let (ready, chunks) = mpsc::channel(AHEAD);
    let read = read(name, journal, S::MOST, start, shards, ready, &stop);
    tokio::try_join!(read, hand_on(name, sink, chunks, &stop)).map(|_| ())
}

/// Reads and matches.
async fn read(
    name: &'static str,
    journal: Journal,
    most: Most,
    start: Start,
    shards: Shards,
    ready: mpsc::Sender<Chunk>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut head = journal.watch();
    let mut at = start.warm_up_after.min(start.after);
    loop {
        let stopping = stop.is_cancelled();
        let reader = journal.clone();
        let reports = tokio::task::spawn_blocking(move || reader.read_at_most(at, most))
            .await?
            .with_context(|| format!("{name}: cannot read the journal after position {at}"))?;
        let Some((last, _)) = reports.last() else {
            if stopping {
                return Ok(());
            }
            tokio::select! {
                changed = head.changed() => if changed.is_err() { return Ok(()) },
                () = stop.cancelled() => {}
            }
            continue;
        };
        let upto = *last;
        let reports = Arc::new(reports);
        let matched = shards.advance(&reports).await?;
        at = upto;
        if upto <= start.after {
            continue;
        }
        // Whoever hands on has failed, and says why.
        if ready.send(after(Chunk { reports, matched, upto }, start.after)).await.is_err() {
            return Ok(());
        }
    }
}

/// Offers chunks to the sink, one after the other, until no more come.
async fn hand_on(
    name: &'static str,
    mut sink: impl Sink,
    mut chunks: mpsc::Receiver<Chunk>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    while let Some(chunk) = chunks.recv().await {
        offer(name, &mut sink, &chunk, stop).await?;
        metrics::gauge!("marshrut_pipeline_position", "stage" => name).set(chunk.upto.0 as f64);
    }
    Ok(())
}

/// The part of a chunk past `position`: the first one after a start may begin before it.
fn after(mut chunk: Chunk, position: Position) -> Chunk {
    let skip = chunk.reports.partition_point(|(at, _)| *at <= position);
    if skip > 0 {
        chunk.reports = Arc::new(chunk.reports.get(skip..).unwrap_or_default().to_vec());
        chunk.matched.fixes.drain(..skip);
    }
    chunk
}

async fn offer(name: &str, sink: &mut impl Sink, chunk: &Chunk, stop: &CancellationToken) -> anyhow::Result<()> {
    let (mut wait, longest) = RETRY;
    loop {
        match sink.take(chunk).await {
            Ok(()) => return Ok(()),
            Err(error) if stop.is_cancelled() => {
                return Err(error.context(format!(
                    "{name}: stopped before the journal was taken up to {}; the next start goes on from there",
                    chunk.upto
                )));
            }
            Err(error) => {
                tracing::warn!(stage = name, "not taken, trying again in {wait:?}: {error:#}");
                metrics::counter!("marshrut_pipeline_retries_total", "stage" => name.to_owned()).increment(1);
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = stop.cancelled() => {}
                }
                wait = (wait * 2).min(longest);
            }
        }
    }
}
