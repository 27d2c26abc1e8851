//! What one vehicle did on a service day.

use std::collections::BTreeMap;
use std::sync::Arc;

use matching::{Hindsight, MatchedFix, Parameters, Priors, StopVisit};
use model::{Fix, ServiceDate};
use network::{Network, TripInstance};
use store::VisitRow;

use crate::punctuality::{Delays, Group};
use crate::rows::Rows;
use crate::tides;
use crate::track::Track;

/// The day and all that is needed to work a vehicle's track out.
pub(crate) struct Day {
    pub network: Arc<Network>,
    pub date: ServiceDate,
    parameters: Parameters,
    priors: Arc<Priors>,
}

/// One vehicle's share of the files.
pub(crate) struct Part {
    pub locations: Rows,
    pub visits: Rows,
    pub trips: Rows,
    pub delays: Delays,
    /// Fixes that belong to the day, the rejected ones among them.
    pub fixes: u64,
    pub rejected: u64,
}

/// A trip of the day as the vehicle performed it.
pub(crate) struct Performed {
    /// `trip_id_performed`.
    pub id: String,
    pub run: TripInstance,
    /// At least one, by their place in the trip, each place once.
    pub visits: Vec<StopVisit>,
}

impl Performed {
    /// `trip_stop_sequence`: the how many-eth visit was at that stop of the pattern.
    pub(crate) fn number_of(&self, stop_index: u32) -> Option<usize> {
        self.visits.binary_search_by_key(&stop_index, |visit| visit.stop_index).ok().map(|at| at + 1)
    }
}

impl Day {
    pub(crate) fn new(network: Arc<Network>, date: ServiceDate, parameters: Parameters, priors: Arc<Priors>) -> Self {
        Self { network, date, parameters, priors }
    }

    /// Matches a track from its beginning to its end and writes the day's rows.
    pub(crate) fn part(&self, track: &Track) -> Part {
        let seen = matching::Track {
            vehicle: track.vehicle.clone(),
            fixes: track.fixes.iter().map(|(fix, received_at)| (*fix, Some(*received_at))).collect(),
            priors: self.priors.get(&track.vehicle).cloned().unwrap_or_default(),
        };
        let outcome = Hindsight::new(Arc::clone(&self.network), self.parameters.clone()).day(&seen);

        let performed = self.performed(track, outcome.visits);
        let mut part = Part {
            locations: Rows::new(),
            visits: Rows::new(),
            trips: Rows::new(),
            delays: Delays::default(),
            fixes: track.beyond,
            rejected: track.beyond,
        };
        for (matched, (fix, _)) in outcome.fixes.iter().zip(&track.fixes) {
            self.location(matched, fix, &performed, &mut part);
        }
        for trip in performed.values() {
            tides::trip_performed(self, &track.vehicle, trip, &mut part.trips);
            for (number, visit) in (1..).zip(&trip.visits) {
                let row = VisitRow::of(visit, &self.network);
                tides::stop_visit(self, trip, number, visit, &mut part.visits);
                self.delay(visit, row.delay_s, &mut part.delays);
            }
        }
        part
    }

    /// The day's trips in the order of their beginning by the timetable.
    fn performed(&self, track: &Track, visits: Vec<StopVisit>) -> BTreeMap<(i64, TripInstance), Performed> {
        let mut trips = BTreeMap::new();
        for visit in visits.into_iter().filter(|visit| visit.trip.day == self.date) {
            let run = visit.trip;
            let trip = trips.entry(self.order(run)).or_insert_with(|| Performed {
                id: tides::trip_id_performed(&self.network, run, &track.vehicle),
                run,
                visits: Vec::new(),
            });
            trip.visits.push(visit);
        }
        for trip in trips.values_mut() {
            // Of a stop that the matcher told of twice, the last word holds.
            trip.visits.reverse();
            trip.visits.sort_by_key(|visit| visit.stop_index);
            trip.visits.dedup_by_key(|visit| visit.stop_index);
        }
        trips
    }

    fn order(&self, run: TripInstance) -> (i64, TripInstance) {
        (self.network.span(run).0.as_micros(), run)
    }

    fn location(
        &self,
        matched: &MatchedFix,
        fix: &Fix,
        performed: &BTreeMap<(i64, TripInstance), Performed>,
        part: &mut Part,
    ) {
        let date = matched.trip.map_or_else(|| ServiceDate::at(fix.time, self.network.zone()), |run| run.day);
        if date != self.date {
            return;
        }
        part.fixes += 1;
        if matched.rejected.is_some() {
            part.rejected += 1;
            return;
        }
        let trip = matched.trip.and_then(|run| performed.get(&self.order(run)));
        tides::vehicle_location(self, matched, fix, trip, &mut part.locations);
    }

    fn delay(&self, visit: &StopVisit, delay_s: Option<i32>, delays: &mut Delays) {
        let network = &self.network;
        let pattern = network.pattern(network.trip(visit.trip.trip).pattern);
        let times = network.stop_times(visit.trip.trip);
        let is_last = visit.stop_index as usize + 1 == times.len();
        let (Some(delay_s), Some(time)) = (delay_s, times.get(visit.stop_index as usize)) else { return };
        let scheduled_s = if is_last { time.arrival_s } else { time.departure_s } + visit.trip.offset_s;
        let group = Group { route: pattern.route, direction: pattern.direction, hour: scheduled_s.div_euclid(3600) };
        delays.add(group, delay_s);
    }
}
