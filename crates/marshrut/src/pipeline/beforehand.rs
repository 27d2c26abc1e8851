//! What is known before any fix: how to match, and who drives what.

use std::sync::Arc;

use arc_swap::ArcSwap;
use matching::{Matcher, Outcome, Parameters, Priors};
use model::Report;
use network::Network;

/// The network, how its vehicles are matched, and the dispatcher's list, which may change.
#[derive(Debug)]
pub struct Beforehand {
    network: Arc<Network>,
    parameters: Parameters,
    priors: ArcSwap<Priors>,
}

impl Beforehand {
    /// What holds at the start.
    pub fn new(network: Arc<Network>, parameters: Parameters, priors: Priors) -> Arc<Self> {
        Arc::new(Self { network, parameters, priors: ArcSwap::from_pointee(priors) })
    }

    /// The network.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Takes a new list in place of the one before.
    pub fn assign(&self, priors: Priors) {
        self.priors.store(Arc::new(priors));
    }
}

/// A matcher that follows the list.
#[derive(Debug)]
pub struct Informed {
    matcher: Matcher,
    beforehand: Arc<Beforehand>,
    told: Arc<Priors>,
}

impl Informed {
    /// A matcher that knows no vehicle yet.
    pub fn new(beforehand: Arc<Beforehand>) -> Self {
        let matcher = Matcher::new(Arc::clone(&beforehand.network), beforehand.parameters.clone());
        Self { matcher, beforehand, told: Arc::default() }
    }

    /// Takes a report's fixes and appends one matched fix for each, and what else is said with them.
    pub fn advance(&mut self, report: &Report, outcome: &mut Outcome) {
        let list = self.beforehand.priors.load();
        if !Arc::ptr_eq(&list, &self.told) {
            self.told = Arc::clone(&list);
            self.matcher.inform(Arc::clone(&list));
        }
        for fix in &report.batch.fixes {
            self.matcher.advance(&report.vehicle, fix, Some(report.received_at), outcome);
        }
    }
}
