//! What may be set, and what is fixed.

use std::time::Duration;

use tokio::sync::watch;

use crate::Position;

/// Largest report that is taken, in encoded bytes.
pub const MAX_REPORT_BYTES: usize = 4 << 20;
/// Most cursors that may be registered.
pub const MAX_CURSORS: usize = 64;
/// Longest name of a cursor, in bytes.
pub const MAX_CURSOR_NAME_BYTES: usize = 64;

/// A group is closed when it holds this many reports.
pub(crate) const MAX_GROUP_REPORTS: usize = 8_192;
/// A group is closed when it holds this many bytes (the last report may go past it).
pub(crate) const MAX_GROUP_BYTES: usize = 4 << 20;
/// Groups removed by retention with one commit: enough to outrun the appending, few enough
/// that nobody waits for it.
pub(crate) const TRIM_GROUPS_PER_COMMIT: usize = 64;
/// How often a journal that has failed looks whether the disk takes something again.
pub(crate) const RETRY_EVERY: Duration = Duration::from_secs(1);
/// Written as a trial before a journal that has failed is opened anew.
pub(crate) const TRIAL_BYTES: usize = 256 << 10;
/// Most bytes written between two syncs of which a copy is kept: some times what one commit writes.
pub(crate) const MAX_UNSYNCED_BYTES: usize = 64 << 20;
/// Bytes of groups that one commit takes over from a damaged journal.
pub(crate) const SALVAGED_BYTES_PER_COMMIT: usize = 16 << 20;
/// For so long after unread reports were dropped, the journal says that it is not well.
pub(crate) const DROPPED_IS_NEWS_FOR: Duration = Duration::from_mins(10);

/// How much is read at once; a single report may go past it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// Reports.
    pub reports: usize,
    /// Bytes of reports as they lie in the journal.
    pub bytes: usize,
}

/// What may be set about a journal.
#[derive(Clone, Debug)]
pub struct Options {
    /// Reports received longer before the newest one than this may be removed.
    pub retention: Duration,
    /// The oldest reports may be removed while the journal holds more bytes of reports than
    /// this. The file is up to three times as large, for it keeps free pages for use again.
    pub max_bytes: u64,
    /// Age and size go before readers: what a reader has not read is dropped, instead of kept for as
    /// long as the disk has room. Each drop is counted and logged, and readers go on after it.
    pub may_drop_unread: bool,
    /// About the longest that a report waits for its answer while the disk keeps up. A commit
    /// begins at once where the last one began half of this ago, and else waits so long for
    /// company: fewer, larger commits spare the disk.
    pub ack_within: Duration,
    /// Most reports that wait for the disk; further ones wait in their senders.
    pub max_queued_reports: usize,
    /// Most bytes of reports that wait for the disk; at least [`MAX_REPORT_BYTES`] is used.
    pub max_queued_bytes: usize,
    /// Memory for pages of the file.
    pub cache_bytes: usize,
    /// Reports are numbered after this position. Give it what the store has committed: a
    /// journal whose folder was lost would otherwise count from 1 again, and the store would
    /// take new reports for old ones.
    pub numbered_after: Position,
    /// Acknowledge a report only once this has reached its position too: what is watched is
    /// how far a forwarder has got. `None`: stable storage alone decides.
    pub acknowledge_after: Option<watch::Receiver<Position>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retention: Duration::from_hours(24),
            max_bytes: 4 << 30,
            may_drop_unread: false,
            ack_within: Duration::from_millis(20),
            max_queued_reports: 16_384,
            max_queued_bytes: 32 << 20,
            cache_bytes: 32 << 20,
            numbered_after: Position::START,
            acknowledge_after: None,
        }
    }
}
