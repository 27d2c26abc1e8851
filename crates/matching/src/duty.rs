//! What a vehicle did before: the block and the route that its fixes have spoken for.

use network::{BlockIdx, Network, RouteIdx};

use crate::Parameters;
use crate::hypothesis::Hypothesis;

/// Most blocks and most routes remembered.
const REMEMBERED: usize = 16;
/// What an unknown duty is worth against those remembered, in fully weighed fixes.
const UNKNOWN: f64 = 1.0;

/// Fading sums of how likely each duty was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Duty {
    blocks: Vec<(BlockIdx, f64)>,
    routes: Vec<(RouteIdx, f64)>,
}

impl Duty {
    /// Adds what a fix says: each hypothesis's share of the likelihood.
    pub(crate) fn add(
        &mut self,
        network: &Network,
        parameters: &Parameters,
        shares: &[(f64, Hypothesis)],
        information: f64,
    ) {
        let memory = 1.0 - information * (1.0 - parameters.duty_memory);
        self.blocks.iter_mut().for_each(|(_, sum)| *sum *= memory);
        self.routes.iter_mut().for_each(|(_, sum)| *sum *= memory);
        for (share, hypothesis) in shares {
            let route = network.pattern(hypothesis.pattern).route;
            add(&mut self.routes, route, share * information);
            if let Some(block) = network.trip(hypothesis.run.trip).block {
                add(&mut self.blocks, block, share * information);
            }
        }
        keep_most(&mut self.blocks);
        keep_most(&mut self.routes);
    }

    /// How well a hypothesis agrees with it: 0 for the very duty, less for others.
    pub(crate) fn log(&self, network: &Network, parameters: &Parameters, hypothesis: &Hypothesis) -> f64 {
        let route = share(&self.routes, network.pattern(hypothesis.pattern).route);
        let block = network.trip(hypothesis.run.trip).block.map_or(1.0, |block| share(&self.blocks, block));
        parameters.duty_weight * (route.ln() + block.ln()) / 2.0
    }
}

fn add<K: PartialEq>(sums: &mut Vec<(K, f64)>, key: K, amount: f64) {
    match sums.iter_mut().find(|(k, _)| *k == key) {
        Some((_, sum)) => *sum += amount,
        None => sums.push((key, amount)),
    }
}

fn keep_most<K: Ord + Copy>(sums: &mut Vec<(K, f64)>) {
    if sums.len() > REMEMBERED {
        sums.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        sums.truncate(REMEMBERED);
    }
}

fn share<K: PartialEq + Copy>(sums: &[(K, f64)], key: K) -> f64 {
    let most = sums.iter().map(|(_, sum)| *sum).fold(0.0, f64::max);
    let own = sums.iter().find(|(k, _)| *k == key).map_or(0.0, |(_, sum)| *sum);
    (own + UNKNOWN) / (most + UNKNOWN)
}
