//! What was said of a vehicle's last fixes, to be said better.

use std::collections::VecDeque;

use model::{Fix, LatLon, Timestamp, VehicleId};
use network::TripInstance;

use crate::{Hindsight, Outcome, Prior, Track};

/// Of a fix that was not rejected, or came late, what matching it once more asks for, and the trip
/// that was said of it.
#[derive(Clone, Copy, Debug)]
struct Told {
    time: Timestamp,
    position: LatLon,
    speed_mps: Option<f32>,
    heading_deg: Option<f32>,
    trip: Option<TripInstance>,
}

impl Told {
    fn fix(&self) -> Fix {
        let Self { time, position, speed_mps, heading_deg, .. } = *self;
        Fix { speed_mps, heading_deg, ..Fix::at(time, position) }
    }
}

/// A vehicle's last fixes in the order of their time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    told: VecDeque<Told>,
}

impl Recent {
    /// Keeps a fix in its place, at most `most` of them. Whether it still belongs among them.
    pub(crate) fn keep(&mut self, fix: &Fix, trip: Option<TripInstance>, most: usize) -> bool {
        let Some(position) = fix.position else { return false };
        let at = self.told.partition_point(|t| t.time <= fix.time);
        if at == 0 && !self.told.is_empty() || most == 0 {
            return false;
        }
        // Room is made first: one more than a power of two would take twice the memory.
        let full = self.told.len() >= most && self.told.pop_front().is_some();
        let Fix { time, speed_mps, heading_deg, .. } = *fix;
        self.told.insert(at - usize::from(full), Told { time, position, speed_mps, heading_deg, trip });
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
            fixes: self.told.iter().map(|told| (told.fix(), None)).collect(),
            priors: priors.to_vec(),
        };
        let again = hindsight.day(&track);
        for (told, matched) in self.told.iter_mut().zip(again.fixes) {
            let is_late = late == Some(told.time);
            let is_of_run = run.is_some() && matched.trip == run && told.trip != run;
            if matched.rejected.is_none() && (is_late || is_of_run) {
                told.trip = matched.trip;
                out.corrections.push(matched);
            }
        }
    }
}
