//! A worker: some shards of the stream, matched and committed.
//!
//! ```text
//! one task a shard: Reader ▶ Matcher ─portions─▶ one committer: rows and each shard's sequence, one transaction
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use matching::Outcome;
use network::Network;
use store::{Batch, Claim, FixRow, Store, StoreError, VisitRow};
use stream::{Begin, Connection, Reader, share};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::beforehand::{Beforehand, Informed};

/// Portions that may wait for the committer; further ones wait in their shards' tasks.
const QUEUE: usize = 256;
/// Most portions in one transaction.
const MOST: usize = 512;
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
        let mut owned = BTreeMap::new();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut not_before = Instant::now();
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = tick.tick(), if Instant::now() >= not_before => {
                    if let Err(error) = self.share_out(&mut owned, &sender).await {
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
            let matcher = Informed::new(Arc::clone(&self.beforehand));
            let network = Arc::clone(self.beforehand.network());
            let follow = Follow { claim, matcher, network, portions: portions.clone() };
            let task = tokio::spawn(follow.run(self.connection.clone(), self.warm_up));
            owned.insert(claim.shard, Owned { epoch: claim.epoch, _task: AbortOnDropHandle::new(task) });
        }
        Ok(())
    }

    /// Commits, however long it takes, and tells whether shards turned out to be another's.
    async fn commit(&self, mut portions: Vec<Portion>, owned: &mut BTreeMap<u16, Owned>) -> bool {
        let (mut wait, longest) = RETRY;
        let mut any_lost = false;
        loop {
            portions.retain(|p| owned.get(&p.upto.shard).is_some_and(|mine| mine.epoch == p.upto.epoch));
            if portions.is_empty() {
                return any_lost;
            }
            // Portions of a shard lie in order, so the last one counts.
            let upto: BTreeMap<u16, Claim> = portions.iter().map(|p| (p.upto.shard, p.upto)).collect();
            let upto: Vec<Claim> = upto.into_values().collect();
            let fixes = portions.iter().flat_map(|p| p.fixes.iter().cloned()).collect();
            let visits = portions.iter().flat_map(|p| p.visits.iter().cloned()).collect();
            match self.store.commit_shards(&Batch { fixes, visits }, &upto).await {
                Ok(committed) => {
                    metrics::counter!("marshrut_store_fixes_total").increment(committed.inserted);
                    metrics::counter!("marshrut_store_duplicates_total").increment(committed.duplicates);
                    return any_lost;
                }
                Err(StoreError::Fenced { shards }) => {
                    tracing::info!(shards = shards.len(), "another worker has taken shards over");
                    owned.retain(|shard, _| !shards.contains(shard));
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
    }
}

/// One shard's way from the stream to the committer.
struct Follow {
    claim: Claim,
    matcher: Informed,
    network: Arc<Network>,
    portions: mpsc::Sender<Portion>,
}

impl Follow {
    async fn run(mut self, connection: Connection, warm_up: Duration) {
        let mut reader = loop {
            let begin = Begin::Before(self.claim.sequence, warm_up);
            match Reader::new(connection.clone(), Some(self.claim.shard), begin).await {
                Ok(reader) => break reader,
                Err(error) => {
                    tracing::debug!(shard = self.claim.shard, "cannot read yet: {error}");
                    tokio::time::sleep(RETRY.0).await;
                }
            }
        };
        loop {
            for message in reader.next().await {
                let portion = self.portion(&message);
                // What is committed already only brings the matcher up to date.
                if message.sequence > self.claim.sequence && self.portions.send(portion).await.is_err() {
                    return;
                }
            }
        }
    }

    fn portion(&mut self, message: &stream::Message) -> Portion {
        let mut outcome = Outcome::default();
        for report in &message.reports {
            self.matcher.advance(report, &mut outcome);
        }
        let sent = message.reports.iter().flat_map(|report| report.batch.fixes.iter().map(move |fix| (report, fix)));
        let rows = sent.zip(&outcome.fixes);
        Portion {
            upto: Claim { sequence: message.sequence, ..self.claim },
            fixes: rows.map(|((report, fix), m)| FixRow::of(report, fix).matched(m, &self.network)).collect(),
            visits: outcome.visits.iter().map(|visit| VisitRow::of(visit, &self.network)).collect(),
        }
    }
}
