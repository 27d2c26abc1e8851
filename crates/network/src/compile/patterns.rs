//! Trips with the same route, direction, shape and stops, gathered.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use compact_str::CompactString;

use super::Names;
use super::drafts::{Draft, DraftStop};
use super::linear::{self, Hint, Placed};
use super::shapes::Lines;
use super::times::{self, GivenTime};
use crate::error::Findings;
use crate::{
    Block, BlockIdx, Pattern, PatternIdx, PatternStop, Route, RouteIdx, Shape, ShapeIdx, Stop, StopIdx, StopTime, Trip,
    TripIdx,
};

/// What the patterns and their trips make of the network.
#[derive(Default)]
pub(super) struct Built {
    pub(super) shapes: Vec<Shape>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) trips: Vec<Trip>,
    pub(super) stop_times: Vec<StopTime>,
    pub(super) blocks: Vec<Block>,
    /// The latest time of any run, seconds of its service day.
    pub(super) last_time_s: i32,
}

/// Which trips share a pattern: the line is none for straight ways between stops.
type Key = (RouteIdx, Option<u8>, Option<usize>, Vec<StopIdx>);

/// A trip whose pattern and times are known.
struct Timed {
    draft: Draft,
    pattern: PatternIdx,
    times: Vec<StopTime>,
}

/// Builds patterns, their shapes, trips and blocks.
pub(super) fn build(
    drafts: Vec<Draft>,
    lines: &Lines,
    stops: &[Stop],
    routes: &[Route],
    names: &Names,
    findings: &mut Findings,
) -> Built {
    let grouped = group(drafts, lines, findings);
    let mut built = Built::default();
    let mut shapes = Shapes::new(lines, stops, grouped.keys());
    let mut timed = Vec::new();
    for ((route, direction, line, list), mut drafts) in grouped {
        let Some((shape, placed)) = shapes.placed(line, &list, &drafts, &mut built.shapes, findings) else {
            continue;
        };
        let dist_m: Vec<f64> = placed.iter().map(|p| p.dist_m).collect();
        let pattern = PatternIdx::from_len(built.patterns.len());
        let before = timed.len();
        timed.extend(drafts.drain(..).filter_map(|draft| {
            let times = timetable(&draft, &dist_m, findings)?;
            Some(Timed { draft, pattern, times })
        }));
        let trips = timed.get(before..).unwrap_or(&[]);
        if trips.is_empty() {
            continue;
        }
        let duration = |t: &Timed| Some(t.times.last()?.arrival_s - t.times.first()?.departure_s);
        let first_m = dist_m.first().copied().unwrap_or_default();
        let hash = line.and_then(|line| lines.get(line)).map_or(0, |line| line.hash);
        built.patterns.push(Pattern {
            id: pattern_id(routes, stops, route, direction, hash, &list),
            route,
            direction,
            shape,
            stops: list.into_iter().zip(dist_m).map(|(stop, dist_m)| PatternStop { stop, dist_m }).collect(),
            start: built.shapes.get(shape.0 as usize).map_or([0.0; 2], |shape| shape.point_at(first_m)),
            trips: Vec::new(),
            once: 0,
            longest_trip_s: trips.iter().filter_map(duration).max().unwrap_or(0),
            headsign: trips.iter().find_map(|t| t.draft.headsign.clone()),
        });
    }
    finish(&mut built, timed, names);
    built
}

/// Gathers trips by what a pattern is.
fn group(drafts: Vec<Draft>, lines: &Lines, findings: &mut Findings) -> BTreeMap<Key, Vec<Draft>> {
    let mut grouped: BTreeMap<Key, Vec<Draft>> = BTreeMap::new();
    for draft in drafts {
        let line = draft.shape.as_deref().and_then(|id| {
            let line = lines.find(id);
            if line.is_none() {
                findings.add("trips.txt", "shape", || {
                    format!("shape {id} is not in shapes.txt; straight lines between stops are used")
                });
            }
            line
        });
        let list = draft.stops.iter().map(|s| s.stop).collect();
        grouped.entry((draft.route, draft.direction, line, list)).or_default().push(draft);
    }
    grouped
}

/// The times of a trip at its pattern's stops.
fn timetable(draft: &Draft, dist_m: &[f64], findings: &mut Findings) -> Option<Vec<StopTime>> {
    let given: Vec<GivenTime> = draft.stops.iter().map(|s| s.time).collect();
    let Some((times, drawn)) = times::fill(&given, dist_m) else {
        findings.add("stop_times.txt", "ends", || {
            format!("trip {}: its first or last stop has no time; the trip is left out", draft.id)
        });
        return None;
    };
    if drawn {
        findings.add("stop_times.txt", "falling", || {
            format!("trip {}: its times fall along the way; they are drawn up", draft.id)
        });
    }
    Some(times)
}

/// Orders the trips by id, and gives them to their patterns and blocks by time.
fn finish(built: &mut Built, mut all: Vec<Timed>, names: &Names) {
    all.sort_by(|a, b| a.draft.id.cmp(&b.draft.id));
    built.stop_times.reserve_exact(all.iter().map(|t| t.times.len()).sum());
    let mut blocks: BTreeMap<CompactString, Vec<(i32, TripIdx)>> = BTreeMap::new();
    let mut by_pattern: Vec<Vec<(bool, i32, TripIdx)>> = vec![Vec::new(); built.patterns.len()];
    for Timed { draft, pattern, times } in all {
        let index = TripIdx::from_len(built.trips.len());
        let start_s = times.first().map_or(0, |t| t.departure_s);
        let end_s = times.last().map_or(0, |t| t.departure_s);
        let last_start_s = draft.headways.iter().map(|h| h.end_s).max().unwrap_or(start_s);
        built.last_time_s = built.last_time_s.max(end_s - start_s + last_start_s.max(start_s));
        if let Some(block) = draft.block {
            blocks.entry(block).or_default().push((start_s, index));
        }
        if let Some(of_pattern) = by_pattern.get_mut(pattern.usize()) {
            of_pattern.push((!draft.headways.is_empty(), start_s, index));
        }
        let english = draft.headsign.as_ref().and_then(|text| names.trip_headsign.english(&draft.id, text));
        let [first, last] =
            [0, times.len()].map(|more| u32::try_from(built.stop_times.len() + more).unwrap_or(u32::MAX));
        built.trips.push(Trip {
            id: draft.id,
            pattern,
            service: draft.service,
            block: None,
            headsign: draft.headsign,
            headsign_en: english,
            headways: draft.headways,
            times: first..last,
            span_s: (start_s, times.last().map_or(0, |t| t.arrival_s)),
        });
        built.stop_times.extend(times);
    }
    for (pattern, mut trips) in built.patterns.iter_mut().zip(by_pattern) {
        trips.sort_unstable();
        pattern.once = trips.iter().filter(|(repeated, ..)| !repeated).count();
        pattern.trips = trips.into_iter().map(|(.., trip)| trip).collect();
    }
    for (id, mut trips) in blocks {
        trips.sort_unstable();
        let index = BlockIdx::from_len(built.blocks.len());
        let trips: Vec<TripIdx> = trips.into_iter().map(|(_, trip)| trip).collect();
        for trip in &trips {
            if let Some(trip) = built.trips.get_mut(trip.usize()) {
                trip.block = Some(index);
            }
        }
        built.blocks.push(Block { id, trips });
    }
}

/// FNV-1a: short, and the same in every version of the program.
pub(super) fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// `12-0-1a2b3c4d`: route, direction, and a hash of way and stops, which stays the same from
/// one version of a feed to the next as long as they do.
fn pattern_id(
    routes: &[Route],
    stops: &[Stop],
    route: RouteIdx,
    direction: Option<u8>,
    line: u64,
    list: &[StopIdx],
) -> CompactString {
    let ids = list.iter().filter_map(|s| stops.get(s.usize())).flat_map(|s| s.id.bytes().chain([0]));
    let hash = fnv1a(line.to_le_bytes().into_iter().chain(ids));
    let route = routes.get(route.usize()).map_or("", |r| r.id.as_str());
    let direction = direction.map_or_else(|| "x".to_owned(), |d| d.to_string());
    CompactString::from(format!("{route}-{direction}-{:08x}", (hash ^ (hash >> 32)) & 0xffff_ffff))
}

/// Shapes made so far, so that patterns of one line share one.
struct Shapes<'a> {
    lines: &'a Lines,
    stops: &'a [Stop],
    /// The stops of all patterns on a line.
    on_line: HashMap<usize, BTreeSet<StopIdx>>,
    of_line: HashMap<usize, ShapeIdx>,
    of_stops: HashMap<Vec<StopIdx>, ShapeIdx>,
}

impl<'a> Shapes<'a> {
    fn new<'k>(lines: &'a Lines, stops: &'a [Stop], keys: impl Iterator<Item = &'k Key>) -> Self {
        let mut on_line: HashMap<usize, BTreeSet<StopIdx>> = HashMap::new();
        for (_, _, line, list) in keys {
            if let Some(line) = line {
                on_line.entry(*line).or_default().extend(list);
            }
        }
        Self { lines, stops, on_line, of_line: HashMap::new(), of_stops: HashMap::new() }
    }

    fn xy<'i>(&self, stops: impl IntoIterator<Item = &'i StopIdx>) -> Vec<[f64; 2]> {
        stops.into_iter().filter_map(|s| self.stops.get(s.usize())).map(|s| s.xy).collect()
    }

    /// The shape of a pattern and where its stops lie on it.
    fn placed(
        &mut self,
        line: Option<usize>,
        list: &[StopIdx],
        drafts: &[Draft],
        shapes: &mut Vec<Shape>,
        findings: &mut Findings,
    ) -> Option<(ShapeIdx, Vec<Placed>)> {
        let xy = self.xy(list);
        let Some((index, line)) = line.and_then(|index| Some((index, self.lines.get(index)?))) else {
            return self.straight(list, &xy, drafts, shapes, findings);
        };
        let shape = &line.shape;
        let hints = hints(&drafts.first()?.stops, shape.length_m(), |theirs| line.metres(theirs));
        let placed = linear::place(shape, &xy, &hints).unwrap_or_else(|| {
            findings.add("stop_times.txt", "order", || {
                format!(
                    "shape {}: the stops of trip {} do not follow it in order; times between them are rough",
                    line.id,
                    trip_of(drafts)
                )
            });
            linear::place_anyhow(shape, &xy)
        });
        for (at, stop) in placed.iter().zip(list).filter(|(p, _)| p.offset_m > linear::FAR_M) {
            let stop = self.stops.get(stop.usize()).map_or("", |s| s.id.as_str());
            findings.add("shapes.txt", "far", || {
                format!("shape {} passes stop {stop} at {:.0} m; one of the two is misplaced", line.id, at.offset_m)
            });
        }
        if let Some(made) = self.of_line.get(&index) {
            return Some((*made, placed));
        }
        let coarse = line.only_joins(&self.xy(self.on_line.get(&index).into_iter().flatten()));
        let made = ShapeIdx::from_len(shapes.len());
        shapes.push(Shape { coarse, ..shape.clone() });
        self.of_line.insert(index, made);
        Some((made, placed))
    }

    /// Straight lines from stop to stop, for trips whose feed draws none.
    fn straight(
        &mut self,
        list: &[StopIdx],
        xy: &[[f64; 2]],
        drafts: &[Draft],
        shapes: &mut Vec<Shape>,
        findings: &mut Findings,
    ) -> Option<(ShapeIdx, Vec<Placed>)> {
        let Some(shape) = Shape::measure(xy, true) else {
            findings.add("stops.txt", "one", || {
                format!("all stops of trip {} lie at one place; it is left out", trip_of(drafts))
            });
            return None;
        };
        let mut dist_m = 0.0;
        let mut last = xy.first().copied()?;
        let placed = xy
            .iter()
            .map(|at| {
                dist_m += (at[0] - last[0]).hypot(at[1] - last[1]);
                last = *at;
                Placed { dist_m: dist_m.min(shape.length_m()), offset_m: 0.0 }
            })
            .collect();
        let made = *self.of_stops.entry(list.to_vec()).or_insert_with(|| {
            shapes.push(shape);
            ShapeIdx::from_len(shapes.len() - 1)
        });
        Some((made, placed))
    }
}

/// What a trip's rows tell of where its stops are along a shape.
fn hints(stops: &[DraftStop], length_m: f64, metres: impl Fn(f64) -> Option<f64>) -> Vec<Hint> {
    let stated = |s: Option<&DraftStop>| s.and_then(|s| s.time.stated()).map(f64::from);
    let span = stated(stops.first()).zip(stated(stops.last())).filter(|(first, last)| first < last);
    let timed = |s: &DraftStop| {
        let (first, last) = span?;
        Some((stated(Some(s))? - first) / (last - first) * length_m)
    };
    let hint = |s: &DraftStop| Hint {
        traveled_m: s.shape_dist_traveled.and_then(|theirs| metres(f64::from(theirs))),
        timed_m: timed(s),
    };
    stops.iter().map(hint).collect()
}

fn trip_of(drafts: &[Draft]) -> &str {
    drafts.first().map_or("", |d| d.id.as_str())
}
