//! What is known of a vehicle's duties beforehand.

use std::collections::HashMap;

use model::{Timestamp, VehicleId};
use network::{BlockIdx, Network, RouteIdx, TripIdx, TripInstance};

use crate::Parameters;

/// What is known of each vehicle.
pub type Priors = HashMap<VehicleId, Vec<Prior>>;

/// A dispatcher's assignment, a driver's input, a device's own route or block: evidence, not
/// truth. Where a vehicle drives along another route for a while, the fixes win.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prior {
    /// Holds from this instant on.
    pub from: Option<Timestamp>,
    /// Holds until before this instant.
    pub until: Option<Timestamp>,
    /// The route.
    pub route: Option<RouteIdx>,
    /// The block.
    pub block: Option<BlockIdx>,
    /// The trip.
    pub trip: Option<TripIdx>,
}

impl Prior {
    /// Whether it says anything of an instant.
    pub fn holds_at(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Whether a run is the one assigned; nothing where it does not hold while the run does.
    pub(crate) fn agrees(&self, network: &Network, parameters: &Parameters, run: TripInstance) -> Option<bool> {
        let (begins, ends) = network.span(run);
        let margin = parameters.late_s;
        if self.until.is_some_and(|until| until <= begins.plus_seconds(-margin))
            || self.from.is_some_and(|from| from > ends.plus_seconds(margin))
            || self.route.is_none() && self.block.is_none() && self.trip.is_none()
        {
            return None;
        }
        let trip = network.trip(run.trip);
        let differs = self.trip.is_some_and(|t| t != run.trip)
            || self.block.is_some_and(|b| trip.block.is_some_and(|own| own != b))
            || self.route.is_some_and(|r| network.pattern(trip.pattern).route != r);
        Some(!differs)
    }
}
