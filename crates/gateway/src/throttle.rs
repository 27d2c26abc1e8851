//! Log lines that one bad tracker must not be able to flood the log with.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines let through in one window.
const LINES: u32 = 10;
/// The window.
const WINDOW: Duration = Duration::from_secs(10);

/// Lets a few lines through in each window, and counts the rest.
#[derive(Debug)]
pub(crate) struct Throttle(Mutex<State>);

#[derive(Debug)]
struct State {
    since: Instant,
    lines: u32,
    suppressed: u64,
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State { since: Instant::now(), lines: 0, suppressed: 0 }))
    }

    /// Whether to write a line now, and if so how many were not written since the last one.
    pub(crate) fn pass(&self) -> Option<u64> {
        self.pass_at(Instant::now())
    }

    fn pass_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(state.since) >= WINDOW {
            state.since = now;
            state.lines = 0;
        }
        if state.lines == LINES {
            state.suppressed += 1;
            return None;
        }
        state.lines += 1;
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted() {
        let throttle = Throttle::new();
        let now = Instant::now();
        let passed = (0..100).filter(|_| throttle.pass_at(now).is_some()).count();
        assert_eq!(passed, 10);
        assert_eq!(throttle.pass_at(now + WINDOW), Some(90));
        assert_eq!(throttle.pass_at(now + WINDOW), Some(0));
    }
}
