//! From the journal to what is shown and what is kept.
//!
//! ```text
//!                    ┌─▶ Stage(live)    ─▶ publisher: gate ▶ live state ▶ feeds, events
//! journal ──reports──┤
//!                    └─▶ Stage(history) ─▶ store: rows and journal position, one transaction
//! ```
//!
//! Two readers of one journal, each with its own matchers: the live one is at the journal's
//! head whatever the database does; the history one goes on from the position that the store
//! has committed, however long it was away. Matching costs microseconds a fix, so doing it
//! twice is cheaper than any way of letting one wait for the other.

mod beforehand;
mod follow;
mod history;
mod live;
mod shards;
mod stage;
mod worker;

pub use beforehand::Beforehand;
pub use follow::follow;
pub use history::{CURSOR, HistorySink};
pub use live::{LiveHandle, live_task};
pub use shards::Shards;
pub use stage::{Start, run};
pub use worker::Worker;
