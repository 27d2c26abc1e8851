//! A vehicle's fixes, qualified, and those among them that decide.

use model::{Fix, Timestamp, VehicleId};
use network::{Network, heading_between};

use crate::qualify::{Point, Qualifier};
use crate::{Parameters, Prior, Rejection};

/// Movement shorter than this gives no heading, metres.
const HEADING_M: f64 = 15.0;
/// A fix decides when it is this far from the one that decided before, metres,
const APART_M: f64 = 25.0;
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
}

impl Qualified {
    pub(crate) fn of(network: &Network, parameters: &Parameters, track: &Track) -> Self {
        let mut qualifier = Qualifier::default();
        let mut all = Self { rejected: Vec::with_capacity(track.fixes.len()), usable: Vec::new(), keys: Vec::new() };
        for (index, (fix, received_at)) in track.fixes.iter().enumerate() {
            match qualifier.judge(network, parameters, fix, *received_at) {
                Err(rejection) => all.rejected.push(Some(rejection)),
                Ok(qualified) => {
                    all.rejected.push(None);
                    all.add(parameters, index, fix, qualified.point, qualified.anew);
                }
            }
        }
        all
    }

    fn add(&mut self, parameters: &Parameters, index: usize, fix: &Fix, point: Point, anew: bool) {
        let before = self.usable.last().filter(|_| !anew).map(|u| u.point);
        let own_speed = fix.speed_mps.map(f64::from);
        let step = before.map(|b| (b.metres_to(&point), point.time.seconds_since(b.time), b));
        let speed = own_speed.or_else(|| step.map(|(metres, seconds, _)| metres / seconds.max(1.0)));
        let standing = speed.is_none_or(|v| v < parameters.standing_mps);
        let drives = own_speed.is_some_and(|v| v >= parameters.heading_min_mps);
        let moved = || {
            let stands = own_speed.is_some_and(|v| v < parameters.heading_min_mps);
            let (_, _, b) = step.filter(|(metres, ..)| *metres >= HEADING_M && !stands)?;
            Some(heading_between(b.xy, point.xy))
        };
        let heading_deg = fix.heading_deg.filter(|_| drives).map(f64::from).or_else(moved);
        let usable = self.usable.len();
        self.usable.push(Usable { fix: index, point, standing, heading_deg });
        let (mut moved_m, mut elapsed_s) = (0.0, 0.0);
        if let Some(last) = self.keys.last().filter(|_| !anew) {
            moved_m = last.point.metres_to(&point);
            elapsed_s = point.time.seconds_since(last.point.time);
            if moved_m < APART_M && elapsed_s < APART_S {
                return;
            }
        }
        let known = (parameters.unknown_s / elapsed_s.max(1.0)).min(1.0);
        let information = (moved_m / parameters.informative_m).min(1.0) * known;
        self.keys.push(Key { usable, point, heading_deg, moved_m, elapsed_s, information, anew });
    }
}
