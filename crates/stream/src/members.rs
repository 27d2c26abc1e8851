//! Which workers there are, and whose share is which shard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use xxhash_rust::xxh3::xxh3_64;

use crate::{Connection, SHARDS, StreamError};

/// How often a worker lets itself be heard.
const BEAT: Duration = Duration::from_millis(500);
/// A worker that was not heard for so long has lost its shards.
pub const LEASE: Duration = Duration::from_secs(4);
/// A new worker listens for so long before it takes a share.
const LISTEN: Duration = Duration::from_secs(2);
/// A worker that does not hear itself for so long is the one that is cut off.
const DEAF: Duration = Duration::from_secs(2);

/// Those heard lately.
#[derive(Debug)]
struct Heard {
    me: String,
    last: BTreeMap<String, Instant>,
    since: Instant,
}

impl Heard {
    fn beat(&mut self, id: &str, now: Instant) {
        if id == self.me && self.deaf(now) {
            // Everyone was silent to it, not only the dead.
            self.last.values_mut().for_each(|last| *last = now);
        }
        self.last.insert(id.to_owned(), now);
    }

    fn deaf(&self, now: Instant) -> bool {
        self.last.get(&self.me).is_none_or(|last| now.duration_since(*last) > DEAF)
    }

    /// Who is there; `None` while it cannot be told.
    fn view(&mut self, now: Instant) -> Option<Vec<String>> {
        if self.deaf(now) || now.duration_since(self.since) < LISTEN {
            return None;
        }
        self.last.retain(|_, last| now.duration_since(*last) <= LEASE);
        Some(self.last.keys().cloned().collect())
    }
}

/// The workers that are there, as this one hears them.
#[derive(Debug)]
pub struct Members;

impl Members {
    /// Lets `me` be heard and listens to the others until `stop`; says farewell then, so that
    /// the others need not wait.
    pub async fn run(
        connection: Connection,
        me: String,
        view: watch::Sender<Vec<String>>,
        stop: CancellationToken,
    ) -> Result<(), StreamError> {
        let subject = connection.workers();
        let error = |e: &dyn std::fmt::Display| StreamError::unavailable("listening to the other workers", e);
        let mut beats = connection.client.subscribe(subject.clone()).await.map_err(|e| error(&e))?;
        let mut heard = Heard { me: me.clone(), last: BTreeMap::new(), since: Instant::now() };
        let mut tick = tokio::time::interval(BEAT);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                beat = beats.next() => {
                    let beat = beat.ok_or_else(|| error(&"the subscription has ended"))?;
                    let text = String::from_utf8_lossy(&beat.payload);
                    match text.strip_prefix('-') {
                        Some(gone) => drop(heard.last.remove(gone)),
                        None => heard.beat(&text, Instant::now()),
                    }
                }
                _ = tick.tick() => {
                    // Without a server nobody hears it; the next beat may be heard.
                    let _ = connection.client.publish(subject.clone(), me.clone().into()).await;
                    if let Some(members) = heard.view(Instant::now()) {
                        view.send_if_modified(|old| *old != members && { *old = members; true });
                    }
                }
            }
        }
        let _ = connection.client.publish(subject, format!("-{me}").into()).await;
        let _ = tokio::time::timeout(BEAT, connection.client.flush()).await;
        Ok(())
    }
}

/// The shards of `me`. Each worker has as many as the others or one less, every shard is
/// somebody's, and most stay where they are when a worker comes or goes.
pub fn share(members: &[String], me: &str) -> BTreeSet<u16> {
    let mut free: BTreeMap<&str, usize> = BTreeMap::new();
    let (each, rest) = (usize::from(SHARDS) / members.len().max(1), usize::from(SHARDS) % members.len().max(1));
    for (index, member) in members.iter().enumerate() {
        free.insert(member, each + usize::from(index < rest));
    }
    let mut mine = BTreeSet::new();
    for shard in 0..SHARDS {
        let weight = |member: &str| xxh3_64(format!("{shard}/{member}").as_bytes());
        let Some(owner) = free.keys().copied().max_by_key(|member| weight(member)) else { break };
        if owner == me {
            mine.insert(shard);
        }
        if let Some(left) = free.get_mut(owner) {
            *left -= 1;
            if *left == 0 {
                free.remove(owner);
            }
        }
    }
    mine
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("worker-{n}")).collect()
    }

    #[test]
    fn every_shard_has_one_owner_and_shares_are_equal() {
        for count in 1..9 {
            let members = names(count);
            let shares: Vec<_> = members.iter().map(|me| share(&members, me)).collect();
            let sizes: BTreeSet<_> = shares.iter().map(BTreeSet::len).collect();
            assert!(sizes.last().unwrap() - sizes.first().unwrap() <= 1, "{sizes:?}");
            let all: BTreeSet<_> = shares.iter().flatten().collect();
            assert_eq!((all.len(), shares.iter().map(BTreeSet::len).sum::<usize>()), (128, 128));
        }
        assert!(share(&names(2), "stranger").is_empty());
    }

    #[test]
    fn most_shards_stay_when_a_worker_goes() {
        let before = share(&names(4), "worker-0");
        let after = share(&names(3), "worker-0");
        let kept = before.intersection(&after).count();
        assert!(kept * 4 >= before.len() * 3, "{kept} of {}", before.len());
    }

    #[test]
    fn the_silent_lose_their_share_but_not_when_the_listener_is_the_one_cut_off() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut heard = Heard { me: "a".into(), last: BTreeMap::new(), since: start };
        heard.beat("a", at(1));
        heard.beat("b", at(1));
        assert_eq!(heard.view(at(1)), None, "it listens first");
        heard.beat("a", at(3));
        assert_eq!(heard.view(at(3)).unwrap(), ["a", "b"]);
        assert_eq!(heard.view(at(60)), None, "it hears not even itself");
        heard.beat("a", at(61));
        assert_eq!(heard.view(at(61)).unwrap(), ["a", "b"], "b may be heard again soon");
        (62..=66).for_each(|second| heard.beat("a", at(second)));
        assert_eq!(heard.view(at(66)).unwrap(), ["a"]);
    }
}
