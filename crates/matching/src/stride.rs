//! Which fixes decide, and what they say by themselves.

use model::{Fix, Timestamp};
use network::{heading_between, turn_between};

use crate::Parameters;
use crate::noise::{COMPASS_MOST_M, Compass, Movement, jitter_m};
use crate::qualify::{Point, Qualified};

/// A fix decides when it is some way from the one that decided before, or so much later, seconds.
/// Denser fixes lie between the two.
pub(crate) const APART_S: f64 = 20.0;

/// The way to a fix that decides from the one that decided before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) to: Point,
    /// Where it moves, degrees clockwise from north, while it does.
    pub(crate) heading_deg: Option<f64>,
    /// How much the heading says of the street at the fix: all by the vehicle's own word, the less
    /// by its movement the farther that was.
    pub(crate) heading_weight: f64,
    pub(crate) moved_m: f64,
    pub(crate) elapsed_s: f64,
    /// How much the fix says: nothing while standing, everything from some metres on.
    pub(crate) information: f64,
    /// How much of that the one before has not said: what puts a fix beside its shape, a drawing's
    /// error or houses, does the same to the next one.
    pub(crate) news: f64,
    /// Nothing is known of what lies before it.
    pub(crate) anew: bool,
    /// Seconds without any fix before it, where it is anew.
    pub(crate) gap_s: f64,
    /// How far the fix that decided before lies beside the way between its neighbours, metres.
    pub(crate) jitter_m: Option<f64>,
}

/// A vehicle's last steps.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stride {
    /// The last fix.
    last: Option<Point>,
    /// The last fix that decided.
    decided: Option<Point>,
    /// Where the one before that was.
    earlier: Option<[f64; 2]>,
    /// Where it moved last.
    pub(crate) heading_deg: Option<f64>,
    /// Since when it stands.
    stands_from: Option<Timestamp>,
    /// What its own headings are worth.
    compass: Compass,
}

impl Stride {
    /// It stands.
    pub(crate) fn is_standing(&self) -> bool {
        self.stands_from.is_some()
    }

    /// For how long, seconds.
    pub(crate) fn stands_s(&self) -> f64 {
        self.stands_from.zip(self.last).map_or(0.0, |(from, last)| last.time.seconds_since(from))
    }

    /// Takes the next fix, which is as noisy as `parameters` say, where others are as `usual` ones
    /// do; the step, where it decides.
    pub(crate) fn take(
        &mut self,
        (usual, parameters): (&Parameters, &Parameters),
        fix: &Fix,
        qualified: Qualified,
    ) -> Option<Step> {
        let Qualified { point, anew } = qualified;
        let gap_s = self.last.map_or(0.0, |last| point.time.seconds_since(last.time));
        if anew {
            *self = Self { compass: self.compass, ..Self::default() };
        }
        let movement = Movement::of(usual, parameters.sigma_m);
        let own_speed = fix.speed_mps.map(f64::from);
        let before = self.last.replace(point).map(|b| (b, b.metres_to(&point), point.time.seconds_since(b.time)));
        // Of what it seems to have moved, noise accounts for some.
        let by_fixes = before.map(|(_, metres, seconds)| (metres - movement.noise_m).max(0.0) / seconds.max(1.0));
        let stands = own_speed.or(by_fixes).is_none_or(|v| v < parameters.standing_mps);
        self.stands_from = stands.then(|| self.stands_from.unwrap_or(point.time));
        let (mut moved_m, mut elapsed_s) = (0.0, 0.0);
        if let Some(decided) = self.decided {
            moved_m = decided.metres_to(&point);
            elapsed_s = point.time.seconds_since(decided.time);
        }
        let drives = own_speed.is_some_and(|v| v >= parameters.heading_min_mps);
        let moved = || {
            let near = before.filter(|(_, metres, _)| *metres >= movement.heading_m).map(|(from, ..)| from);
            let from = near.or(self.decided.filter(|_| moved_m >= movement.heading_m));
            from.filter(|_| drives || own_speed.is_none()).map(|from| {
                let weight = (parameters.straight_m / from.metres_to(&point)).min(1.0);
                (heading_between(from.xy, point.xy), weight)
            })
        };
        let (own, moved) = (fix.heading_deg.filter(|_| drives).map(f64::from), moved());
        let tells = |weight: f64| weight >= parameters.straight_m / COMPASS_MOST_M;
        if let Some((own, (moved, _))) = own.zip(moved.filter(|(_, weight)| tells(*weight))) {
            self.compass.learn(turn_between(own, moved));
        }
        let own = own.filter(|_| self.compass.is_right()).map(|heading| (heading, 1.0));
        let (heading_deg, heading_weight) = own.or(moved).unzip();
        let heading_weight = heading_weight.unwrap_or(0.0);
        self.heading_deg = heading_deg.or(self.heading_deg);
        if self.decided.is_some() && moved_m < movement.apart_m && elapsed_s < APART_S {
            return None;
        }
        let jitter_m = self.earlier.zip(self.decided).and_then(|(a, b)| jitter_m(usual, [a, b.xy, point.xy]));
        self.earlier = self.decided.replace(point).map(|before| before.xy);
        let information = movement.information(parameters, moved_m, elapsed_s);
        let news = information.min(moved_m / parameters.news_m * usual.sigma_m / parameters.sigma_m);
        let news = if anew { information } else { news };
        Some(Step {
            to: point,
            heading_deg,
            heading_weight,
            moved_m,
            elapsed_s,
            information,
            news,
            anew,
            gap_s,
            jitter_m,
        })
    }
}
