//! What is counted for every message: looked up once for a connection, not for each message.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Histogram};

/// The counters of one protocol.
pub(crate) struct Meters {
    pub protocol: &'static str,
    /// In the order of [`KINDS`].
    messages: [Counter; KINDS.len()],
    pub fixes: Counter,
    pub clock_wrong: Counter,
    acknowledged: Counter,
    ack_seconds: Histogram,
}

/// What `protocols::Kind::name` gives.
const KINDS: [&str; 6] = ["login", "fixes", "heartbeat", "event", "ignored", "error"];

impl Meters {
    pub(crate) fn of(protocol: &'static str) -> Arc<Self> {
        let count = |name: &'static str| metrics::counter!(name, "protocol" => protocol);
        Arc::new(Self {
            protocol,
            messages: KINDS.map(
                |kind| metrics::counter!("marshrut_gateway_messages_total", "protocol" => protocol, "kind" => kind),
            ),
            fixes: count("marshrut_gateway_fixes_total"),
            clock_wrong: count("marshrut_gateway_clock_wrong_total"),
            acknowledged: count("marshrut_gateway_acknowledged_fixes_total"),
            ack_seconds: metrics::histogram!("marshrut_gateway_ack_seconds"),
        })
    }

    /// A message of the kind of this name has come.
    pub(crate) fn message(&self, kind: &str) {
        if let Some((_, counter)) = KINDS.iter().zip(&self.messages).find(|(name, _)| **name == kind) {
            counter.increment(1);
        }
    }

    /// Fixes have become durable, so long after they were read.
    pub(crate) fn durable(&self, after: Duration) {
        self.ack_seconds.record(after.as_secs_f64());
    }

    /// Fixes have been acknowledged.
    pub(crate) fn acknowledged(&self, fixes: u64) {
        self.acknowledged.increment(fixes);
    }
}
