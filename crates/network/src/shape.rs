//! Shapes with measured distance.

/// A vertex of a shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShapePoint {
    /// Metres east and north of the network's centre.
    pub xy: [f64; 2],
    /// Metres along the shape from its beginning.
    pub dist_m: f64,
    /// Where the segment that begins here goes, degrees clockwise from north; at the last
    /// vertex, where the shape came from.
    pub heading_deg: f64,
}

/// The way that trips take: a line of at least two different points.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Its vertices.
    pub points: Vec<ShapePoint>,
    /// Straight lines between stops rather than the streets, so that a bus on its way may be
    /// far beside it.
    pub coarse: bool,
}

/// The place on a shape nearest to a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Projection {
    /// Which segment, counted from 0.
    pub segment: u32,
    /// Metres along the shape.
    pub dist_m: f64,
    /// Metres beside the shape, never negative.
    pub cross_m: f64,
    /// Where the shape goes there, degrees clockwise from north.
    pub heading_deg: f64,
}

/// The place of a segment nearest to a point.
#[derive(Clone, Copy)]
struct Beside {
    segment: usize,
    dist_m: f64,
    /// The square of the metres beside it: compared as such, and the root is taken of what counts.
    square: f64,
    heading_deg: f64,
    /// Metres along the shape where the segment begins and ends.
    begins_m: f64,
    ends_m: f64,
}

impl Beside {
    /// That of the segment between two vertices, kept between two distances along the shape.
    #[inline]
    fn of(segment: usize, (a, b): (&ShapePoint, &ShapePoint), xy: [f64; 2], (from_m, to_m): (f64, f64)) -> Self {
        let (dx, dy, length) = (b.xy[0] - a.xy[0], b.xy[1] - a.xy[1], b.dist_m - a.dist_m);
        let (px, py) = (xy[0] - a.xy[0], xy[1] - a.xy[1]);
        let low = if from_m > a.dist_m { (from_m - a.dist_m) / length } else { 0.0 };
        let high = if to_m < b.dist_m { (to_m - a.dist_m) / length } else { 1.0 };
        let part = ((px * dx + py * dy) / (length * length)).min(high).max(low);
        let (beside_x, beside_y) = (px - part * dx, py - part * dy);
        Self {
            segment,
            dist_m: a.dist_m + part * length,
            // Metres of a city neither overflow nor vanish when squared, which is all that `hypot` guards against.
            square: beside_x * beside_x + beside_y * beside_y,
            heading_deg: a.heading_deg,
            begins_m: a.dist_m,
            ends_m: b.dist_m,
        }
    }

    fn projection(self) -> Projection {
        Projection {
            segment: u32::try_from(self.segment).unwrap_or(u32::MAX),
            dist_m: self.dist_m,
            cross_m: self.square.sqrt(),
            heading_deg: self.heading_deg,
        }
    }
}

impl Shape {
    /// Measures a line; consecutive points closer than a centimetre become one. `None` for
    /// less than two different points.
    pub(crate) fn measure(line: &[[f64; 2]], coarse: bool) -> Option<Self> {
        let mut points: Vec<ShapePoint> = Vec::with_capacity(line.len());
        for &xy in line {
            let dist_m = match points.last() {
                None => 0.0,
                Some(last) => {
                    let step = (xy[0] - last.xy[0]).hypot(xy[1] - last.xy[1]);
                    if step < 0.01 {
                        continue;
                    }
                    last.dist_m + step
                }
            };
            let mut heading_deg = 0.0;
            if let Some(last) = points.last_mut() {
                heading_deg = crate::heading_between(last.xy, xy);
                last.heading_deg = heading_deg;
            }
            points.push(ShapePoint { xy, dist_m, heading_deg });
        }
        (points.len() >= 2).then_some(Self { points, coarse })
    }

    /// Metres from beginning to end.
    pub fn length_m(&self) -> f64 {
        self.points.last().map_or(0.0, |p| p.dist_m)
    }

    /// Number of segments.
    pub fn segments(&self) -> usize {
        self.points.len().saturating_sub(1)
    }

    /// The segment that holds a distance; distances before the beginning and past the end
    /// belong to the first and the last.
    pub fn segment_at(&self, dist_m: f64) -> usize {
        let after = self.points.partition_point(|p| p.dist_m <= dist_m);
        after.saturating_sub(1).min(self.segments().saturating_sub(1))
    }

    /// The point at a distance, drawn to the ends.
    pub fn point_at(&self, dist_m: f64) -> [f64; 2] {
        let Some((a, b)) = self.ends(self.segment_at(dist_m)) else { return [0.0, 0.0] };
        let t = ((dist_m - a.dist_m) / (b.dist_m - a.dist_m)).clamp(0.0, 1.0);
        [a.xy[0] + t * (b.xy[0] - a.xy[0]), a.xy[1] + t * (b.xy[1] - a.xy[1])]
    }

    /// Where the shape goes at a distance, degrees clockwise from north.
    pub fn heading_at(&self, dist_m: f64) -> f64 {
        self.points.get(self.segment_at(dist_m)).map_or(0.0, |a| a.heading_deg)
    }

    /// Calls `found` with the nearest place of every one of some segments that lies within a radius.
    pub(crate) fn near(
        &self,
        segments: std::ops::Range<usize>,
        xy: [f64; 2],
        radius_m: f64,
        mut found: impl FnMut(Projection),
    ) {
        let points = self.points.get(segments.start..=segments.end.min(self.segments())).unwrap_or(&[]);
        for (segment, ends) in (segments.start..).zip(points.windows(2)) {
            let [a, b] = ends else { continue };
            let beside = Beside::of(segment, (a, b), xy, (f64::NEG_INFINITY, f64::INFINITY));
            if beside.square <= radius_m * radius_m {
                found(beside.projection());
            }
        }
    }

    /// The nearest place of the whole shape; of equally near ones the first.
    pub fn project(&self, xy: [f64; 2]) -> Option<Projection> {
        self.project_window(xy, 0.0, self.length_m())
    }

    /// The nearest place between two distances, which are drawn to the shape's ends; of
    /// equally near ones the first.
    pub fn project_window(&self, xy: [f64; 2], from_m: f64, to_m: f64) -> Option<Projection> {
        let mut nearest: Option<Beside> = None;
        self.each_beside(xy, self.window(from_m, to_m), |beside| {
            if nearest.is_none_or(|least| beside.square < least.square) {
                nearest = Some(beside);
            }
        });
        nearest.map(Beside::projection)
    }

    /// Two distances in order and on the shape.
    fn window(&self, from_m: f64, to_m: f64) -> (f64, f64) {
        let from_m = from_m.max(0.0).min(self.length_m());
        (from_m, to_m.min(self.length_m()).max(from_m))
    }

    /// Calls `found` with every place between two distances that is nearer than the places
    /// around it: one a pass of a loop or an out-and-back, at most `limit_m` beside the shape.
    pub fn local_minima(&self, xy: [f64; 2], from_m: f64, to_m: f64, limit_m: f64, mut found: impl FnMut(Projection)) {
        const SAME_M: f64 = 1e-6;
        let (from_m, to_m) = self.window(from_m, to_m);
        // Whether the segment before is nearest at its end, where this one begins.
        let mut at_end = true;
        self.each_beside(xy, (from_m, to_m), |here| {
            let (low_m, high_m) = (here.begins_m.max(from_m), here.ends_m.min(to_m));
            let (is_low, is_high) = (here.dist_m <= low_m + SAME_M, here.dist_m >= high_m - SAME_M);
            // Nearest at its beginning: a minimum where the segment before is nearest there too.
            // Nearest at its end: the next one decides, and at the window's end there is none.
            let found_here = match (is_low, is_high) {
                (true, false) => at_end,
                (_, true) => here.ends_m >= to_m - SAME_M,
                (false, false) => true,
            };
            if found_here && here.square <= limit_m * limit_m {
                found(here.projection());
            }
            at_end = is_high;
        });
    }

    /// Calls `found` with the nearest place of every segment between two distances on the shape.
    #[inline]
    fn each_beside(&self, xy: [f64; 2], (from_m, to_m): (f64, f64), mut found: impl FnMut(Beside)) {
        let first = self.segment_at(from_m);
        let Some(points) = self.points.get(first..) else { return };
        for (i, ends) in points.windows(2).enumerate() {
            let [a, b] = ends else { continue };
            if i > 0 && a.dist_m > to_m {
                break;
            }
            found(Beside::of(first + i, (a, b), xy, (from_m, to_m)));
        }
    }

    fn ends(&self, segment: usize) -> Option<(&ShapePoint, &ShapePoint)> {
        Some((self.points.get(segment)?, self.points.get(segment + 1)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line() -> impl Strategy<Value = Shape> {
        proptest::collection::vec((-3e3..3e3f64, -3e3..3e3f64), 2..40).prop_filter_map("two different points", |p| {
            Shape::measure(&p.into_iter().map(|(x, y)| [x, y]).collect::<Vec<_>>(), false)
        })
    }

    proptest! {
        #[test]
        fn distance_grows_along_the_shape(shape in line()) {
            prop_assert!(shape.points.windows(2).all(|w| w[0].dist_m < w[1].dist_m));
        }

        #[test]
        fn the_projection_is_the_nearest_point(shape in line(), x in -4e3..4e3f64, y in -4e3..4e3f64) {
            let p = shape.project([x, y]).unwrap();
            let at = shape.point_at(p.dist_m);
            prop_assert!(((x - at[0]).hypot(y - at[1]) - p.cross_m).abs() < 1e-6);
            for step in 0..=200 {
                let q = shape.point_at(shape.length_m() * f64::from(step) / 200.0);
                prop_assert!((x - q[0]).hypot(y - q[1]) >= p.cross_m - 1e-6);
            }
        }

        #[test]
        fn the_local_minima_hold_the_nearest_and_stay_in_the_window(shape in line(), x in -4e3..4e3f64, y in -4e3..4e3f64, a in 0.0..1.0f64, b in 0.0..1.0f64) {
            let (from, to) = (a.min(b) * shape.length_m(), a.max(b) * shape.length_m());
            let mut all = Vec::new();
            shape.local_minima([x, y], from, to, f64::INFINITY, |p| all.push(p));
            prop_assert!(!all.is_empty());
            prop_assert!(all.iter().all(|p| p.dist_m >= from - 1e-9 && p.dist_m <= to + 1e-9));
            let best = all.iter().map(|p| p.cross_m).fold(f64::INFINITY, f64::min);
            for step in 0..=100 {
                let q = shape.point_at(from + (to - from) * f64::from(step) / 100.0);
                prop_assert!((x - q[0]).hypot(y - q[1]) >= best - 1e-6);
            }
        }
    }

    proptest! {
        #[test]
        fn the_window_holds_its_nearest_point_wherever_it_lies(
            shape in line(), x in -4e3..4e3f64, y in -4e3..4e3f64, a in -2e3..2e5f64, b in -2e3..2e5f64,
        ) {
            let (from, to) = (a.min(b), a.max(b));
            let p = shape.project_window([x, y], from, to).unwrap();
            let end = shape.length_m();
            let (low, high) = (from.clamp(0.0, end), to.clamp(0.0, end));
            prop_assert!(p.dist_m >= low - 1e-6 && p.dist_m <= high + 1e-6);
            for step in 0..=100 {
                let q = shape.point_at(low + (high - low) * f64::from(step) / 100.0);
                prop_assert!((x - q[0]).hypot(y - q[1]) >= p.cross_m - 1e-6);
            }
            // The same, found another way.
            let mut least = f64::INFINITY;
            shape.local_minima([x, y], from, to, f64::INFINITY, |m| least = least.min(m.cross_m));
            prop_assert!((least - p.cross_m).abs() < 1e-6);
        }
    }

    #[test]
    fn an_out_and_back_street_gives_both_passes() {
        let shape =
            Shape::measure(&[[0.0, 0.0], [500.0, 0.0], [1000.0, 0.0], [500.0, 0.0], [0.0, 0.0]], false).unwrap();
        let mut at = Vec::new();
        shape.local_minima([300.0, 5.0], 0.0, 2000.0, 50.0, |p| at.push((p.dist_m, p.heading_deg)));
        assert_eq!(at, [(300.0, 90.0), (1700.0, 270.0)]);
    }
}
