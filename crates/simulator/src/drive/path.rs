//! A way to drive.

use super::rng::stir;

/// How fast a bend can be taken, by the cosine of its angle: beyond 60° and beyond 30°.
const BENDS: [(f64, f64); 2] = [(0.5, 4.5), (0.87, 7.0)];
/// One vertex in so many has a traffic signal: the same ones for all who come by.
const SIGNAL_EVERY: u64 = 9;

/// A line of points in metres, with what makes a driver slow down on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    points: Vec<[f64; 2]>,
    /// Distance of each point from the beginning.
    dists: Vec<f64>,
    /// Bends: distance, and the speed at which they can be taken.
    pub(super) bends: Vec<(f64, f64)>,
    /// Distances of signals.
    pub(super) signals: Vec<f64>,
}

impl Path {
    pub(super) fn new(line: impl IntoIterator<Item = [f64; 2]>) -> Self {
        let mut path = Self::default();
        for point in line {
            let dist = match path.points.last() {
                None => 0.0,
                Some(last) => {
                    let step = between(*last, point);
                    if step < 0.05 {
                        continue;
                    }
                    path.length() + step
                }
            };
            path.points.push(point);
            path.dists.push(dist);
        }
        for (corner, dist) in path.points.windows(3).zip(path.dists.iter().skip(1)) {
            let [a, b, c] = corner else { continue };
            let cosine =
                ((b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1])) / (between(*a, *b) * between(*b, *c));
            if let Some((_, speed)) = BENDS.iter().find(|(limit, _)| cosine < *limit) {
                path.bends.push((*dist, *speed));
            }
            if stir(grid(b[0]) ^ grid(b[1]).rotate_left(32)).is_multiple_of(SIGNAL_EVERY) {
                path.signals.push(*dist);
            }
        }
        path
    }

    pub(super) fn length(&self) -> f64 {
        self.dists.last().copied().unwrap_or(0.0)
    }

    /// The point at a distance, and the direction there as a vector of any length.
    pub(super) fn at(&self, dist: f64) -> ([f64; 2], [f64; 2]) {
        let after = self.dists.partition_point(|d| *d <= dist).clamp(1, self.points.len().saturating_sub(1).max(1));
        let (Some(a), Some(b)) = (self.points.get(after - 1), self.points.get(after)) else {
            return (self.points.first().copied().unwrap_or_default(), [0.0, 1.0]);
        };
        let start = self.dists.get(after - 1).copied().unwrap_or(0.0);
        let t = ((dist - start) / between(*a, *b)).clamp(0.0, 1.0);
        let way = [b[0] - a[0], b[1] - a[1]];
        ([a[0] + t * way[0], a[1] + t * way[1]], way)
    }

    /// How far along the nearest point to `place` lies, at most `window` from `about`.
    pub(super) fn nearest(&self, place: [f64; 2], about: f64, window: f64) -> f64 {
        let mut best = (f64::INFINITY, about);
        for (ends, dists) in self.points.windows(2).zip(self.dists.windows(2)) {
            let ([a, b], [start, end]) = (ends, dists) else { continue };
            if *end < about - window || about + window < *start {
                continue;
            }
            let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
            let t = ((place[0] - a[0]) * dx + (place[1] - a[1]) * dy) / (dx * dx + dy * dy);
            let t = t.clamp(0.0, 1.0);
            let away = between(place, [a[0] + t * dx, a[1] + t * dy]);
            if away < best.0 {
                best = (away, start + t * (end - start));
            }
        }
        best.1
    }

    /// The points from one distance to another, ends included.
    pub(super) fn part(&self, from: f64, to: f64) -> Vec<[f64; 2]> {
        let inner = self.points.iter().zip(&self.dists).filter(|(_, d)| from < **d && **d < to).map(|(p, _)| *p);
        std::iter::once(self.at(from).0).chain(inner).chain([self.at(to).0]).collect()
    }
}

pub(super) fn between(a: [f64; 2], b: [f64; 2]) -> f64 {
    // Not `hypot`, whose last bit differs between machines.
    ((b[0] - a[0]) * (b[0] - a[0]) + (b[1] - a[1]) * (b[1] - a[1])).sqrt()
}

/// A coordinate to the nearest metre, as bits to stir.
#[expect(clippy::cast_possible_truncation, reason = "metres of a city")]
fn grid(metres: f64) -> u64 {
    (metres.round() as i64).cast_unsigned()
}
