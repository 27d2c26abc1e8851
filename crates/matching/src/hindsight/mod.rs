//! A vehicle's whole day at once: what only later fixes tell, earlier ones are told by.
//!
//! ```text
//! Track ─▶ qualify ─▶ places on shapes ─▶ chart: columns of states ─▶ back-trace ─▶ Outcome
//!                                              ▲                          │
//!                                              └── prices of runs ◀── fleet: who keeps which
//! ```
//!
//! The live side commits at once; here nothing is said before the day has been seen. So the
//! first minutes of a trip belong to it, and a vehicle that drives along a line to its depot
//! is not taken for one in service because it fits for a while.

mod begin;
mod chart;
mod fleet;
mod places;
mod register;
mod step;
mod tell;
mod track;
mod visits;

use std::collections::BTreeSet;
use std::sync::Arc;

use network::{Nearby, Network, TripInstance};

pub use fleet::match_fleet;
pub use track::Track;

use crate::hindsight::chart::{Chart, Way};
use crate::hindsight::places::Places;
use crate::hindsight::register::{Finder, Register};
use crate::hindsight::track::Qualified;
use crate::matcher::Days;
use crate::noise::fit;
use crate::{Outcome, Parameters};

/// Matches whole tracks.
#[derive(Debug)]
pub struct Hindsight {
    network: Arc<Network>,
    parameters: Parameters,
    days: Days,
}

/// A track and all that it may mean.
#[derive(Debug)]
pub(crate) struct Course {
    qualified: Qualified,
    places: Vec<Places>,
    entering: Vec<Box<[u32]>>,
    register: Register,
    way: Way,
    /// Runs that it drives along while another vehicle serves them.
    given_up: BTreeSet<TripInstance>,
}

impl Course {
    /// Whether it is this vehicle that serves a run.
    pub(crate) fn serves(&self, run: u32) -> bool {
        self.register.get(run).is_some_and(|run| !self.given_up.contains(&run.run))
    }
}

impl Hindsight {
    /// A matcher of whole tracks.
    pub fn new(network: Arc<Network>, parameters: Parameters) -> Self {
        Self { network, parameters, days: Days::default() }
    }

    /// The most likely course of a track, whatever other vehicles do: one matched fix for
    /// each of its fixes, in order, and its stop visits.
    pub fn day(&mut self, track: &Track) -> Outcome {
        let course = self.course(track);
        self.tell(track, &course)
    }

    /// Works out the most likely course.
    pub(crate) fn course(&mut self, track: &Track) -> Course {
        let network = &self.network;
        let qualified = Qualified::of(network, &self.parameters, track);
        let parameters = &self.parameters_of(&qualified);
        let (mut near, mut found) = (Nearby::default(), Places::default());
        let mut places: Vec<_> =
            qualified.keys.iter().map(|key| Places::find(network, parameters, key, (&mut near, &mut found))).collect();
        let mut register = Register::new(&track.priors);
        let days = &mut self.days;
        let mut finder = Finder::default();
        let mut entering: Vec<_> = qualified
            .keys
            .iter()
            .zip(&places)
            .map(|(key, places)| register.entering(network, parameters, (days, &mut finder), key, places))
            .collect();
        let mut chart = Chart::new(network, parameters, &qualified.keys, &places);
        let way = chart.solve(&register, &entering, &|_| 0.0);
        // What never came near need not be looked at again.
        let alive = chart.alive(register.runs.len(), parameters.alive_log);
        let is_alive = |run: &u32| alive.get(*run as usize).copied().unwrap_or(false);
        for runs in &mut entering {
            *runs = runs.iter().copied().filter(is_alive).collect();
        }
        let shapes = register.shapes_of(is_alive);
        for places in &mut places {
            places.retain(|shape| shapes.contains(&shape));
        }
        Course { qualified, places, entering, register, way, given_up: BTreeSet::new() }
    }

    /// The most likely course with prices laid on runs.
    pub(crate) fn solve(&self, course: &Course, price: &dyn Fn(TripInstance) -> f64) -> Way {
        let parameters = self.parameters_of(&course.qualified);
        let mut chart = Chart::new(&self.network, &parameters, &course.qualified.keys, &course.places);
        chart.solve(&course.register, &course.entering, price)
    }

    /// The score alone of the same.
    pub(crate) fn score(&self, course: &Course, price: &dyn Fn(TripInstance) -> f64) -> f64 {
        let parameters = self.parameters_of(&course.qualified);
        let mut chart = Chart::new(&self.network, &parameters, &course.qualified.keys, &course.places);
        chart.score(&course.register, &course.entering, price)
    }

    /// The parameters for a track as noisy as this one.
    fn parameters_of(&self, qualified: &Qualified) -> Parameters {
        let usual = &self.parameters;
        let mut own = Parameters {
            early_scale_s: usual.course_early_scale_s,
            late_scale_s: usual.course_late_scale_s,
            ..usual.clone()
        };
        fit(usual, qualified.sigma_m, &mut own);
        own
    }

    /// Says what a course means.
    pub(crate) fn tell(&self, track: &Track, course: &Course) -> Outcome {
        tell::tell(&self.network, &self.parameters, track, course)
    }
}
