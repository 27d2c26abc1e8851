//! Trips before they are gathered into patterns.

use std::collections::HashMap;

use compact_str::CompactString;
use gtfs_structures::{DirectionType, ExactTimes, RawFrequency, RawStopTime, RawTrip};

use super::times::GivenTime;
use super::{Known, MAX_TIME_S};
use crate::error::Findings;
use crate::{Headway, RouteIdx, ServiceIdx, StopIdx};

/// A trip with its references resolved.
pub(super) struct Draft {
    pub(super) id: CompactString,
    pub(super) route: RouteIdx,
    pub(super) service: ServiceIdx,
    pub(super) direction: Option<u8>,
    pub(super) block: Option<CompactString>,
    pub(super) headsign: Option<CompactString>,
    pub(super) shape: Option<CompactString>,
    pub(super) headways: Vec<Headway>,
    pub(super) stops: Vec<DraftStop>,
}

/// A row of stop_times.txt.
#[derive(Clone, Copy)]
pub(super) struct DraftStop {
    pub(super) stop: StopIdx,
    pub(super) time: GivenTime,
    pub(super) shape_dist_traveled: Option<f32>,
}

/// All trips, by id.
pub(super) struct Drafts {
    drafts: Vec<Draft>,
    /// Where a trip is in `drafts`; `None` for one that is left out, with a finding of its own.
    index: HashMap<CompactString, Option<usize>>,
    /// The trip of the last row: rows of one trip mostly follow one another.
    last: Option<usize>,
    /// Trips in trips.txt.
    count: usize,
}

impl Drafts {
    pub(super) fn new(
        mut trips: Vec<RawTrip>,
        frequencies: Vec<RawFrequency>,
        known: &Known,
        findings: &mut Findings,
    ) -> Self {
        let count = trips.len();
        trips.sort_by(|a, b| a.id.cmp(&b.id));
        trips.dedup_by(|later, earlier| {
            if later.id == earlier.id {
                findings.add("trips.txt", "twice", || format!("trip {} is there twice; the first is used", later.id));
            }
            later.id == earlier.id
        });
        let mut drafts = Vec::with_capacity(trips.len());
        let mut index = HashMap::with_capacity(trips.len());
        for trip in trips {
            let id = CompactString::from(&trip.id);
            let draft = draft(trip, known, findings);
            index.insert(id, draft.is_some().then_some(drafts.len()));
            drafts.extend(draft);
        }
        let mut all = Self { drafts, index, last: None, count };
        for row in frequencies {
            all.repeat(&row, findings);
        }
        all
    }

    /// Trips in trips.txt, usable or not.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    fn repeat(&mut self, row: &RawFrequency, findings: &mut Findings) {
        let Some(found) = self.index.get(row.trip_id.as_str()) else {
            return findings.add("frequencies.txt", "trip", || {
                format!("trip {} is not in trips.txt; the row is skipped", row.trip_id)
            });
        };
        let Some(draft) = found.and_then(|i| self.drafts.get_mut(i)) else { return };
        let (start, end, headway) = (seconds(row.start_time), seconds(row.end_time), seconds(row.headway_secs));
        match (start, end, headway) {
            (Some(start_s), Some(end_s), Some(headway_s)) if start_s < end_s && headway_s > 0 => {
                let exact = row.exact_times == Some(ExactTimes::ScheduleBased);
                draft.headways.push(Headway { start_s, end_s, headway_s, exact });
            }
            _ => findings.add("frequencies.txt", "empty", || {
                format!("trip {} has a row in which it never starts; the row is skipped", row.trip_id)
            }),
        }
    }

    /// Takes in a row of stop_times.txt, in any order.
    pub(super) fn add(&mut self, row: &RawStopTime, known: &Known, findings: &mut Findings) {
        let same = self.last.filter(|i| self.drafts.get(*i).is_some_and(|d| d.id == row.trip_id));
        let found = same.map(Some).or_else(|| self.index.get(row.trip_id.as_str()).copied());
        let Some(found) = found else {
            return findings.add("stop_times.txt", "trip", || {
                format!("trip {} is not in trips.txt; its rows are skipped", row.trip_id)
            });
        };
        let Some(draft) = found.and_then(|i| self.drafts.get_mut(i)) else { return };
        self.last = found;
        let Some(stop) = known.stops.get(row.stop_id.as_str()) else {
            return findings.add("stop_times.txt", "stop", || {
                format!(
                    "trip {} stops at {}, which stops.txt lacks or does not place; the stop is skipped",
                    row.trip_id, row.stop_id
                )
            });
        };
        let mut time = |given: Option<u32>| {
            let taken = given.and_then(seconds);
            if taken.is_none() && given.is_some() {
                findings.add("stop_times.txt", "late", || {
                    format!("trip {} has a time more than a week away; it is taken as empty", row.trip_id)
                });
            }
            taken
        };
        let time = GivenTime {
            stop_sequence: row.stop_sequence,
            arrival_s: time(row.arrival_time),
            departure_s: time(row.departure_time),
        };
        draft.stops.push(DraftStop { stop: *stop, time, shape_dist_traveled: row.shape_dist_traveled });
    }

    /// The trips that have stops to go to, by id, their stops in order.
    pub(super) fn finish(self, findings: &mut Findings) -> Vec<Draft> {
        let mut drafts = self.drafts;
        for draft in &mut drafts {
            draft.stops.sort_by_key(|s| s.time.stop_sequence);
            draft.stops.dedup_by(|later, earlier| {
                let same = later.time.stop_sequence == earlier.time.stop_sequence;
                if same {
                    findings.add("stop_times.txt", "sequence", || {
                        format!(
                            "trip {} has two rows with stop_sequence {}; the first is used",
                            draft.id, later.time.stop_sequence
                        )
                    });
                }
                same
            });
            draft.headways.sort_by_key(|h| h.start_s);
        }
        drafts.retain(|d| {
            if d.stops.len() < 2 {
                findings.add("trips.txt", "short", || {
                    format!("trip {} has less than two usable stops; it is left out", d.id)
                });
            }
            d.stops.len() >= 2
        });
        drafts
    }
}

/// A time or a duration, where it is a plausible one.
fn seconds(given: u32) -> Option<i32> {
    i32::try_from(given).ok().filter(|s| *s <= MAX_TIME_S)
}

fn draft(trip: RawTrip, known: &Known, findings: &mut Findings) -> Option<Draft> {
    let filled = |v: Option<String>| v.filter(|v| !v.is_empty()).map(CompactString::from);
    let route = known.routes.get(trip.route_id.as_str()).copied();
    let service = known.services.get(trip.service_id.as_str()).copied();
    if route.is_none() {
        findings.add("trips.txt", "route", || {
            format!("trip {}: route {} is not in routes.txt; the trip is left out", trip.id, trip.route_id)
        });
    }
    if service.is_none() {
        findings.add("trips.txt", "service", || {
            format!(
                "trip {}: service {} is in neither calendar.txt nor calendar_dates.txt; the trip is left out",
                trip.id, trip.service_id
            )
        });
    }
    Some(Draft {
        route: route?,
        service: service?,
        direction: trip.direction_id.map(|d| match d {
            DirectionType::Outbound => 0,
            DirectionType::Inbound => 1,
        }),
        block: filled(trip.block_id),
        headsign: filled(trip.trip_headsign),
        shape: filled(trip.shape_id),
        id: trip.id.into(),
        headways: Vec::new(),
        stops: Vec::new(),
    })
}
