//! Where along each shape every fix of a track may lie.

use network::{Nearby, Network, Projection, Shape, ShapeIdx};

use crate::Parameters;
use crate::hindsight::track::Key;
use crate::hypothesis::{heading_log, place_log};

/// Of two places on one shape nearer than this along it only the nearer one counts, metres.
const SAME_M: f64 = 40.0;

/// A place on a shape where a fix may lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) dist_m: f64,
    pub(crate) cross_m: f64,
    /// What cross-track distance and heading say.
    pub(crate) says: f64,
}

/// The places of one fix, by shape.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    shapes: Vec<(ShapeIdx, u32)>,
    places: Vec<Place>,
}

impl Places {
    /// Finds them; `near` and `found` are buffers.
    pub(crate) fn find(
        network: &Network,
        parameters: &Parameters,
        key: &Key,
        (near, found): (&mut Nearby, &mut Self),
    ) -> Self {
        found.shapes.clear();
        found.places.clear();
        network.candidates(key.point.xy, parameters.search_m, near);
        for (index, of_shape) in near.by_shape() {
            let shape = network.shape(index);
            let begin = found.places.len();
            shape.minima_among(of_shape, |at| found.add(parameters, shape, key, begin, at));
            if found.places.len() > begin {
                found.shapes.push((index, u32::try_from(begin).unwrap_or(u32::MAX)));
            }
        }
        // A copy takes no more room than it needs.
        found.clone()
    }

    fn add(&mut self, parameters: &Parameters, shape: &Shape, key: &Key, begin: usize, at: Projection) {
        let turned = key.heading_deg.map_or(0.0, |h| key.heading_weight * heading_log(parameters, shape, at.dist_m, h));
        let says = place_log(parameters, shape, at.dist_m, at.cross_m) + turned;
        let place = Place { dist_m: at.dist_m, cross_m: at.cross_m, says };
        match self.places.get_mut(begin..).and_then(<[Place]>::last_mut) {
            Some(last) if place.dist_m - last.dist_m < SAME_M => {
                if place.cross_m < last.cross_m {
                    *last = place;
                }
            }
            _ => self.places.push(place),
        }
    }

    /// The places on a shape, by distance along it.
    pub(crate) fn of(&self, shape: ShapeIdx) -> &[Place] {
        self.shapes.binary_search_by_key(&shape, |(s, _)| *s).map_or(&[], |at| self.at(at))
    }

    fn at(&self, at: usize) -> &[Place] {
        let start = self.shapes.get(at).map_or(0, |(_, start)| *start as usize);
        let end = self.shapes.get(at + 1).map_or(self.places.len(), |(_, start)| *start as usize);
        self.places.get(start..end).unwrap_or(&[])
    }

    /// Keeps the places on some shapes only.
    pub(crate) fn retain(&mut self, keep: impl Fn(ShapeIdx) -> bool) {
        let mut kept = Self::default();
        for (shape, places) in self.each().filter(|(shape, _)| keep(*shape)) {
            kept.shapes.push((shape, u32::try_from(kept.places.len()).unwrap_or(u32::MAX)));
            kept.places.extend_from_slice(places);
        }
        *self = Self {
            shapes: kept.shapes.into_boxed_slice().into_vec(),
            places: kept.places.into_boxed_slice().into_vec(),
        };
    }

    /// Every shape with its places.
    pub(crate) fn each(&self) -> impl Iterator<Item = (ShapeIdx, &[Place])> {
        self.shapes.iter().enumerate().map(|(at, (shape, _))| (*shape, self.at(at)))
    }
}
