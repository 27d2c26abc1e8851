//! From the journal to what is shown and what is kept.
//!
//! ```text
//! journal ─reports─▶ stage "live" ─┬▶ publisher: gate ▶ live state ▶ feeds, events
//!                                  └▶ handover ▶ stage "history" ─▶ store: rows and journal position,
//!                                                                   one transaction
//! ```
//!
//! A fix is matched once, by the live stage, which is at the journal's head whatever the database does.
//! What it says waits for the store in the handover, which has a bound: a store that was away for longer,
//! or has not seen what came before a start, gets its rows from matchers of the history's own, which read
//! the journal from the position that the store has committed until they have caught up.

mod beforehand;
mod follow;
mod handover;
mod history;
mod live;
mod shards;
mod stage;
mod worker;

pub use beforehand::Beforehand;
pub use follow::follow;
pub use handover::Handover;
pub use history::{CURSOR, History, HistorySink, recent};
pub use live::{LiveHandle, LiveSink, live_task};
pub use shards::Shards;
pub use stage::{Stage, Start};
pub use worker::Worker;
