//! From noisy fixes and a timetable to "this vehicle is on this trip, here along its shape".
//!
//! Each vehicle has a small set of *hypotheses*: it is on this run of this pattern, so many
//! metres along its shape. Every fix moves them on and weighs them; the best one, compared
//! with the possibility that the vehicle is on no trip at all, is what is said.
//!
//! ```text
//! fix ─▶ qualify ─▶ move hypotheses along their shapes ─▶ weigh ─▶ decide ─▶ MatchedFix
//!          │              ▲ search where none fits                   │
//!          ▼              └ next trip of the block at the end        └▶ progress ─▶ StopVisit
//!       rejected, with a reason
//! ```
//!
//! What weighs: metres beside the shape, heading, metres along the shape against metres
//! moved, and how far off the timetable the run would be. A vehicle that stands still says
//! nothing new, so its fixes weigh nothing: a bus parked beside a line is not in service.
//!
//! It is a pure function of the network and the fixes in order: no clock, no chance, no
//! other vehicle. The method is an exact beam over the states of OneBusAway's particle
//! filter, with Newson and Krumm's comparison of distances (ACM GIS 2009).
//!
//! [`Matcher`] says what it knows at the moment and corrects itself when it knows better.
//! [`Hindsight`] sees a vehicle's whole day before it says anything, and [`match_fleet`] those
//! of all vehicles, of which no two serve one run.

mod beam;
mod decide;
mod duty;
mod hindsight;
mod hypothesis;
mod matcher;
mod outcome;
mod parameters;
mod prior;
mod qualify;
mod recent;
mod search;
mod visits;

pub use hindsight::{Hindsight, Track, match_fleet};
pub use matcher::Matcher;
pub use outcome::{MatchedFix, Outcome, Rejection, State, StopVisit};
pub use parameters::{Depot, Parameters};
pub use prior::{Prior, Priors};
