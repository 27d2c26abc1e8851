//! A worker: some shards of the stream, matched and committed.
//!
//! ```text
//! one task a shard: Reader ▶ Matcher ─portions─▶ one committer: rows and each shard's sequence, one transaction
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use matching::Outcome;
use store::{Batch, Claim, Correction, FixRow, Store, StoreError, VisitRow};
use stream::{Begin, Connection, Held, Place, Reader, Room, shard_of, share};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::beforehand::{Beforehand, Informed};

/// Portions that may wait for the committer; further ones wait in their shards' tasks.
const QUEUE: usize = 256;
/// Most portions in one transaction.
const MOST: usize = 512;
/// Most bytes of messages that are read and not yet committed, queued or in one transaction; some
/// 200 000 fixes, which as rows take a few tens of times as much.
const IN_FLIGHT_BYTES: usize = 8 << 20;
/// How often the worker looks whether its share is another one.
const TICK: Duration = Duration::from_millis(250);
/// How long it leaves a shard alone that another worker has taken over unexpectedly.
const YIELD: Duration = Duration::from_secs(3);
/// How long to wait before a failed commit is tried again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// One message of a shard, matched.
struct Portion {
    /// The shard under which token, and the sequence number up to which this reaches.
    upto: Claim,
    fixes: Vec<FixRow>,
    visits: Vec<VisitRow>,
    corrections: Vec<Correction>,
    /// Given back once it is committed.
    held: Held,
}

struct Owned {
    epoch: u64,
    /// Reads and matches; ends, and forgets its vehicles, with this.
    _task: AbortOnDropHandle<()>,
}

/// A worker and what it needs.
pub struct Worker {
    /// Where the shards are read.
    pub connection: Connection,
    /// Where the rows go, and the tokens come from.
    pub store: Arc<dyn Store>,
    /// The timetable, how it is matched against, and who drives what.
    pub beforehand: Arc<Beforehand>,
    /// This worker's name among the others.
    pub name: String,
    /// Who is there.
    pub members: watch::Receiver<Vec<String>>,
    /// How much of the past vehicles need to have their trips.
    pub warm_up: Duration,
}

impl Worker {
    /// Works on its share until `stop`. What is not committed by then, the next owner reads.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let (sender, mut portions) = mpsc::channel(QUEUE);
        let room = Room::of(IN_FLIGHT_BYTES);
        let mut owned = BTreeMap::new();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut not_before = Instant::now();
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = tick.tick(), if Instant::now() >= not_before => {
                    if let Err(error) = self.share_out(&mut owned, &sender, &room).await {
                        tracing::warn!("cannot take shards over, trying again: {error}");
                        not_before = Instant::now() + RETRY.1;
                    }
                }
                _ = portions.recv_many(&mut batch, MOST) => {
                    let lost = tokio::select! {
                        lost = self.commit(batch, &mut owned) => lost,
                        () = stop.cancelled() => return Ok(()),
                    };
                    if lost {
                        not_before = Instant::now() + YIELD;
                    }
                }
            }
            metrics::gauge!("marshrut_worker_shards").set(owned.len() as f64);
        }
    }

    /// Lets go of what is another's share now, and takes over what is this one's.
    async fn share_out(
        &self,
        owned: &mut BTreeMap<u16, Owned>,
        portions: &mpsc::Sender<Portion>,
        room: &Room,
    ) -> Result<(), StoreError> {
        let wanted = share(&self.members.borrow(), &self.name);
        let before = owned.len();
        owned.retain(|shard, _| wanted.contains(shard));
        if owned.len() < before {
            tracing::info!(shards = before - owned.len(), "handed over");
        }
        let new: Vec<u16> = wanted.into_iter().filter(|shard| !owned.contains_key(shard)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let claims = self.store.claim_shards(&new).await?;
        tracing::info!(shards = claims.len(), "taken over");
        for claim in claims {
            let (beforehand, portions) = (Arc::clone(&self.beforehand), portions.clone());
            let follow = Follow { claim, matcher: Informed::new(Arc::clone(&beforehand)), beforehand, portions };
            let begin = Begin::Before(Place { sequence: claim.sequence, time_ns: claim.time_ns }, self.warm_up);
            let reader = Reader::new(self.connection.clone(), Some(claim.shard), begin, room.clone());
            let task = tokio::spawn(follow.run(reader));
            owned.insert(claim.shard, Owned { epoch: claim.epoch, _task: AbortOnDropHandle::new(task) });
        }
        Ok(())
    }

    /// Commits, however long it takes, and tells whether shards turned out to be another's.
    async fn commit(&self, portions: Vec<Portion>, owned: &mut BTreeMap<u16, Owned>) -> bool {
        let (mut batch, mut upto, mut held) = (Batch::default(), BTreeMap::new(), Vec::with_capacity(portions.len()));
        let is_mine = |claim: Claim| owned.get(&claim.shard).is_some_and(|mine| mine.epoch == claim.epoch);
        for mut portion in portions.into_iter().filter(|portion| is_mine(portion.upto)) {
            batch.fixes.append(&mut portion.fixes);
            batch.visits.append(&mut portion.visits);
            batch.corrections.append(&mut portion.corrections);
            held.push(portion.held);
            // Portions of a shard lie in order, so the last one counts.
            upto.insert(portion.upto.shard, portion.upto);
        }
        let (mut wait, longest) = RETRY;
        let mut any_lost = false;
        while !upto.is_empty() {
            let claims: Vec<Claim> = upto.values().copied().collect();
            match self.store.commit_shards(&batch, &claims).await {
                Ok(committed) => {
                    metrics::counter!("marshrut_store_fixes_total").increment(committed.inserted);
                    metrics::counter!("marshrut_store_duplicates_total").increment(committed.duplicates);
                    break;
                }
                Err(StoreError::Fenced { shards }) => {
                    tracing::info!(shards = shards.len(), "another worker has taken shards over");
                    owned.retain(|shard, _| !shards.contains(shard));
                    upto.retain(|shard, _| !shards.contains(shard));
                    batch.fixes.retain(|fix| !shards.contains(&shard_of(&fix.vehicle_id)));
                    batch.visits.retain(|visit| !shards.contains(&shard_of(&visit.vehicle_id)));
                    batch.corrections.retain(|fix| !shards.contains(&shard_of(&fix.vehicle_id)));
                    any_lost = true;
                }
                Err(error) => {
                    tracing::warn!("not committed, trying again in {wait:?}: {error}");
                    metrics::counter!("marshrut_pipeline_retries_total", "stage" => "worker").increment(1);
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(longest);
                }
            }
        }
        any_lost
    }
}

/// One shard's way from the stream to the committer.
struct Follow {
    claim: Claim,
    matcher: Informed,
    beforehand: Arc<Beforehand>,
    portions: mpsc::Sender<Portion>,
}

impl Follow {
    async fn run(mut self, mut reader: Reader) {
        let mut committed = self.claim.sequence;
        loop {
            let messages = match reader.next().await {
                Ok(messages) => messages,
                Err(lost) => {
                    tracing::error!(shard = self.claim.shard, "{lost}");
                    // Numbers up to the committed one come again, and what has them counts; the store
                    // recognises the rows that it has.
                    committed = 0;
                    self.matcher = Informed::new(Arc::clone(&self.beforehand));
                    continue;
                }
            };
            for message in messages {
                let outcome = self.matched(&message);
                // What is committed already only brings the matcher up to date.
                if message.place.sequence > committed
                    && self.portions.send(self.portion(message, &outcome)).await.is_err()
                {
                    return;
                }
            }
        }
    }

    fn matched(&mut self, message: &stream::Message) -> Outcome {
        let mut outcome = Outcome::default();
        for report in &message.reports {
            self.matcher.advance(report, &mut outcome);
        }
        outcome
    }

    fn portion(&self, message: stream::Message, outcome: &Outcome) -> Portion {
        let sent = message.reports.iter().flat_map(|report| report.batch.fixes.iter().map(move |fix| (report, fix)));
        let (rows, network) = (sent.zip(&outcome.fixes), self.beforehand.network());
        Portion {
            upto: Claim { sequence: message.place.sequence, time_ns: message.place.time_ns, ..self.claim },
            fixes: rows.map(|((report, fix), m)| FixRow::of(report, fix).matched(m, network)).collect(),
            visits: outcome.visits.iter().map(|visit| VisitRow::of(visit, network)).collect(),
            corrections: outcome.corrections.iter().map(|fix| Correction::of(fix, network)).collect(),
            held: message.held,
        }
    }
}
