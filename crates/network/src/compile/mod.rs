//! From tables to a network.
//!
//! ```text
//! trips.txt ──▶ drafts ◀── stop_times.txt, one row at a time
//!                 │ grouped by route, direction, geometry and stops
//!                 ▼
//!             patterns ──▶ stops placed along shapes ──▶ empty times filled in
//! ```

mod calendar;
mod drafts;
mod linear;
mod names;
mod patterns;
mod places;
mod shapes;
mod times;

use std::collections::HashMap;

use compact_str::CompactString;
use gtfs_structures::{Agency, Calendar, CalendarDate, FeedInfo, RawFrequency, RawStopTime, RawTranslation, RawTrip};
use jiff::tz::TimeZone;

use crate::error::Findings;
use crate::index::SegmentIndex;
use crate::{Network, NetworkError, PatternIdx, Plane, Route, RouteIdx, Service, ServiceIdx, Stop, StopIdx};

use drafts::Drafts;
use names::Names;

/// The latest time of day taken for one: a week, for trains that are days under way.
/// Anything later is a slip of the pen.
const MAX_TIME_S: i32 = 7 * 86_400;

/// The tables of a feed, but for stop_times.txt, which is too long to hold.
pub(crate) struct Tables {
    pub(crate) agencies: Vec<Agency>,
    pub(crate) feed_info: Vec<FeedInfo>,
    pub(crate) routes: Vec<gtfs_structures::Route>,
    pub(crate) stops: Vec<gtfs_structures::Stop>,
    pub(crate) calendar: Vec<Calendar>,
    pub(crate) calendar_dates: Vec<CalendarDate>,
    pub(crate) shapes: Vec<gtfs_structures::Shape>,
    pub(crate) trips: Vec<RawTrip>,
    pub(crate) frequencies: Vec<RawFrequency>,
    pub(crate) translations: Vec<RawTranslation>,
}

/// The ids that trips refer to.
pub(crate) struct Known {
    stops: HashMap<CompactString, StopIdx>,
    routes: HashMap<CompactString, RouteIdx>,
    services: HashMap<CompactString, ServiceIdx>,
}

/// A network in the making, that takes the rows of stop_times.txt in any order.
pub(crate) struct Compiler {
    zone: TimeZone,
    agency: CompactString,
    language: Option<CompactString>,
    version: Option<CompactString>,
    plane: Plane,
    stops: Vec<Stop>,
    routes: Vec<Route>,
    services: Vec<Service>,
    lines: shapes::Lines,
    names: Names,
    known: Known,
    drafts: Drafts,
}

impl Compiler {
    /// Takes in all tables but stop_times.txt.
    pub(crate) fn new(tables: Tables, findings: &mut Findings) -> Result<Self, NetworkError> {
        let zone = zone(&tables.agencies, findings)?;
        let names = Names::from(tables.translations);
        let plane = Plane::around(places::centre(&tables.stops));
        let (stops, stop_ids) = places::stops(tables.stops, &plane, &names, findings);
        let (routes, route_ids) = places::routes(tables.routes, &names, findings);
        let (services, service_ids) = calendar::services(tables.calendar, tables.calendar_dates);
        let known = Known { stops: stop_ids, routes: route_ids, services: service_ids };
        let lines = shapes::Lines::measure(tables.shapes, &plane, findings);
        let drafts = Drafts::new(tables.trips, tables.frequencies, &known, findings);
        let filled = |text: Option<&String>| text.filter(|t| !t.is_empty()).map(CompactString::from);
        let info = tables.feed_info.first();
        let agency = tables.agencies.first();
        Ok(Self {
            zone,
            agency: agency.map_or_else(CompactString::default, |a| CompactString::from(&a.name)),
            language: filled(info.map(|i| &i.lang)).or_else(|| filled(agency.and_then(|a| a.lang.as_ref()))),
            version: filled(info.and_then(|i| i.version.as_ref())),
            plane,
            stops,
            routes,
            services,
            lines,
            names,
            known,
            drafts,
        })
    }

    /// Takes in a row of stop_times.txt.
    pub(crate) fn add(&mut self, row: &RawStopTime, findings: &mut Findings) {
        self.drafts.add(row, &self.known, findings);
    }

    /// The network, once all rows are in.
    pub(crate) fn finish(self, findings: &mut Findings) -> Result<Network, NetworkError> {
        let trips = self.drafts.len();
        let drafts = self.drafts.finish(findings);
        let built = patterns::build(drafts, &self.lines, &self.stops, &self.routes, &self.names, findings);
        if built.trips.is_empty() {
            let first = ["stop_times.txt", "trips.txt", "stops.txt"].iter().find_map(|t| findings.first_of(t));
            return Err(NetworkError::Empty { trips, first });
        }
        let mut patterns_of_shape = vec![Vec::new(); built.shapes.len()];
        let mut patterns_of_stop: Vec<Vec<PatternIdx>> = vec![Vec::new(); self.stops.len()];
        for (index, pattern) in built.patterns.iter().enumerate() {
            let index = PatternIdx::from_len(index);
            if let Some(patterns) = patterns_of_shape.get_mut(pattern.shape.usize()) {
                patterns.push(index);
            }
            for stop in &pattern.stops {
                match patterns_of_stop.get_mut(stop.stop.usize()) {
                    Some(patterns) if patterns.last() != Some(&index) => patterns.push(index),
                    _ => {}
                }
            }
        }
        let served = patterns_of_stop.iter().zip(&self.stops).filter(|(p, _)| !p.is_empty()).map(|(_, s)| s);
        Ok(Network {
            bounds: places::bounds(&self.plane, served, &built.shapes),
            index: SegmentIndex::build(&built.shapes),
            zone: self.zone,
            agency: self.agency,
            language: self.language,
            version: self.version,
            plane: self.plane,
            routes: self.routes,
            stops: self.stops,
            shapes: built.shapes,
            patterns: built.patterns,
            patterns_of_shape,
            patterns_of_stop,
            trips: built.trips,
            stop_times: built.stop_times,
            last_time_s: built.last_time_s,
            services: self.services,
            blocks: built.blocks,
        })
    }
}

/// The zone of the first agency; GTFS wants all agencies of a feed in one.
fn zone(agencies: &[Agency], findings: &mut Findings) -> Result<TimeZone, NetworkError> {
    let name = agencies.first().map_or("", |a| a.timezone.trim());
    for other in agencies.iter().filter(|a| a.timezone.trim() != name) {
        findings.add("agency.txt", "zone", || {
            format!("agency {} is in {}; all times are read as {name}", other.name, other.timezone)
        });
    }
    TimeZone::get(name).map_err(|_| NetworkError::Zone(name.to_owned()))
}
