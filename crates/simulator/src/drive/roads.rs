//! The streets: what all shapes together run along.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use network::Network;

use super::ground::{Ground, key};
use super::path::between;

/// A graph of the vertices of all shapes.
pub(super) struct Roads {
    points: Vec<[f64; 2]>,
    /// Neighbours of each, with their distance in millimetres.
    edges: Vec<Vec<(usize, u64)>>,
}

impl Roads {
    pub(super) fn of(network: &Network, ground: &Ground<'_>) -> Self {
        let vertices = network.shapes().flat_map(|(shape, _)| ground.line(shape));
        let sorted: BTreeMap<_, _> = vertices.map(|place| (key(place), ground.xy(place))).collect();
        let nodes: BTreeMap<_, _> = sorted.keys().enumerate().map(|(node, key)| (*key, node)).collect();
        let mut roads = Self { edges: vec![Vec::new(); sorted.len()], points: sorted.into_values().collect() };
        for (shape, _) in network.shapes() {
            let line: Vec<usize> = ground.line(shape).filter_map(|place| nodes.get(&key(place)).copied()).collect();
            for pair in line.windows(2) {
                let [from, to] = pair else { continue };
                roads.join(*from, *to);
                roads.join(*to, *from);
            }
        }
        roads
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "millimetres within a city")]
    fn join(&mut self, from: usize, to: usize) {
        let (Some(a), Some(b)) = (self.points.get(from), self.points.get(to)) else { return };
        let millimetres = (between(*a, *b) * 1000.0).round() as u64;
        if let Some(edges) = self.edges.get_mut(from)
            && !edges.iter().any(|(node, _)| *node == to)
        {
            edges.push((to, millimetres));
        }
    }

    fn nearest(&self, point: [f64; 2]) -> usize {
        let mut best = (f64::INFINITY, 0);
        for (node, at) in self.points.iter().enumerate() {
            let distance = between(*at, point);
            if distance < best.0 {
                best = (distance, node);
            }
        }
        best.1
    }

    /// The shortest way between two places (Dijkstra 1959), with a straight line to and from
    /// the street; straight across where no street leads there.
    pub(super) fn way(&self, from: [f64; 2], to: [f64; 2]) -> Vec<[f64; 2]> {
        let (start, goal) = (self.nearest(from), self.nearest(to));
        let mut best = vec![(u64::MAX, usize::MAX); self.points.len()];
        let mut open = BinaryHeap::from([(Reverse(0u64), start, usize::MAX)]);
        while let Some((Reverse(cost), node, before)) = open.pop() {
            let Some(known) = best.get_mut(node).filter(|known| cost < known.0) else { continue };
            *known = (cost, before);
            if node == goal {
                break;
            }
            let next = self.edges.get(node).map_or(&[][..], Vec::as_slice);
            open.extend(next.iter().map(|(to, length)| (Reverse(cost + length), *to, node)));
        }
        let mut way = vec![to];
        let mut node = goal;
        while let Some((cost, before)) = best.get(node).filter(|(cost, _)| *cost < u64::MAX) {
            way.extend(self.points.get(node));
            if *cost == 0 {
                break;
            }
            node = *before;
        }
        way.push(from);
        way.reverse();
        way
    }
}
