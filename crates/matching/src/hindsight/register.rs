//! The runs that a vehicle may be on, and the duties that they belong to.

use std::collections::{HashMap, HashSet};

use model::{ServiceDate, Timestamp};
use network::{Network, PatternIdx, ServiceDay, ShapeIdx, TripInstance};

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
    pub(crate) departs: Timestamp,
    pub(crate) start: [f64; 2],
    pub(crate) duty: u32,
    /// Whether it is the one assigned beforehand, where anything is.
    pub(crate) assigned: Option<bool>,
}

/// The runs of a pattern that may be asked for in the next minutes are looked up at once, seconds.
const AHEAD_S: f64 = 900.0;

/// The runs of a pattern around a time of a day, and of each when it begins and ends.
#[derive(Debug)]
struct Window {
    from_s: f64,
    until_s: f64,
    runs: Vec<Near>,
}

#[derive(Debug)]
struct Near {
    run: TripInstance,
    begins_s: f64,
    ends_s: f64,
    /// Once it is registered.
    id: Option<u32>,
}

impl Default for Window {
    fn default() -> Self {
        Self { from_s: f64::INFINITY, until_s: f64::NEG_INFINITY, runs: Vec::new() }
    }
}

impl Window {
    fn holds(&self, seconds: f64) -> bool {
        (self.from_s..=self.until_s).contains(&seconds)
    }
}

/// What is needed to find the runs that can begin at each key.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    windows: HashMap<(ServiceDate, PatternIdx), Window>,
    entering: Vec<u32>,
}

/// The runs and duties considered.
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
        let duty = Duty::of(network, run);
        let duties = &mut self.duties;
        let duty = *self.by_duty.entry(duty).or_insert_with(|| {
            duties.push(duty);
            index(duties.len() - 1)
        });
        let origin = origin.plus_seconds(f64::from(run.offset_s));
        let assigned = assigned(network, parameters, &self.priors, run);
        self.runs.push(Run {
            run,
            pattern: trip.pattern,
            shape: pattern.shape,
            origin,
            first_m: pattern.first_m(),
            last_m: pattern.last_m(),
            start: pattern.start,
            departs: origin.plus_seconds(f64::from(network.span_s(run.trip).0)),
            duty,
            assigned,
        });
        let at = index(self.runs.len() - 1);
        self.by_run.insert(run, at);
        at
    }

    /// The runs that can begin at a key, those of a pattern one after another.
    pub(crate) fn entering(
        &mut self,
        network: &Network,
        p: &Parameters,
        (days, finder): (&mut Days, &mut Finder),
        key: &Key,
        places: &Places,
    ) -> Box<[u32]> {
        let Finder { windows, entering } = finder;
        entering.clear();
        for day in days.at(network, key.point.time) {
            let seconds = day.seconds_at(key.point.time);
            let (latest_start, earliest_end) = (seconds + p.wait_s, seconds - p.late_s);
            for (shape, _) in places.each() {
                for &pattern in network.patterns_of(shape) {
                    let window = windows.entry((day.date, pattern)).or_default();
                    if !window.holds(seconds) {
                        self.look_up(network, p, (pattern, day, seconds), window);
                    }
                    let near = window.runs.iter_mut();
                    for near in near.filter(|r| r.begins_s <= latest_start && r.ends_s >= earliest_end) {
                        let id = *near.id.get_or_insert_with(|| self.run(network, p, near.run, day.origin));
                        entering.push(id);
                    }
                }
            }
        }
        entering.as_slice().into()
    }

    fn look_up(
        &self,
        network: &Network,
        p: &Parameters,
        (pattern, day, seconds): (PatternIdx, &ServiceDay, f64),
        window: &mut Window,
    ) {
        (window.from_s, window.until_s) = (seconds, seconds + AHEAD_S);
        window.runs.clear();
        network.runs_near(pattern, day, seconds, p.wait_s + AHEAD_S, p.late_s, |run| {
            let (first, last) = network.span_s(run.trip);
            let at = |s: i32| f64::from(s) + f64::from(run.offset_s);
            let id = self.by_run.get(&run).copied();
            window.runs.push(Near { run, begins_s: at(first), ends_s: at(last), id });
        });
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
