//! Lines of shapes.txt.

use std::collections::{BTreeMap, HashMap};

use compact_str::CompactString;
use model::LatLon;

use crate::error::Findings;
use crate::{Plane, Shape};

/// A vertex of a line that only joins stops lies this near to one of them.
const AT_STOP_M: f64 = 10.0;

/// The lines of a feed. Shapes of the same geometry are one line, whatever their ids: some
/// feeds draw a shape for every trip.
#[derive(Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
    by_id: BTreeMap<CompactString, usize>,
}

/// A shape of the feed, measured.
pub(super) struct Line {
    /// The first of its ids.
    pub(super) id: CompactString,
    pub(super) shape: Shape,
    /// Of its coordinates, so that it is the same in the next version of the feed.
    pub(super) hash: u64,
    /// The feed's `shape_dist_traveled` against our metres, both rising; empty where it has none.
    traveled: Vec<(f64, f64)>,
}

impl Lines {
    /// Measures every shape; those that are no line are left out with a finding.
    pub(super) fn measure(mut raw: Vec<gtfs_structures::Shape>, plane: &Plane, findings: &mut Findings) -> Self {
        raw.sort_by(|a, b| a.id.cmp(&b.id).then(a.sequence.cmp(&b.sequence)));
        let mut all = Self::default();
        let mut same: HashMap<Vec<(i32, i32)>, usize> = HashMap::new();
        for points in raw.chunk_by(|a, b| a.id == b.id) {
            let Some(id) = points.first().map(|p| CompactString::from(&p.id)) else { continue };
            let mut places = Vec::with_capacity(points.len());
            let mut given = Vec::with_capacity(points.len());
            for point in points {
                if let Some(place) = LatLon::new(point.latitude, point.longitude).filter(|p| !p.is_null_island()) {
                    places.push(place);
                    given.push(point.dist_traveled.map(f64::from));
                } else {
                    findings.add("shapes.txt", "place", || {
                        format!(
                            "shape {id}, point {}: {}, {} is no place; it is left out",
                            point.sequence, point.latitude, point.longitude
                        )
                    });
                }
            }
            let key: Vec<(i32, i32)> = places.iter().map(|p| (fixed(p.lat()), fixed(p.lon()))).collect();
            if let Some(line) = same.get(&key) {
                all.by_id.insert(id, *line);
                continue;
            }
            let line: Vec<[f64; 2]> = places.iter().map(|p| plane.to_xy(*p)).collect();
            let Some(shape) = Shape::measure(&line, false) else {
                findings.add("shapes.txt", "short", || {
                    format!("shape {id} has less than two different points; straight lines between stops are used")
                });
                continue;
            };
            let hash =
                super::patterns::fnv1a(key.iter().flat_map(|(a, b)| [a.to_le_bytes(), b.to_le_bytes()]).flatten());
            all.by_id.insert(id.clone(), all.lines.len());
            same.insert(key, all.lines.len());
            all.lines.push(Line { id, shape, hash, traveled: traveled(&line, &given) });
        }
        all
    }

    /// Which line a shape of the feed is.
    pub(super) fn find(&self, shape_id: &str) -> Option<usize> {
        self.by_id.get(shape_id).copied()
    }

    /// A line by what `find` gives.
    pub(super) fn get(&self, line: usize) -> Option<&Line> {
        self.lines.get(line)
    }
}

/// Degrees in steps of a decimetre.
#[expect(clippy::cast_possible_truncation, reason = "180 million fits; float-to-integer casts saturate")]
fn fixed(degrees: f64) -> i32 {
    (degrees * 1e6).round() as i32
}

fn traveled(line: &[[f64; 2]], given: &[Option<f64>]) -> Vec<(f64, f64)> {
    let mut ours = 0.0;
    let mut pairs: Vec<(f64, f64)> = Vec::with_capacity(line.len());
    for (index, (xy, theirs)) in line.iter().zip(given).enumerate() {
        if let Some(last) = index.checked_sub(1).and_then(|i| line.get(i)) {
            ours += (xy[0] - last[0]).hypot(xy[1] - last[1]);
        }
        let Some(theirs) = theirs.filter(|t| t.is_finite()) else { return Vec::new() };
        if pairs.last().is_some_and(|last| theirs < last.0) {
            return Vec::new();
        }
        pairs.push((theirs, ours));
    }
    pairs
}

impl Line {
    /// Our metres for the feed's own distance, in whatever unit it is.
    pub(super) fn metres(&self, theirs: f64) -> Option<f64> {
        let after = self.traveled.partition_point(|(t, _)| *t <= theirs);
        let (a, b) = (self.traveled.get(after.checked_sub(1)?)?, self.traveled.get(after));
        let Some(b) = b else { return Some(a.1) };
        Some(a.1 + (theirs - a.0) / (b.0 - a.0) * (b.1 - a.1))
    }

    /// Whether it only joins stops: each of its vertices is at one of them.
    pub(super) fn only_joins(&self, stops: &[[f64; 2]]) -> bool {
        let points = &self.shape.points;
        points.len() <= stops.len() + 2
            && points.iter().all(|p| stops.iter().any(|s| (s[0] - p.xy[0]).hypot(s[1] - p.xy[1]) < AT_STOP_M))
    }
}
