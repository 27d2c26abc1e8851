//! Holding back what may not be seen yet.

use std::collections::BTreeMap;

use matching::MatchedFix;
use model::{GatePolicy, Horizon, Timestamp};

/// Most fixes and corrections held back at once: half an hour of 10,000 vehicles that report every 10 s.
const MAX_HELD: usize = 1_800_000;

/// The one place through which every live output's fixes go, and what is said of them anew.
///
/// Held-back fixes wait by the time at which they were taken, not by that at which they came:
/// a device whose clock is fast keeps nobody else waiting.
#[derive(Debug)]
pub struct Gate {
    policy: GatePolicy,
    held: Held,
    held_corrections: Held,
    max_held: usize,
    offered: u64,
    refused: u64,
}

/// By event time, then in the order in which they came.
type Held = BTreeMap<(Timestamp, u64), MatchedFix>;

impl Default for Gate {
    fn default() -> Self {
        Self::new(GatePolicy::default())
    }
}

impl Gate {
    /// A gate that stands at `policy`.
    pub fn new(policy: GatePolicy) -> Self {
        Self { policy, held: Held::new(), held_corrections: Held::new(), max_held: MAX_HELD, offered: 0, refused: 0 }
    }

    /// How it stands.
    pub fn policy(&self) -> &GatePolicy {
        &self.policy
    }

    /// Fixes and corrections that came while it held as many as it can, since it was made. They are in
    /// no live output; history has them all the same.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes new fixes, and gives those that may be seen now: at once when live, after the
    /// delay when delayed, never when off.
    pub fn offer(&mut self, fixes: Vec<MatchedFix>, now: Timestamp) -> Vec<MatchedFix> {
        match self.policy {
            GatePolicy::Live => fixes,
            GatePolicy::Off { .. } => Vec::new(),
            GatePolicy::Delayed { .. } => {
                // What does not move its vehicle need not wait for anything.
                fixes.into_iter().filter(|fix| fix.rejected.is_none()).for_each(|fix| self.hold(fix));
                self.release(now)
            }
        }
    }

    /// Takes what is said anew of fixes offered before, and gives of it what may be seen now: that
    /// of a fix which may be seen. None comes out before its fix.
    pub fn offer_corrections(&mut self, corrections: Vec<MatchedFix>, now: Timestamp) -> Vec<MatchedFix> {
        match self.policy {
            GatePolicy::Live => corrections,
            GatePolicy::Off { .. } => Vec::new(),
            GatePolicy::Delayed { .. } => {
                for correction in corrections {
                    if let Some(place) = self.place(correction.time) {
                        self.held_corrections.insert(place, correction);
                    }
                }
                self.release_corrections(now)
            }
        }
    }

    fn hold(&mut self, fix: MatchedFix) {
        if let Some(place) = self.place(fix.time) {
            self.held.insert(place, fix);
        }
    }

    /// Where what is of this time is to be held, if there is room.
    fn place(&mut self, time: Timestamp) -> Option<(Timestamp, u64)> {
        // Those that wait longest stay: were they dropped, nothing would ever come out.
        if self.held.len() + self.held_corrections.len() >= self.max_held {
            self.refused += 1;
            return None;
        }
        self.offered += 1;
        Some((time, self.offered))
    }

    /// Gives the held fixes that may be seen by now, the earliest first.
    pub fn release(&mut self, now: Timestamp) -> Vec<MatchedFix> {
        take_until(&mut self.held, self.policy.horizon(now))
    }

    /// The same of held corrections.
    pub fn release_corrections(&mut self, now: Timestamp) -> Vec<MatchedFix> {
        take_until(&mut self.held_corrections, self.policy.horizon(now))
    }

    /// Stands otherwise from now on. True where what the public sees must be cleared first,
    /// since the new policy would not have let it through.
    #[must_use]
    pub fn set_policy(&mut self, policy: GatePolicy) -> bool {
        let clear = match (&self.policy, &policy) {
            (_, GatePolicy::Live) => false,
            (GatePolicy::Delayed { minutes: before, .. }, GatePolicy::Delayed { minutes: after, .. }) => after > before,
            (_, GatePolicy::Delayed { .. } | GatePolicy::Off { .. }) => true,
        };
        if matches!(policy, GatePolicy::Off { .. }) {
            self.held.clear();
            self.held_corrections.clear();
        }
        self.policy = policy;
        clear
    }
}

/// Takes out what lies up to the horizon.
fn take_until(held: &mut Held, horizon: Horizon) -> Vec<MatchedFix> {
    let kept = match horizon {
        Horizon::Open => Held::new(),
        Horizon::Closed => return Vec::new(),
        Horizon::Until(limit) if held.first_key_value().is_none_or(|((time, _), _)| *time > limit) => {
            return Vec::new();
        }
        // Numbers count from 1, so 0 stands before all of the next microsecond.
        Horizon::Until(limit) => held.split_off(&(Timestamp::from_micros(limit.as_micros().saturating_add(1)), 0)),
    };
    std::mem::replace(held, kept).into_values().collect()
}

#[cfg(test)]
mod tests {
    use model::{Fix, VehicleId};

    use super::*;

    fn fix(vehicle: &str, at_s: i64) -> MatchedFix {
        let nowhere = Fix::nowhere(Timestamp::from_secs(at_s));
        MatchedFix::unmatched(&VehicleId::new(vehicle).unwrap(), &nowhere)
    }

    #[test]
    fn a_full_gate_goes_on_letting_out_what_is_due() {
        let delayed = GatePolicy::Delayed { minutes: 1, reason: String::new() };
        let mut gate = Gate { max_held: 3, ..Gate::new(delayed) };
        let held = (0..10).map(|i| fix("a", 1_000 + i)).collect();
        assert!(gate.offer(held, Timestamp::from_secs(1_010)).is_empty());
        assert_eq!(gate.refused(), 7);
        assert_eq!(gate.release(Timestamp::from_secs(1_062)).len(), 3);
        assert!(gate.offer(vec![fix("a", 1_062)], Timestamp::from_secs(1_062)).is_empty());
        let corrections = (0..3).map(|i| fix("a", 1_062 + i)).collect();
        assert!(gate.offer_corrections(corrections, Timestamp::from_secs(1_062)).is_empty());
        assert_eq!(gate.refused(), 8, "they share the room");
        assert_eq!(gate.release(Timestamp::from_secs(1_122)).len(), 1, "there is room again");
    }
}
