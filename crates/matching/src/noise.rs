//! How noisy a vehicle's tracker is, and what that makes of its fixes. Live it is learnt from them as
//! they come; [`crate::Hindsight`] measures the same over the whole day.
//!
//! Two measures, of which the lesser counts: how far fixes lie beside the nearest shape, and how
//! far beside the way between their neighbours. A vehicle that drives off all shapes does not
//! jitter; one that takes corners between two fixes still keeps to its street. Of each the median
//! is kept by steps up and down (Robbins and Monro 1951), which no outlier moves farther than
//! any other fix.

use crate::Parameters;
use crate::moves::narrow;
use crate::qualify::metres_between;

/// Median of the size of a normally distributed number.
pub(crate) const MEDIAN: f64 = 0.6745;
/// Both measures say less than there is: of several shapes the nearest is nearer than one's
/// own, and the way between two noisy neighbours leans towards the fix.
pub(crate) const UNDER: f64 = 1.5;
/// Noisier than this no tracker is taken for, metres.
pub(crate) const MOST_SIGMA_M: f64 = 60.0;
/// How far a first fix moves a median, as a share of it: later ones the less,
const FIRST_STEP: f64 = 0.35;
/// down to this.
const LEAST_STEP: f64 = 0.06;
/// A tracker of which nothing is known may be half again as noisy as usual ones are.
const FIRST_LOG: f32 = 0.4;
/// A median is kept down to two thirds of what is usual: a good tracker that takes a detour is no
/// noisy one at once.
const LEAST_LOG: f64 = -0.4;
/// A fix's standard deviation for each unit of its receiver's HDOP, metres.
const HDOP_M: f64 = 4.0;
/// How much worse fixes fit with each more of the usual standard deviation.
const NOISY_FIT_LOG: f64 = 1.0;
/// Movement of less than so many standard deviations is noise,
const NOISE_SIGMAS: f64 = 0.75;
/// and of so many says all that it can.
const FULL_SIGMAS: f64 = 3.0;
/// A compass is believed from the start as if so many headings had been right.
pub(crate) const BELIEVED: f64 = 2.0;
/// The least that one more heading moves what is known of a compass, as a share.
const LEAST_COMPASS_STEP: f64 = 0.1;
/// Headings are right that agree so well with the movement on average. Measured, a good compass has
/// 0.8 at fixes every 30 s and 0.65 every 2 minutes, and one that is stuck 0: lines lead there and back.
pub(crate) const RIGHT_COSINE: f32 = 0.45;
/// A longer movement says nothing of the street's direction at its end, metres.
pub(crate) const COMPASS_MOST_M: f64 = 2500.0;
/// A fix decides when it is this far from the one that decided before, metres,
const APART_M: f64 = 25.0;
/// farther where fixes are noisier than usual, by so many standard deviations.
const APART_SIGMAS: f64 = 4.0;

/// What a vehicle's fixes have told of its tracker.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Noise {
    /// Medians as multiples of what the usual standard deviation makes expect, in logarithms.
    beside: Median,
    jitter: Median,
}

#[derive(Clone, Copy, Debug)]
struct Median {
    log: f32,
    seen: u16,
}

impl Default for Median {
    fn default() -> Self {
        Self { log: FIRST_LOG, seen: 0 }
    }
}

impl Median {
    fn learn(&mut self, times: f64) {
        self.seen = self.seen.saturating_add(1);
        let step = (FIRST_STEP / f64::from(self.seen).sqrt()).max(LEAST_STEP);
        let up = times > f64::from(self.log).exp();
        self.log = narrow((f64::from(self.log) + if up { step } else { -step }).max(LEAST_LOG));
    }
}

impl Noise {
    /// Standard deviation of a fix with such an HDOP beside a shape, metres.
    pub(crate) fn sigma_m(&self, usual: &Parameters, hdop: Option<f32>) -> f64 {
        let learnt = usual.sigma_m * f64::from(self.beside.log.min(self.jitter.log)).exp();
        let own = hdop.map_or(0.0, |hdop| HDOP_M * f64::from(hdop));
        learnt.max(own).max(usual.sigma_m).min(MOST_SIGMA_M.max(usual.sigma_m))
    }

    /// Takes how far a fix lies beside the nearest shape and beside the way between its
    /// neighbours, metres, where there is such a thing.
    pub(crate) fn learn(&mut self, usual: &Parameters, beside_m: Option<f64>, jitter_m: Option<f64>) {
        let expected_m = usual.sigma_m / UNDER * MEDIAN;
        if let Some(metres) = beside_m {
            self.beside.learn(metres / expected_m);
        }
        if let Some(metres) = jitter_m {
            self.jitter.learn(metres / expected_m);
        }
    }
}

/// The parameters for fixes of such a standard deviation, in `own`.
pub(crate) fn fit(usual: &Parameters, sigma_m: f64, own: &mut Parameters) {
    own.sigma_m = sigma_m;
    // The usual deviation is wider than most trackers need, so their fixes fit well; one that is
    // as wide as the noise makes every fix fit its own trip only so well.
    own.on_fit_log = usual.on_fit_log - NOISY_FIT_LOG * (sigma_m / usual.sigma_m - 1.0);
}

/// What movement of a vehicle says whose fixes are so noisy. All in metres.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Movement {
    /// Less than this is noise.
    pub(crate) noise_m: f64,
    /// So much says all that it can.
    full_m: f64,
    /// Two fixes this far apart give a heading: the farther, the noisier they are.
    pub(crate) heading_m: f64,
    /// A fix this far from the one that decided before decides.
    pub(crate) apart_m: f64,
}

impl Movement {
    pub(crate) fn of(usual: &Parameters, sigma_m: f64) -> Self {
        let (noise_m, excess_m) = (NOISE_SIGMAS * sigma_m, sigma_m - usual.sigma_m);
        Self {
            noise_m,
            full_m: FULL_SIGMAS * sigma_m,
            heading_m: FULL_SIGMAS * (noise_m / 2.0 + excess_m),
            apart_m: APART_M + APART_SIGMAS * excess_m,
        }
    }

    /// How much a fix says after so much movement: nothing while standing, everything from some
    /// metres on, the less the longer there was none.
    pub(crate) fn information(&self, p: &Parameters, moved_m: f64, elapsed_s: f64) -> f64 {
        let known = (p.unknown_s / elapsed_s.max(1.0)).min(1.0);
        ((moved_m - self.noise_m) / (self.full_m - self.noise_m)).clamp(0.0, 1.0) * known
    }
}

/// How well a tracker's own headings agree with where it moves: the mean cosine of the turn between
/// the two. A heading that is always 0, or counted from another axis, would cost every other trip.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compass {
    agrees: f32,
    seen: u8,
}

impl Default for Compass {
    /// Believed until it proves wrong.
    fn default() -> Self {
        Self { agrees: 1.0, seen: 0 }
    }
}

impl Compass {
    /// Takes how far the heading was turned from a movement, degrees.
    pub(crate) fn learn(&mut self, turned_deg: f64) {
        let agrees = f64::from(self.agrees);
        let step = (1.0 / (BELIEVED + 1.0 + f64::from(self.seen))).max(LEAST_COMPASS_STEP);
        self.seen = self.seen.saturating_add(1);
        self.agrees = narrow(agrees + step * (turned_deg.to_radians().cos() - agrees));
    }

    /// Whether its headings can be believed.
    pub(crate) fn is_right(self) -> bool {
        self.agrees >= RIGHT_COSINE
    }
}

/// How far a place lies beside the way between its neighbours by its own noise, metres; nothing
/// where they are too near to each other to tell.
pub(crate) fn jitter_m(usual: &Parameters, [a, b, c]: [[f64; 2]; 3]) -> Option<f64> {
    let length = metres_between(a, c);
    if length < 2.0 * usual.sigma_m {
        return None;
    }
    let (dx, dy) = (c[0] - a[0], c[1] - a[1]);
    let (px, py) = (b[0] - a[0], b[1] - a[1]);
    let part = ((px * dx + py * dy) / (length * length)).clamp(0.0, 1.0);
    // Its own noise and what its neighbours' leave between them.
    let spread = (1.0 + (1.0 - part).powi(2) + part.powi(2)).sqrt();
    Some((px * dy - py * dx).abs() / length / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What so many fixes leave known, each measured as far off as a normal curve of that
    /// deviation has at evenly spaced places.
    fn learnt(fixes: u32, beside_sigma_m: f64, jitter_sigma_m: f64) -> f64 {
        const SIZES: [f64; 8] = [0.08, 1.15, 0.4, 0.73, 1.86, 0.24, 0.93, 0.55];
        let usual = Parameters::default();
        let mut noise = Noise::default();
        for size in SIZES.iter().cycle().take(fixes as usize) {
            noise.learn(&usual, Some(size * beside_sigma_m), Some(size * jitter_sigma_m));
        }
        noise.sigma_m(&usual, None)
    }

    #[test]
    fn a_noisy_tracker_is_known_within_two_dozen_fixes_and_a_good_one_stays_usual() {
        let usual_m = Parameters::default().sigma_m;
        assert!((learnt(24, 5.0, 5.0) - usual_m).abs() < 1e-9);
        assert!((38.0..=60.0).contains(&learnt(24, 33.0, 33.0)), "{}", learnt(24, 33.0, 33.0));
        assert!(learnt(500, 500.0, 500.0) <= MOST_SIGMA_M, "it is bounded");
    }

    #[test]
    fn a_good_tracker_off_its_shape_or_in_corners_is_no_noisy_one() {
        let usual_m = Parameters::default().sigma_m;
        assert!((learnt(60, 200.0, 5.0) - usual_m).abs() < 1e-9, "beside its shape for long");
        assert!((learnt(60, 5.0, 200.0) - usual_m).abs() < 1e-9, "corners between all its fixes");
    }

    #[test]
    fn a_stuck_compass_is_known_within_a_few_fixes_and_one_sharp_bend_makes_none() {
        let mut right = Compass::default();
        for turned_deg in [20.0, 130.0, 10.0, 45.0, 5.0, 95.0, 30.0] {
            right.learn(turned_deg);
            assert!(right.is_right(), "{right:?}");
        }
        let mut stuck = Compass::default();
        for turned_deg in [80.0, 60.0, 110.0, 170.0, 100.0] {
            stuck.learn(turned_deg);
        }
        assert!(!stuck.is_right(), "{stuck:?}");
        (0..20).for_each(|_| stuck.learn(20.0));
        assert!(stuck.is_right(), "mended, it is believed again: {stuck:?}");
    }

    #[test]
    fn a_receiver_that_says_how_weak_it_is_is_believed_at_once() {
        let (usual, noise) = (Parameters::default(), Noise::default());
        let unknown_m = noise.sigma_m(&usual, None);
        assert!(noise.sigma_m(&usual, Some(10.0)) > 1.2 * unknown_m);
        assert!(noise.sigma_m(&usual, Some(99.9)) <= MOST_SIGMA_M);
        assert!((noise.sigma_m(&usual, Some(0.9)) - unknown_m).abs() < 1e-9);
    }
}
