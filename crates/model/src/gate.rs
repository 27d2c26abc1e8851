//! The one gate for what leaves.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What may be published of vehicles: all, all but the last minutes, or nothing.
///
/// Every output asks this one value. Live outputs are built from a state that only
/// receives what the gate has let through; data sets leave out what lies past the horizon.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase")]
pub enum GatePolicy {
    /// Everything, at once.
    #[default]
    Live,
    /// Everything, so many minutes after it happened.
    Delayed {
        /// Minutes between the event and its publication.
        minutes: u32,
        /// Why, in words for the public.
        reason: String,
    },
    /// Nothing.
    Off {
        /// Why, in words for the public.
        reason: String,
    },
}

/// Up to which instant events may be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Horizon {
    /// Whatever has happened.
    Open,
    /// What happened at or before this instant.
    Until(Timestamp),
    /// Nothing.
    Closed,
}

impl GatePolicy {
    /// The horizon at `now`.
    pub fn horizon(&self, now: Timestamp) -> Horizon {
        match self {
            Self::Live => Horizon::Open,
            Self::Delayed { minutes, .. } => Horizon::Until(now.plus_seconds(-60.0 * f64::from(*minutes))),
            Self::Off { .. } => Horizon::Closed,
        }
    }

    /// The public reason for holding back, where something is held back.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Live => None,
            Self::Delayed { reason, .. } | Self::Off { reason } => Some(reason),
        }
    }
}

impl Horizon {
    /// Whether what happened at `event` may be published.
    pub fn admits(self, event: Timestamp) -> bool {
        match self {
            Self::Open => true,
            Self::Until(limit) => event <= limit,
            Self::Closed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_admits_what_it_says() {
        let now = Timestamp::from_secs(10_000);
        let delayed = GatePolicy::Delayed { minutes: 5, reason: String::new() }.horizon(now);
        assert!(GatePolicy::Live.horizon(now).admits(now));
        assert!(delayed.admits(Timestamp::from_secs(9_700)));
        assert!(!delayed.admits(Timestamp::from_secs(9_701)));
        assert!(!GatePolicy::Off { reason: String::new() }.horizon(now).admits(Timestamp::from_secs(0)));
    }
}
