//! A vehicle's fixes, qualified, and those among them that decide.

use model::{Fix, Timestamp, VehicleId};
use network::{Nearby, Network, heading_between, turn_between};

use crate::noise::{BELIEVED, COMPASS_MOST_M, MEDIAN, MOST_SIGMA_M, Movement, RIGHT_COSINE, UNDER, jitter_m};
use crate::qualify::{Point, Qualifier};
use crate::stride::APART_S;
use crate::{Parameters, Prior, Rejection};

/// A fix between two others that are no farther apart in time can be a spike, seconds.
const SPIKE_S: f64 = 25.0;
/// Fixes closer together in time are off to the same side, between the same houses and under the same
/// satellites: what they jitter is less than how far off they are, seconds.
const ALIKE_S: f64 = 40.0;
/// Of errors that last for a minute, fixes some 10 s apart jitter by half.
const LASTING: f64 = 2.0;
/// Most fixes looked at to tell how noisy a track is.
const SAMPLE: usize = 96;

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
    /// How much the heading says of the street at the fix: all by the vehicle's own word, the less
    /// by its movement the farther that was.
    pub(crate) heading_weight: f64,
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
        let wrong_heading = !headings_are_right(parameters, sigma_m, track, &points);
        let mut all = Self { rejected, usable: Vec::with_capacity(points.len()), keys: Vec::new(), sigma_m };
        for (index, point, anew) in points {
            if let Some((fix, _)) = track.fixes.get(index) {
                let heading_deg = fix.heading_deg.filter(|_| !wrong_heading);
                all.add(parameters, index, &Fix { heading_deg, ..*fix }, point, anew);
            }
        }
        all
    }

    fn add(&mut self, parameters: &Parameters, index: usize, fix: &Fix, point: Point, anew: bool) {
        let before = self.usable.last().filter(|_| !anew).map(|u| u.point);
        let own_speed = fix.speed_mps.map(f64::from);
        let movement = Movement::of(parameters, self.sigma_m);
        let step = before.map(|b| (b.metres_to(&point), point.time.seconds_since(b.time), b));
        // Of what it seems to have moved, noise accounts for some.
        let by_fixes = || step.map(|(metres, seconds, _)| (metres - movement.noise_m).max(0.0) / seconds.max(1.0));
        let standing = own_speed.or_else(by_fixes).is_none_or(|v| v < parameters.standing_mps);
        let drives = own_speed.is_some_and(|v| v >= parameters.heading_min_mps);
        let usable = self.usable.len();
        let (mut moved_m, mut elapsed_s) = (0.0, 0.0);
        let last = self.keys.last().filter(|_| !anew).copied();
        if let Some(last) = last {
            moved_m = last.point.metres_to(&point);
            elapsed_s = point.time.seconds_since(last.point.time);
        }
        let moved = || {
            let stands = own_speed.is_some_and(|v| v < parameters.heading_min_mps);
            let from = step.filter(|(metres, ..)| *metres >= movement.heading_m).map(|(_, _, b)| b);
            let from = from.or_else(|| last.filter(|_| moved_m >= movement.heading_m).map(|l| l.point));
            from.filter(|_| !stands).map(|from| {
                let weight = (parameters.straight_m / from.metres_to(&point)).min(1.0);
                (heading_between(from.xy, point.xy), weight)
            })
        };
        let own = fix.heading_deg.filter(|_| drives).map(|heading| (f64::from(heading), 1.0));
        let (heading_deg, heading_weight) = own.or_else(moved).unzip();
        let heading_weight = heading_weight.unwrap_or(0.0);
        self.usable.push(Usable { fix: index, point, standing, heading_deg });
        if last.is_some() && moved_m < movement.apart_m && elapsed_s < APART_S {
            return;
        }
        let information = movement.information(parameters, moved_m, elapsed_s);
        self.keys.push(Key { usable, point, heading_deg, heading_weight, moved_m, elapsed_s, information, anew });
    }
}

/// Whether a track's own headings agree with where it moves: each with the way from the fix before
/// to the one after, which in a bend is turned least.
fn headings_are_right(p: &Parameters, sigma_m: f64, track: &Track, points: &[(usize, Point, bool)]) -> bool {
    let least_m = Movement::of(p, sigma_m).heading_m;
    let (mut agrees, mut count) = (BELIEVED, BELIEVED);
    for three in points.windows(3) {
        let [(_, a, _), (index, _, false), (_, c, false)] = three else { continue };
        let Some((fix, _)) = track.fixes.get(*index) else { continue };
        let drives = fix.speed_mps.is_some_and(|v| f64::from(v) >= p.heading_min_mps);
        let tells = drives && (2.0 * least_m..=COMPASS_MOST_M).contains(&a.metres_to(c));
        let Some(own) = fix.heading_deg.filter(|_| tells) else { continue };
        agrees += turn_between(f64::from(own), heading_between(a.xy, c.xy)).to_radians().cos();
        count += 1.0;
    }
    agrees >= f64::from(RIGHT_COSINE) * count
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

/// How noisy a track is: as far as its fixes jitter beside the way between others, but no more than
/// they lie beside the nearest shape, for between fixes far apart streets bend. Where shapes are many
/// the nearest one is near to any fix, so that what dense fixes jitter counts against it.
fn sigma_m(network: &Network, parameters: &Parameters, points: &[(usize, Point, bool)]) -> f64 {
    let mut near = Nearby::default();
    let (mut beside, mut jitter, mut at_once) = (Vec::new(), Vec::new(), Vec::new());
    let step = points.len().div_ceil(SAMPLE).max(1);
    for (at, (_, b, _)) in points.iter().enumerate().step_by(step) {
        let way = |least_s: f64| {
            let is_apart = |(_, other, _): &&(usize, Point, bool)| other.time.seconds_since(b.time).abs() >= least_s;
            let (_, earlier, _) = points.get(..at)?.iter().rev().find(is_apart)?;
            let (_, later, _) = points.get(at + 1..)?.iter().find(is_apart)?;
            let jitter_m = jitter_m(parameters, [earlier.xy, b.xy, later.xy])?;
            Some((jitter_m, later.time.seconds_since(earlier.time)))
        };
        at_once.extend(way(0.0).filter(|(_, seconds)| *seconds <= SPIKE_S).map(|(jitter_m, _)| LASTING * jitter_m));
        let Some((jitter_m, _)) = way(ALIKE_S) else { continue };
        jitter.push(jitter_m);
        network.candidates(b.xy, parameters.search_m, &mut near);
        beside.extend(near.nearest_m());
    }
    let median = |mut all: Vec<f64>| {
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).map_or(0.0, |m| m / MEDIAN)
    };
    let (own_m, usual_m) = (UNDER * median(beside).max(median(at_once)).min(median(jitter)), parameters.sigma_m);
    // A usual tracker's noise is part of what is usual.
    let excess = (own_m * own_m - usual_m * usual_m / 4.0).max(0.0);
    (usual_m * usual_m + excess).sqrt().min(MOST_SIGMA_M)
}
