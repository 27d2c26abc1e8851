//! Why a day's data sets could not be written.

use std::path::PathBuf;

use model::{ServiceDate, Timestamp};

/// Why there are no data sets. None of them has been changed then.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The gate is shut.
    #[error("publication is switched off: {reason}; data sets can be written again once it is switched on")]
    Gate {
        /// The gate's public reason.
        reason: String,
    },
    /// The gate lets nothing of the day out yet.
    #[error("nothing of {day} before {horizon} may be published yet: {reason}; try again later")]
    TooSoon {
        /// The day asked for.
        day: ServiceDate,
        /// Up to when events may be published.
        horizon: Timestamp,
        /// The gate's public reason.
        reason: String,
    },
    /// The store has no fix of that day.
    #[error("no fixes of {day} in the store, {known}; check the date and the database")]
    NoFixes {
        /// The day asked for.
        day: ServiceDate,
        /// Which days it has, in words.
        known: String,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A file could not be written.
    #[error("cannot write {path}: {error}; check that the folder is writable and the disk has room")]
    Write {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
    /// A matching thread came to a sudden end.
    #[error("matching stopped in the middle of the day: {0}; please report this with the day's fixes")]
    Matching(String),
}
