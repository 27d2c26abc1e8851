//! Where along its shape a pattern stops.

use crate::Shape;

/// Farther from the shape than this a stop is told in a finding.
pub(super) const FAR_M: f64 = 100.0;
/// Places of the shape within this many metres more than the nearest are considered too: a
/// stop beside an out-and-back street has two. Where no order comes of that, farther ones.
const ALSO_M: [f64; 3] = [60.0, 300.0, f64::INFINITY];
/// Most places considered for a stop.
const MAX_PLACES: usize = 24;
/// The feed's own distance is believed where it lands this near to the stop.
const AGREES_M: f64 = 50.0;
/// How much being away from the feed's own distance weighs against being away from the
/// stop: a metre of the one as a tenth of a metre of the other.
const TRAVELED_WEIGHT: f64 = 0.1;
/// The same for the distance that the timetable would suggest at even speed. It only has to
/// tell passes of one street from each other, and the begin of a loop from its end.
const TIMED_WEIGHT: f64 = 0.003;

/// Where a stop ought to be, as far as the feed tells; metres along the shape.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hint {
    /// By `shape_dist_traveled`.
    pub(super) traveled_m: Option<f64>,
    /// By its time, if the vehicle went at an even speed from end to end.
    pub(super) timed_m: Option<f64>,
}

/// A stop's distance along the shape, and how far beside it the stop lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) dist_m: f64,
    pub(super) offset_m: f64,
}

/// Places the stops so that distances never fall and the sum of squared offsets, and a
/// little for being away from the hints, is least: an exact dynamic programme over each
/// stop's local minima. `None` where no such placing exists.
pub(super) fn place(shape: &Shape, stops: &[[f64; 2]], hints: &[Hint]) -> Option<Vec<Placed>> {
    ALSO_M.iter().find_map(|also_m| place_within(shape, stops, hints, *also_m))
}

fn place_within(shape: &Shape, stops: &[[f64; 2]], hints: &[Hint], also_m: f64) -> Option<Vec<Placed>> {
    let hint = |i: usize| hints.get(i).copied().unwrap_or_default();
    let places: Vec<Vec<(Placed, f64)>> =
        stops.iter().enumerate().map(|(i, xy)| places(shape, *xy, hint(i), also_m)).collect();
    // best[i][j]: least cost with stop i at its place j, and the place of stop i-1 that gives it.
    let mut best: Vec<Vec<(f64, usize)>> = Vec::with_capacity(stops.len());
    for (i, of_stop) in places.iter().enumerate() {
        let row = match i.checked_sub(1).and_then(|p| Some((places.get(p)?, best.get(p)?))) {
            None => of_stop.iter().map(|(_, cost)| (*cost, 0)).collect(),
            Some((earlier, earlier_best)) => cheapest(of_stop, earlier, earlier_best),
        };
        best.push(row);
    }
    let last = best.last()?;
    let (mut at, cost) = last.iter().enumerate().map(|(j, (c, _))| (j, *c)).min_by(|a, b| a.1.total_cmp(&b.1))?;
    if !cost.is_finite() {
        return None;
    }
    let mut placed = Vec::with_capacity(stops.len());
    for (of_stop, row) in places.iter().zip(&best).rev() {
        placed.push(of_stop.get(at)?.0);
        at = row.get(at)?.1;
    }
    placed.reverse();
    Some(placed)
}

/// For each place the least cost over earlier places that lie no farther along. Both lists
/// are sorted by distance, so one sweep does.
fn cheapest(of_stop: &[(Placed, f64)], earlier: &[(Placed, f64)], earlier_best: &[(f64, usize)]) -> Vec<(f64, usize)> {
    let mut reachable = earlier.iter().zip(earlier_best).enumerate().peekable();
    let mut least = (f64::INFINITY, 0);
    of_stop
        .iter()
        .map(|(place, cost)| {
            while let Some((j, (_, (c, _)))) = reachable.next_if(|(_, (e, _))| e.0.dist_m <= place.dist_m) {
                if *c < least.0 {
                    least = (*c, j);
                }
            }
            (least.0 + cost, least.1)
        })
        .collect()
}

/// The places considered for a stop, by distance, each with its cost.
fn places(shape: &Shape, xy: [f64; 2], hint: Hint, also_m: f64) -> Vec<(Placed, f64)> {
    let at = |dist_m: f64| {
        let [x, y] = shape.point_at(dist_m);
        Placed { dist_m: dist_m.clamp(0.0, shape.length_m()), offset_m: (x - xy[0]).hypot(y - xy[1]) }
    };
    let mut all: Vec<Placed> = Vec::new();
    shape.local_minima(xy, 0.0, shape.length_m(), f64::INFINITY, |p| {
        all.push(Placed { dist_m: p.dist_m, offset_m: p.cross_m });
    });
    let traveled = hint.traveled_m.map(at).filter(|p| p.offset_m <= AGREES_M);
    let nearest = all.iter().map(|p| p.offset_m).fold(f64::INFINITY, f64::min);
    // The ends serve a stop that lies off the shape's end, after or before all others.
    all.extend(traveled.into_iter().chain([at(0.0), at(shape.length_m())]));
    all.retain(|p| p.offset_m <= nearest + also_m);
    all.sort_by(|a, b| a.offset_m.total_cmp(&b.offset_m).then(a.dist_m.total_cmp(&b.dist_m)));
    all.truncate(MAX_PLACES);
    all.sort_by(|a, b| a.dist_m.total_cmp(&b.dist_m));
    let wanted = match (traveled, hint.timed_m) {
        (Some(p), _) => Some((p.dist_m, TRAVELED_WEIGHT)),
        (None, Some(timed_m)) => Some((timed_m, TIMED_WEIGHT)),
        (None, None) => None,
    };
    let cost = |p: &Placed| p.offset_m.powi(2) + wanted.map_or(0.0, |(m, w)| (w * (p.dist_m - m)).powi(2));
    all.into_iter().map(|p| (p, cost(&p))).collect()
}

/// Where no placing in order exists: each stop at its nearest place past the one before.
pub(super) fn place_anyhow(shape: &Shape, stops: &[[f64; 2]]) -> Vec<Placed> {
    let mut from = 0.0;
    stops
        .iter()
        .map(|xy| {
            let mut best = Placed { dist_m: from, offset_m: f64::INFINITY };
            shape.local_minima(*xy, from, shape.length_m(), f64::INFINITY, |p| {
                if p.cross_m < best.offset_m {
                    best = Placed { dist_m: p.dist_m, offset_m: p.cross_m };
                }
            });
            from = best.dist_m;
            best
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dists(line: &[[f64; 2]], stops: &[[f64; 2]]) -> Vec<f64> {
        let shape = Shape::measure(line, false).unwrap();
        place(&shape, stops, &[]).unwrap().iter().map(|p| p.dist_m.round()).collect()
    }

    #[test]
    fn an_out_and_back_street_keeps_its_order() {
        let line = [[0.0, 0.0], [1000.0, 0.0], [0.0, 0.0]];
        let stops = [[0.0, 5.0], [500.0, 5.0], [1000.0, 0.0], [500.0, -5.0], [0.0, -5.0]];
        assert_eq!(dists(&line, &stops), [0.0, 500.0, 1000.0, 1500.0, 2000.0]);
    }

    #[test]
    fn a_loop_begins_and_ends_at_one_stop() {
        let line = [[0.0, 0.0], [300.0, 0.0], [300.0, 300.0], [0.0, 300.0], [0.0, 0.0]];
        let stops = [[0.0, 3.0], [300.0, 150.0], [3.0, 150.0], [0.0, 3.0]];
        assert_eq!(dists(&line, &stops)[0], 0.0);
        assert_eq!(dists(&line, &stops)[3], 1197.0);
    }

    #[test]
    fn the_feeds_own_distance_decides_between_two_passes() {
        let shape = Shape::measure(&[[0.0, 0.0], [1000.0, 0.0], [0.0, 0.0]], false).unwrap();
        let hint = |traveled_m| Hint { traveled_m: Some(traveled_m), timed_m: None };
        let placed = place(&shape, &[[0.0, 0.0], [400.0, 0.0]], &[hint(0.0), hint(1598.0)]).unwrap();
        assert!((placed[1].dist_m - 1600.0).abs() < 3.0, "{placed:?}");
    }

    #[test]
    fn a_feeds_distance_that_is_far_from_the_stop_is_not_believed() {
        let shape = Shape::measure(&[[0.0, 0.0], [1000.0, 0.0]], false).unwrap();
        let hint = |traveled_m| Hint { traveled_m: Some(traveled_m), timed_m: None };
        let placed = place(&shape, &[[0.0, 0.0], [400.0, 0.0]], &[hint(0.0), hint(600.0)]).unwrap();
        assert_eq!(placed[1].dist_m, 400.0);
    }

    #[test]
    fn a_ring_with_two_control_points_at_one_place_is_gone_round() {
        let line = [[0.0, 0.0], [3000.0, 0.0], [3000.0, 3000.0], [0.0, 3000.0], [0.0, 4.0]];
        let shape = Shape::measure(&line, false).unwrap();
        let timed = |timed_m| Hint { traveled_m: None, timed_m: Some(timed_m) };
        let length = shape.length_m();
        let placed = place(&shape, &[[2.0, 1.0], [2.0, 1.0]], &[timed(0.0), timed(length)]).unwrap();
        assert!(placed[0].dist_m < 10.0 && placed[1].dist_m > length - 10.0, "{placed:?}");
    }

    #[test]
    fn the_timetable_tells_the_way_out_from_the_way_back() {
        let shape = Shape::measure(&[[0.0, 0.0], [1000.0, 0.0], [0.0, 0.0]], false).unwrap();
        let timed = |timed_m| Hint { traveled_m: None, timed_m: Some(timed_m) };
        let stops = [[0.0, 0.0], [300.0, 2.0], [0.0, 0.0]];
        let placed = place(&shape, &stops, &[timed(0.0), timed(1500.0), timed(2000.0)]).unwrap();
        assert_eq!(placed.iter().map(|p| p.dist_m).collect::<Vec<_>>(), [0.0, 1700.0, 2000.0]);
    }

    /// The least cost of all placings in order, by trying each.
    fn tried(places: &[Vec<(Placed, f64)>], from_m: f64) -> f64 {
        let Some((first, rest)) = places.split_first() else { return 0.0 };
        let next = first.iter().filter(|(p, _)| p.dist_m >= from_m);
        next.map(|(p, cost)| cost + tried(rest, p.dist_m)).fold(f64::INFINITY, f64::min)
    }

    proptest! {
        #[test]
        fn no_other_placing_is_better(
            line in proptest::collection::vec((-5e2..5e2f64, -5e2..5e2f64), 2..9),
            stops in proptest::collection::vec((-5e2..5e2f64, -5e2..5e2f64), 2..6),
        ) {
            let line: Vec<_> = line.into_iter().map(|(x, y)| [x, y]).collect();
            let stops: Vec<_> = stops.into_iter().map(|(x, y)| [x, y]).collect();
            if let Some(shape) = Shape::measure(&line, false) {
                for also_m in ALSO_M {
                    let none = Hint::default();
                    let all: Vec<_> = stops.iter().map(|xy| places(&shape, *xy, none, also_m)).collect();
                    let cost = place_within(&shape, &stops, &[], also_m)
                        .map_or(f64::INFINITY, |placed| placed.iter().map(|p| p.offset_m.powi(2)).sum());
                    let least = tried(&all, 0.0);
                    prop_assert!(cost == least || (cost - least).abs() < 1e-6 * least, "{cost} {least}");
                }
            }
        }

        #[test]
        fn distances_never_fall(
            line in proptest::collection::vec((-2e3..2e3f64, -2e3..2e3f64), 2..20),
            stops in proptest::collection::vec((-2e3..2e3f64, -2e3..2e3f64), 2..12),
        ) {
            let line: Vec<_> = line.into_iter().map(|(x, y)| [x, y]).collect();
            let stops: Vec<_> = stops.into_iter().map(|(x, y)| [x, y]).collect();
            if let Some(shape) = Shape::measure(&line, false) {
                let placed = place(&shape, &stops, &[]).unwrap_or_else(|| place_anyhow(&shape, &stops));
                prop_assert_eq!(placed.len(), stops.len());
                prop_assert!(placed.windows(2).all(|w| w[0].dist_m <= w[1].dist_m));
            }
        }
    }
}
