//! The journal's reports on NATS JetStream, for a service on more than one machine.
//!
//! ```text
//! gateways: journal ─▶ forward ─▶ marshrut.fix.<shard> ─┬▶ Reader of one shard ─▶ its worker ─▶ store
//!                                  (one stream)         └▶ Reader of all       ─▶ each web process
//! workers:  Members: who is there, and whose share is which shard
//! ```
//!
//! JetStream answers before its own sync, so the point of acknowledgement stays the
//! gateway's journal: [`forward`] goes through it with a cursor of its own, which moves only
//! once the stream has confirmed and must have it on its disk. A server that comes back
//! without its last messages is sent them again, and a [`Reader`] says that they were [`Lost`].
//! A message holds the reports of one shard from one stretch of one gateway's journal, and
//! no gateway has two messages of one shard under way, so each vehicle's reports keep their
//! order.
//!
//! Workers hear each other ([`Members`]) and share the shards out by one pure function
//! ([`share`]). That two of them may for a moment think a shard theirs does no harm: the
//! token that decides is issued and checked by the store, in the rows' own transaction.

mod connection;
mod error;
mod forward;
mod members;
mod message;
mod read;
mod room;
mod sent;
mod shard;

pub use connection::{Connection, Settings};
pub use error::StreamError;
pub use forward::{CURSOR, Forwarded, forward};
pub use members::{LEASE, Members, share};
pub use read::{Begin, Lost, Message, Place, Reader};
pub use room::{Held, Room};
pub use shard::{SHARDS, shard_of};
