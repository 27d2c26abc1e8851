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

    /// Appends the nearest place of every segment within a radius.
    fn within(&self, shapes: &[Shape], xy: [f64; 2], radius_m: f64, out: &mut Vec<Candidate>) {
        let [x, y] = xy.map(narrow);
        // The corners are rounded to f32, and so is the point: the box is let out by more than both lose.
        let reach = narrow(radius_m) + ROUNDING_M;
        let envelope = AABB::from_corners([x - reach, y - reach], [x + reach, y + reach]);
        for found in self.0.locate_in_envelope_intersecting(&envelope) {
            let Some(shape) = shapes.get(found.shape.usize()) else { continue };
            let first = found.first as usize;
            shape.near(first..first + PIECE, xy, radius_m, |projection| {
                out.push(Candidate { shape: found.shape, projection });
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

impl Network {
    /// Appends the nearest place of every segment within `radius_m` of a point (metres east
    /// and north of the centre), in no order that matters but the same each time. One shape
    /// may appear many times. Nothing is allocated beyond what `out` needs to grow.
    pub fn candidates(&self, xy: [f64; 2], radius_m: f64, out: &mut Vec<Candidate>) {
        self.index.within(&self.shapes, xy, radius_m, out);
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
            let mut found = Vec::new();
            SegmentIndex::build(&shapes).within(&shapes, [x, y], radius_m, &mut found);
            let mut all = Vec::new();
            for (index, shape) in shapes.iter().enumerate() {
                let near = |segment: usize| {
                    let (a, b) = (shape.points[segment], shape.points[segment + 1]);
                    shape.project_window([x, y], a.dist_m, b.dist_m).unwrap().cross_m <= radius_m
                };
                all.extend((0..shape.segments()).filter(|s| near(*s)).map(|s| (index, u32::try_from(s).unwrap())));
            }
            let mut found: Vec<_> = found.iter().map(|c| (c.shape.usize(), c.projection.segment)).collect();
            found.sort_unstable();
            prop_assert_eq!(found, all);
        }
    }
}
