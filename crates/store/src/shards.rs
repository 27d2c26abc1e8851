//! Shards of the stream, when several workers fill one store.

/// What a worker holds of a shard that it has taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which shard.
    pub shard: u16,
    /// The token for its commits, higher than all before: the store gives it out, and the
    /// store refuses those that are out of date.
    pub epoch: u64,
    /// The stream's sequence number up to which the shard is committed; 0 at first.
    pub sequence: u64,
    /// When the stream took the message with this number, in nanoseconds since 1970; 0 where it is
    /// not known. A stream that lost its end gives the same numbers again, to other messages.
    pub time_ns: i64,
}
