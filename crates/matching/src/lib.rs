//! From noisy fixes and a timetable to "this vehicle is on this trip, here along its shape".
//!
//! Each vehicle has a *belief*: states ("on this run, so many metres along its shape", "waiting
//! for its departure", "off its shape") and rests ("between two runs of this block", "out of
//! service"), each with the likelihood of the best way to it. Every fix that decides moves them
//! on; what all of them together make most likely is what is said.
//!
//! ```text
//! fix ─▶ qualify ─▶ stride ─▶ moves: states along their shapes ─▶ decide ─▶ MatchedFix
//!          │                    ▲ search: runs that may begin        │
//!          ▼                    └ here, those of its block first     └▶ progress ─▶ StopVisit
//!       rejected, with a reason
//! ```
//!
//! What weighs: metres beside the shape, heading, metres along the shape against metres moved,
//! how far off the timetable the run would be, what the vehicle did before, and what it was
//! assigned to; metres weigh the less, the noisier its tracker has shown itself, and fixes close
//! together say little that is new. A vehicle that stands still says nothing new, so its fixes weigh nothing: a bus
//! parked beside a line is not in service.
//!
//! It is a pure function of the network, what was assigned and the fixes in order: no clock, no
//! chance, no other vehicle. The method is the forward half of Viterbi's algorithm (1967) over
//! the states of OneBusAway's particle filter, with Newson and Krumm's comparison of distances (ACM GIS 2009).
//!
//! [`Matcher`] says what it knows at the moment and corrects itself when it knows better.
//! [`Hindsight`] sees a vehicle's whole day before it says anything, and [`match_fleet`] those
//! of all vehicles, of which no two serve one run.

mod around;
mod belief;
mod decide;
mod hindsight;
mod hypothesis;
mod matcher;
mod moves;
mod noise;
mod outcome;
mod parameters;
mod past;
mod prior;
mod qualify;
mod recent;
mod run;
mod search;
mod stride;
mod visits;

pub use hindsight::{Hindsight, Track, match_fleet};
pub use matcher::Matcher;
pub use outcome::{MatchedFix, Outcome, Rejection, State, StopVisit};
pub use parameters::{Depot, Parameters};
pub use prior::{Prior, Priors};
