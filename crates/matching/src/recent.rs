//! What was said of a vehicle's last fixes, to be said better.

use std::collections::VecDeque;

use model::{Fix, Timestamp, VehicleId};
use network::TripInstance;

use crate::{Hindsight, Outcome, Prior, Track};

/// A fix, and the trip that was said of it.
#[derive(Clone, Copy, Debug)]
struct Told {
    fix: Fix,
    received_at: Option<Timestamp>,
    trip: Option<TripInstance>,
}

/// A vehicle's last fixes in the order of their time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    told: VecDeque<Told>,
}

impl Recent {
    /// Keeps a fix in its place, at most `most` of them. Whether it still belongs among them.
    pub(crate) fn keep(
        &mut self,
        fix: &Fix,
        received_at: Option<Timestamp>,
        trip: Option<TripInstance>,
        most: usize,
    ) -> bool {
        let at = self.told.partition_point(|t| t.fix.time <= fix.time);
        if at == 0 && !self.told.is_empty() || most == 0 {
            return false;
        }
        // Room is made first: one more than a power of two would take twice the memory.
        let full = self.told.len() >= most && self.told.pop_front().is_some();
        self.told.insert(at - usize::from(full), Told { fix: *fix, received_at, trip });
        true
    }

    /// Matches the last fixes once more, all together, and appends what is different: the fix
    /// of `late`, where one came late, and those now known to be on `run`, the trip under way.
    pub(crate) fn correct(
        &mut self,
        hindsight: &mut Hindsight,
        vehicle: &VehicleId,
        (run, late): (Option<TripInstance>, Option<Timestamp>),
        priors: &[Prior],
        out: &mut Outcome,
    ) {
        let track = Track {
            vehicle: vehicle.clone(),
            fixes: self.told.iter().map(|told| (told.fix, told.received_at)).collect(),
            priors: priors.to_vec(),
        };
        let again = hindsight.day(&track);
        for (told, matched) in self.told.iter_mut().zip(again.fixes) {
            let is_late = late == Some(told.fix.time);
            let is_of_run = run.is_some() && matched.trip == run && told.trip != run;
            if matched.rejected.is_none() && (is_late || is_of_run) {
                told.trip = matched.trip;
                out.corrections.push(matched);
            }
        }
    }
}
