//! A vehicle's fixes, qualified, and those among them that decide.

use model::{Fix, Timestamp, VehicleId};
use network::{Network, heading_between};

use crate::qualify::{Point, Qualifier};
use crate::{Parameters, Prior, Rejection};

/// Movement of less than so many standard deviations is noise,
const NOISE_SIGMAS: f64 = 0.75;
/// and of so many says all that it can.
const FULL_SIGMAS: f64 = 3.0;
/// A fix between two others that are no farther apart in time can be a spike, seconds.
const SPIKE_S: f64 = 25.0;
/// Median of the size of a normally distributed number.
const MEDIAN: f64 = 0.6745;
/// Both measures say less than there is: of several shapes the nearest is nearer than one's
/// own, and the way between two noisy neighbours leans towards the fix.
const UNDER: f64 = 1.5;
/// Most fixes looked at to tell how noisy a track is.
const SAMPLE: usize = 96;
/// Noisier than this no track is taken for, metres.
const MOST_SIGMA_M: f64 = 60.0;
/// A fix decides when it is this far from the one that decided before, metres,
const APART_M: f64 = 25.0;
/// farther where fixes are noisier than usual, by so many standard deviations,
const APART_SIGMAS: f64 = 4.0;
/// or so much later, seconds. Denser fixes lie between the two.
const APART_S: f64 = 20.0;

/// A vehicle's day.
#[derive(Clone, Debug)]
pub struct Track {
    /// Which vehicle.
    pub vehicle: VehicleId,
    /// Its fixes in the order of their time, each with the instant at which it came in, where known.
    pub fixes: Vec<(Fix, Option<Timestamp>)>,
    /// What is known of its duties beforehand.
    pub priors: Vec<Prior>,
}

/// A fix that decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// Its place among the usable fixes.
    pub(crate) usable: usize,
    pub(crate) point: Point,
    pub(crate) heading_deg: Option<f64>,
    /// Metres and seconds from the one before.
    pub(crate) moved_m: f64,
    pub(crate) elapsed_s: f64,
    /// How much it says: nothing while standing, everything from some metres on.
    pub(crate) information: f64,
    /// Nothing is known of what lies before it.
    pub(crate) anew: bool,
}

/// A fix that can be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usable {
    /// Its place in the track.
    pub(crate) fix: usize,
    pub(crate) point: Point,
    pub(crate) standing: bool,
    pub(crate) heading_deg: Option<f64>,
}

/// A track, qualified.
#[derive(Clone, Debug)]
pub(crate) struct Qualified {
    /// Why each fix is not used, where it is not.
    pub(crate) rejected: Vec<Option<Rejection>>,
    pub(crate) usable: Vec<Usable>,
    pub(crate) keys: Vec<Key>,
    /// Standard deviation of its fixes beside a shape, metres.
    pub(crate) sigma_m: f64,
}

impl Qualified {
    pub(crate) fn of(network: &Network, parameters: &Parameters, track: &Track) -> Self {
        let mut qualifier = Qualifier::default();
        let mut rejected = Vec::with_capacity(track.fixes.len());
        let mut points = Vec::new();
        for (index, (fix, received_at)) in track.fixes.iter().enumerate() {
            let judged = qualifier.judge(network, parameters, fix, *received_at);
            rejected.push(judged.err());
            points.extend(judged.ok().map(|q| (index, q.point, q.anew)));
        }
        let sigma_m = sigma_m(network, parameters, &points);
        for at in spikes(parameters.outlier_sigmas * sigma_m, &points).into_iter().rev() {
            let (index, ..) = points.remove(at);
            if let Some(rejected) = rejected.get_mut(index) {
                *rejected = Some(Rejection::Jump);
            }
        }
        let mut all = Self { rejected, usable: Vec::with_capacity(points.len()), keys: Vec::new(), sigma_m };
        for (index, point, anew) in points {
            if let Some((fix, _)) = track.fixes.get(index) {
                all.add(parameters, index, fix, point, anew);
            }
        }
        all
    }

    fn add(&mut self, parameters: &Parameters, index: usize, fix: &Fix, point: Point, anew: bool) {
        let before = self.usable.last().filter(|_| !anew).map(|u| u.point);
        let own_speed = fix.speed_mps.map(f64::from);
        let noise_m = NOISE_SIGMAS * self.sigma_m;
        let step = before.map(|b| (b.metres_to(&point), point.time.seconds_since(b.time), b));
        // Of what it seems to have moved, noise accounts for some.
        let by_fixes = || step.map(|(metres, seconds, _)| (metres - noise_m).max(0.0) / seconds.max(1.0));
        let standing = own_speed.or_else(by_fixes).is_none_or(|v| v < parameters.standing_mps);
        let drives = own_speed.is_some_and(|v| v >= parameters.heading_min_mps);
        let usable = self.usable.len();
        let (mut moved_m, mut elapsed_s) = (0.0, 0.0);
        let last = self.keys.last().filter(|_| !anew).copied();
        if let Some(last) = last {
            moved_m = last.point.metres_to(&point);
            elapsed_s = point.time.seconds_since(last.point.time);
        }
        // A heading takes the farther apart two fixes, the noisier they are.
        let heading_m = FULL_SIGMAS * (noise_m / 2.0 + self.sigma_m - parameters.sigma_m);
        let moved = || {
            let stands = own_speed.is_some_and(|v| v < parameters.heading_min_mps);
            let from = step.filter(|(metres, ..)| *metres >= heading_m).map(|(_, _, b)| b);
            let from = from.or_else(|| last.filter(|_| moved_m >= heading_m).map(|l| l.point));
            from.filter(|_| !stands).map(|from| heading_between(from.xy, point.xy))
        };
        let heading_deg = fix.heading_deg.filter(|_| drives).map(f64::from).or_else(moved);
        self.usable.push(Usable { fix: index, point, standing, heading_deg });
        let apart_m = APART_M + APART_SIGMAS * (self.sigma_m - parameters.sigma_m);
        if last.is_some() && moved_m < apart_m && elapsed_s < APART_S {
            return;
        }
        let known = (parameters.unknown_s / elapsed_s.max(1.0)).min(1.0);
        let full_m = FULL_SIGMAS * self.sigma_m;
        let information = ((moved_m - noise_m) / (full_m - noise_m)).clamp(0.0, 1.0) * known;
        self.keys.push(Key { usable, point, heading_deg, moved_m, elapsed_s, information, anew });
    }
}

/// The fixes that lie far beside the way between their neighbours, where there was no time to
/// go there and come back: what reflections between houses do. A corner lies beside it by half
/// of that way at most.
fn spikes(far_m: f64, points: &[(usize, Point, bool)]) -> Vec<usize> {
    let is_spike = |three: &[(usize, Point, bool)]| {
        let [(_, a, _), (_, b, false), (_, c, false)] = three else { return false };
        let (dx, dy) = (c.xy[0] - a.xy[0], c.xy[1] - a.xy[1]);
        let length = dx.hypot(dy);
        let beside = ((b.xy[0] - a.xy[0]) * dy - (b.xy[1] - a.xy[1]) * dx).abs() / length.max(1.0);
        length >= far_m / 2.0
            && c.time.seconds_since(a.time) <= SPIKE_S
            && beside > far_m.max(length / 2.0 + far_m / 4.0)
    };
    (1..).zip(points.windows(3)).filter(|(_, three)| is_spike(three)).map(|(at, _)| at).collect()
}

/// How noisy a track is: as far as its fixes lie beside the nearest shape, but no more than
/// they jitter beside the way between their neighbours. A vehicle that drives off all shapes does
/// not jitter; one that takes corners between two fixes still keeps to its street.
fn sigma_m(network: &Network, parameters: &Parameters, points: &[(usize, Point, bool)]) -> f64 {
    let mut near = Vec::new();
    let mut beside: Vec<f64> = Vec::new();
    let mut jitter: Vec<f64> = Vec::new();
    let step = points.len().div_ceil(SAMPLE).max(1);
    for three in points.windows(3).step_by(step) {
        let [(_, a, _), (_, b, _), (_, c, _)] = three else { continue };
        let (dx, dy) = (c.xy[0] - a.xy[0], c.xy[1] - a.xy[1]);
        let length = dx.hypot(dy);
        if length < 2.0 * parameters.sigma_m {
            continue;
        }
        let (px, py) = (b.xy[0] - a.xy[0], b.xy[1] - a.xy[1]);
        let part = ((px * dx + py * dy) / (length * length)).clamp(0.0, 1.0);
        // Its own noise and what its neighbours' leave between them.
        let spread = (1.0 + (1.0 - part).powi(2) + part.powi(2)).sqrt();
        jitter.push((px * dy - py * dx).abs() / length / spread);
        near.clear();
        network.candidates(b.xy, parameters.search_m, &mut near);
        beside.extend(near.iter().map(|c| c.projection.cross_m).min_by(f64::total_cmp));
    }
    let median = |all: &mut Vec<f64>| {
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).map_or(0.0, |m| m / MEDIAN)
    };
    let widest = median(&mut beside).min(median(&mut jitter));
    (UNDER * widest).max(parameters.sigma_m).min(MOST_SIGMA_M)
}
