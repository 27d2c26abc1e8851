//! Where a vehicle was lately, packed: there are as many of these as vehicles, and most are
//! never looked at.

use std::collections::VecDeque;

use crate::qualify::Point;

/// Fixes remembered, the newest included.
const MEMORY: usize = 96;
/// Room is made for so many at first, then for twice as many: never for more than are remembered.
const FIRST_ROOM: usize = 8;
/// Places are kept to a thousandth of a metre, up to 2,000 km from the network's centre.
const PER_M: f64 = 1024.0;
/// The lowest bit tells whether it stood, the others the microseconds, up to 35 minutes.
const STANDING: u32 = 1;

/// A fix of the past, and whether the vehicle stood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Passed {
    pub(crate) point: Point,
    pub(crate) standing: bool,
}

/// The same in twelve bytes: how long before the next one, and where.
#[derive(Clone, Copy, Debug)]
struct Packed {
    before_next: u32,
    xy: [i32; 2],
}

impl Packed {
    /// `None` where the next one is too long after it.
    fn of(passed: Passed, next: Point) -> Option<Self> {
        let micros = next.time.as_micros().checked_sub(passed.point.time.as_micros())?;
        let micros = u32::try_from(micros).ok().filter(|m| m.leading_zeros() > 0)?;
        let standing = if passed.standing { STANDING } else { 0 };
        Some(Self { before_next: micros << 1 | standing, xy: passed.point.xy.map(grains) })
    }

    fn passed(self, next: Point) -> Passed {
        let micros = next.time.as_micros() - i64::from(self.before_next >> 1);
        let xy = self.xy.map(|grains| f64::from(grains) / PER_M);
        let point = Point { time: model::Timestamp::from_micros(micros), xy };
        Passed { point, standing: self.before_next & STANDING > 0 }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "casts saturate where the map ends")]
fn grains(metres: f64) -> i32 {
    (metres * PER_M).round() as i32
}

/// A vehicle's last places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past {
    newest: Option<Passed>,
    earlier: VecDeque<Packed>,
}

impl Past {
    /// The last one.
    pub(crate) fn newest(&self) -> Option<Passed> {
        self.newest
    }

    /// Remembers the next one. What lies before a gap that is too long to be told is forgotten.
    pub(crate) fn push(&mut self, passed: Passed) {
        let Some(before) = self.newest.replace(passed) else { return };
        let Some(packed) = Packed::of(before, passed.point) else {
            self.earlier.clear();
            return;
        };
        let most = MEMORY - 1;
        if self.earlier.len() == most {
            self.earlier.pop_front();
        } else if self.earlier.len() == self.earlier.capacity() {
            let room = self.earlier.len().max(FIRST_ROOM).min(most - self.earlier.len());
            self.earlier.reserve_exact(room);
        }
        self.earlier.push_back(packed);
    }

    /// All of them, the newest first.
    pub(crate) fn back_from_newest(&self) -> impl Iterator<Item = Passed> {
        let earlier = self.newest.into_iter().flat_map(|newest| {
            self.earlier.iter().rev().scan(newest.point, |next, packed| {
                let passed = packed.passed(*next);
                *next = passed.point;
                Some(passed)
            })
        });
        self.newest.into_iter().chain(earlier)
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;
    use crate::qualify::metres_between;

    fn passed(at: usize) -> Passed {
        let seconds = at as f64 * 7.000_001;
        let time = Timestamp::from_secs(1_768_550_000).plus_seconds(seconds);
        Passed {
            point: Point { time, xy: [at as f64 * -61.803, 1e5 + at as f64 * 0.7] },
            standing: at.is_multiple_of(3),
        }
    }

    #[test]
    fn what_was_passed_last_comes_back_newest_first() {
        let mut past = Past::default();
        for at in 0..300 {
            past.push(passed(at));
            let told: Vec<Passed> = past.back_from_newest().collect();
            assert_eq!(told.len(), (at + 1).min(MEMORY));
            assert_eq!(told.first().copied(), past.newest());
            for (told, at) in told.iter().zip((0..=at).rev()) {
                let wanted = passed(at);
                assert_eq!((told.point.time, told.standing), (wanted.point.time, wanted.standing));
                assert!(metres_between(told.point.xy, wanted.point.xy) < 1e-3);
            }
            assert!(past.earlier.capacity() < MEMORY, "room for {} is too much", past.earlier.capacity());
        }
    }

    #[test]
    fn what_lies_before_an_hour_without_a_fix_is_forgotten() {
        let mut past = Past::default();
        past.push(passed(0));
        past.push(passed(1));
        let mut later = passed(2);
        later.point.time = later.point.time.plus_seconds(3600.0);
        past.push(later);
        assert_eq!(past.back_from_newest().collect::<Vec<_>>(), [later]);
    }
}
