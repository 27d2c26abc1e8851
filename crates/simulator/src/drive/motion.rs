//! How a bus moves along a path, in steps of a second.

use super::path::Path;

/// Metres per second squared that standing passengers bear.
const ACCELERATION: f64 = 1.0;
const BRAKING: f64 = 0.9;
/// Where a driver begins to look for a bend, and how long the bend holds, metres.
const LOOK_AHEAD: f64 = 80.0;
const BEND_LENGTH: f64 = 8.0;
/// Nearer than this to where it should halt, it halts.
const HALT_WITHIN: f64 = 1.5;

/// A vehicle on a path.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mover {
    pub(super) dist: f64,
    pub(super) speed: f64,
}

impl Mover {
    /// Moves on for a second, at most at `cruise`, so that it can halt at `halt`; true when
    /// it has.
    pub(super) fn step(&mut self, path: &Path, cruise: f64, halt: f64) -> bool {
        let mut limit = cruise.min(braking(halt - self.dist, 0.0));
        for (bend, speed) in &path.bends {
            let ahead = bend - self.dist;
            if (-BEND_LENGTH..LOOK_AHEAD).contains(&ahead) {
                limit = limit.min(braking(ahead, *speed));
            }
        }
        self.speed = (self.speed + ACCELERATION).min(limit);
        self.dist += self.speed;
        let halted = halt - self.dist < HALT_WITHIN;
        if halted {
            *self = Self { dist: halt, speed: 0.0 };
        }
        halted
    }
}

/// The speed from which one can brake to `to` within `distance`.
fn braking(distance: f64, to: f64) -> f64 {
    (to * to + 2.0 * BRAKING * distance.max(0.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_halts_where_it_should_without_throwing_anyone_over() {
        let path = Path::new([[0.0, 0.0], [0.0, 400.0], [300.0, 400.0]]);
        let mut bus = Mover::default();
        let mut seconds = 0;
        let mut last = 0.0;
        while !bus.step(&path, 11.0, 640.0) {
            assert!(bus.speed - last <= ACCELERATION + 1e-9 && last - bus.speed < 2.0, "{bus:?} after {last}");
            if (395.0..405.0).contains(&bus.dist) {
                assert!(bus.speed < 6.0, "too fast round the corner: {bus:?}");
            }
            last = bus.speed;
            seconds += 1;
            assert!(seconds < 120);
        }
        assert!((bus.dist - 640.0).abs() < 1e-9);
        assert!(last < 3.0, "it came to stand out of {last} m/s");
        assert!((60..100).contains(&seconds), "{seconds}");
    }
}
