//! Why the journal could not do what it was asked.

use std::path::PathBuf;
use std::sync::Arc;

use model::MAX_REPORT_FIXES;

use crate::{MAX_CURSOR_NAME_BYTES, MAX_CURSORS, MAX_REPORT_BYTES, Position};

/// Why the journal could not do what it was asked. Cloned to everyone who waits on the
/// same group.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// Another process has it open.
    #[error("the journal `{0}` is in use by another process; stop that one, or give this one its own data folder")]
    InUse(PathBuf),
    /// The folder cannot be made or written.
    #[error("the journal cannot use `{path}`: {reason}; give a folder that this user may write to")]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: Arc<str>,
    },
    /// The file is there and is no journal, or a damaged one that cannot be replaced.
    #[error("the journal `{path}` cannot be opened: {reason}; if it is no journal, move it away: a new one is started")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the storage said.
        reason: Arc<str>,
    },
    /// Written by a later version.
    #[error("the journal `{path}` has format {found}, this program knows {known}; run the newer marshrut on it")]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format known here.
        known: u64,
    },
    /// A write failed; nothing is acknowledged until the journal has recovered.
    #[error("the journal takes no reports: {0}")]
    Failed(Arc<str>),
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
    /// One report is too large.
    #[error(
        "a report of {0} bytes is larger than the {MAX_REPORT_BYTES} that the journal takes; send fewer fixes at once"
    )]
    TooLarge(usize),
    /// More fixes than a report may hold.
    #[error("a report of {0} fixes holds more than the {MAX_REPORT_FIXES} that it may; send fewer at once")]
    TooMany(usize),
    /// Reading failed.
    #[error("the journal cannot be read: {0}")]
    Read(Arc<str>),
    /// A group is missing, or is not as it was written.
    #[error("the journal is damaged at position {position}: {reason}; check the disk")]
    Damaged {
        /// Of the first report that cannot be read.
        position: Position,
        /// What is wrong.
        reason: Arc<str>,
    },
    /// Retention went before a reader, as it may where `may_drop_unread` is set.
    #[error("{0} reports were dropped unread, for the journal was at its limits; see why its slowest reader lags")]
    Dropped(u64),
    /// The reader is behind what is kept.
    #[error("position {asked} is no longer kept, the oldest is {first}; register a cursor so that retention waits")]
    Trimmed {
        /// The reader's position.
        asked: Position,
        /// The oldest report kept.
        first: Position,
    },
    /// The reader is ahead of the journal.
    #[error(
        "position {asked} lies beyond the journal's end at {head}; was its folder replaced? Open it numbered after the reader's position"
    )]
    Beyond {
        /// The reader's position.
        asked: Position,
        /// The newest report.
        head: Position,
    },
    /// No name for a cursor, or one too many.
    #[error(
        "cursor `{0}` is refused: a name has 1 to {MAX_CURSOR_NAME_BYTES} bytes, and there are at most {MAX_CURSORS}"
    )]
    Cursor(String),
}
