//! The live side: the one task that owns what the public sees.

use std::sync::Arc;
use std::time::Duration;

use journal::Most;
use model::{Clock, GatePolicy};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use web::Publisher;

use matching::MatchedFix;

use super::handover::Handover;
use super::stage::{Chunk, Sink};

/// Chunks that may wait for the live task.
const QUEUE: usize = 4;
/// How often held-back fixes are released and old vehicles leave.
const TICK: Duration = Duration::from_millis(500);

/// What the live task is told.
pub enum LiveMessage {
    /// New fixes, matched, and what is said anew of them or of earlier ones.
    Matched {
        /// One for each fix.
        fixes: Vec<MatchedFix>,
        /// Told after them.
        corrections: Vec<MatchedFix>,
    },
    /// The gate stands otherwise from now on.
    Policy(GatePolicy),
}

/// Speaks to the live task.
#[derive(Clone)]
pub struct LiveHandle(mpsc::Sender<LiveMessage>);

impl LiveHandle {
    /// The handle and the queue that the task reads.
    pub fn new() -> (Self, mpsc::Receiver<LiveMessage>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), receiver)
    }

    /// Sets the gate.
    pub async fn set_policy(&self, policy: GatePolicy) {
        // The task only ends with the service.
        let _ = self.0.send(LiveMessage::Policy(policy)).await;
    }
}

impl Sink for LiveHandle {
    const MOST: Most = Most { reports: 2048, bytes: 512 << 10 };

    async fn take(&mut self, chunks: &[Arc<Chunk>]) -> anyhow::Result<()> {
        for chunk in chunks {
            let fixes = chunk.matched.fixes.iter().flatten().cloned().collect();
            let corrections = chunk.matched.corrections.iter().map(|(_, fix)| fix.clone()).collect();
            let _ = self.0.send(LiveMessage::Matched { fixes, corrections }).await;
        }
        Ok(())
    }
}

/// Tells the live task, and keeps the same for the store.
pub struct LiveSink {
    live: LiveHandle,
    handover: Arc<Handover>,
}

impl LiveSink {
    /// A sink to both.
    pub fn new(live: LiveHandle, handover: Arc<Handover>) -> Self {
        Self { live, handover }
    }
}

impl Sink for LiveSink {
    const MOST: Most = LiveHandle::MOST;

    async fn take(&mut self, chunks: &[Arc<Chunk>]) -> anyhow::Result<()> {
        self.live.take(chunks).await?;
        for chunk in chunks {
            self.handover.give(chunk);
        }
        Ok(())
    }
}

impl Drop for LiveSink {
    fn drop(&mut self) {
        self.handover.close();
    }
}

/// Applies what arrives, in order, until `stop` and the queue's end.
pub async fn live_task(
    mut publisher: Publisher,
    mut messages: mpsc::Receiver<LiveMessage>,
    clock: Clock,
    stop: CancellationToken,
) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            message = messages.recv() => match message {
                Some(LiveMessage::Matched { fixes, corrections }) => {
                    let now = clock.now();
                    publisher.apply(fixes, now);
                    publisher.correct(corrections, now);
                }
                Some(LiveMessage::Policy(policy)) => publisher.set_policy(policy, clock.now()),
                None => return,
            },
            _ = tick.tick() => publisher.tick(clock.now()),
        }
    }
}
