//! The runs that a vehicle may be on, and the duties that they belong to.

use std::collections::{HashMap, HashSet};

use model::Timestamp;
use network::{Network, PatternIdx, ShapeIdx, TripInstance};

use crate::hindsight::chart::index;
use crate::hindsight::places::Places;
use crate::hindsight::track::Key;
use crate::matcher::Days;
use crate::run::{Duty, assigned};
use crate::{Parameters, Prior};

/// The duty of a vehicle that has none.
pub(crate) const NONE: u32 = 0;

/// A run that the vehicle may be on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) run: TripInstance,
    pub(crate) pattern: PatternIdx,
    pub(crate) shape: ShapeIdx,
    /// The instant from which its schedule times count.
    pub(crate) origin: Timestamp,
    pub(crate) first_m: f64,
    pub(crate) last_m: f64,
    pub(crate) departs_s: f64,
    pub(crate) departs: Timestamp,
    pub(crate) start: [f64; 2],
    pub(crate) duty: u32,
    /// Whether it is the one assigned beforehand, where anything is.
    pub(crate) assigned: Option<bool>,
}

/// The runs and duties considered, and prices laid on runs.
#[derive(Debug)]
pub(crate) struct Register {
    pub(crate) runs: Vec<Run>,
    by_run: HashMap<TripInstance, u32>,
    pub(crate) duties: Vec<Duty>,
    by_duty: HashMap<Duty, u32>,
    priors: Vec<Prior>,
}

impl Register {
    pub(crate) fn new(priors: &[Prior]) -> Self {
        Self {
            runs: Vec::new(),
            by_run: HashMap::new(),
            duties: vec![Duty::None],
            by_duty: HashMap::new(),
            priors: priors.to_vec(),
        }
    }

    fn run(&mut self, network: &Network, parameters: &Parameters, run: TripInstance, origin: Timestamp) -> u32 {
        if let Some(known) = self.by_run.get(&run) {
            return *known;
        }
        let trip = network.trip(run.trip);
        let pattern = network.pattern(trip.pattern);
        let duty = trip.block.map_or(Duty::Route(pattern.route), |block| Duty::Block(block, run.day));
        let duties = &mut self.duties;
        let duty = *self.by_duty.entry(duty).or_insert_with(|| {
            duties.push(duty);
            index(duties.len() - 1)
        });
        let origin = origin.plus_seconds(f64::from(run.offset_s));
        let assigned = assigned(network, parameters, &self.priors, run);
        let departs_s = f64::from(network.span_s(run.trip).0);
        self.runs.push(Run {
            run,
            pattern: trip.pattern,
            shape: pattern.shape,
            origin,
            first_m: pattern.stops.first().map_or(0.0, |s| s.dist_m),
            last_m: pattern.stops.last().map_or(0.0, |s| s.dist_m),
            start: network.shape(pattern.shape).point_at(pattern.stops.first().map_or(0.0, |s| s.dist_m)),
            departs_s,
            departs: origin.plus_seconds(departs_s),
            duty,
            assigned,
        });
        let at = index(self.runs.len() - 1);
        self.by_run.insert(run, at);
        at
    }

    /// The runs that can begin at a key, in order.
    pub(crate) fn entering(
        &mut self,
        network: &Network,
        p: &Parameters,
        days: &mut Days,
        key: &Key,
        places: &Places,
    ) -> Box<[u32]> {
        let mut entering = Vec::new();
        for day in days.at(network, key.point.time) {
            let seconds = day.seconds_at(key.point.time);
            for (shape, _) in places.each() {
                for &pattern in network.patterns_of(shape) {
                    network.runs_near(pattern, day, seconds, p.wait_s, p.late_s, |run| {
                        entering.push(self.run(network, p, run, day.origin));
                    });
                }
            }
        }
        entering.sort_unstable();
        entering.dedup();
        entering.into_boxed_slice()
    }

    /// The shapes of some runs.
    pub(crate) fn shapes_of(&self, wanted: impl Fn(&u32) -> bool) -> HashSet<ShapeIdx> {
        (0..).zip(&self.runs).filter(|(at, _)| wanted(at)).map(|(_, run)| run.shape).collect()
    }

    pub(crate) fn duty(&self, run: &Run) -> Duty {
        self.duties.get(run.duty as usize).copied().unwrap_or(Duty::None)
    }

    pub(crate) fn duty_of(&self, run: TripInstance) -> Option<Duty> {
        self.get(*self.by_run.get(&run)?).map(|run| self.duty(run))
    }

    pub(crate) fn get(&self, run: u32) -> Option<&Run> {
        self.runs.get(run as usize)
    }
}
