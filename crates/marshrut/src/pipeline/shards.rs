//! Matchers on threads of their own, one for each share of the vehicles.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use anyhow::{Context as _, anyhow};
use journal::Position;
use matching::{MatchedFix, Outcome, StopVisit};
use model::{Report, VehicleId};
use tokio::sync::oneshot;

use super::beforehand::{Beforehand, Informed};

/// Chunks that may wait for one thread.
const QUEUE: usize = 2;

type Reports = Arc<Vec<(Position, Report)>>;

struct Job {
    reports: Reports,
    /// Indices of the reports whose vehicles are this thread's.
    mine: Vec<usize>,
    answer: oneshot::Sender<Answer>,
}

/// What one thread says of its reports: see [`Matched`].
#[derive(Default)]
struct Answer {
    fixes: Vec<MatchedFix>,
    visits: Vec<(Position, StopVisit)>,
    corrections: Vec<(Position, MatchedFix)>,
}

/// A fixed number of threads; a vehicle's state belongs to one of them for good.
pub struct Shards {
    threads: Vec<(mpsc::SyncSender<Job>, JoinHandle<()>)>,
}

/// What the matchers said of a chunk.
pub struct Matched {
    /// For each report, one matched fix for each of its fixes, in its order.
    pub fixes: Vec<Vec<MatchedFix>>,
    /// Stop visits, and the reports that made them certain.
    pub visits: Vec<(Position, StopVisit)>,
    /// What is said anew of fixes of this chunk or of earlier ones, and the reports that it came with.
    pub corrections: Vec<(Position, MatchedFix)>,
}

impl Shards {
    /// Starts `count` threads; 0 means one a core.
    pub fn start(name: &str, beforehand: &Arc<Beforehand>, count: usize) -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let count = if count == 0 { cores } else { count };
        let threads = (0..count).map(|index| {
            let (sender, receiver) = mpsc::sync_channel::<Job>(QUEUE);
            let matcher = Informed::new(Arc::clone(beforehand));
            let thread = std::thread::Builder::new()
                .name(format!("{name}-{index}"))
                .spawn(move || work(matcher, &receiver))
                .context("cannot start a matching thread")?;
            Ok((sender, thread))
        });
        Ok(Self { threads: threads.collect::<anyhow::Result<_>>()? })
    }

    /// Matches a chunk. The answer does not depend on how many threads there are.
    pub async fn advance(&self, reports: &Reports) -> anyhow::Result<Matched> {
        let mut shares = vec![Vec::new(); self.threads.len()];
        for (index, (_, report)) in reports.iter().enumerate() {
            let shard = shard_of(&report.vehicle, self.threads.len());
            if let Some(share) = shares.get_mut(shard) {
                share.push(index);
            }
        }
        let mut answers = Vec::with_capacity(shares.len());
        for ((sender, _), mine) in self.threads.iter().zip(shares) {
            let (answer, answered) = oneshot::channel();
            // The one outstanding chunk of a stage is far below the queue's bound: this never blocks.
            sender
                .send(Job { reports: Arc::clone(reports), mine: mine.clone(), answer })
                .map_err(|_| anyhow!("a matching thread has stopped; restart marshrut"))?;
            answers.push((mine, answered));
        }
        let fixes = reports.iter().map(|_| Vec::new()).collect();
        let mut matched = Matched { fixes, visits: Vec::new(), corrections: Vec::new() };
        for (mine, answered) in answers {
            let answer = answered.await.context("a matching thread has stopped; restart marshrut")?;
            let mut fixes = answer.fixes.into_iter();
            for index in mine {
                if let (Some((_, report)), Some(slot)) = (reports.get(index), matched.fixes.get_mut(index)) {
                    slot.extend(fixes.by_ref().take(report.batch.fixes.len()));
                }
            }
            matched.visits.extend(answer.visits);
            matched.corrections.extend(answer.corrections);
        }
        Ok(matched)
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        for (sender, thread) in self.threads.drain(..) {
            drop(sender);
            // A panic in there was already reported as a stopped thread.
            let _ = thread.join();
        }
    }
}

fn work(mut matcher: Informed, jobs: &mpsc::Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        let (mut outcome, mut visits, mut corrections) = (Outcome::default(), Vec::new(), Vec::new());
        for (at, report) in job.mine.iter().filter_map(|index| job.reports.get(*index)) {
            matcher.advance(report, &mut outcome);
            visits.extend(outcome.visits.drain(..).map(|visit| (*at, visit)));
            corrections.extend(outcome.corrections.drain(..).map(|correction| (*at, correction)));
        }
        // Nobody waits any more: the stage is being stopped.
        let _ = job.answer.send(Answer { fixes: outcome.fixes, visits, corrections });
    }
}

fn shard_of(vehicle: &VehicleId, shards: usize) -> usize {
    let hash = xxhash_rust::xxh3::xxh3_64(vehicle.as_str().as_bytes());
    usize::try_from(hash % shards.max(1) as u64).unwrap_or(0)
}
