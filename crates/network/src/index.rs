//! Which shapes pass near a place.

use rstar::{AABB, RTree, RTreeObject};

use crate::{Network, Projection, Shape, ShapeIdx, ShapePoint};

/// A place on a shape near a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Which shape.
    pub shape: ShapeIdx,
    /// Where on it.
    pub projection: Projection,
}

/// Where shapes pass near a point; kept to be filled again.
#[derive(Clone, Debug, Default)]
pub struct Nearby {
    pieces: Vec<(ShapeIdx, u32)>,
    found: Vec<Candidate>,
}

impl Nearby {
    /// The nearest place of every segment within the radius, by shape and then along it.
    pub fn all(&self) -> &[Candidate] {
        &self.found
    }

    /// The same, shape by shape.
    pub fn by_shape(&self) -> impl Iterator<Item = (ShapeIdx, &[Candidate])> {
        let chunks = self.found.chunk_by(|a, b| a.shape == b.shape);
        chunks.filter_map(|of_shape| Some((of_shape.first()?.shape, of_shape)))
    }

    /// How far the nearest shape passes by, metres; nothing where none is within the radius.
    pub fn nearest_m(&self) -> Option<f64> {
        self.found.iter().map(|c| c.projection.cross_m).min_by(f64::total_cmp)
    }
}

/// Most segments of one piece: about as many as lie near a place where a shape passes by. More
/// would be looked at in vain, fewer make a larger tree.
const PIECE: usize = 8;

/// A few segments of a shape in the tree; what they look like is the shape's to know.
#[derive(Clone, Copy, Debug)]
struct Piece {
    shape: ShapeIdx,
    first: u32,
    low: [f32; 2],
    high: [f32; 2],
}

impl RTreeObject for Piece {
    type Envelope = AABB<[f32; 2]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.low, self.high)
    }
}

impl Piece {
    /// The piece of a shape that begins with a segment.
    fn of(shape: ShapeIdx, first: usize, points: &[ShapePoint]) -> Option<Self> {
        let corner = |pick: fn(f64, f64) -> f64, from: f64| {
            points.iter().fold([from; 2], |so_far, p| [pick(so_far[0], p.xy[0]), pick(so_far[1], p.xy[1])]).map(narrow)
        };
        Some(Self {
            shape,
            first: u32::try_from(first).ok()?,
            low: corner(f64::min, f64::INFINITY),
            high: corner(f64::max, f64::NEG_INFINITY),
        })
    }
}

/// An R-tree over pieces of all shapes.
#[derive(Debug)]
pub(crate) struct SegmentIndex(RTree<Piece>);

impl SegmentIndex {
    pub(crate) fn build(shapes: &[Shape]) -> Self {
        let pieces = shapes.iter().enumerate().flat_map(|(index, shape)| {
            (0..shape.segments()).step_by(PIECE).filter_map(move |first| {
                let points = shape.points.get(first..=(first + PIECE).min(shape.segments()))?;
                Piece::of(ShapeIdx::from_len(index), first, points)
            })
        });
        Self(RTree::bulk_load(pieces.collect()))
    }

    /// Finds the nearest place of every segment within a radius.
    fn within(&self, shapes: &[Shape], xy: [f64; 2], radius_m: f64, nearby: &mut Nearby) {
        let Nearby { pieces, found } = nearby;
        let [x, y] = xy.map(narrow);
        // The corners are rounded to f32, and so is the point: the box is let out by more than both lose.
        let reach = narrow(radius_m) + ROUNDING_M;
        let envelope = AABB::from_corners([x - reach, y - reach], [x + reach, y + reach]);
        pieces.clear();
        pieces.extend(self.0.locate_in_envelope_intersecting(&envelope).map(|piece| (piece.shape, piece.first)));
        pieces.sort_unstable();
        found.clear();
        for &(index, first) in &*pieces {
            let Some(shape) = shapes.get(index.usize()) else { continue };
            let first = first as usize;
            shape.near(first..first + PIECE, xy, radius_m, |projection| {
                found.push(Candidate { shape: index, projection });
            });
        }
    }
}

/// What `narrow` may lose of a point within 500 km of the centre, and a little more, metres.
const ROUNDING_M: f32 = 0.1;

/// Metres from the centre as `f32`: off by at most 4 mm within 100 km, 2 cm within 500 km.
#[expect(clippy::cast_possible_truncation, reason = "the loss is stated above")]
fn narrow(v: f64) -> f32 {
    v as f32
}

impl Shape {
    /// Calls `found` with those of its places, one a segment and in order, that are nearer than the
    /// places around them: within a segment always, at a vertex where both of its segments are
    /// nearest there. Where a segment is missing, the ones beside it end.
    pub fn minima_among(&self, places: &[Candidate], mut found: impl FnMut(Projection)) {
        const SAME_M: f64 = 1e-6;
        let vertex_m = |segment: u32| self.points.get(segment as usize).map_or(f64::NAN, |p| p.dist_m);
        for neighbours in places.chunk_by(|a, b| a.projection.segment + 1 == b.projection.segment) {
            let mut at_end = true;
            for (i, Candidate { projection: at, .. }) in neighbours.iter().enumerate() {
                let is_begin = at.dist_m <= vertex_m(at.segment) + SAME_M;
                let is_end = at.dist_m >= vertex_m(at.segment.saturating_add(1)) - SAME_M;
                let is_last = i + 1 == neighbours.len();
                if if is_end { is_last } else { !is_begin || at_end } {
                    found(*at);
                }
                at_end = is_end;
            }
        }
    }
}

impl Network {
    /// Finds the nearest place of every segment within `radius_m` of a point (metres east
    /// and north of the centre). Nothing is allocated beyond what `nearby` needs to grow.
    pub fn candidates(&self, xy: [f64; 2], radius_m: f64, nearby: &mut Nearby) {
        self.index.within(&self.shapes, xy, radius_m, nearby);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_segment_within_reach_is_missed_and_none_beyond_it_found(
            lines in proptest::collection::vec(
                proptest::collection::vec((-3e4..3e4f64, -3e4..3e4f64), 2..30), 1..8,
            ),
            x in -3e4..3e4f64, y in -3e4..3e4f64, radius_m in 1.0..2e3f64,
        ) {
            let measured = |line: Vec<(f64, f64)>| Shape::measure(&line.iter().map(|p| [p.0, p.1]).collect::<Vec<_>>(), false);
            let shapes: Vec<Shape> = lines.into_iter().filter_map(measured).collect();
            let mut found = Nearby::default();
            SegmentIndex::build(&shapes).within(&shapes, [x, y], radius_m, &mut found);
            let mut all = Vec::new();
            for (index, shape) in shapes.iter().enumerate() {
                let near = |segment: usize| {
                    let (a, b) = (shape.points[segment], shape.points[segment + 1]);
                    shape.project_window([x, y], a.dist_m, b.dist_m).unwrap().cross_m <= radius_m
                };
                all.extend((0..shape.segments()).filter(|s| near(*s)).map(|s| (index, u32::try_from(s).unwrap())));
            }
            let found: Vec<_> = found.all().iter().map(|c| (c.shape.usize(), c.projection.segment)).collect();
            prop_assert_eq!(found, all);
        }
    }
}
